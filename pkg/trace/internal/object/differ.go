package object

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Differ walks two values of the API, typed or as maps and lists, and reports where they differ, by paths such as
// spec.containers[app].image, with what they are there. They count as what they are in JSON, but are not converted to
// that, which takes longer, and what two revisions share is not looked at.
func Differ(path string, was, is reflect.Value, report func(path string, was, is reflect.Value)) {
	d := differences{at: []place{{key: path}}, report: report}
	d.between(was, is)
}

// differences is a walk along two values.
type differences struct {
	at     []place // the way to where it is
	report func(path string, was, is reflect.Value)
}

// place is a part of a path, which is spelled out only where something differs.
type place struct {
	key    string
	inList bool // it is that of an element of a list
}

func (d *differences) path() string {
	var path []byte
	for _, p := range d.at {
		switch {
		case p.inList:
			path = append(append(append(path, '['), p.key...), ']')
			continue
		case len(path) > 0:
			path = append(path, '.')
		}
		path = append(path, p.key...)
	}
	return string(path)
}

// below calls look at a place below.
func (d *differences) below(p place, look func()) {
	d.at = append(d.at, p)
	look()
	d.at = d.at[:len(d.at)-1]
}

func (d *differences) between(was, is reflect.Value) {
	if sameInJSON(was, is) {
		return
	}
	was, is = content(was), content(is)
	switch {
	case was.IsValid() && is.IsValid() && shareMemory(was, is):
	case was.Kind() == reflect.Struct && is.Kind() == reflect.Struct && was.Type() == is.Type():
		d.betweenFields(was, is)
	case hasKeys(was) && hasKeys(is):
		d.betweenMembers(membersOf(was), membersOf(is), is.Kind() == reflect.Slice)
	case !was.IsValid() && hasKeys(is) && (is.Kind() == reflect.Slice || collections[d.path()]):
		d.betweenMembers(nil, membersOf(is), is.Kind() == reflect.Slice)
	case !is.IsValid() && hasKeys(was) && collections[d.path()]:
		d.betweenMembers(membersOf(was), nil, false)
	case sameScalar(was, is), !was.IsValid() && hasKeys(is) && len(membersOf(is)) == 0:
	default:
		d.report(d.path(), was, is)
	}
}

// betweenFields compares two structs of one type, as betweenMembers does.
func (d *differences) betweenFields(was, is reflect.Value) {
	all := fieldsOf(is.Type())
	for i := range all {
		if now, there := all[i].of(is); there {
			before, known := all[i].of(was)
			if !known {
				before = reflect.Value{}
			}
			d.below(place{key: all[i].name}, func() { d.between(before, now) })
		}
	}
	for i := range all {
		if before, there := all[i].of(was); there {
			if _, still := all[i].of(is); !still {
				d.below(place{key: all[i].name}, func() { d.report(d.path(), content(before), reflect.Value{}) })
			}
		}
	}
}

// betweenMembers compares what is there now in the order of the keys, and then what is no longer there.
func (d *differences) betweenMembers(was, is map[string]reflect.Value, inList bool) {
	for _, k := range slices.Sorted(maps.Keys(is)) {
		d.below(place{k, inList}, func() { d.between(was[k], is[k]) })
	}
	for _, k := range slices.Sorted(maps.Keys(was)) {
		if _, still := is[k]; !still {
			d.below(place{k, inList}, func() { d.report(d.path(), content(was[k]), reflect.Value{}) })
		}
	}
}

// collections are maps whose entries count, where others are objects.
var collections = map[string]bool{"metadata.labels": true, "metadata.annotations": true, "spec.nodeSelector": true,
	"status.resources.limits": true, "status.resources.requests": true}

// sameInJSON reports whether two values that say themselves what they are in JSON are the same: that takes less than to
// ask them.
func sameInJSON(a, b reflect.Value) bool {
	return a.IsValid() && b.IsValid() && a.Type() == b.Type() && marshals(a.Type()) && equal(a, b)
}

// content is a value without what leads to it, and as JSON has it where it says that itself; of one that is null there,
// none.
func content(v reflect.Value) reflect.Value {
	for v.IsValid() {
		switch k := v.Kind(); {
		case (k == reflect.Pointer || k == reflect.Interface || k == reflect.Map || k == reflect.Slice) && v.IsNil():
			return reflect.Value{}
		case marshals(v.Type()), k == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
			v = reflect.ValueOf(marshaled(v.Interface()))
		case k == reflect.Pointer || k == reflect.Interface:
			v = v.Elem()
		default:
			return v
		}
	}
	return v
}

// hasKeys reports whether a value consists of others, which have keys: a list of named things is as good as a map, as
// the API has it when it merges them.
func hasKeys(v reflect.Value) bool {
	return v.Kind() == reflect.Struct || v.Kind() == reflect.Map || v.Kind() == reflect.Slice
}

// membersOf are the values of which a value consists, by their keys.
func membersOf(v reflect.Value) map[string]reflect.Value {
	all := map[string]reflect.Value{}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			if x, there := f.of(v); there {
				all[f.name] = x
			}
		}
	case reflect.Map:
		for key, x := range v.Seq2() {
			all[key.String()] = x
		}
	case reflect.Slice:
		for i := range v.Len() {
			all[elementKey(v.Index(i), i)] = v.Index(i)
		}
	}
	return all
}

// elementKey is the key of an element of a list: its name, if it has one, or else its index.
func elementKey(v reflect.Value, i int) string {
	v = content(v)
	for _, name := range []string{"mountPath", "name", "key", "containerPort"} {
		if x, there := member(v, name); there && plain(x) != "" {
			return fmt.Sprint(plain(x))
		}
	}
	return strconv.Itoa(i)
}

// member is what a struct or a map of the API has by a name, and whether it has that.
func member(v reflect.Value, name string) (x reflect.Value, there bool) {
	switch v.Kind() {
	case reflect.Map:
		key := strings.Clone(name) // which reflect keeps; else the name need not be allocated
		x = v.MapIndex(reflect.ValueOf(key).Convert(v.Type().Key()))
		return x, x.IsValid()
	case reflect.Struct:
		all := fieldsOf(v.Type())
		for i := range all {
			if all[i].name == name {
				return all[i].of(v)
			}
		}
	}
	return x, false
}

// sameScalar reports whether two values without members are the same in JSON.
func sameScalar(a, b reflect.Value) bool {
	switch {
	case a.Kind() == reflect.String && b.Kind() == reflect.String:
		return a.String() == b.String()
	case a.CanInt() && b.CanInt():
		return a.Int() == b.Int()
	case a.Kind() == reflect.Bool && b.Kind() == reflect.Bool:
		return a.Bool() == b.Bool()
	}
	return !hasKeys(a) && !hasKeys(b) && plain(a) == plain(b)
}
