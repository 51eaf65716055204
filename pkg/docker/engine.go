package docker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/client"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Engine is a Docker Engine that runs one container for us. Follow comes first, then Start, then Wait; Kill and Remove
// may be called at any time from any goroutine.
type Engine struct {
	client  *client.Client
	config  *configfile.ConfigFile // docker's, which has the credentials for registries
	host    string
	sockets []string
	now     func() time.Time
	out     chan seq.Observation
	removes bool            // the engine removes the container at its end
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	grace   time.Duration // that a create which is interrupted may take yet
	done    <-chan struct{}
	wg      sync.WaitGroup

	attached chan struct{} // closed when all output has come
	exited   chan exit     // how the container has ended, once

	mu     sync.Mutex
	object seq.Object // the container
	pulls  string     // the image that is pulled, or nothing
	held   []seq.Observation
	holds  bool // what may be about the container is held: it is being created
	heard  map[string]bool
	lost   map[string]bool // streams that have ended: events, containerd
	more   chan struct{}   // closed when more is heard or lost
	unseen string
}

// exit is what waiting for the container came to.
type exit struct {
	code int
	err  error
}

// New makes the engine of a connection; it sends nothing yet. now is the clock of every observation. Nothing is
// observed any more once the context has ended.
func New(ctx context.Context, connection Connection, now func() time.Time) (*Engine, error) {
	file, err := configuration()
	if err != nil {
		return nil, err
	}
	endpoint, err := connection.endpoint(file)
	if err != nil {
		return nil, err
	}
	options, err := endpoint.ClientOpts()
	if err != nil {
		return nil, err
	}
	options = append(options, client.WithHTTPHeaders(file.HTTPHeaders), client.WithUserAgent("kubectl-seq"),
		client.WithHTTPRequestHook(asked), client.WithHTTPResponseHook(answered))
	c, err := client.New(options...)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		grace:  5 * time.Second,
		client: c, config: file, host: endpoint.Host, sockets: connection.Containerd, now: now,
		out: make(chan seq.Observation, waiting), done: ctx.Done(),
		attached: make(chan struct{}), exited: make(chan exit, 1), heard: map[string]bool{}, lost: map[string]bool{},
		more: make(chan struct{}),
	}
	if e.sockets == nil && e.near() {
		e.sockets = Sockets
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	return e, nil
}

// waiting is how many observations may wait to be taken. One that waits longer would be noted as received when it goes
// on.
const waiting = 256

// Observations is where everything seen comes out.
func (e *Engine) Observations() <-chan seq.Observation { return e.out }

// Host is where the engine is, such as unix:///var/run/docker.sock.
func (e *Engine) Host() string { return e.host }

// near reports whether the engine is on this machine.
func (e *Engine) near() bool { return strings.HasPrefix(e.host, "unix://") }

// Container is the container, whose UID is its id; it has none before the engine has answered the create.
func (e *Engine) Container() seq.Object {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.object
}

// RuntimeUnseen says why nothing of containerd was observed, or nothing if it was. After Start it knows.
func (e *Engine) RuntimeUnseen() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key := range e.heard {
		if strings.HasPrefix(key, "/") {
			return ""
		}
	}
	return e.unseen
}

// Follow asks the engine for its version and subscribes to its events, and to those of its containerd. Somebody must
// take the Observations from then on.
func (e *Engine) Follow(ctx context.Context) error {
	ping := e.record("get", "ping", seq.Object{}, seq.Docker{})
	ping.quiet = true // else each run had two requests for what it speaks
	if _, err := e.client.Ping(ping.within(ctx), client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return e.unreachable(ctx, ping.refusal(), err)
	}
	record := e.record("get", "version", seq.Object{}, seq.Docker{})
	version, err := e.client.ServerVersion(record.within(ctx), client.ServerVersionOptions{})
	if err == nil {
		record.Set(func(q *seq.Request) { q.ServerVersion = "Docker " + version.Version })
	}
	record.done(err)
	if err != nil {
		return fmt.Errorf("ask the engine for its version: %w", err)
	}
	e.followRuntime(ctx)
	return e.followEvents(ctx, record.Get().ServerDate)
}

// Close ends all that is under way, and returns when it has. The container is left as it is.
func (e *Engine) Close() {
	e.cancel()
	e.wg.Wait()
	e.client.Close()
}

// emit hands over one observation unless nobody wants it any more.
func (e *Engine) emit(o seq.Observation) {
	select {
	case <-e.done:
		return
	default:
	}
	select {
	case e.out <- o:
	case <-e.done:
	}
}

// within is a context that ends with Close, and until it is released also with another.
func (e *Engine) within(ctx context.Context) (both context.Context, release func() bool) {
	both, cancel := context.WithCancel(e.ctx)
	return both, context.AfterFunc(ctx, cancel)
}
