package trace

// The rule of what the garbage collector changes before it lets an object go.

import (
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var ruleCollectorWrite = rule{
	Rule: seq.Rule{
		Name:    "collector-write",
		Trigger: "a finalizer of the garbage collector is gone, or a reference to an owner that leaves its objects behind",
		Proves:  "only the garbage collector takes these away, unless somebody does so by hand; the audit log names it",
		Gist:    "The garbage collector has done its part, and lets the object go.",
		Explain: "Where what an object owns is to go first, or to stay, the API server only marks the object, with a " +
			"finalizer. The garbage collector sees to what it owns, then takes the finalizer away: with the last one " +
			"the object goes.",
		Doc: docs + "concepts/architecture/garbage-collection/#cascading-deletion",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	perWrite: deriveCollectorWrite,
}

// deriveCollectorWrite is what the garbage collector changes before it lets an object go.
func deriveCollectorWrite(s *story, w *write, emit func(graph.Claim)) {
	controllerWrite(s, w, w.byCollector(), emit)
}
