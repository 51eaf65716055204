package trace

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// shortly is a value that is one word, as a suffix.
func shortly(v any) string {
	switch v.(type) {
	case map[string]any, []any:
		return ""
	}
	if text := fmt.Sprint(v); len(text) <= 60 {
		return "=" + text
	}
	return ""
}

// differ walks two values and reports where they differ, by paths such as spec.containers[app].image.
func differ(path string, was, is any, report func(path string, was, is any)) {
	a, aMap := byKey(was)
	b, bMap := byKey(is)
	switch {
	case aMap && bMap:
		list := isList(is)
		for _, k := range slices.Sorted(maps.Keys(b)) {
			differ(join(path, k, list), a[k], b[k], report)
		}
		for _, k := range slices.Sorted(maps.Keys(a)) {
			if _, there := b[k]; !there {
				report(join(path, k, list), a[k], nil)
			}
		}
	case was == nil && bMap && (isList(is) || collections[path]):
		differ(path, map[string]any{}, is, report)
	case !reflect.DeepEqual(was, is) && !(was == nil && len(b) == 0 && bMap):
		report(path, was, is)
	}
}

// collections are maps whose entries count, where others are objects.
var collections = map[string]bool{"metadata.labels": true, "metadata.annotations": true, "spec.nodeSelector": true}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

func join(path, key string, list bool) string {
	switch {
	case list:
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// byKey sees a list of named things as a map, as the API does when it merges them.
func byKey(v any) (map[string]any, bool) {
	switch x := v.(type) {
	case map[string]any:
		return x, true
	case []any:
		out := map[string]any{}
		for i, e := range x {
			key := fmt.Sprint(i)
			if m, ok := e.(map[string]any); ok {
				for _, name := range []string{"mountPath", "name", "key", "containerPort"} {
					if n, ok := m[name]; ok {
						key = fmt.Sprint(n)
						break
					}
				}
			}
			out[key] = e
		}
		return out, true
	}
	return nil, false
}
