package object

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// Two Pods differ where the same two in JSON do.
func TestDiffer(t *testing.T) {
	found := 0
	for seed := range int64(200) {
		var p, other corev1.Pod
		fillPods(seed).Fill(&p)
		fillPods(seed + 1).Fill(&other)
		q := p.DeepCopy()
		for i, parts := range [][2]any{{&q.ObjectMeta, &other.ObjectMeta}, {&q.Spec, &other.Spec},
			{&q.Status, &other.Status}} {
			into, from := reflect.ValueOf(parts[0]).Elem(), reflect.ValueOf(parts[1]).Elem()
			for k := i; k < into.NumField(); k += 3 {
				into.Field(k).Set(from.Field(k))
			}
		}
		list := func(was, is any) (all []string) {
			Differ("", reflect.ValueOf(was), reflect.ValueOf(is), func(path string, was, is reflect.Value) {
				all = append(all, fmt.Sprintf("%s: %#v, %#v", path, plain(was), plain(is)))
			})
			return all
		}
		typed, plain := list(&p, q), list(Plain(&p), Plain(q))
		if d := cmp.Diff(plain, typed); d != "" {
			t.Fatalf("seed %d (-plain +typed):\n%s", seed, d)
		}
		found += len(typed)
	}
	if found < 1000 {
		t.Errorf("only %d differences", found)
	}
}
