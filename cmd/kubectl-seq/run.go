package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apitypes "k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/docker"
	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// run is one thing done to a Pod, and what comes of it.
type run struct {
	*followOptions
	*session
	doing     string                                // what is done, and to what
	act       func(context.Context) error           // does it, once the Pod is watched; nil where the run only looks
	once      bool                                  // it looks, and does not watch
	given     []seq.Observation                     // all that is observed, where it comes from a file
	acted     bool                                  // it has been done
	open      func(context.Context) (opened, error) // what is observed; nil for the cluster
	source    source                                // that
	follower  *watch.Follower                       // of the cluster, or nil
	records   *evidence                             // or nil
	remove    []removal                             // what is to be removed in the end
	record    *recording.Writer                     // or nil
	aftermath *aftermath                            // of a command that is run, or nil
	passed    *passed                               // what something writes meanwhile, or nil
	outputs   *outputs                              // nil for those of the options
	mapped    *outputs                              // the map of the run; or nil
	pace      pacing
	questions bool // it is time to see what should be asked
}

// source is what is observed of a run while it is under way.
type source interface {
	Observations() <-chan seq.Observation
	Ask(context.Context, seq.Question)
	Asking() bool                            // an answer is to come
	CatchUp(context.Context) <-chan struct{} // has what may be late observed
}

// opened is a source and how it is followed.
type opened struct {
	source
	follow func(context.Context) error // until what comes will be observed
	close  func()                      // once the context has ended
}

// pause is how long the last question may take.
const pause = time.Second

// now is without the monotonic clock: what is recorded and read again has to give the same durations to the nanosecond.
func now() time.Time { return time.Now().Round(0) }

func (r *run) start(ctx context.Context) (failed error) {
	o := r.followOptions
	out := r.outputs
	if out == nil {
		if o.config != nil && o.subject.Kind == "Pod" && r.given == nil {
			o.beside = &liveMap{read: o.readMap, flags: o.mapFlags(), style: o.style}
		}
		var err error
		if out, err = openOutputs(o.drawOptions, o.Out); err != nil {
			return err
		}
	}
	if err := r.openMap(); err != nil {
		return errors.Join(err, out.discard())
	}
	defer func() { failed = errors.Join(failed, r.mapped.discard()) }()
	subject := o.subject
	r.session = &session{trace: trace.New(subject), pods: o.pods, out: out, context: o.contextName, flags: o.connection,
		until: allGoals[o.until], settle: max(o.settle, o.evidence.drain()), image: o.image, traceParent: traceParent()}
	out.served.announce(o.ErrOut)
	defer func() { failed = errors.Join(failed, out.served.stay(ctx, o.ErrOut)) }()
	defer func() { failed = errors.Join(failed, out.send()) }()
	defer func() { failed = errors.Join(failed, r.close(failed)) }()
	do := r.do
	if r.given != nil {
		do = r.read
	}
	if o.record == "" {
		return do(ctx)
	}
	file, err := os.Create(o.record)
	if err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	defer func() { failed = errors.Join(failed, file.Close()) }()
	if r.record, err = r.header(ctx, file, subject); err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	return do(ctx)
}

// attached is the observation that a run only looks; looking has more to come of what is there already.
func attached(looking bool) seq.Observation {
	return seq.Observation{Received: now(), Attach: &seq.Attach{ListsPending: looking}}
}

// read takes what is given.
func (r *run) read(context.Context) error {
	for _, o := range r.given {
		if err := r.take(o); err != nil {
			return err
		}
	}
	if !r.trace.State().Created {
		return hinted(fmt.Errorf("%s %q cannot be shown", r.subject.Kind, r.subject.Name),
			"its kind and resourceVersion are not those of an object of a cluster")
	}
	return r.ended("")
}

// traceParent is what the environment says that this program is part of; empty where it says nothing that is valid.
func traceParent() string {
	given := os.Getenv("TRACEPARENT")
	if seq.NewTraceContext(given, "").Parent == [8]byte{} {
		return ""
	}
	return given
}

// header begins the recording. It asks for the server's version first: nobody could ask for it later.
func (r *run) header(ctx context.Context, file io.Writer, subject seq.Object) (*recording.Writer, error) {
	server := ""
	if r.config != nil {
		f, err := watch.New(ctx, r.config, watch.Scope{}, now)
		if err != nil {
			return nil, err
		}
		server, _ = f.Version(ctx) // a cluster that does not tell can be recorded too
	}
	return recording.NewWriter(file, recording.Header{
		Plugin: ownVersion(), Server: server, Context: r.contextName, Started: now(), Until: r.followOptions.until,
		Subject: subject, Image: r.followOptions.image, Pods: string(r.followOptions.pods),
		TraceParent: r.session.traceParent,
	})
}

func (r *run) do(ctx context.Context) error {
	following, stop := context.WithCancel(ctx)
	defer stop()
	open := r.open
	if open == nil {
		open = r.cluster
	}
	opened, err := open(following)
	if err != nil {
		return err
	}
	r.source = opened.source
	defer opened.close()
	defer stop()
	if r.records, err = startEvidence(following, r.followOptions); err != nil {
		return err
	}
	defer r.records.wait()
	defer stop()
	if r.scope.Past {
		if err := r.take(attached(true)); err != nil {
			return err
		}
	}
	acted := make(chan error, 1)
	go func() {
		defer close(acted)
		err := opened.follow(following)
		if err == nil && r.act != nil {
			// Once sent, the request is seen to its end: what it made may have to be removed again. A command makes nothing.
			acting := context.WithoutCancel(ctx)
			if r.passed != nil {
				acting = following
			}
			err = r.act(acting)
		}
		acted <- err
	}()
	err = r.follow(ctx, following, acted)
	stop()
	if !r.acted {
		<-acted // what was under way when the run ended early
	}
	err = errors.Join(err, besides(r.drawMap(ctx)))
	for _, x := range r.remove {
		err = errors.Join(err, x.do(ctx, r.ErrOut))
	}
	return err
}

// cluster is what is observed of the cluster.
func (r *run) cluster(ctx context.Context) (opened, error) {
	var err error
	if r.follower, err = watch.New(ctx, r.config, r.scope, now); err != nil {
		return opened{}, err
	}
	if r.exportsSpans() {
		r.follower.PropagateTrace(r.session.traceParent)
	}
	follow := r.follower.Follow
	if r.once {
		follow = r.follower.List
	}
	return opened{r.follower, func(ctx context.Context) error {
		go r.follower.Version(ctx) // an observation, if it succeeds
		return follow(ctx)
	}, r.follower.Wait}, nil
}

func (r *run) take(o seq.Observation) error {
	r.observe(o)
	if r.records != nil {
		r.records.sees(o)
	}
	if r.record == nil {
		return nil
	}
	return r.record.Write(o)
}

// drain takes all observations that wait, so that they are drawn at once.
func (r *run) drain() error {
	for {
		select {
		case o := <-r.source.Observations():
			if err := r.take(o); err != nil {
				return err
			}
		case o := <-r.records.observations:
			if err := r.take(o); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (r *run) ended(reason recording.Reason) error {
	at := r.trace.Now()
	if reason != "" {
		at = now()
		r.tick(at)
	}
	var err error
	if r.passed != nil {
		err = r.passed.rest()
	}
	if r.record != nil {
		err = errors.Join(err, r.record.End(at, reason))
	}
	return errors.Join(err, r.finish(r.end(reason)))
}

// refused ends a run whose request came to nothing. What led there is drawn as far as there was one.
func (r *run) refused(err error) error {
	o, ok := r.trace.Obstacle()
	if !r.begun || !ok || !r.trace.RootRefused() { // what is known of it otherwise is no reason
		return explained(err, r.subject.Namespace, r.flags)
	}
	where := ""
	if r.subject.Namespace != "" {
		where = fmt.Sprintf(" in %q", r.subject.Namespace)
	}
	err = hinted(fmt.Errorf("%s%s: %w", r.doing, where, err), seq.WithFlags(o.Next(), r.flags))
	return errors.Join(err, besides(r.ended("")))
}

// explained adds what failed and what to do about it.
func explained(err error, namespace string, flags []string) error {
	var network net.Error
	var engine *docker.Error
	switch {
	case errors.As(err, &engine):
		return hinted(err, engine.Hint)
	case apierrors.IsForbidden(err):
		return hinted(err, seq.WithFlags("see what you may do: kubectl auth can-i --list -n "+namespace, flags))
	case apierrors.IsUnauthorized(err):
		return hinted(err, seq.WithFlags("the server did not accept your credentials: kubectl config view --minify", flags))
	case errors.As(err, &network):
		return hinted(err, seq.WithFlags("is the cluster up? kubectl cluster-info", flags))
	}
	return err
}

// removal undoes what this run made, and nothing else.
type removal struct {
	what     string // as kubectl says it
	undo     func(context.Context) error
	patience time.Duration // how long that may take; 0 for 10 s
}

// removes has an object removed in the end. Where another run follows, that waits until it is gone.
func (r *run) removes(kind string, k watch.Kind, name string, uid apitypes.UID, another bool) {
	x := removal{what: fmt.Sprintf("%s %q", kind, name),
		undo: func(ctx context.Context) error { return r.follower.Remove(ctx, k, name, uid) }}
	if another {
		x.undo = func(ctx context.Context) error { return r.follower.RemoveSoon(ctx, k, name, uid) }
		x.patience = 2 * time.Minute
	}
	r.remove = append(r.remove, x)
}

// do removes it even after an interrupt.
func (x removal) do(ctx context.Context, errOut io.Writer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(x.patience, 10*time.Second))
	defer cancel()
	if err := x.undo(ctx); err != nil {
		return fmt.Errorf("delete %s: %w", x.what, err)
	}
	fmt.Fprintf(errOut, "%s deleted\n", x.what)
	return nil
}
