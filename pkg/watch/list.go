package watch

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// listPatiently lists, and again where the server is only not able to just now.
func (f *Follower) listPatiently(ctx context.Context, k kind, limit int64) (rv string, err error) {
	for range 3 {
		if rv, err = f.list(ctx, k, limit); err == nil || !passing(err) {
			break
		}
		wait(ctx, pause)
	}
	return rv, err
}

// listBefore lists what is there before anything is done, and keeps in mind that it was.
func (f *Follower) listBefore(ctx context.Context, k kind, each func(runtime.Object)) (rv string, err error) {
	there := map[types.UID]bool{}
	observe := k.observe
	k.observe = func(typ string, o runtime.Object) seq.Observation {
		if m, ok := o.(metav1.Object); ok {
			there[m.GetUID()] = true
		}
		each(o)
		return observe(typ, o)
	}
	if rv, err = f.listPatiently(ctx, k, 0); err == nil {
		f.knownUIDs[k.resource] = there
	}
	return rv, err
}

// passing reports whether an error of the server may go away by itself.
func passing(err error) bool {
	return apierrors.IsInternalError(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err)
}

// grace is for how long a right that was there may be missing.
const grace = 30 * time.Second

// pause is how long to wait before something that failed is tried again.
const pause = time.Second

// list emits what exists, at most limit objects unless that is 0, and returns the revision of the list.
func (f *Follower) list(ctx context.Context, k kind, limit int64) (string, error) {
	record := f.record(seq.Request{Verb: "list", Resource: k.resource})
	list, err := k.list(withRecord(ctx, record), metav1.ListOptions{FieldSelector: k.fields, Limit: limit})
	if err != nil {
		f.answered(record, err)
		return "", fmt.Errorf("list %s in %q: %w", k.resource, f.Namespace, err)
	}
	m, ok := list.(metav1.ListInterface)
	if !ok {
		return "", fmt.Errorf("list %s in %q: the answer is a %T", k.resource, f.Namespace, list)
	}
	record.Set(func(q *seq.Request) { q.ResourceVersion = m.GetResourceVersion() })
	f.answered(record, nil)
	return m.GetResourceVersion(), f.listed(k, list)
}

// listed emits what a list has.
func (f *Follower) listed(k kind, list runtime.Object) error {
	received := f.now()
	return eachItem(list, func(o runtime.Object) {
		f.take(k, "LISTED", o, received)
	})
}

func eachItem(list runtime.Object, do func(runtime.Object)) error {
	switch l := list.(type) {
	case *corev1.PodList:
		for i := range l.Items {
			do(&l.Items[i])
		}
	case *discoveryv1.EndpointSliceList:
		for i := range l.Items {
			do(&l.Items[i])
		}
	case *corev1.EventList:
		for i := range l.Items {
			do(&l.Items[i])
		}
	case *unstructured.UnstructuredList:
		for i := range l.Items {
			do(&l.Items[i])
		}
	default:
		return fmt.Errorf("no list: %T", list)
	}
	return nil
}
