package trace

import (
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// list is a list of objects at a path.
func list(u *unstructured.Unstructured, path ...string) (all []map[string]any) {
	found, _, _ := unstructured.NestedFieldNoCopy(u.Object, path...)
	items, _ := found.([]any)
	for _, x := range items {
		if m, ok := x.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func client(manager string) seq.Participant {
	if p, ok := components[manager]; ok {
		return p
	}
	return seq.Participant(manager)
}

func fields(e metav1.ManagedFieldsEntry) []byte {
	if e.FieldsV1 == nil {
		return nil
	}
	return e.FieldsV1.GetRawBytes()
}

// components are the names under which Kubernetes' own components write Events and managedFields.
var components = map[string]seq.Participant{
	"kubelet":                 seq.Kubelet,
	"default-scheduler":       seq.Scheduler,
	"kube-scheduler":          seq.Scheduler,
	"kube-controller-manager": seq.ControllerManager,
}
