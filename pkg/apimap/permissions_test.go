package apimap_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// Who may do what the map shows with these objects only may do it: the reviews have their names, and the verbs of the
// commands beside them.
func TestReviewsAreOfWhatTheCommandsDo(t *testing.T) {
	lease := func(name string) string {
		return `{"metadata": {"name": "` + name + `"}, "spec": {"holderIdentity": "n1_x"}}`
	}
	const leases = "/apis/coordination.k8s.io/v1/namespaces/"
	s := snapshotOf(podOf("", `, "containers": [{"name": "app"}]`, running("app")), map[string]string{
		leases + "kube-system/leases/kube-scheduler": lease("kube-scheduler"),
		leases + "kube-node-lease/leases/n1":         lease("n1"),
		"/api/v1/nodes/n1": `{"metadata": {"name": "n1"}, "status": {"addresses": [{"type": "InternalIP",
			"address": "192.0.2.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}}`,
		"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=" +
			"kubernetes.io%2Fservice-name%3Dkubernetes": itemsOf(
			`{"endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 6443}]}`),
		slicesPath:                             itemsOf(sliceOf("web", `{"port": 53, "protocol": "UDP"}`, "")),
		"/api/v1/namespaces/shop/services/web": `{"spec": {"ports": [{"port": 53}]}}`,
		"/apis/networking.k8s.io/v1/namespaces/shop/ingresses?limit=500": itemsOf(`{"metadata": {"name": "i", "namespace": "shop"},
			"spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 53}}}}}`),
		"/apis/apiregistration.k8s.io/v1/apiservices?limit=500": itemsOf(`{"metadata": {"name": "m"},
			"spec": {"group": "metrics.k8s.io", "version": "v1", "service": {"name": "metrics", "namespace": "m"}}}`),
	})
	allowed := []string{"get leases kube-scheduler", "get leases n1", "get nodes/proxy n1", "list endpointslices ",
		"list ingresses ", "get nodes n1"}
	for _, q := range slices.Concat(apimap.First(s.Subject), apimap.Then(s)) {
		if p := q.Permission; p != nil {
			answer := q.Answer(201, nil, nil)
			answer.Error = ""
			answer.Body, _ = json.Marshal(map[string]any{"status": map[string]any{
				"allowed": slices.Contains(allowed, p.Verb+" "+p.Resource+" "+p.Name)}})
			s.Answers = append(s.Answers, answer)
		}
	}
	m := apimap.Derive(s)
	for _, x := range [][3]string{{"scheduler", "apiserver", "renews"}, {"kubelet", "apiserver", "renews"},
		{"apiserver", "kubelet", "metrics"}, {"service default/kubernetes", "apiserver", ""},
		{"service shop/web", "container/app", ""}, {"ingress shop/i", "service shop/web", ""},
		{"service m/metrics", "kubelet", "resource metrics"}} {
		all := found(m, x[0], x[1], x[2])
		if len(all) != 1 || all[0].You.Allowed != apimap.Allowed {
			t.Errorf("%v: %+v", x, all)
			continue
		}
		verb, _, _ := strings.Cut(all[0].You.Permission, " ")
		command := all[0].Try.Command
		if lists := strings.Contains(command, " -l ") || strings.HasSuffix(command, "s -n shop"); lists != (verb == "list") {
			t.Errorf("%v: %s is allowed, and tried by %s", x, all[0].You.Permission, all[0].Try.Command)
		}
	}
}
