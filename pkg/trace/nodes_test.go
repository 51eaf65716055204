package trace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Two controllers may have one account, and the controller manager is all of them: the audit log's word contradicts
// nobody there, and a write keeps the more special name.
func TestControllersOfOneAccount(t *testing.T) {
	s := scenario.Named(t, "node-lost")
	tr := scenario.Fold(s.Subject, s.Observations)
	if denied := tr.Run().Denied; len(denied) > 0 {
		t.Errorf("contradicted: %q", denied)
	}
	for label, who := range map[string]seq.Participant{
		"PATCH pods/status: DisruptionTarget (DeletionByTaintManager)": seq.Controller("taint-eviction"),
		"PUT pods/status: not Ready":                                   seq.Controller("node-lifecycle"),
	} {
		i := slices.IndexFunc(tr.Steps(), func(x *seq.Step) bool { return x.Label == label })
		if i < 0 || tr.Steps()[i].From != who || tr.Steps()[i].Certainty != seq.Observed {
			t.Errorf("%s: not by %s", label, who)
		}
	}
}

// Who evicted a Pod is what the audit log has, also where no grace is left and the eviction makes three revisions.
func TestDrainIsOfWhoDrains(t *testing.T) {
	s := scenario.Named(t, "drained")
	refused, evicted := 0, 0
	for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
		switch {
		case x.Subresource != "eviction" || x.Kind != seq.RequestKind:
		case x.From != "user kubernetes-admin":
			t.Errorf("%s by %s", x.Label, x.From)
		case x.ResourceVersion == "":
			refused++
		default:
			evicted++
		}
	}
	if refused != 3 || evicted != 1 {
		t.Errorf("%d refused and %d granted, of 3 and 1", refused, evicted)
	}
}

// Of a workload on two nodes each node's own records are joined: all its calls are observed.
func TestRecordsOfTwoNodes(t *testing.T) {
	s := scenario.Named(t, "two-nodes")
	observed := map[string]int{}
	for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
		if x.From == seq.Kubelet && x.To == seq.Containerd && x.Kind == seq.RequestKind && x.Certainty == seq.Observed &&
			len(x.Evidence) > 0 {
			observed[x.Node]++
		}
	}
	if observed["node1"] < 3 || observed["node1"] != observed["node2"] {
		t.Errorf("observed calls by node: %v", observed)
	}
}

// Each node has a clock of its own. One that is off moves nothing of the other node, places nothing wrongly, and is
// said with the node's name.
func TestEachNodeHasItsClock(t *testing.T) {
	s := scenario.Named(t, "two-nodes")
	var truth, off []seq.Observation
	for _, o := range s.Observations {
		if o.Span != nil || o.Audit != nil {
			continue
		}
		truth = append(truth, o)
		if o.Event != nil && o.Event.Event.Source.Host == "node2" {
			o = shift(o, 3*time.Second)
		}
		off = append(off, o)
	}
	want, got := scenario.Fold(s.Subject, truth), scenario.Fold(s.Subject, off)
	contradicted(t, s.Name, want.Steps(), got.Steps())
	offsets := map[string]time.Duration{}
	for _, c := range got.Run().Clocks {
		if c.Of == seq.Kubelet {
			offsets[c.Node] = c.Offset.Round(time.Second)
		}
	}
	if len(offsets) != 2 || offsets["node1"] != 0 || offsets["node2"] != 3*time.Second {
		t.Errorf("the clocks of the kubelets: %v", offsets)
	}
	var listing strings.Builder
	if err := render.Formats["listing"].Write(&listing, scenario.Report(got), render.Style{Width: 200}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(listing.String(), "The clock of the kubelet of node2 is ") {
		t.Errorf("the listing does not name the node:\n%s", &listing)
	}
}
