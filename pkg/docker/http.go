package docker

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// traced is the record of one request. The connection tells of itself from goroutines of its own.
type traced struct {
	e       *Engine
	mu      sync.Mutex
	request seq.Request
	dialed  error // why there is no connection
	quiet   bool  // it is not observed
}

type tracedKey struct{}

// record begins the record of a request.
func (e *Engine) record(verb, resource string, object seq.Object, d seq.Docker) *traced {
	return &traced{e: e, request: seq.Request{ID: string(uuid.NewUUID()), Verb: verb, Resource: resource, Object: object, Docker: &d, Started: e.now()}}
}

// about begins the record of a request about the container.
func (e *Engine) about(verb string) *traced {
	object := e.Container()
	return e.record(verb, "containers", object, seq.Docker{ID: object.UID})
}

func (r *traced) set(change func(*seq.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.request)
}

// setDocker changes what the record has of the engine. What has been observed keeps what it has.
func (r *traced) setDocker(change func(*seq.Docker)) {
	r.set(func(q *seq.Request) {
		d := *q.Docker
		change(&d)
		q.Docker = &d
	})
}

func (r *traced) get() seq.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.request
}

// observe emits the record as it is.
func (r *traced) observe() {
	if r.quiet {
		return
	}
	request := r.get()
	r.e.emit(seq.Observation{Received: r.e.now(), Request: &request})
}

// done emits the answered record.
func (r *traced) done(err error) {
	if err != nil {
		r.set(func(q *seq.Request) { q.Message = strings.TrimPrefix(err.Error(), "Error response from daemon: ") })
	}
	r.observe()
}

// ended emits the record of an answer that went on after it had begun.
func (r *traced) ended(err error) {
	at := r.e.now()
	r.setDocker(func(d *seq.Docker) {
		if d.Ended = at; err != nil {
			d.Error = err.Error()
		}
	})
	r.observe()
}

// within returns a context under which the next request is recorded.
func (r *traced) within(ctx context.Context) context.Context {
	stamp := func(field func(*seq.Request) *time.Time) {
		now := r.e.now()
		r.set(func(q *seq.Request) { *field(q) = now })
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, tracedKey{}, r), &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { stamp(func(q *seq.Request) *time.Time { return &q.DNS }) },
		ConnectDone: func(_, _ string, err error) {
			stamp(func(q *seq.Request) *time.Time { return &q.Connected })
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dialed = err
		},
		TLSHandshakeDone:     func(tls.ConnectionState, error) { stamp(func(q *seq.Request) *time.Time { return &q.TLS }) },
		GotConn:              func(httptrace.GotConnInfo) { r.sent() },
		GotFirstResponseByte: func() { stamp(func(q *seq.Request) *time.Time { return &q.FirstByte }) },
	})
}

// sent observes that the request is about to be written.
func (r *traced) sent() {
	at := r.e.now()
	r.set(func(q *seq.Request) { q.Sent = at })
	r.observe()
}

// asked notes what the client asks. A connection that is to be taken over has been made by then, outside of net/http, which
// tells nothing of it.
func asked(req *http.Request) error {
	if r, ok := req.Context().Value(tracedKey{}).(*traced); ok {
		r.set(func(q *seq.Request) { q.Method, q.Path = req.Method, req.URL.RequestURI() })
		if req.Header.Get("Upgrade") != "" {
			r.sent()
		}
	}
	return nil
}

// answered notes what the engine answers.
func answered(res *http.Response) {
	r, ok := res.Request.Context().Value(tracedKey{}).(*traced)
	if !ok {
		return
	}
	at := r.e.now()
	r.set(func(q *seq.Request) {
		if q.FirstByte.IsZero() {
			q.FirstByte = at
		}
		q.Status, q.StatusText = res.StatusCode, http.StatusText(res.StatusCode)
		q.ServerDate, _ = http.ParseTime(res.Header.Get("Date"))
	})
}

// refusal is why no connection came about, if that is why.
func (r *traced) refusal() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dialed
}
