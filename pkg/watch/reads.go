package watch

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// What a read answers bounds when something was written, see trace.Request. Most reads find what is known already: of
// those only the last is worth an observation, once something new comes, and until then it is kept.

// latest is the last read of a kind that found nothing new.
type latest struct{ observation *seq.Observation }

// keep replaces it.
func (l *latest) keep(o seq.Observation) { l.observation = &o }

// emit has it observed, if there is one: something new has come.
func (l *latest) emit(f *Follower) {
	if l.observation != nil {
		f.emit(*l.observation)
		l.observation = nil
	}
}

// readOf is the observation of a read that has been answered with rv, or with an error.
func (f *Follower) readOf(r *traced, rv string, err error) seq.Observation {
	r.Set(func(q *seq.Request) {
		q.ResourceVersion, q.Poll = rv, true
		if s, ok := err.(apierrors.APIStatus); ok {
			q.Message = s.Status().Message
		}
	})
	q := r.Get()
	return seq.Observation{Received: f.now(), Request: &q}
}

// readList lists a kind without having its objects observed.
func (f *Follower) readList(ctx context.Context, k kind) (runtime.Object, seq.Observation, error) {
	record := f.record(seq.Request{Verb: "list", Resource: k.resource})
	list, err := k.list(withRecord(ctx, record), metav1.ListOptions{FieldSelector: k.fields})
	rv := ""
	if m, ok := list.(metav1.ListInterface); ok && err == nil {
		rv = m.GetResourceVersion()
	}
	return list, f.readOf(record, rv, err), err
}

// readOne gets one object of a kind by its name.
func (f *Follower) readOne(ctx context.Context, k Kind, o seq.Object) (seq.Observation, error) {
	record := f.record(seq.Request{Verb: "get", Resource: k.Resource, Object: o})
	found, err := f.objects(k).Get(withRecord(ctx, record), o.Name, metav1.GetOptions{})
	rv := ""
	if err == nil {
		rv = found.GetResourceVersion()
		record.Set(func(q *seq.Request) { q.Object.UID = string(found.GetUID()) })
	}
	return f.readOf(record, rv, err), err
}

// readPod gets the one Pod that is followed.
func (f *Follower) readPod(ctx context.Context) (*corev1.Pod, seq.Observation, error) {
	record := f.record(seq.Request{Verb: "get", Resource: "pods",
		Object: seq.Object{Kind: "Pod", Namespace: f.Namespace, Name: f.Name}})
	p, err := f.client.Pods(f.Namespace).Get(withRecord(ctx, record), f.Name, metav1.GetOptions{})
	rv := ""
	if err == nil {
		rv = p.ResourceVersion
		record.Set(func(q *seq.Request) { q.Object.UID = string(p.UID) })
	}
	return p, f.readOf(record, rv, err), err
}

// absence is how often an object is asked for that is not there yet. Its creation, and the bind that follows, cannot be
// known better than to this: a watch says only by when something was written.
const absence = 100 * time.Millisecond

// await asks for the object that the run waits for until it is there, and has the last answer without it observed, and
// the first with it. Without the right to get it, the creation is known from its own stamp only.
func (f *Follower) await(ctx context.Context) {
	var without latest
	for ; ctx.Err() == nil; wait(ctx, absence) {
		o, err := f.readOne(ctx, f.Target.Kind, f.Target.Object)
		switch {
		case apierrors.IsNotFound(err):
			without.keep(o)
		case apierrors.IsForbidden(err):
			return
		case err == nil:
			without.emit(f)
			f.emit(o)
			return
		}
	}
}
