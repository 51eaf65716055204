package trace

// Rules of a command that is run in a container.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// execStep is a message about the command in its container.
func (s *story) execStep(x execCall, key seq.Key, label string, evidence []seq.Evidence) seq.Step {
	return seq.Step{Key: key, Label: label, Container: x.Exec.Container, Object: s.object, Node: s.node,
		ClockOf: seq.Kubectl, Evidence: evidence}
}

var ruleOwnExec = rule{
	Rule: seq.Rule{
		Name:    "own-exec",
		Trigger: "our own request for pods/exec",
		Proves:  "we sent it and read the answer",
		Gist:    "A request that becomes streams on its connection: no object.",
		Explain: "The client asks for the subresource exec of the Pod, and for its connection to be upgraded: to " +
			"a WebSocket, or to SPDY with older servers. What follows on it is no longer HTTP: standard input, " +
			"output, errors and the exit status are streams on one connection. No object is written, so no watch " +
			"shows any of it.",
		Doc:    docs + "tasks/debug/debug-application/get-shell-running-container/",
		Source: "k8s.io/kubectl/pkg/cmd/exec/exec.go createExecutor",
	},
	from: seq.Kubectl, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	derive: deriveOwnExec,
}

func deriveOwnExec(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		request := s.requestStep(verbs[x.Method], "exec")
		request.Key, request.Call, request.ClockOf = callKey(x.Request), callKey(x.Request), seq.Kubectl
		request.Container, request.Node = x.Exec.Container, s.node
		request.Label = x.Method + " pods/exec (" + s.object.Name + ") " + x.Exec.Container + ": " +
			strings.Join(x.Exec.Command, " ")
		request.SetInstant(x.Sent, instant.OurPrecision)
		request.Evidence = []seq.Evidence{x.Evidence()}
		if x.Method == "POST" { // it is not known when its connection was ready
			request.Window.Latest, request.Sharp = x.FirstByte, false
			request.Evidence[0].Text += "; the connection's set-up is part of it"
		}
		for _, c := range s.records.calls {
			if c.id == x.ID {
				request.Evidence = append(request.Evidence, c.evidence()...)
			}
		}
		emit(graph.Claim{Step: request})
		s.emitAnswer(x.Request, request, emit)
	}
}

var ruleExecKubelet = rule{
	Rule: seq.Rule{
		Name:    "exec-kubelet",
		Trigger: "the command's output or exit status",
		Proves: "only the kubelet of the Pod's node reaches the container's runtime, and the API server passes the streams " +
			"on",
		Gist: "The API server calls the kubelet: one of few calls that way round.",
		Explain: "The API server looks up the node of the Pod and opens a connection to its kubelet, port 10250, on " +
			"which it " +
			"passes the streams on. Nearly everywhere else it is the kubelet that calls.",
		Doc:    docs + "concepts/architecture/control-plane-node-communication/#apiserver-to-kubelet",
		Source: "k8s.io/kubernetes/pkg/registry/core/pod/strategy.go ExecLocation",
	},
	from: seq.APIServer, to: seq.Kubelet, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveExecKubelet,
}

func deriveExecKubelet(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		by, evidence := x.startEvidence()
		if by.IsZero() {
			continue
		}
		step := s.execStep(x, x.key("kubelet"), "exec "+x.Exec.Container+": "+x.Exec.CommandLine(), evidence)
		step.Window.Latest = by
		emit(graph.Claim{Step: step, Follows: []seq.Key{callKey(x.Request)}, Lag: kubeletLag})
	}
}

var ruleExecCRI = rule{
	Rule: seq.Rule{
		Name:    "exec-cri",
		Trigger: "the command's output or exit status",
		Proves:  "the kubelet has the runtime run a command by the CRI's Exec, which answers with the address of the streams",
		Gist:    "The runtime answers with an address where the streams begin.",
		Explain: "The kubelet asks the runtime by the CRI's Exec. The answer is only an address: the kubelet then connects " +
			"the streams to it, and the command starts once they are.",
		Doc:    docs + "concepts/containers/cri/",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go GetExec",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveExecCRI,
}

func deriveExecCRI(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		by, evidence := x.startEvidence()
		if by.IsZero() {
			continue
		}
		start := graph.Claim{Step: s.execStep(x, "", "Exec "+x.Exec.Container, evidence),
			Follows: []seq.Key{x.key("kubelet")},
			Lag:     criLag}
		end := graph.Claim{Step: seq.Step{Evidence: evidence, Window: seq.Window{Latest: by}, ClockOf: seq.Kubectl},
			Lag: criLag}
		s.emitCall("Exec", x.Exec.Container, x.number, start, end, emit)
	}
}

var ruleExecRunc = rule{
	Rule: seq.Rule{
		Name:    "exec-runc",
		Trigger: "the command's output or exit status",
		Proves:  "what has written or ended has begun; runc starts every process of a container",
		Gist:    "A second process joins the namespaces of the container.",
		Explain: "runc starts the command in the namespaces and the cgroup of the container, next to its first " +
			"process. It is no child of that process, but shares its file system, network and limits.",
		Doc:    docs + "tasks/debug/debug-application/get-shell-running-container/",
		Source: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/process/exec.go runtime.Exec",
	},
	kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveExecRunc,
}

func deriveExecRunc(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		by, evidence := x.startEvidence()
		if by.IsZero() {
			continue
		}
		exec := s.execStep(x, "runc:exec:"+x.criKey(), "exec", evidence)
		exec.From, exec.To, exec.Window.Latest = s.runtime, s.ociRuntime(), by
		exec.Best = x.FirstByte.Add(criLag) // the kubelet switches protocols before it connects the streams
		failed := x.Exec.Error != "" && x.Exec.Output.IsZero()
		if failed && !strings.Contains(x.Exec.Error, failedInRunc) {
			continue
		}
		if failed {
			exec.Call = exec.Key
			end := exec.Reply("exec fails")
			emit(graph.Claim{Step: exec, Follows: []seq.Key{x.criKey().End()}, Lag: criLag})
			emit(graph.Claim{Step: end, Follows: []seq.Key{exec.Key}, Lag: runcLag})
			continue
		}
		begins := s.execStep(x, x.key("begins"), "begins: "+x.Exec.CommandLine(), evidence)
		begins.From, begins.To, begins.Window.Latest = exec.To, seq.Container(x.Exec.Container), by
		emit(graph.Claim{Step: exec, Follows: []seq.Key{x.criKey().End()}, Lag: criLag})
		emit(graph.Claim{Step: begins, Follows: []seq.Key{exec.Key}, Lag: runcLag})
	}
}

// What an exec takes, usually; measured on one machine.
const (
	kubeletLag = 3 * time.Millisecond
	criLag     = 2 * time.Millisecond
	runcLag    = 40 * time.Millisecond
	statusLag  = 2 * time.Millisecond
)

var ruleExecOutput = rule{
	Rule: seq.Rule{
		Name:    "exec-output",
		Trigger: "the first bytes on a stream",
		Proves:  "we read it",
		Gist:    "Output comes back through runtime, kubelet and API server.",
		Explain: "The output of the command comes back through runtime, kubelet and API server. Nobody stores it, " +
			"and kubectl logs does not have it.",
		Doc:    docs + "tasks/debug/debug-application/get-shell-running-container/",
		Source: "k8s.io/kubernetes/pkg/kubelet/server/server.go getExec",
	},
	from: seq.APIServer, to: seq.Kubectl, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveExecOutput,
}

func deriveExecOutput(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		if x.Exec.Output.IsZero() {
			continue
		}
		step := s.execStep(x, x.key("output"), "the first of the command's output",
			[]seq.Evidence{{Source: "http", Text: "the first bytes on a stream of our connection", At: x.Exec.Output}})
		step.SetInstant(x.Exec.Output, instant.OurPrecision)
		emit(graph.Claim{Step: step, Follows: []seq.Key{x.key("begins"), callKey(x.Request).End()}})
	}
}

var ruleExecExit = rule{
	Rule: seq.Rule{
		Name:    "exec-exit",
		Trigger: "the exit status on the last stream",
		Proves:  "the exit status that the runtime waited for",
		Gist:    "The command exited. The container runs while its process 1 does.",
		Explain: "The command exited. That ends no container: only the exit of its first process does.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
		Source:  "github.com/containerd/containerd/v2/internal/cri/server/events.go handleContainerExit",
	},
	kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveExecExit,
}

func deriveExecExit(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		if x.Exec.ExitCode == nil {
			continue
		}
		step := s.execStep(x, x.key("exit"), x.exitLabel(), []seq.Evidence{x.status()})
		step.From, step.To = seq.Container(x.Exec.Container), seq.Container(x.Exec.Container)
		step.Failed = *x.Exec.ExitCode != 0
		step.Window.Latest, step.Best = x.Exec.Ended, x.Exec.Ended.Add(-statusLag)
		emit(graph.Claim{Step: step, Follows: []seq.Key{x.key("begins")}})
	}
}

var ruleExecStatus = rule{
	Rule: seq.Rule{
		Name:    "exec-status",
		Trigger: "the exit status on the last stream",
		Proves:  "we read it",
		Gist:    "The exit status comes on a stream of its own; then all close.",
		Explain: "The exit status of the command comes as a Status object on a stream of its own, after which the " +
			"connection " +
			"is closed. kubectl exits with that code.",
		Doc:    docs + "reference/kubectl/generated/kubectl_exec/",
		Source: "k8s.io/client-go/tools/remotecommand/v4.go errorDecoderV4",
	},
	from: seq.APIServer, to: seq.Kubectl, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Observed, detail: seq.Brief,
	derive: deriveExecStatus,
}

func deriveExecStatus(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs((*seq.Request).Acts) {
		if x.Exec.Ended.IsZero() {
			continue
		}
		step := s.execStep(x, x.key("status"), "", nil)
		if step.Evidence = []seq.Evidence{{Source: "http", Text: "the end of the streams: " + x.Exec.Error,
			At: x.Exec.Ended}}; x.Exec.ExitCode != nil {
			step.Evidence[0] = x.status()
		}
		step.Label, step.Failed = x.outcome(), x.Exec.ExitCode == nil && x.Exec.Error != ""
		step.SetInstant(x.Exec.Ended, instant.OurPrecision)
		emit(graph.Claim{Step: step,
			Follows: []seq.Key{x.key("exit"), x.key("output"), "runc:exec:" + x.criKey().End(),
				callKey(x.Request).End()}})
	}
}

var ruleProcess = rule{
	Rule: seq.Rule{
		Name:    "process",
		Trigger: "a command of ours that reads /proc in the container",
		Proves:  "it was in the container's /proc when we looked",
		Gist:    "The container lives as long as its first process.",
		Explain: "The first process of a container has number 1 in its PID namespace, unless the Pod shares one " +
			"(shareProcessNamespace, hostPID). From inside the namespace, process 1 gets no signal that it has no " +
			"handler for. When it exits, the kernel kills all others of the namespace.",
		Doc:    docs + "concepts/containers/",
		Source: "github.com/opencontainers/runc/libcontainer/standard_init_linux.go linux.Exec",
	},
	kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveProcess,
}

// deriveProcess are those that a command of ours found in the container. It was there itself, and is left out.
func deriveProcess(s *story, emit func(graph.Claim)) {
	for _, x := range s.execs(func(q *seq.Request) bool { return !q.Acts() }) {
		for _, p := range x.Exec.Processes {
			step := s.execStep(x, x.key(fmt.Sprint("process:", p.PID)), fmt.Sprintf("process %d: %s", p.PID, p.Command),
				[]seq.Evidence{{Source: "http", Text: fmt.Sprintf("/proc/%d in the container", p.PID), At: x.Exec.Ended}})
			step.From, step.To = seq.Container(x.Exec.Container), seq.Container(x.Exec.Container)
			step.Window, step.Best = seq.Window{Earliest: x.Sent, Latest: x.Exec.Ended}, x.Exec.Ended
			emit(graph.Claim{Step: step, Follows: []seq.Key{x.key("begins")}})
		}
	}
}

// endsBefore are the commands that had ended when a life of their container did: its first process is the last to go,
// since the kernel ends the others of its namespace with it, unless the Pod's containers, or the node, share theirs.
func (s *story) endsBefore(r life) (keys []seq.Key) {
	if s.sharesProcesses() {
		return nil
	}
	for _, x := range s.execs((*seq.Request).Acts) {
		if x.Exec.Container == r.container && s.attemptWhen(x.Request) == r.attempt {
			keys = append(keys, x.key("exit"))
		}
	}
	return keys
}

// attemptWhen is which life of its container a command was run in, as far as the status had told when it was sent.
func (s *story) attemptWhen(q *seq.Request) int {
	life := -1
	for _, w := range s.revisions {
		if c := object.StatusOf(w.pod, q.Exec.Container); c != nil && c.State.Running != nil && !w.received.After(q.Sent) {
			life = int(c.RestartCount)
		}
	}
	return life
}

// unlisted says why the processes of a container could not be looked at.
func (s *story) unlisted() (words []string) {
	for _, x := range s.execs(func(q *seq.Request) bool {
		return !q.Acts() &&
			(q.Exec.Error != "" || q.ExecFailure() == "")
	}) {
		e := x.Exec
		if e.Ended.IsZero() || len(e.Processes) > 0 {
			continue
		}
		word := "the processes of container " + e.Container + ": " + cmp.Or(e.Error, "no shell in it lists them")
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}
