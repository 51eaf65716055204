package object

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// OwnsChange reports whether a managedFields entry of an object owns something that the object has otherwise than it
// had before: whoever sets a field owns it from then on. Both are as Contents has them. What was taken away nobody
// owns.
func OwnsChange(e *metav1.ManagedFieldsEntry, was, is map[string]any) bool {
	var set map[string]any
	return json.Unmarshal(Fields(*e), &set) == nil && ownsChange(set, was, is)
}

// Contents are two objects as maps and lists; of Pods, without fields that are the same in both. They are shared: not
// to be changed.
func Contents(was, is metav1.Object) (a, b map[string]any) {
	if x, ok := was.(*unstructured.Unstructured); ok {
		if y, ok := is.(*unstructured.Unstructured); ok {
			return x.Object, y.Object
		}
	}
	p, isPod := was.(*corev1.Pod)
	q, both := is.(*corev1.Pod)
	if !isPod || !both {
		return nil, nil
	}
	x := &corev1.Pod{ObjectMeta: p.ObjectMeta, Spec: p.Spec, Status: p.Status}
	y := &corev1.Pod{ObjectMeta: q.ObjectMeta, Spec: q.Spec, Status: q.Status}
	ZeroEqual(&x.ObjectMeta, &y.ObjectMeta)
	ZeroEqual(&x.Spec, &y.Spec)
	ZeroEqual(&x.Status, &y.Status)
	a, _ = Plain(x).(map[string]any)
	b, _ = Plain(y).(map[string]any)
	return a, b
}

// ZeroEqual zeroes the fields that are the same in two structs.
func ZeroEqual[T any](a, b *T) {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if f, g := x.Field(i), y.Field(i); reflect.DeepEqual(f.Interface(), g.Interface()) {
			f.SetZero()
			g.SetZero()
		}
	}
}

// ChangesOnlyStatus reports whether an object differs from another in its status, and in nothing else that a client
// writes.
func ChangesOnlyStatus(was, is metav1.Object) bool {
	if !reflect.DeepEqual(was.GetLabels(), is.GetLabels()) ||
		!reflect.DeepEqual(was.GetAnnotations(), is.GetAnnotations()) ||
		!reflect.DeepEqual(was.GetFinalizers(), is.GetFinalizers()) ||
		!reflect.DeepEqual(was.GetOwnerReferences(), is.GetOwnerReferences()) {
		return false
	}
	a, b := Contents(was, is)
	for _, parts := range []map[string]any{a, b} {
		for part := range parts {
			if part != "metadata" && part != "status" && !reflect.DeepEqual(a[part], b[part]) {
				return false
			}
		}
	}
	return !reflect.DeepEqual(a["status"], b["status"])
}

// ownsChange walks a set of fields as managedFields have it: f: a field, k: the element of a list with these keys, v:
// an element that is that value, i: the element at that index, and . what they are below.
func ownsChange(set map[string]any, was, is any) bool {
	for key, below := range set {
		kind, name, _ := strings.Cut(key, ":")
		var before, now any
		switch kind {
		case ".":
			before, now = was != nil, is != nil
		case "f":
			before, now = field(was, name), field(is, name)
		case "k":
			before, now = elementWith(was, name), elementWith(is, name)
		case "v":
			before, now = elementThatIs(was, name), elementThatIs(is, name)
		case "i":
			before, now = elementAt(was, name), elementAt(is, name)
		}
		if now == nil {
			continue
		}
		deeper, _ := below.(map[string]any)
		if len(deeper) == 0 && !reflect.DeepEqual(before, now) || len(deeper) > 0 && ownsChange(deeper, before, now) {
			return true
		}
	}
	return false
}

func field(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

// elementWith is the element of a list that has these keys, which are a JSON object.
func elementWith(list any, keys string) any {
	var want map[string]any
	if json.Unmarshal([]byte(keys), &want) != nil {
		return nil
	}
	all, _ := list.([]any)
	for _, x := range all {
		has := true
		for k, v := range want {
			// a protocol that is left out is TCP, and the numbers of JSON are no integers
			is := field(x, k)
			has = has && (fmt.Sprint(is) == fmt.Sprint(v) || is == nil && v == "TCP")
		}
		if has {
			return x
		}
	}
	return nil
}

// elementThatIs is the element of a list that is a value, which is JSON.
func elementThatIs(list any, value string) any {
	var want any
	if json.Unmarshal([]byte(value), &want) != nil {
		return nil
	}
	all, _ := list.([]any)
	for _, x := range all {
		if fmt.Sprint(x) == fmt.Sprint(want) {
			return x
		}
	}
	return nil
}

func elementAt(list any, index string) any {
	all, _ := list.([]any)
	var i int
	if _, err := fmt.Sscan(index, &i); err != nil || i < 0 || i >= len(all) {
		return nil
	}
	return all[i]
}
