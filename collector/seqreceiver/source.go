package seqreceiver

// One kind of objects of the cluster, listed by pages and watched for good.

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const (
	pods   = "pods"
	events = "events"
)

// pageSize is how many objects are listed at once. A page of Pods is a few MB.
const pageSize = 500

// watchTimeout is after how long the API server ends a watch, which is then taken up where it was: one that has gone
// deaf is so for no longer.
const watchTimeout = 5 * time.Minute

// source is one kind in one namespace, or in all.
type source struct {
	resource  string
	namespace string // empty for all
	from      string // the revision that was noted, from which to watch on; empty for none
	list      pager.ListPageFunc
	watch     func(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
	now       func() time.Time
	failed    func(error) // tells that it cannot be followed just now
	again     func() wait.Backoff
	after     <-chan struct{} // what is to be listed before
	once      sync.Once
	listed    chan struct{} // closed when it has been listed for the first time
}

// sight is what a source saw.
type sight struct {
	seq.Observation
	source *source
	at     string // the revision up to which the source has told all; empty while it lists
	whole  bool   // all that was there has been seen
	noted  bool   // it is of a list, and what came after the note that was gone on from is still to be watched
}

// newSource is the source of pods or events.
func newSource(c corev1client.CoreV1Interface, resource, namespace, selector string) *source {
	s := &source{resource: resource, namespace: namespace, now: time.Now, failed: func(error) {}, again: patience,
		listed: make(chan struct{})}
	if resource == pods {
		of := c.Pods(namespace)
		s.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			return of.List(ctx, o)
		}
		s.watch = func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			o.LabelSelector = selector
			return of.Watch(ctx, o)
		}
		return s
	}
	of, onlyPods := c.Events(namespace), "involvedObject.kind=Pod"
	s.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		o.FieldSelector = onlyPods
		return of.List(ctx, o)
	}
	s.watch = func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
		o.FieldSelector = onlyPods
		return of.Watch(ctx, o)
	}
	return s
}

// key is what the source's revision is noted under.
func (s *source) key() string {
	if s.namespace == "" {
		return s.resource
	}
	return s.namespace + "." + s.resource
}

// patience is how long is waited after one failure after another.
func patience() wait.Backoff {
	return wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 8, Cap: 30 * time.Second}
}

// follow lists what there is, then watches until the context ends: from the noted revision, if there is one and the API
// server still has it, else from that of the list. Where revisions are lost it lists anew, and tells of the gap.
func (s *source) follow(ctx context.Context, out chan<- sight) {
	if s.after != nil {
		select {
		case <-s.after:
		case <-ctx.Done():
			return
		}
	}
	backoff := s.again()
	var lost *seq.Gap // that the next list ends
	for from := ""; ctx.Err() == nil; {
		var err error
		begun := time.Now()
		if from == "" {
			from, err = s.listAll(ctx, out, lost)
			if err == nil && s.from != "" {
				from = s.from
			}
			if err == nil {
				s.from, lost = "", nil
				s.once.Do(func() { close(s.listed) })
			}
		}
		if err == nil {
			from, err = s.watchFrom(ctx, from, out)
		}
		switch {
		case ctx.Err() != nil:
			return
		case apierrors.IsGone(err) || apierrors.IsResourceExpired(err):
			if from != "" { // else it was a page of a list
				lost = &seq.Gap{Resource: s.resource, FromRevision: from, Reason: err.Error()}
			}
			from = ""
		case err != nil:
			s.failed(fmt.Errorf("%s: %w", s.key(), err))
		}
		if err == nil || time.Since(begun) > time.Minute {
			backoff = s.again()
		}
		if err != nil || time.Since(begun) < time.Second { // never in a hot loop
			pause(ctx, backoff.Step())
		}
	}
}

// listAll tells of all that there is, and then of the gap, and returns the revision of the list. Each object is a copy,
// so that what is kept of one keeps no page.
func (s *source) listAll(ctx context.Context, out chan<- sight, gap *seq.Gap) (at string, err error) {
	p := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		page, err := s.list(ctx, o)
		if m, ok := page.(metav1.ListInterface); ok && err == nil {
			at = m.GetResourceVersion()
		}
		return page, err
	})
	p.PageSize, p.PageBufferSize, p.FullListIfExpired = pageSize, 0, false
	err = p.EachListItemWithAlloc(ctx, metav1.ListOptions{}, func(o runtime.Object) error {
		return s.tell(ctx, out, sight{Observation: observed("LISTED", o), noted: s.from != ""})
	})
	if err != nil {
		return "", err
	}
	told := sight{whole: true, at: at}
	if gap != nil {
		gap.ToRevision = at
		told.Gap = gap
	}
	return at, s.tell(ctx, out, told)
}

// watchFrom tells of what changes, and returns the revision up to which it has.
func (s *source) watchFrom(ctx context.Context, from string, out chan<- sight) (at string, err error) {
	timeout := int64(watchTimeout.Seconds())
	w, err := s.watch(ctx, metav1.ListOptions{ResourceVersion: from, AllowWatchBookmarks: true, TimeoutSeconds: &timeout})
	if err != nil {
		return from, err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if e.Type == apiwatch.Error {
			return from, apierrors.FromObject(e.Object)
		}
		if m, ok := e.Object.(metav1.Object); ok {
			from = m.GetResourceVersion()
		}
		told := sight{at: from}
		if e.Type != apiwatch.Bookmark {
			told.Observation = observed(string(e.Type), e.Object)
		}
		if err := s.tell(ctx, out, told); err != nil {
			return from, err
		}
	}
	return from, nil
}

func (s *source) tell(ctx context.Context, out chan<- sight, told sight) error {
	told.source, told.Received = s, s.now()
	select {
	case out <- told:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// observed is an object as a list or a watch brought it.
func observed(typ string, o runtime.Object) (x seq.Observation) {
	switch o := o.(type) {
	case *corev1.Pod:
		x.Change = &seq.Change{Type: typ, Pod: o}
	case *corev1.Event:
		x.Event = &seq.EventChange{Type: typ, Event: o}
	}
	return x
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
