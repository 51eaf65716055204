package seqreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// waiting is how many sights may wait to be folded, before the watches do.
const waiting = 4096

// seqReceiver is the receiver: of traces, of logs, or of both.
type seqReceiver struct {
	config  *Config
	logger  *zap.Logger
	sender  *sender
	metrics metrics
	now     func() time.Time
	forget  func()

	starting sync.Once
	failed   error // to start
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	host     component.Host

	cluster *cluster
}

func newReceiver(set receiver.Settings, c *Config) (*seqReceiver, error) {
	m, err := newMetrics(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, Transport: "http",
		ReceiverCreateSettings: set})
	if err != nil {
		return nil, err
	}
	return &seqReceiver{config: c, logger: set.Logger, metrics: m, now: time.Now, forget: func() {},
		sender: &sender{queue: make(chan item, c.QueueSize), metrics: m, report: report, logger: set.Logger,
			again:  patience,
			unsent: map[string]mark{}}}, nil
}

// Start looks whether the cluster can be followed, and begins. What cannot work is an error of one line.
func (r *seqReceiver) Start(ctx context.Context, host component.Host) error {
	r.starting.Do(func() { r.failed = r.start(ctx, host) })
	return r.failed
}

func (r *seqReceiver) start(ctx context.Context, host component.Host) (err error) {
	if r.cluster, err = connect(r.config); err != nil {
		return err
	}
	if err := r.cluster.check(ctx, r.config); err != nil {
		return err
	}
	r.host = host
	running, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.wg.Go(func() { r.sender.run(running) })
	r.wg.Go(func() { r.lead(running, r.run) })
	return nil
}

// Shutdown ends what Start began, and notes how far it has come.
func (r *seqReceiver) Shutdown(context.Context) error {
	r.forget()
	if r.cancel != nil {
		r.cancel()
	}
	r.wg.Wait()
	if r.cluster != nil {
		r.cluster.http.CloseIdleConnections()
	}
	return nil
}

// run follows the cluster until the context ends.
func (r *seqReceiver) run(ctx context.Context) {
	book := r.cluster.notebook(r.config)
	from, err := book.read(ctx)
	for backoff := patience(); err != nil && ctx.Err() == nil; from, err = book.read(ctx) {
		r.trouble(err)
		pause(ctx, backoff.Step())
	}
	f := newFollower(r.config, r.sender, r.metrics, r.now)
	f.writeNote = func(ctx context.Context) {
		if err := book.write(ctx, f.note()); err != nil && ctx.Err() == nil {
			r.trouble(err)
		}
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	asker, err := watch.New(following, r.cluster.config, watch.Scope{}, r.now)
	if err != nil {
		r.trouble(err)
		return
	}
	f.ask = func(q seq.Question) { asker.Ask(following, q) }
	seen := make(chan sight, waiting)
	var wg sync.WaitGroup
	for _, s := range r.sources(f, from) {
		wg.Go(func() { s.follow(following, seen) })
	}
	wg.Go(func() { _, _ = asker.Version(following) }) // an observation, if it succeeds
	f.follow(ctx, seen, asker.Observations())
	stop()
	wg.Wait()
	asker.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	f.writeNote(last)
}

// sources are those of Pods and of Events, which go on from what was noted.
func (r *seqReceiver) sources(f *follower, from *note) (all []*source) {
	namespaces := r.config.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	newest := r.now()
	if from != nil {
		newest = from.Since.Add(slack)
		for _, uid := range from.Open {
			f.open[uid] = true
		}
	}
	for _, n := range namespaces {
		p := newSource(r.cluster.core, pods, n, r.config.LabelSelector)
		e := newSource(r.cluster.core, events, n, "")
		e.after = p.listed
		if from != nil {
			p.from = from.Revisions[p.key()]
		}
		f.of[p], f.pending[n] = &progress{newest: newest}, true
		for _, s := range []*source{p, e} {
			s.now, s.failed = r.now, r.trouble
			all = append(all, s)
		}
	}
	return all
}

// trouble tells of what goes wrong just now, and may go away.
func (r *seqReceiver) trouble(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	r.logger.Warn("The cluster cannot be followed just now", zap.Error(err))
	componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(fmt.Errorf("seq: %w", err)))
}
