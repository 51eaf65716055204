package main

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// Kinds that controllers make of others, or that take part where they are there.
var (
	replicaSets = watch.Kind{GroupVersionResource: schema.GroupVersionResource{Group: "apps", Version: "v1",
		Resource: "replicasets"}, Namespaced: true}
	jobs = watch.Kind{GroupVersionResource: schema.GroupVersionResource{Group: "batch", Version: "v1",
		Resource: "jobs"}, Namespaced: true}
	endpointSlices = watch.Kind{GroupVersionResource: schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1",
		Resource: "endpointslices"}, Namespaced: true, Any: true}
	claims = watch.Kind{GroupVersionResource: schema.GroupVersionResource{Version: "v1",
		Resource: "persistentvolumeclaims"}, Namespaced: true, Any: true}
	volumes = watch.Kind{GroupVersionResource: schema.GroupVersionResource{Version: "v1",
		Resource: "persistentvolumes"}, Any: true}
)

// brings are the kinds to follow beside an object's own and Pods.
var brings = map[string][]watch.Kind{
	"Deployment":            {replicaSets, endpointSlices},
	"ReplicaSet":            {endpointSlices},
	"ReplicationController": {endpointSlices},
	"StatefulSet":           {endpointSlices},
	"DaemonSet":             {endpointSlices},
	"Pod":                   {endpointSlices},
	"Service":               {endpointSlices},
	"CronJob":               {jobs},
	"PersistentVolumeClaim": {volumes},
}

// follow adds an object, and what may come of it, to the scope.
func (o *followOptions) follow(k watch.Kind, u *unstructured.Unstructured) {
	o.scope.Prefixes = append(o.scope.Prefixes, u.GetName())
	add := func(k watch.Kind) {
		if k == watch.Pods {
			return // they are followed anyway
		}
		if !slices.ContainsFunc(o.scope.Kinds,
			func(x watch.Kind) bool { return x.GroupVersionResource == k.GroupVersionResource }) {
			o.scope.Kinds = append(o.scope.Kinds, k)
		}
	}
	add(k)
	for _, x := range brings[u.GetKind()] {
		add(x)
	}
	if mentions(u.Object, "persistentVolumeClaim") || mentions(u.Object, "volumeClaimTemplates") {
		add(claims)
		add(volumes)
	}
}

// mentions reports whether a field of that name is anywhere in an object.
func mentions(v any, field string) bool {
	switch x := v.(type) {
	case map[string]any:
		for k, below := range x {
			if k == field || mentions(below, field) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(x, func(e any) bool { return mentions(e, field) })
	}
	return false
}
