package apimap

// The permissions of which is asked whether you have them.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// permissions are those of the APIs that every map has.
func permissions(subject seq.Object) []Permission {
	ns, name := subject.Namespace, subject.Name
	all := []Permission{
		{Verb: "get", Path: "/version"},
		{Verb: "get", Path: "/readyz"},
		getLease("kube-system", "kube-controller-manager"),
		getLease("kube-system", "kube-scheduler"),
		listOf("discovery.k8s.io", "endpointslices", "default"),
	}
	if name == "" {
		return all
	}
	return append(all,
		Permission{Verb: "get", Resource: "pods", Namespace: ns, Name: name},
		Permission{Verb: "create", Resource: "pods/exec", Namespace: ns, Name: name},
		Permission{Verb: "create", Resource: "pods/attach", Namespace: ns, Name: name},
		Permission{Verb: "create", Resource: "pods/portforward", Namespace: ns, Name: name},
		Permission{Verb: "get", Resource: "pods/log", Namespace: ns, Name: name},
		listOf("discovery.k8s.io", "endpointslices", ns),
		listOf("networking.k8s.io", "ingresses", ns),
		listOf("gateway.networking.k8s.io", "httproutes", ns),
	)
}

func getLease(namespace, name string) Permission {
	return Permission{Verb: "get", Group: "coordination.k8s.io", Resource: "leases", Namespace: namespace, Name: name}
}

func listOf(group, resource, namespace string) Permission {
	return Permission{Verb: "list", Group: group, Resource: resource, Namespace: namespace}
}

func getProxy(node string) Permission {
	return Permission{Verb: "get", Resource: "nodes/proxy", Name: node}
}

func getMetrics(node string) Permission {
	return Permission{Verb: "get", Group: metricsGroup, Resource: "nodes", Name: node}
}

// webhookReviews ask for the permissions to the requests that the webhooks which are drawn are asked about.
func webhookReviews(s *Snapshot) (all []Question) {
	d := &deriver{Snapshot: s}
	d.readPod()
	var seen []Permission
	hooks := d.concerned()
	for _, w := range hooks[:min(len(hooks), mostExtensions)] {
		if p := d.guard(w); !slices.Contains(seen, p) {
			seen = append(seen, p)
			all = append(all, p.review())
		}
	}
	return all
}
