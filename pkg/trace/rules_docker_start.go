package trace

// Rules of what an engine, containerd and runc do to start a container.

import (
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

func containerdKey(call string) seq.Key { return seq.Key("containerd:" + call) }

// containerdCalls are what the engine asks of containerd to start a container, in order, and the event of each.
var containerdCalls = []struct{ call, topic string }{
	{"Containers.Create", "/containers/create"}, {"Tasks.Create", "/tasks/create"}, {"Tasks.Start", "/tasks/start"},
}

// containerdCall emits what the engine asks of containerd: the call, and that it was done.
func (s *story) containerdCall(call string, end seq.Step, after []seq.Key, emit func(graph.Claim)) {
	request := seq.Step{Key: containerdKey(call), Call: containerdKey(call), From: seq.Engine, To: seq.Containerd,
		Label: call, Object: s.object, ClockOf: seq.Engine, Detail: end.Detail, Evidence: end.Evidence}
	request.Window.Latest = end.Window.Latest
	emit(graph.Claim{Step: request, Follows: after, Lag: criLag})
	answer := request.Reply(call + " returns")
	answer.Window, answer.Best, answer.Sharp, answer.Precision = end.Window, end.Best, end.Sharp, end.Precision
	answer.Certainty, answer.Detail = end.Certainty, seq.Normal
	emit(graph.Claim{Step: answer, Follows: append(slices.Clone(runcWithin[call]), request.Key), Lag: criLag})
}

// runcWithin is what runc does before a call of the engine returns.
var runcWithin = map[string][]seq.Key{"Tasks.Create": {"runc:create"}, "Tasks.Start": {"runc:start", "docker:program"}}

var ruleDockerContainerd = rule{
	Rule: seq.Rule{
		Name:    "docker-containerd",
		Trigger: "that the container has been started",
		Proves:  "the daemon starts nothing itself: containerd does, by these three calls",
		Gist:    "The daemon hands the container to containerd when it starts it.",
		Explain: "The daemon keeps images, networks and volumes, but runs nothing. When a container starts, it has " +
			"containerd create the container and a task, the running part of it, and then start that.",
		Doc:    "https://github.com/containerd/containerd/blob/main/docs/getting-started.md",
		Source: "github.com/docker/docker/daemon/start.go NewTask",
	},
	of: ofEngines, from: seq.Engine, to: seq.Containerd, kind: seq.RequestKind,
	instant: seq.AtEnd, certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveDockerContainerd,
}

func deriveDockerContainerd(s *story, emit func(graph.Claim)) {
	by, evidence := s.startedBy()
	if by.IsZero() && s.refusedByRunc() == nil {
		return
	}
	after := s.afterAsking("start")
	for _, c := range containerdCalls {
		end := seq.Step{Evidence: evidence, Window: seq.Window{Latest: by}}
		if q := s.refusedByRunc(); q != nil && by.IsZero() {
			if c.call == "Tasks.Start" {
				return
			}
			end.Evidence, end.Window.Latest = []seq.Evidence{refusedEvidence(q)}, q.FirstByte
		}
		s.containerdCall(c.call, end, after, emit)
		after = []seq.Key{containerdKey(c.call).End()}
	}
}

func refusedEvidence(q *seq.Request) seq.Evidence {
	return seq.Evidence{Source: "http", Text: "the engine's answer is an error of the OCI runtime", At: q.FirstByte}
}

var ruleContainerdEvent = rule{
	Rule: seq.Rule{
		Name:    "containerd-event",
		Trigger: "an event of containerd",
		Proves:  "containerd noted that it has done so, with nanoseconds",
		Gist:    "containerd has events of its own, in a namespace of the engine.",
		Explain: "containerd publishes an event when it has done what it was asked for. Docker's are in the namespace " +
			"moby, " +
			"those of a kubelet's runtime in k8s.io.",
		Doc:    "https://github.com/containerd/containerd/blob/main/docs/namespaces.md",
		Source: "github.com/docker/docker/libcontainerd/remote/client.go processEventStream",
	},
	of: ofEngines, from: seq.Engine, to: seq.Containerd, kind: seq.RequestKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveContainerdEvent,
}

func deriveContainerdEvent(s *story, emit func(graph.Claim)) {
	after := s.afterAsking("start")
	for _, c := range containerdCalls {
		if e := s.containerdEventOf(c.topic); e != nil {
			end := seq.Step{Evidence: []seq.Evidence{e.evidence()}}
			s.setEngineInstant(&end, e.at)
			s.containerdCall(c.call, end, after, emit)
			after = []seq.Key{containerdKey(c.call).End()}
		}
	}
	after = append(s.afterAsking("start"), "docker:exit", "docker:exit-told", containerdKey("Tasks.Create").End())
	for _, c := range []struct{ call, topic string }{{"Tasks.Delete", "/tasks/delete"},
		{"Containers.Delete", "/containers/delete"}} {
		if e := s.containerdEventOf(c.topic); e != nil {
			end := seq.Step{Evidence: []seq.Evidence{e.evidence()}, Detail: seq.Normal}
			s.setEngineInstant(&end, e.at)
			s.containerdCall(c.call, end, after, emit)
			after = append(slices.Clone(after), containerdKey(c.call).End())
		}
	}
}

// theRuntime is who makes containers for containerd, as the engine says.
func (s *story) theRuntime() seq.Participant {
	for _, q := range s.requests {
		if q.Docker != nil && q.Docker.Runtime != "" {
			return seq.Participant(q.Docker.Runtime)
		}
	}
	return seq.Runc
}

var ruleDockerRunc = rule{
	Rule: seq.Rule{
		Name:    "docker-runc",
		Trigger: "that the task has been created and started",
		Proves:  "containerd's shim runs the OCI runtime that the container names, once to create and once to start",
		Gist:    "runc create makes the container, runc start runs its program.",
		Explain: "A shim of containerd runs runc twice: create sets up namespaces, cgroup and root file system with a " +
			"process that waits, start lets that process become the container's program. runc itself ends; the shim " +
			"stays and holds the container.",
		Doc:    "https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#lifecycle",
		Source: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/process/init.go runtime.Create",
	},
	of: ofEngines, from: seq.Containerd, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveDockerRunc,
}

func deriveDockerRunc(s *story, emit func(graph.Claim)) {
	by, evidence := s.startedBy()
	refused := s.refusedByRunc()
	if by.IsZero() && refused == nil {
		return
	}
	create := seq.Step{Key: "runc:create", To: s.theRuntime(), Label: "create", Object: s.object, Container: s.object.Name,
		ClockOf: seq.Engine, Evidence: evidence}
	create.Window.Latest = by
	if e := s.containerdEventOf("/tasks/create"); e != nil { // which is published when runc has done it
		create.Window.Latest, create.Evidence = e.at, []seq.Evidence{e.evidence()}
	}
	if refused != nil {
		create.Label, create.Window.Latest = "create fails", refused.FirstByte
		create.Evidence = []seq.Evidence{refusedEvidence(refused)}
	}
	emit(graph.Claim{Step: create, Follows: []seq.Key{containerdKey("Tasks.Create")}, Lag: runcLag})
	if refused != nil {
		return
	}
	start := create
	start.Key, start.Label, start.Window.Latest, start.Evidence = "runc:start", "start", by, evidence
	if e := s.containerdEventOf("/tasks/start"); e != nil {
		start.Window.Latest, start.Evidence = e.at, []seq.Evidence{e.evidence()}
	}
	emit(graph.Claim{Step: start, Follows: []seq.Key{create.Key, containerdKey("Tasks.Start")}, Lag: criLag})
}

// refusedByRunc is our request to start the container where the OCI runtime could not make it, or nil.
func (s *story) refusedByRunc() *seq.Request {
	if q := s.lastEngineRequest("start"); q != nil && q.Status >= 400 && strings.Contains(q.Message, "OCI runtime") {
		return q
	}
	return nil
}

var ruleDockerProgram = rule{
	Rule: seq.Rule{
		Name:    "docker-program",
		Trigger: "that the task has been started",
		Proves:  "runc's start has done its work only when the process has become the program",
		Gist:    "The waiting process becomes the program: process 1.",
		Explain: "The process that runc left waiting executes the container's program, which so becomes process 1 in its " +
			"namespaces.",
		Doc:    dockerDocs + "engine/containers/run/",
		Source: "github.com/opencontainers/runc/libcontainer/standard_init_linux.go linux.Exec",
	},
	of: ofEngines, kind: seq.RequestKind, instant: seq.AtStart, label: "exec the container's program",
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveDockerProgram,
}

func deriveDockerProgram(s *story, emit func(graph.Claim)) {
	by, evidence := s.startedBy()
	if by.IsZero() {
		return
	}
	x := seq.Step{Key: "docker:program", From: s.theRuntime(), To: s.containerLane(), Object: s.object,
		Container: s.object.Name,
		ClockOf:   seq.Engine, Evidence: evidence}
	x.Window.Latest = by
	if e := s.containerdEventOf("/tasks/start"); e != nil {
		x.Window.Latest, x.Evidence = e.at, []seq.Evidence{e.evidence()}
	}
	if q := s.lastEngineRequest("attach"); q != nil && !q.Docker.Output.IsZero() { // what has written runs
		x.Window.Latest = instant.Sooner(x.Window.Latest, q.Docker.Output)
	}
	emit(graph.Claim{Step: x, Follows: []seq.Key{"runc:start"}, Lag: criLag})
}
