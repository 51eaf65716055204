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
		Explain: "If the dependents of an object are to be deleted first, or to stay, the API server only marks " +
			"the object, with a finalizer. The garbage collector handles the dependents, then removes the " +
			"finalizer. An object is removed with its last finalizer.",
		Doc:    docs + "concepts/architecture/garbage-collection/#cascading-deletion",
		Source: "k8s.io/kubernetes/pkg/controller/garbagecollector/garbagecollector.go processDeletingDependentsItem",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	perWrite: deriveCollectorWrite,
}

// deriveCollectorWrite is what the garbage collector changes before it lets an object go.
func deriveCollectorWrite(s *story, w *write, emit func(graph.Claim)) {
	controllerWrite(s, w, w.byCollector(), emit)
}
