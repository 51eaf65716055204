package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// OwnsChange reports whether a managedFields entry of an object owns something that the object has otherwise than it
// had before: whoever sets a field owns it from then on. What was taken away nobody owns.
func OwnsChange(e *metav1.ManagedFieldsEntry, was, is metav1.Object) bool {
	return ownsChange(Fields(*e), valueOf(was), valueOf(is))
}

func valueOf(m metav1.Object) reflect.Value {
	if u, ok := m.(*unstructured.Unstructured); ok {
		return reflect.ValueOf(u.Object)
	}
	return reflect.ValueOf(m).Elem()
}

// ShareEqual has a struct share with another the texts, lists, maps and pointers that are equal in both. What shares
// memory is known to be equal without a look at all of it.
func ShareEqual[T any](was, is *T) {
	shareEqual(reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem())
}

func shareEqual(was, is reflect.Value) {
	for i := range is.NumField() {
		f := is.Field(i)
		if !f.CanSet() {
			continue
		}
		switch f.Kind() {
		case reflect.Struct:
			shareEqual(was.Field(i), f)
		case reflect.String, reflect.Slice, reflect.Map, reflect.Pointer:
			if equalOfType(was.Field(i), f) {
				f.Set(was.Field(i))
			}
		}
	}
}

// ShareElements is a list of structs that share with those at the same place of other lists what is equal in both, and
// nothing more than needed. A list that is itself shared with the first of the others is returned as it is.
func ShareElements[T any](is []T, others ...[]T) []T {
	if len(is) == 0 || len(others[0]) > 0 && &is[0] == &others[0][0] {
		return is
	}
	is = slices.Clone(is)
	for _, was := range others {
		for i := range min(len(is), len(was)) {
			ShareEqual(&was[i], &is[i])
		}
	}
	return is
}

// ChangesOnlyStatus reports whether an object differs from another in its status, and in nothing else that a client
// writes.
func ChangesOnlyStatus(was, is metav1.Object) bool {
	if !maps.Equal(was.GetLabels(), is.GetLabels()) || !maps.Equal(was.GetAnnotations(), is.GetAnnotations()) ||
		!slices.Equal(was.GetFinalizers(), is.GetFinalizers()) ||
		!reflect.DeepEqual(was.GetOwnerReferences(), is.GetOwnerReferences()) {
		return false
	}
	if p, isPod := was.(*corev1.Pod); isPod {
		q, both := is.(*corev1.Pod)
		return both && Equal(&p.Spec, &q.Spec) && !Equal(&p.Status, &q.Status)
	}
	x, isOther := was.(*unstructured.Unstructured)
	y, both := is.(*unstructured.Unstructured)
	if !isOther || !both {
		return false
	}
	a, b := x.Object, y.Object
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
func ownsChange(set []byte, was, is reflect.Value) bool {
	for key, below := range members(set) {
		kind, rest, _ := bytes.Cut(key, []byte(":"))
		name := string(rest)
		var before, now reflect.Value
		switch string(kind) {
		case ".":
			if is.IsValid() && !was.IsValid() {
				return true
			}
		case "f":
			before, now = setMember(was, name), setMember(is, name)
		case "k":
			before, now = elementWith(was, name), elementWith(is, name)
		case "v":
			before, now = elementThatIs(was, name), elementThatIs(is, name)
		case "i":
			before, now = elementAt(was, name), elementAt(is, name)
		}
		switch {
		case !now.IsValid() || shareMemory(before, now):
		case hasMembers(below):
			if ownsChange(below, before, now) {
				return true
			}
		case !before.IsValid() ||
			!equal(before, now) && !equality.Semantic.DeepEqual(before.Interface(), now.Interface()):
			return true
		}
	}
	return false
}

// shareMemory reports whether two values are the same, not only equal.
func shareMemory(a, b reflect.Value) bool {
	if !a.IsValid() || a.Type() != b.Type() || a.Kind() != reflect.Slice && a.Kind() != reflect.Map {
		return false
	}
	return a.Len() == b.Len() && a.UnsafePointer() == b.UnsafePointer()
}

// present is a value without what leads to it; of one that is not set, none.
func present(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.IsValid() && v.IsZero() && v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v
}

// setMember is what a struct or a map of the API has by that name in JSON, if it is set.
func setMember(v reflect.Value, name string) reflect.Value {
	x, _ := member(v, name)
	return present(x)
}

// elements are those of a list.
func elements(list reflect.Value) iter.Seq[reflect.Value] {
	return func(yield func(reflect.Value) bool) {
		for i := 0; list.Kind() == reflect.Slice && i < list.Len(); i++ {
			if !yield(present(list.Index(i))) {
				return
			}
		}
	}
}

// elementWith is the element of a list that has these keys, which are a JSON object.
func elementWith(list reflect.Value, keys string) reflect.Value {
	if key, value, ok := soleKey(keys); ok { // most are so
		for x := range elements(list) {
			if is := setMember(x, key); is.Kind() == reflect.String && is.String() == value {
				return x
			}
		}
		return reflect.Value{}
	}
	var want map[string]any
	if json.Unmarshal([]byte(keys), &want) != nil {
		return reflect.Value{}
	}
	for x := range elements(list) {
		has := true
		for k, v := range want {
			// a protocol that is left out is TCP, and the numbers of JSON are no integers
			is := setMember(x, k)
			has = has && (is.IsValid() && fmt.Sprint(is.Interface()) == fmt.Sprint(v) || !is.IsValid() && v == "TCP")
		}
		if has {
			return x
		}
	}
	return reflect.Value{}
}

// soleKey reads keys such as {"name":"app"}, with one plain string.
func soleKey(keys string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(strings.TrimPrefix(keys, `{"`), `":"`)
	value, closed := strings.CutSuffix(value, `"}`)
	return key, value, ok && closed && !strings.ContainsAny(key+value, `"\`)
}

// elementThatIs is the element of a list that is a value, which is JSON.
func elementThatIs(list reflect.Value, value string) reflect.Value {
	var want any
	if json.Unmarshal([]byte(value), &want) != nil {
		return reflect.Value{}
	}
	for x := range elements(list) {
		if x.IsValid() && fmt.Sprint(x.Interface()) == fmt.Sprint(want) {
			return x
		}
	}
	return reflect.Value{}
}

func elementAt(list reflect.Value, index string) reflect.Value {
	i, err := strconv.Atoi(index)
	if err != nil || list.Kind() != reflect.Slice || i < 0 || i >= list.Len() {
		return reflect.Value{}
	}
	return present(list.Index(i))
}
