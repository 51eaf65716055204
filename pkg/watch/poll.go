package watch

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// interval is how often what cannot be watched is asked for.
const interval = 250 * time.Millisecond

// poll asks again and again for what may not be watched: by a list, or, where that is forbidden too, for the Pod by its
// name. It begins and, where neither is allowed, ends with a Gap that says so.
func (f *Follower) poll(ctx context.Context, k kind, from string, why error) {
	gap := trace.Gap{Resource: k.resource, From: from, Reason: why.Error(), Every: interval}
	ask := func(ctx context.Context) ([]runtime.Object, error) {
		list, err := k.list(ctx, metav1.ListOptions{FieldSelector: k.fields})
		if err != nil {
			return nil, err
		}
		var all []runtime.Object
		return all, eachItem(list, func(o runtime.Object) { all = append(all, o) })
	}
	if _, err := ask(ctx); apierrors.IsForbidden(err) && k.resource == "pods" && f.Name != "" {
		ask = func(ctx context.Context) ([]runtime.Object, error) {
			p, err := f.client.Pods(f.Namespace).Get(ctx, f.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil, nil
			}
			return []runtime.Object{p}, err
		}
	}
	f.emit(trace.Observation{Received: f.now(), Gap: &gap})
	seen := map[string]bool{}
	var last *corev1.Pod
	for ; ctx.Err() == nil; wait(ctx, interval) {
		all, err := ask(ctx)
		if apierrors.IsForbidden(err) {
			f.emit(trace.Observation{Received: f.now(), Gap: &trace.Gap{Resource: k.resource, From: from, Reason: err.Error()}})
			return
		}
		if err != nil {
			continue
		}
		received := f.now()
		for _, item := range all {
			m, ok := item.(metav1.Object)
			if !ok || seen[m.GetResourceVersion()] || !k.keep(item) {
				continue
			}
			seen[m.GetResourceVersion()] = true
			if p, ok := item.(*corev1.Pod); ok && f.Name != "" {
				last = p
			}
			o := k.observe("LISTED", item)
			o.Received = received
			f.emit(o)
		}
		if len(all) == 0 && last != nil { // it is gone
			f.emit(trace.Observation{Received: received, Change: &trace.Change{Type: "GONE", Pod: last}})
			last = nil
		}
	}
}
