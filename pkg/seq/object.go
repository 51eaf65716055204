package seq

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// KindContainer is the kind of a subject that a Docker Engine runs.
const KindContainer = "Container"

// Object names an API object. UID is empty until it is known.
type Object struct {
	Kind      string `json:"kind"`                // such as Pod
	Namespace string `json:"namespace,omitempty"` // empty for what has none
	Name      string `json:"name"`                // as in metadata
	UID       string `json:"uid,omitempty"`       // as in metadata; empty until it is known
}

// String is the kind, and the name as kubectl has it.
func (o Object) String() string {
	return o.Kind + " " + strings.TrimPrefix(o.Namespace+"/"+o.Name, "/")
}

// Same reports whether two names are of one object, as far as uids are known.
func (o Object) Same(p Object) bool {
	return o.Kind == p.Kind && o.Namespace == p.Namespace && o.Name == p.Name &&
		(o.UID == "" || p.UID == "" || o.UID == p.UID)
}

// ObjectOf names an object. One without a kind of its own is a Pod.
func ObjectOf(m metav1.Object) Object {
	kind := "Pod"
	if u, ok := m.(*unstructured.Unstructured); ok {
		kind = u.GetKind()
	}
	return Object{kind, m.GetNamespace(), m.GetName(), string(m.GetUID())}
}
