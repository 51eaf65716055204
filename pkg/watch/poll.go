package watch

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// interval is how often what cannot be watched is asked for.
const interval = 250 * time.Millisecond

// poll asks again and again for what may not be watched: by a list, or, where that is forbidden too, for the Pod by its
// name. It begins and, where neither is allowed, ends with a Gap that says so.
func (f *Follower) poll(ctx context.Context, k kind, from string, why error) {
	gap := seq.Gap{Resource: k.resource, FromRevision: from, Reason: why.Error(), Every: interval}
	ask := func(ctx context.Context) ([]runtime.Object, seq.Observation, error) {
		list, o, err := f.readList(ctx, k)
		if err != nil {
			return nil, o, err
		}
		var all []runtime.Object
		return all, o, eachItem(list, func(o runtime.Object) { all = append(all, o) })
	}
	if _, _, err := ask(ctx); apierrors.IsForbidden(err) && k.resource == "pods" && f.Name != "" {
		ask = func(ctx context.Context) ([]runtime.Object, seq.Observation, error) {
			p, o, err := f.readPod(ctx)
			if apierrors.IsNotFound(err) {
				return nil, o, nil
			}
			return []runtime.Object{p}, o, err
		}
	}
	f.emit(seq.Observation{Received: f.now(), Gap: &gap})
	seen := map[string]bool{}
	var last *corev1.Pod
	var quiet latest
	for ; ctx.Err() == nil; wait(ctx, interval) {
		all, read, err := ask(ctx)
		if apierrors.IsForbidden(err) {
			f.emit(seq.Observation{Received: f.now(), Gap: &seq.Gap{Resource: k.resource, FromRevision: from,
				Reason: err.Error()}})
			return
		}
		if err != nil {
			continue
		}
		if news := slices.ContainsFunc(all, func(o runtime.Object) bool {
			m, ok := o.(metav1.Object)
			return ok && !seen[m.GetResourceVersion()] && k.keep(o)
		}); news || len(all) == 0 && last != nil {
			quiet.emit(f)
			f.emit(read)
		} else {
			quiet.keep(read)
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
			f.emit(seq.Observation{Received: received, Change: &seq.Change{Type: "GONE", Pod: last}})
			last = nil
		}
	}
}
