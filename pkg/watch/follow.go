package watch

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryclient "k8s.io/client-go/kubernetes/typed/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Follower follows what is in a Scope. Its methods may be called from several goroutines.
type Follower struct {
	Scope

	config    *rest.Config
	http      *http.Client
	client    corev1client.CoreV1Interface
	slices    discoveryclient.DiscoveryV1Interface
	dynamic   dynamic.Interface
	now       func() time.Time
	out       chan seq.Observation
	done      <-chan struct{}
	wg        sync.WaitGroup
	created   func(*corev1.Pod)             // what is left to do once the Pod is there, or nil
	there     *corev1.Pod                   // that was there before, or nil
	knownUIDs map[string]map[types.UID]bool // by resource, what was there when Follow looked; nil where it could not
	asked     map[seq.Question]time.Time
	refused   map[seq.Question]*atomic.Bool
	asking    atomic.Int32 // questions that are under way
	strays    strays

	propagation *propagation

	eventsTold atomic.Pointer[string] // the revision up to which the watch of Events has told all, or nil
}

// New makes a follower of a scope, whether anything in it exists or not. The configuration is copied; now is the clock
// of every observation. Nothing is observed any more once the context has ended.
func New(ctx context.Context, config *rest.Config, scope Scope, now func() time.Time) (*Follower, error) {
	c := rest.CopyConfig(config)
	c.QPS = -1 // fairness is the API server's part
	c.UserAgent = cmp.Or(c.UserAgent, rest.DefaultKubernetesUserAgent())
	c.ContentType = runtime.ContentTypeProtobuf
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	c.WarningHandlerWithContext = rest.NoWarnings{} // they are observations
	p := &propagation{}
	c.Wrap(func(next http.RoundTripper) http.RoundTripper { return &tracer{next, now, p} })
	client, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, err
	}
	core, err := corev1client.NewForConfigAndClient(c, client)
	if err != nil {
		return nil, err
	}
	slices, err := discoveryclient.NewForConfigAndClient(c, client)
	if err != nil {
		return nil, err
	}
	plain := rest.CopyConfig(c) // what is not built in has no protobuf
	plain.ContentType, plain.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	others, err := dynamic.NewForConfigAndClient(plain, client)
	if err != nil {
		return nil, err
	}
	return &Follower{
		Scope: scope, config: c, http: client, client: core, slices: slices, dynamic: others, now: now, done: ctx.Done(),
		out:       make(chan seq.Observation, waiting),
		knownUIDs: map[string]map[types.UID]bool{}, asked: map[seq.Question]time.Time{},
		refused: map[seq.Question]*atomic.Bool{}, propagation: p,
	}, nil
}

// waiting is how many observations may wait to be taken, before the watches do: what hundreds of Pods bring in a
// second. One that waits would be noted as received when it goes on.
const waiting = 4096

// Observations is where everything seen comes out.
func (f *Follower) Observations() <-chan seq.Observation { return f.out }

// Follow lists and starts to watch, and returns once both watches are open. Somebody must take the Observations
// meanwhile, and until the context ends; Wait then waits for the goroutines. What the caller may not do is done
// without: a Pod that cannot be listed is watched from its creation on, one that cannot be watched is asked for again
// and again, and each is an observation. An error means that the server cannot be asked at all.
func (f *Follower) Follow(ctx context.Context) error {
	all, err := f.listAll(ctx)
	if err != nil {
		return err
	}
	open := make(chan struct{}, len(all))
	waitFor := 0
	for _, l := range all {
		switch {
		case l.err == nil:
			f.start(ctx, l.kind, l.at, open)
			waitFor++
		case f.Past && (l.resource == "pods" && f.Name != "" || len(f.Kinds) > 0 && l.resource == f.Kinds[0].Resource):
			// it is what the run is about
			f.wg.Go(func() { f.poll(ctx, l.kind, "", l.err) })
		case l.resource == "pods":
			f.created = func(p *corev1.Pod) { f.start(ctx, l.kind, p.ResourceVersion, make(chan struct{}, 1)) }
		}
	}
	for range waitFor {
		select {
		case <-open:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if f.Target != nil {
		f.wg.Go(func() { f.await(ctx) })
	}
	return nil
}

// List lists what there is and does not watch: Pods, Events and the other kinds. An error means that the server cannot
// be asked at all; what the caller may not list is an observation.
func (f *Follower) List(ctx context.Context) error {
	_, err := f.listAll(ctx)
	return err
}

// listing is a kind, with the revision of the list of it.
type listing struct {
	kind
	at  string
	err error
}

// listAll lists every kind of the scope, Pods first.
func (f *Follower) listAll(ctx context.Context) ([]listing, error) {
	pods, events := f.pods(), f.events()
	// Back to back, so that the two revisions show whether both kinds live in one store.
	at, err := f.listBefore(ctx, pods, func(o runtime.Object) {
		if p, ok := o.(*corev1.Pod); ok && f.Name != "" {
			f.there = p
		}
	})
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	if err != nil && f.Name != "" { // one Pod may be allowed where a list is not
		p, read, getErr := f.readPod(ctx)
		if getErr == nil {
			f.emit(read)
			o := pods.observe("LISTED", p)
			o.Received = f.now()
			f.emit(o)
			f.there, f.knownUIDs[pods.resource] = p, map[types.UID]bool{p.UID: true}
			at, err = p.ResourceVersion, nil
		}
	}
	all := []listing{{pods, at, err}}
	// Events from before, about an earlier Pod of that name, are of no use; one item is the least a list can ask for
	limit := int64(1)
	if f.Past {
		limit = 0
	}
	at, err = f.listPatiently(ctx, events, limit)
	all = append(all, listing{events, at, err})
	for _, k := range f.others() {
		at, err := f.listBefore(ctx, k, func(runtime.Object) {})
		all = append(all, listing{k, at, err})
	}
	if f.Past {
		f.emit(seq.Observation{Received: f.now(), Attach: &seq.Attach{}})
	}
	return all, nil
}

// Wait returns when every goroutine of Follow has ended, which they do when its context does.
func (f *Follower) Wait() { f.wg.Wait() }

// emit hands over one observation unless nobody wants it any more.
func (f *Follower) emit(o seq.Observation) {
	select {
	case <-f.done:
		return
	default:
	}
	select {
	case f.out <- o:
	case <-f.done:
	}
}

// start watches from a revision on, in a goroutine of its own, and signals once when the first watch is open.
func (f *Follower) start(ctx context.Context, k kind, from string, open chan<- struct{}) {
	f.wg.Go(func() {
		var once sync.Once
		seen, allowed := false, f.now() // whether and when we were allowed to watch last
		opened := func() { once.Do(func() { open <- struct{}{} }) }
		was := k.watch
		k.watch = func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			w, err := was(ctx, o)
			if err == nil {
				seen, allowed = true, f.now()
			}
			return w, err
		}
		defer opened()
		for ctx.Err() == nil {
			begun := f.now()
			last, err := f.watch(ctx, k, from, opened)
			if f.now().Sub(begun) < pause { // never in a hot loop
				wait(ctx, pause)
			}
			switch {
			case ctx.Err() != nil:
				return
			case apierrors.IsForbidden(err) && seen && f.now().Sub(allowed) < grace:
				// an API server that starts knows no rights yet
				from = last
				continue
			case apierrors.IsForbidden(err):
				opened()
				f.poll(ctx, k, last, err)
				return
			case err == errDeaf:
				from = last
				continue
			case apierrors.IsUnauthorized(err): // credentials that ran out may be renewed
				from = last
				wait(ctx, pause)
				continue
			}
			gap := seq.Gap{Resource: k.resource, FromRevision: last, Reason: err.Error()}
			for ctx.Err() == nil {
				if from, err = f.list(ctx, k, 0); err == nil {
					gap.ToRevision = from
					break
				}
				if apierrors.IsForbidden(err) && f.now().Sub(allowed) > grace {
					f.poll(ctx, k, last, err)
					return
				}
				wait(ctx, pause)
			}
			f.emit(seq.Observation{Received: f.now(), Gap: &gap})
		}
	})
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watch emits changes until the watch can't be resumed, and returns the last revision seen.
func (f *Follower) watch(ctx context.Context, k kind, from string, opened func()) (last string, err error) {
	last = from
	w, err := toolswatch.NewRetryWatcherWithContext(ctx, from, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			o.FieldSelector = k.fields
			record := f.record(seq.Request{Verb: "watch", Resource: k.resource, ResourceVersion: o.ResourceVersion})
			w, err := k.watch(withRecord(ctx, record), o)
			f.answered(record, err)
			if err == nil {
				opened()
			}
			if apierrors.IsGone(err) || apierrors.IsResourceExpired(err) {
				return failed(err), nil // RetryWatcher would ask for the same revision for ever
			}
			return w, err
		},
	})
	if err != nil {
		return last, err
	}
	defer func() {
		w.Stop()
		for range w.ResultChan() { // until its goroutine has ended
		}
	}()
	doubt := time.NewTimer(firstDoubt)
	defer doubt.Stop()
	any := false // has come
	var quiet latest
	for patience, doubted := firstDoubt, ""; ; {
		var e apiwatch.Event
		var ok bool
		select {
		case e, ok = <-w.ResultChan():
			if !ok {
				return last, errors.New("the watch ended")
			}
		case <-doubt.C:
			newest, read := f.newest(ctx, k)
			if quiet.keep(read); newer(newest, last) {
				quiet.emit(f)
			}
			switch {
			case !newer(newest, last) || newest == gone && !any:
				patience = min(2*patience, 6*firstDoubt)
				doubt.Reset(patience)
			case doubted == "": // it may be on its way
				doubted = newest
				doubt.Reset(pause)
			default:
				return last, errDeaf
			}
			continue
		}
		any = e.Type != apiwatch.Deleted
		doubted, patience = "", firstDoubt
		doubt.Reset(patience)
		received := f.now()
		if e.Type == apiwatch.Error {
			return last, apierrors.FromObject(e.Object)
		}
		if k.keep(e.Object) {
			quiet.emit(f)
		}
		f.take(k, string(e.Type), e.Object, received)
		if m, ok := e.Object.(metav1.Object); ok {
			last = m.GetResourceVersion()
			if told := last; k.resource == "events" {
				f.eventsTold.Store(&told)
			}
		}
	}
}

// failed is a watch that delivers one error.
func failed(err error) apiwatch.Interface {
	status := apierrors.NewResourceExpired(err.Error()).ErrStatus
	w := apiwatch.NewFakeWithChanSize(1, false)
	w.Error(&status)
	return w
}
