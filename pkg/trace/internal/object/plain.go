package object

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Plain is a value of one of the API's types as maps, lists, strings, numbers and booleans, by the names that JSON has
// for them; what is not set and may be left out is. apimachinery's converter says the same, but takes 10 ms to learn
// the types of a Pod, at the moment at which a run has most to show.
func Plain(v any) any { return plain(reflect.ValueOf(v)) }

func plain(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	if marshals(v.Type()) && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		return marshaled(v.Interface())
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		if v.IsNil() {
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return plain(v.Elem())
	case reflect.Struct:
		all := fieldsOf(v.Type())
		out := map[string]any{}
		for i := range all {
			if x, there := all[i].of(v); there {
				out[all[i].name] = plain(x)
			}
		}
		return out
	case reflect.Map:
		out := make(map[string]any, v.Len())
		for key, value := range v.Seq2() {
			out[key.String()] = plain(value)
		}
		return out
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return marshaled(v.Interface())
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i))
		}
		return out
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return nil
}

// marshalers are the types that have been met, and whether they say themselves what they are in JSON.
var marshalers sync.Map

func marshals(t reflect.Type) bool {
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Pointer {
		return false
	}
	is, ok := marshalers.Load(t)
	if !ok {
		is = t.Implements(reflect.TypeFor[json.Marshaler]())
		marshalers.Store(t, is)
	}
	return is.(bool)
}

// field is one of a struct, by the name that JSON has for it.
type field struct {
	name      string
	index     []int
	omitEmpty bool
}

// of is the field of a struct, and whether JSON has it.
func (f *field) of(v reflect.Value) (x reflect.Value, there bool) {
	x = v.FieldByIndex(f.index)
	return x, !(f.omitEmpty && isEmpty(x))
}

// structFields are those of the structs that have been met.
var structFields sync.Map

// fieldsOf are the fields of a struct and of those that it consists of, by name.
func fieldsOf(t reflect.Type) []field {
	if all, ok := structFields.Load(t); ok {
		return all.([]field)
	}
	all := appendFields(nil, t, nil)
	slices.SortFunc(all, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	structFields.Store(t, all)
	return all
}

func appendFields(all []field, t reflect.Type, above []int) []field {
	for i := range t.NumField() {
		index := append(slices.Clip(above), i)
		switch name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name {
		case "-":
		case "":
			all = appendFields(all, t.Field(i).Type, index)
		default:
			all = append(all, field{name, index, strings.Contains(options, "omitempty")})
		}
	}
	return all
}

// isEmpty reports whether omitempty leaves a value out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func marshaled(v any) (out any) {
	b, err := json.Marshal(v)
	if err != nil || json.Unmarshal(b, &out) != nil {
		return nil
	}
	if n, ok := out.(float64); ok { // of an IntOrString
		return int64(n)
	}
	return out
}
