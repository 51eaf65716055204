package trace

// Rules of what runc does to start a container.

import (
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var ruleRunc = rule{
	Rule: seq.Rule{
		Name:    "runc",
		Trigger: "StartContainer",
		Proves: "the runtime starts a container by runc create, then runc start, both within StartContainer; CRI-O creates " +
			"it within CreateContainer",
		Gist: "runc create prepares the container, runc start runs its program.",
		Explain: "The runtime runs runc twice: create makes namespaces, cgroup and root file system, with a process that " +
			"waits; start lets that process become the container's program. runc ends each time; it is no daemon.",
		Doc: docs + "setup/production-environment/container-runtimes/",
	},
	to: seq.Runc, kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveRunc,
	reads:  changes | actions | lives,
}

const crio seq.Participant = "cri-o"

// runcStarts and programBegins are the shares of containerd's StartContainer after which runc start, and the program,
// usually begin: what takes longest is runc create.
const (
	runcStarts    = 0.78
	programBegins = 0.88
)

func deriveRunc(s *story, emit func(graph.Claim)) {
	for _, r := range s.starts() {
		create, start := r.step, r.step
		create.Key, create.From, create.To, create.Label, create.Detail = "runc:create:"+
			r.call, s.runtime, s.ociRuntime(), "create", seq.Brief
		start.Key, start.From, start.To, start.Label, start.Detail = "runc:start:"+
			r.call, s.runtime, s.ociRuntime(), "start", seq.Normal
		within := r.call
		if s.runtime == crio { // CreateContainer in its server/container_create.go: read, not run
			within = criKey("CreateContainer", create.Container, r.attempt)
		} else {
			start.Best = r.after(runcStarts)
		}
		emit(graph.Claim{Step: create, Follows: []seq.Key{within}, Lag: 2 * time.Millisecond})
		emit(graph.Claim{Step: start, Follows: []seq.Key{r.call, create.Key}})
	}
}

var ruleRuncFailed = rule{
	Rule: seq.Rule{
		Name:    "runc-failed",
		Trigger: "Event Failed",
		Proves:  "the error that the kubelet passes on is runc's",
		Gist:    "runc could not make the container: its program never began.",
		Explain: "runc could not make the container or start its program, and says why; no process of the container ever " +
			"ran.",
		Doc: docs + "tasks/debug/debug-application/debug-pods/",
	},
	kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveRuncFailed,
	reads:  changes | actions,
}

// deriveRuncFailed is runc's part in a StartContainer that failed, where the error names it; of CRI-O, in a
// CreateContainer (CreateContainer in its internal/oci/runtime_oci.go: read, not run).
func deriveRuncFailed(s *story, emit func(graph.Claim)) {
	for _, a := range s.workerEvents {
		by := seq.Runc
		switch {
		case a.action == startFailed && strings.Contains(a.event.Message, "runc create failed"):
		case s.runtime == crio && a.action == createFailed && strings.Contains(a.event.Message, "container create failed"):
			by = s.ociRuntime()
		default:
			continue
		}
		step := seq.Step{Key: "runc:create:" + a.call, Call: "runc:create:" + a.call, From: s.runtime, To: by,
			Label: "create", Container: a.container, Object: s.object, Node: s.node, ClockOf: seq.Kubelet,
			Evidence: []seq.Evidence{a.evidence()}}
		end := step.Reply("create fails")
		end.Failed = true
		emit(graph.Claim{Step: step, Follows: []seq.Key{a.call}})
		emit(graph.Claim{Step: end, Follows: []seq.Key{step.Key}})
	}
}

var ruleExec = rule{
	Rule: seq.Rule{
		Name:    "exec",
		Trigger: "StartContainer",
		Proves:  "the runtime answers StartContainer once the container's process runs",
		Gist:    "The program begins, as process 1 of its own namespaces.",
		Explain: "The container's program begins, as process 1 of its own namespaces.",
		Doc:     docs + "concepts/containers/",
	},
	from: seq.Runc, kind: seq.RequestKind, instant: seq.AtStart, label: "exec the container's program",
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveExec,
	reads:  changes | actions | lives,
}

func deriveExec(s *story, emit func(graph.Claim)) {
	for _, r := range s.starts() {
		step := r.step
		step.Key, step.From, step.To = "runc:exec:"+r.call, s.ociRuntime(), seq.Container(step.Container)
		if s.runtime != crio {
			step.Best = r.after(programBegins)
		}
		emit(graph.Claim{Step: step, Follows: []seq.Key{"runc:start:" + r.call}})
	}
}
