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
		return &p
	case *unstructured.Unstructured:
		if q, ok := was.(*unstructured.Unstructured); ok {
			same, _ := shareEqual(q.Object, o.Object).(map[string]any)
			return &unstructured.Unstructured{Object: same}
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

// shareEqual is the new value, with the parts of the old that are the same.
func shareEqual(was, is any) any {
	switch x := is.(type) {
	case map[string]any:
		old, ok := was.(map[string]any)
		if !ok {
			return is
		}
		if reflect.DeepEqual(old, x) {
			return old
		}
		out := make(map[string]any, len(x))
		for k, v := range x {
			out[k] = shareEqual(old[k], v)
		}
		return out
	case []any:
		old, ok := was.([]any)
		if !ok {
			return is
		}
		out := make([]any, len(x))
		for i, v := range x {
			if out[i] = v; i < len(old) {
				out[i] = shareEqual(old[i], v)
			}
		}
		return out
	}
	return is
}
