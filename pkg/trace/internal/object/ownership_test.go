package object

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Who owns what changed is found by every kind of path that managedFields have, in typed objects and in others.
func TestOwnsChange(t *testing.T) {
	const was = `{"metadata":{"name":"web","labels":{"a":"1","gone":"x"},"finalizers":["keep"]},
		"spec":{"containers":[{"name":"app","image":"old","args":["x"],"ports":[{"containerPort":80,"protocol":"TCP"}]}]},
		"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"Initialized","status":"True"}]}}`
	const is = `{"metadata":{"name":"web","labels":{"a":"2","b":"1"},"finalizers":["keep","hold"]},
		"spec":{"containers":[{"name":"app","image":"new","args":["x"],
			"ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":81,"protocol":"TCP"}]}]},
		"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Initialized","status":"True"}]}}`
	for fields, want := range map[string]bool{
		`{"f:metadata":{"f:labels":{"f:a":{}}}}`:                                         true,  // changed
		`{"f:metadata":{"f:labels":{"f:b":{}}}}`:                                         true,  // added
		`{"f:metadata":{"f:labels":{".":{}}}}`:                                           false, // they were there
		`{"f:metadata":{"f:labels":{"f:gone":{}}}}`:                                      false, // taken away
		`{"f:metadata":{"f:name":{}}}`:                                                   false,
		`{"f:metadata":{"f:finalizers":{"v:\"hold\"":{}}}}`:                              true,
		`{"f:metadata":{"f:finalizers":{"v:\"keep\"":{}}}}`:                              false,
		`{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:image":{}}}}}`:            true,
		`{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:args":{},"f:name":{}}}}}`: false,
		`{"f:spec":{"f:containers":{"k:{\"name\":\"other\"}":{"f:image":{}}}}}`:          false,
		`{"f:spec":{"f:containers":{"i:0":{"f:image":{}}}}}`:                             true,
		`{"f:spec":{"f:containers":{"i:1":{"f:image":{}}}}}`:                             false,
		`{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:ports":{"k:{\"containerPort\":81,\"protocol\":\"TCP\"}":{".":{}}}}}}}`: true,
		`{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{}}}}}}}`: false,
		`{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{"f:status":{}}}}}`:                                                    true,
		`{"f:status":{"f:conditions":{"k:{\"type\":\"Initialized\"}":{"f:status":{}}}}}`:                                              false,
		`{"f:status":{"f:conditions":{"k:{":{"f:status":{}}}},"x":1,"v:{":{}}`:                                                        false,
		`[]`: false,
	} {
		entry := &metav1.ManagedFieldsEntry{FieldsV1: metav1.NewFieldsV1(fields)}
		var a, b corev1.Pod
		var u, v unstructured.Unstructured
		for text, into := range map[string][2]any{was: {&a, &u.Object}, is: {&b, &v.Object}} {
			for _, x := range into {
				if err := json.Unmarshal([]byte(text), x); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := OwnsChange(entry, &a, &b); got != want {
			t.Errorf("%s of a Pod: %v", fields, got)
		}
		if got := OwnsChange(entry, &u, &v); got != want {
			t.Errorf("%s of another object: %v", fields, got)
		}
	}
}

// A write of the status alone is told from one of anything else.
func TestChangesOnlyStatus(t *testing.T) {
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "1"}, ResourceVersion: "1"}}
		change(p)
		return p
	}
	was := pod(func(*corev1.Pod) {})
	for name, c := range map[string]struct {
		is   *corev1.Pod
		only bool
	}{
		"nothing":            {pod(func(p *corev1.Pod) { p.ResourceVersion = "2" }), false},
		"status":             {pod(func(p *corev1.Pod) { p.Status.Phase = "Running" }), true},
		"label":              {pod(func(p *corev1.Pod) { p.Labels = nil }), false},
		"label, with status": {pod(func(p *corev1.Pod) { p.Labels, p.Status.Phase = nil, "Running" }), false},
		"spec":               {pod(func(p *corev1.Pod) { p.Spec.NodeName = "x" }), false},
	} {
		if got := ChangesOnlyStatus(was, c.is); got != c.only {
			t.Errorf("%s: %v", name, got)
		}
	}
}
