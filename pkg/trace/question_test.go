package trace_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Where a Pod waits for its first container, its node is asked which runtime that will be, so that one listing has one
// name for it.
func TestRuntimeHasOneName(t *testing.T) {
	s := scenario.Named(t, "missing-configmap")
	fold := func(more ...seq.Observation) map[seq.Participant]bool {
		names := map[seq.Participant]bool{}
		for _, x := range scenario.Fold(s.Subject, append(slices.Clone(s.Observations), more...)).Steps() {
			if x.From == seq.Kubelet && x.Kind == seq.RequestKind && x.To != seq.APIServer {
				names[x.To] = true
			}
		}
		return names
	}
	if names := fold(); len(names) != 1 || !names[seq.Runtime] {
		t.Fatalf("the kubelet calls %v before anything says what its runtime is", names)
	}
	tr := scenario.Fold(s.Subject, s.Observations)
	ask := seq.Question{Kind: "node", Node: "node1"}
	if !slices.Contains(tr.Questions(), ask) {
		t.Errorf("asks %v", tr.Questions())
	}
	node := seq.Observation{Received: tr.Now().Add(time.Second), Node: &seq.Node{Name: "node1", Runtime: "cri-o"}}
	if names := fold(node); len(names) != 1 || !names["cri-o"] {
		t.Errorf("the kubelet calls %v, and its node says cri-o", names)
	}
	tr.Observe(node)
	if slices.Contains(tr.Questions(), ask) {
		t.Error("what was answered is asked again")
	}
	for _, name := range []string{"plain", "show"} { // whose containers say it
		s := scenario.Named(t, name)
		if tr := scenario.Fold(s.Subject, s.Observations); slices.ContainsFunc(tr.Questions(),
			func(q seq.Question) bool { return q.Kind == "node" }) {
			t.Errorf("%s: asks %v", name, tr.Questions())
		}
	}
}

// What one kubelet renewed says nothing of the kubelet of another node.
func TestEachNodeHasItsLease(t *testing.T) {
	s := scenario.Named(t, "kubelet-stopped")
	want, held := scenario.Fold(s.Subject, s.Observations).Obstacle()
	i := slices.IndexFunc(s.Observations, func(o seq.Observation) bool { return o.Lease != nil })
	if !held || i < 0 {
		t.Fatalf("%+v, lease %d", want, i)
	}
	other := s.Observations[i]
	other.Lease = &seq.Lease{Node: "node2", Renewed: other.Lease.Renewed.Add(time.Second), Seconds: other.Lease.Seconds}
	got, _ := scenario.Fold(s.Subject, append(slices.Clone(s.Observations), other)).Obstacle()
	if got.Message != want.Message {
		t.Errorf("%q, and after a lease of another node: %q", want.Message, got.Message)
	}
}
