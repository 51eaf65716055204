package object

import (
	"encoding/json"
	"reflect"
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
		out := map[string]any{}
		addFields(out, v)
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

// addFields adds the fields of a struct, and those of the structs that it consists of.
func addFields(out map[string]any, v reflect.Value) {
	for i, field := range fieldsOf(v.Type()) {
		switch f := v.Field(i); {
		case field.name == "-" || field.omitEmpty && isEmpty(f):
		case field.name == "":
			addFields(out, f)
		default:
			out[field.name] = plain(f)
		}
	}
}

// fieldName is what JSON has a field of a struct under, if at all.
type fieldName struct {
	name      string // nothing of a struct whose fields are there themselves
	omitEmpty bool
}

// fieldNames are those of the structs that have been met.
var fieldNames sync.Map

func fieldsOf(t reflect.Type) []fieldName {
	if all, ok := fieldNames.Load(t); ok {
		return all.([]fieldName)
	}
	all := make([]fieldName, t.NumField())
	for i := range all {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all[i] = fieldName{name, strings.Contains(options, "omitempty")}
	}
	fieldNames.Store(t, all)
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
