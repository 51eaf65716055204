package object

import (
	"maps"
	"reflect"
)

// Equal reports whether two values of the API are the same all the way down, as reflect.DeepEqual says it. That
// remembers what it has met, for what leads back to itself; objects of the API are trees, and what two revisions share
// need not be looked at.
func Equal[T any](a, b *T) bool { return equal(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()) }

func equal(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	return a.Type() == b.Type() && equalOfType(a, b)
}

// equalOfType compares two values of one type, as most are by where they stand.
func equalOfType(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.String:
		return a.String() == b.String()
	case reflect.Pointer:
		return a.UnsafePointer() == b.UnsafePointer() || !a.IsNil() && !b.IsNil() && equalOfType(a.Elem(), b.Elem())
	case reflect.Interface:
		return equal(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !equalOfType(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		n := a.Len()
		if n != b.Len() || a.IsNil() != b.IsNil() {
			return false
		}
		for i := 0; i < n && a.UnsafePointer() != b.UnsafePointer(); i++ {
			if !equalOfType(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		return equalMaps(a, b)
	}
	return a.Equal(b)
}

func equalMaps(a, b reflect.Value) bool {
	if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
		return false
	}
	if a.UnsafePointer() == b.UnsafePointer() {
		return true
	}
	if x, ok := reflect.TypeAssert[map[string]string](a); ok {
		y, _ := reflect.TypeAssert[map[string]string](b)
		return maps.Equal(x, y)
	}
	for key, value := range a.Seq2() {
		if other := b.MapIndex(key); !other.IsValid() || !equal(value, other) {
			return false
		}
	}
	return true
}
