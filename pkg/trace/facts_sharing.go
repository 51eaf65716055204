package trace

// Revisions that share what is the same.

import (
	"cmp"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// sharingParts is an object that has in common with others what is the same: with an earlier revision of it, of a Pod
// with another Pod, and the lists of fields in managedFields, which are the largest part of it. Without, each of the
// hundreds of revisions of an EndpointSlice would have its hundred endpoints, of which it changed one. The given object
// is not changed.
func (t *store) sharingParts(m, was metav1.Object) metav1.Object {
	switch o := m.(type) {
	case *corev1.Pod:
		q, _ := was.(*corev1.Pod)
		t.latestPod = t.sharingPod(*o, q)
		return t.latestPod
	case *unstructured.Unstructured:
		if q, ok := was.(*unstructured.Unstructured); ok {
			shared, _ := shareEqual(q.Object, o.Object)
			return &unstructured.Unstructured{Object: shared.(map[string]any)}
		}
	}
	return m
}

// sharingPod shares a Pod's parts with an earlier revision of it, or nil, and with the Pod that was observed last: all
// Pods of a workload are much the same.
func (t *store) sharingPod(p corev1.Pod, was *corev1.Pod) *corev1.Pod {
	p.ManagedFields = t.sameFields(p.ManagedFields)
	other := cmp.Or(t.latestPod, &corev1.Pod{})
	was = cmp.Or(was, other)
	object.ShareEqual(&was.ObjectMeta, &p.ObjectMeta)
	object.ShareEqual(&was.Spec, &p.Spec)
	object.ShareEqual(&was.Status, &p.Status)
	p.Spec.Volumes = object.ShareElements(p.Spec.Volumes, was.Spec.Volumes)
	p.Spec.Containers = object.ShareElements(p.Spec.Containers, was.Spec.Containers)
	is, before := &p.Status, &was.Status
	is.Conditions = object.ShareElements(is.Conditions, before.Conditions, other.Status.Conditions)
	is.ContainerStatuses = object.ShareElements(is.ContainerStatuses, before.ContainerStatuses,
		other.Status.ContainerStatuses)
	return &p
}

// sharingEvent shares an Event's parts with one about the same object, or else with the one that was observed last.
// Nothing is read of its managedFields.
func (t *store) sharingEvent(e corev1.Event, about *facts) *corev1.Event {
	e.ManagedFields = nil
	was := cmp.Or(t.latestEvent, &corev1.Event{})
	if n := len(about.events); n > 0 {
		was = about.events[n-1].event
	}
	object.ShareEqual(was, &e)
	t.latestEvent = &e
	return &e
}

// sameFields has each list of fields as it was first seen: all Pods of a workload have much the same.
func (t *store) sameFields(all []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	all = slices.Clone(all)
	for i, e := range all {
		text := object.Fields(e)
		same, known := t.fields[string(text)]
		if !known {
			same = e.FieldsV1
			t.fields[string(text)] = same
		}
		all[i].FieldsV1 = same
	}
	return all
}

// shareEqual is the new value, with the parts of the old that are the same; same reports whether all of it is.
func shareEqual(was, is any) (shared any, same bool) {
	switch x := is.(type) {
	case map[string]any:
		old, ok := was.(map[string]any)
		if !ok {
			return is, false
		}
		if equalMaps(old, x) {
			return old, true
		}
		out := make(map[string]any, len(x))
		for k, v := range x {
			out[k], _ = shareEqual(old[k], v)
		}
		return out, false
	case []any:
		old, ok := was.([]any)
		if !ok {
			return is, false
		}
		var out []any // nil as long as all is the same
		if len(x) != len(old) {
			out = make([]any, 0, len(x))
		}
		for i, v := range x {
			if i >= len(old) {
				out = append(out, v)
				continue
			}
			part, equal := shareEqual(old[i], v)
			if out == nil && !equal {
				out = append(make([]any, 0, len(x)), old[:i]...)
			}
			if out != nil {
				out = append(out, part)
			}
		}
		if out == nil {
			return old, true
		}
		return out, false
	case string, bool, int64, float64, nil:
		return is, was == is
	}
	return is, reflect.DeepEqual(was, is)
}

// equalParts reports whether two values of JSON are the same.
func equalParts(a, b any) bool {
	switch x := b.(type) {
	case map[string]any:
		old, ok := a.(map[string]any)
		return ok && equalMaps(old, x)
	case []any:
		old, ok := a.([]any)
		return ok && slices.EqualFunc(old, x, equalParts)
	case string, bool, int64, float64, nil:
		return a == b
	}
	return reflect.DeepEqual(a, b)
}

func equalMaps(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range b {
		if before, there := a[k]; !there || !equalParts(before, v) {
			return false
		}
	}
	return true
}
