//go:build e2e

package e2e

import (
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// On several nodes, the records of each are evidence at once: no call of any kubelet is only inferred.
func TestTwoNodes(t *testing.T) {
	nodes, err := client(t).Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	workers := slices.DeleteFunc(nodes.Items, func(n corev1.Node) bool { return len(n.Spec.Taints) > 0 })
	if len(workers) < 2 {
		t.Skip("Pods can go to one node only (hack/cluster up --nodes=2 has two)")
	}
	file := filepath.Join("..", "..", "pkg", "trace", "testdata", "workloads", "two-nodes.yaml")
	out, errOut, code := runSeq(t, append([]string{"create", "-f", file, "--rm", "-o", "json"}, withRecords...)...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	d := parse(t, out)
	sandboxes := map[string]int{}
	for _, s := range d.steps {
		if cri(s) == "" || s.Kind != "request" {
			continue
		}
		if s.Certainty != "observed" {
			t.Errorf("%v is only inferred, on %s", s, s.Node)
		}
		if cri(s) == "RunPodSandbox" {
			sandboxes[s.Node]++
		}
	}
	for _, n := range workers[:2] {
		if sandboxes[n.Name] == 0 {
			t.Errorf("no sandbox on %s: %v", n.Name, sandboxes)
		}
	}
}
