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
		Gist: "runc create leaves a process that waits; runc start releases it.",
		Explain: "The runtime runs runc twice. create joins the network of the Pod, makes the container's other " +
			"namespaces, its cgroup below the Pod's and its root file system, and leaves a process that waits. " +
			"start releases that process, which becomes the container's program. runc exits each time; it is no " +
			"daemon.",
		Doc:    docs + "setup/production-environment/container-runtimes/",
		Source: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/process/init.go runtime.Create",
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
		Gist:    "runc could not create the container: its program never began.",
		Explain: "runc could not create the container or start its program, and reports why. The container's " +
			"program never ran.",
		Doc:    docs + "tasks/debug/debug-application/debug-pods/",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go FailedToStartContainer",
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
		Gist:    "The waiting process becomes the container's program.",
		Explain: "The waiting process becomes the container's program: number 1 of its PID namespace, unless the " +
			"Pod shares one (shareProcessNamespace, hostPID).",
		Doc:    docs + "concepts/containers/",
		Source: "github.com/opencontainers/runc/libcontainer/standard_init_linux.go linux.Exec",
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
