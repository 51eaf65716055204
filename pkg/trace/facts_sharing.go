package trace

// Revisions that share what is the same.

import (
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// sharingParts is an object that has in common with others what is the same: with an earlier revision of it, and of a
// Pod the lists of fields in managedFields, which are the largest part of it. Without, each of the hundreds of
// revisions of an EndpointSlice would have its hundred endpoints, of which it changed one. The given object is not
// changed.
func (t *store) sharingParts(m, was metav1.Object) metav1.Object {
	switch o := m.(type) {
	case *corev1.Pod:
		p := *o
		p.ManagedFields = t.sameFields(p.ManagedFields)
		if q, ok := was.(*corev1.Pod); ok {
			object.ShareEqual(&q.ObjectMeta, &p.ObjectMeta)
			object.ShareEqual(&q.Spec, &p.Spec)
			object.ShareEqual(&q.Status, &p.Status)
		}
		return &p
	case *unstructured.Unstructured:
		if q, ok := was.(*unstructured.Unstructured); ok {
			shared, _ := shareEqual(q.Object, o.Object)
			return &unstructured.Unstructured{Object: shared.(map[string]any)}
		}
	}
	return m
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
