package object

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	corev1 "k8s.io/api/core/v1"
)

// Of any two Pods, equal or not, it says what reflect.DeepEqual says; one field that differs is enough.
func TestEqual(t *testing.T) {
	for seed := range int64(100) {
		var p, q corev1.Pod
		fillPods(seed).Fill(&p)
		fillPods(seed).Fill(&q)
		if !Equal(&p, &q) || !Equal(&p, p.DeepCopy()) {
			t.Fatalf("seed %d: a Pod is not equal to a copy of it", seed)
		}
		fillPods(seed + 1).Fill(&q.Status)
		if got, want := Equal(&p, &q), reflect.DeepEqual(p, q); got != want {
			t.Fatalf("seed %d: %v where reflect says %v", seed, got, want)
		}
		v := reflect.ValueOf(&q.Spec).Elem()
		for i := range v.NumField() {
			q := p.DeepCopy()
			reflect.ValueOf(&q.Spec).Elem().Field(i).SetZero()
			if got, want := Equal(&p, q), reflect.DeepEqual(&p, q); got != want {
				t.Fatalf("seed %d, without spec.%s: %v where reflect says %v", seed, v.Type().Field(i).Name, got, want)
			}
		}
	}
	empty, none := corev1.Pod{}, corev1.Pod{}
	empty.Labels = map[string]string{}
	if Equal(&empty, &none) {
		t.Error("no labels, and an empty map of them, are not told apart, as reflect does")
	}
}

// What is equal in two is shared afterwards, and both say what they said.
func TestShareEqual(t *testing.T) {
	for seed := range int64(50) {
		var p corev1.Pod
		fillPods(seed).Fill(&p)
		q := p.DeepCopy()
		fillPods(seed + 1).Fill(&q.Spec.Containers)
		p0, q0 := p.DeepCopy(), q.DeepCopy()
		ShareEqual(&p.Spec, &q.Spec)
		if !reflect.DeepEqual(&p, p0) || !reflect.DeepEqual(q, q0) {
			t.Fatalf("seed %d: sharing has changed one", seed)
		}
		if len(p.Spec.Tolerations) > 0 && &p.Spec.Tolerations[0] != &q.Spec.Tolerations[0] {
			t.Fatalf("seed %d: equal tolerations are not shared", seed)
		}
	}
}

// Of two lists that differ, what is equal in their elements is shared; the lists stay two.
func TestShareElements(t *testing.T) {
	for seed := range int64(50) {
		was := make([]corev1.ContainerStatus, 2)
		for i := range was {
			fillPods(seed).Fill(&was[i])
		}
		p := corev1.PodStatus{ContainerStatuses: was}
		is := p.DeepCopy().ContainerStatuses
		is[0].RestartCount, is[0].Name = is[0].RestartCount+1, strings.Clone(is[0].Name)
		was0, is0 := p.DeepCopy().ContainerStatuses, slices.Clone(is)
		shared := ShareElements(is, was, nil)
		if !reflect.DeepEqual(was, was0) || !reflect.DeepEqual(is, is0) || !reflect.DeepEqual(shared, is0) {
			t.Fatalf("seed %d: sharing has changed one", seed)
		}
		a, b := &was[0], &shared[0]
		if a == b || is[0].User != nil && is[0].User == b.User {
			t.Fatalf("seed %d: lists that differ are one, or nothing is shared", seed)
		}
		if unsafe.StringData(a.Name) != unsafe.StringData(b.Name) || a.User != b.User {
			t.Fatalf("seed %d: an equal name, or user, is not shared", seed)
		}
		if again := ShareElements(was, was); &again[0] != &was[0] {
			t.Fatalf("seed %d: a list that is shared has been copied", seed)
		}
	}
}
