package object

import (
	"fmt"
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
	text   []byte  // of a path, for one function at a time
	report func(path string, was, is reflect.Value)
}

// place is a part of a path, which is spelled out only where something differs.
type place struct {
	key    string
	inList bool // it is that of an element of a list
}

// path is where it is. It is valid until it is asked for again.
func (d *differences) path() []byte {
	path := d.text[:0]
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
	d.text = path
	return path
}

// differ reports a difference at a place below.
func (d *differences) differ(p place, was, is reflect.Value) {
	d.at = append(d.at, p)
	d.report(string(d.path()), was, is)
	d.at = d.at[:len(d.at)-1]
}

// below looks at a place below.
func (d *differences) below(p place, was, is reflect.Value) {
	d.at = append(d.at, p)
	d.between(was, is)
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
	case !was.IsValid() && hasKeys(is) && (is.Kind() == reflect.Slice || collections[string(d.path())]):
		d.betweenMembers(nil, membersOf(is), is.Kind() == reflect.Slice)
	case !is.IsValid() && hasKeys(was) && collections[string(d.path())]:
		d.betweenMembers(membersOf(was), nil, false)
	case sameScalar(was, is), !was.IsValid() && hasKeys(is) && len(membersOf(is)) == 0:
	default:
		d.report(string(d.path()), was, is)
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
			d.below(place{key: all[i].name}, before, now)
		}
	}
	for i := range all {
		if before, there := all[i].of(was); there {
			if _, still := all[i].of(is); !still {
				d.differ(place{key: all[i].name}, content(before), reflect.Value{})
			}
		}
	}
}

// betweenMembers compares what is there now in the order of the keys, and then what is no longer there.
func (d *differences) betweenMembers(was, is []keyed, inList bool) {
	for _, x := range is {
		before, _ := valueAt(was, x.key)
		d.below(place{x.key, inList}, before, x.value)
	}
	for _, x := range was {
		if _, still := valueAt(is, x.key); !still {
			d.differ(place{x.key, inList}, content(x.value), reflect.Value{})
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

// keyed is a value of which another consists, with its key.
type keyed struct {
	key   string
	value reflect.Value
}

// valueAt is the value of a key among those that are sorted by it.
func valueAt(all []keyed, key string) (v reflect.Value, there bool) {
	i, there := slices.BinarySearchFunc(all, key, func(x keyed, key string) int { return strings.Compare(x.key, key) })
	if there {
		v = all[i].value
	}
	return v, there
}

// membersOf are the values of which a value consists, by their keys; of several of one key, the last.
func membersOf(v reflect.Value) (all []keyed) {
	switch v.Kind() {
	case reflect.Struct:
		fields := fieldsOf(v.Type())
		for i := range fields {
			if x, there := fields[i].of(v); there {
				all = append(all, keyed{fields[i].name, x})
			}
		}
		return all
	case reflect.Map:
		all = make([]keyed, 0, v.Len())
		for key, x := range v.Seq2() {
			all = append(all, keyed{key.String(), x})
		}
	case reflect.Slice:
		all = make([]keyed, 0, v.Len())
		for i := range v.Len() {
			all = append(all, keyed{elementKey(v.Index(i), i), v.Index(i)})
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	kept := all[:0]
	for i, x := range all {
		if i == len(all)-1 || all[i+1].key != x.key {
			kept = append(kept, x)
		}
	}
	return kept
}

// elementKey is the key of an element of a list: its name, if it has one, or else its index.
func elementKey(v reflect.Value, i int) string {
	v = content(v)
	for _, name := range []string{"mountPath", "name", "key", "containerPort"} {
		x, there := member(v, name)
		switch {
		case !there:
		case x.Kind() == reflect.String && x.Len() > 0 && !marshals(x.Type()):
			return x.String()
		case plain(x) != "":
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
