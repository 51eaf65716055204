package render_test

import (
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Of Pods on two nodes each picture says which is where: lifelines of each node's own, and names that are not cut short
// to one.
func TestNodesAreToldApart(t *testing.T) {
	s := scenario.Named(t, "two-nodes")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	r.Pods = "all"
	for format, want := range map[string][]string{
		"mermaid": {"as kubelet on node1", "as kubelet on node2", "as containerd on node1", "as containerd on node2",
			") node node1", ") node node2"}, // a box each
		"html":    {"kubelet on node1", "kubelet on node2"},
		"listing": {"seq-cluster-worker1 ", "seq-cluster-worker2 "},
	} {
		if format == "listing" {
			for i := range r.Members {
				r.Members[i].Node = strings.Replace(r.Members[i].Node, "node", "seq-cluster-worker", 1)
			}
		}
		var b strings.Builder
		if err := render.Formats[format].Write(&b, r, render.Style{Width: 120, Detail: seq.Normal}); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q", format, w)
			}
		}
		for i := range r.Members {
			r.Members[i].Node = strings.Replace(r.Members[i].Node, "seq-cluster-worker", "node", 1)
		}
	}
}
