package trace

// Rules of a command run in a container, as spans tell of it.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var ruleExecSpan = rule{
	Rule: seq.Rule{
		Name:    "exec-span",
		Trigger: "the kubelet's span of a request to its own server",
		Proves:  "the kubelet timed the request itself",
		Gist:    "The kubelet is a server, too: for exec, logs and port-forward.",
		Explain: "The kubelet serves exec, attach, port-forward and logs itself, at port 10250 of its node. The API server " +
			"is its client there, and passes on what it gets.",
		Doc:    docs + "reference/networking/ports-and-protocols/",
		Source: "k8s.io/kubernetes/pkg/kubelet/server/server.go getExec",
	},
	from: seq.APIServer, to: seq.Kubelet, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	derive: deriveExecSpan,
}

// deriveExecSpan is the kubelet's part in a command, by its own span.
func deriveExecSpan(s *story, emit func(graph.Claim)) {
	for _, x := range s.execRecords {
		step := s.execStep(x.execCall, x.key("kubelet"), "exec "+x.Exec.Container+": "+x.Exec.CommandLine(),
			[]seq.Evidence{x.server.Evidence()})
		step.ClockOf = seq.Kubelet
		step.Window, step.Best = s.startOf(x.server)
		step.Sharp, step.Precision = true, spanPrecision
		emit(graph.Claim{Step: step, Follows: []seq.Key{callKey(x.Request)}})
	}
}

var ruleProcessSpan = rule{
	Rule: seq.Rule{
		Name:    "process-span",
		Trigger: "the runtime's spans of a process",
		Proves:  "the runtime timed its call to the shim, which runs runc, and how long it waited for the process",
		Gist:    "The shim of the container runs runc once more, for this process.",
		Explain: "The shim that keeps the container runs runc once more, which starts one more process in it. The " +
			"runtime then waits for the exit of that process.",
		Doc:    docs + "setup/production-environment/container-runtimes/",
		Source: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/process/exec.go runtime.Exec",
	},
	to: seq.Runc, kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveProcessSpan,
}

// deriveProcessSpan is the runtime's.
func deriveProcessSpan(s *story, emit func(graph.Claim)) {
	for _, x := range s.execRecords {
		if x.start == nil || x.runc == nil {
			continue
		}
		exec := s.execStep(x.execCall, "runc:exec:"+x.execCall.criKey(), "exec", []seq.Evidence{x.runc.Evidence()})
		exec.From, exec.To, exec.ClockOf = s.runtime, s.ociRuntime(), seq.Kubelet
		exec.Window, exec.Best = s.startOf(x.runc)
		exec.Sharp, exec.Precision = true, spanPrecision
		emit(graph.Claim{Step: exec, Follows: []seq.Key{x.execCall.criKey().End()}})
		begins := s.execStep(x.execCall, x.key("begins"), "", []seq.Evidence{x.runc.Evidence()})
		begins.From, begins.To, begins.ClockOf = exec.To, seq.Container(x.Exec.Container), seq.Kubelet
		_, begins.Window.Latest = s.endOf(x.runc)
		begins.Certainty = seq.Inferred
		emit(graph.Claim{Step: begins, Follows: []seq.Key{exec.Key}})
		if x.wait == nil || x.Exec.ExitCode == nil {
			continue
		}
		exit := s.execStep(x.execCall, x.key("exit"), x.exitLabel(), []seq.Evidence{x.wait.Evidence()})
		exit.From, exit.To, exit.ClockOf = seq.Container(x.Exec.Container), seq.Container(x.Exec.Container), seq.Kubelet
		_, exit.Best = s.endOf(x.wait)
		exit.Window.Latest, exit.Sharp, exit.Precision = exit.Best, true, time.Millisecond
		emit(graph.Claim{Step: exit, Follows: []seq.Key{x.key("begins")}})
	}
}
