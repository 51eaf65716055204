package trace

// Rules of what a container of an engine writes, and of its end.

import (
	"fmt"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

var ruleDockerOutput = rule{
	Rule: seq.Rule{
		Name:    "docker-output",
		Trigger: "the first bytes of an attached stream",
		Proves:  "we read it",
		Gist:    "Output comes by shim and daemon, which keeps it for docker logs.",
		Explain: "What the program writes goes through pipes of the shim to the daemon, which keeps it by its logging " +
			"driver " +
			"and passes it on to whoever is attached.",
		Doc:    dockerDocs + "reference/cli/docker/container/attach/",
		Source: "github.com/docker/docker/daemon/logs.go StartLogger",
	},
	of: ofEngines, from: seq.Engine, to: seq.User, kind: seq.DeliveryKind, instant: seq.AtEnd,
	label: "the first of the container's output", certainty: seq.Observed, detail: seq.Normal,
	derive: deriveDockerOutput,
}

func deriveDockerOutput(s *story, emit func(graph.Claim)) {
	q := s.lastEngineRequest("attach")
	if q == nil || q.Docker.Output.IsZero() {
		return
	}
	x := seq.Step{Key: "docker:output", Object: s.object, ClockOf: seq.User,
		Evidence: []seq.Evidence{{Source: "http", Text: "the first bytes on the connection that is attached",
			At: q.Docker.Output}}}
	x.SetInstant(q.Docker.Output, instant.OurPrecision)
	emit(graph.Claim{Step: x, Follows: []seq.Key{"docker:program", callKey(q).End()}})
}

var ruleDockerExit = rule{
	Rule: seq.Rule{
		Name:    "docker-exit",
		Trigger: "the event of the exit",
		Proves:  "containerd's event has the exit's own time; the engine's, when it took note of it",
		Gist:    "The container ends with its first process; nobody starts it again.",
		Explain: "The container ends when its first process does. Without a restart policy nobody starts it again; what is " +
			"left is its layer, its logs and its exit code, until it is removed.",
		Doc:    dockerDocs + "engine/containers/run/#exit-status",
		Source: "github.com/docker/docker/daemon/monitor.go handleContainerExit",
	},
	of: ofEngines, kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveDockerExit,
}

func deriveDockerExit(s *story, emit func(graph.Claim)) {
	e, ok := s.containerEnding()
	if !ok {
		return
	}
	x := seq.Step{Key: "docker:exit", From: s.containerLane(), To: s.containerLane(),
		Label:  fmt.Sprintf("exits with %d", e.code),
		Failed: e.code != 0, Object: s.object, Container: s.object.Name, ClockOf: seq.Engine, Evidence: e.evidence}
	if e.oom {
		x.Label += ", killed by the kernel: out of memory"
	}
	if x.Window.Latest, x.Best = e.endedBy, e.endedBy.Add(-noteLag); e.exact {
		s.setEngineInstant(&x, e.endedBy)
	}
	emit(graph.Claim{Step: x, Follows: []seq.Key{"docker:program"}})
}

var ruleDockerExitTold = rule{
	Rule: seq.Rule{
		Name:    "docker-exit-told",
		Trigger: "that the engine has taken note of the exit",
		Proves:  "the engine learns of an exit only by containerd's events",
		Gist:    "The daemon, too, learns of an exit from a stream of events.",
		Explain: "The shim sees the process exit and tells containerd, which sends the daemon an event: a watch, " +
			"as between the components of Kubernetes.",
		Doc:    "https://github.com/containerd/containerd/blob/main/docs/getting-started.md",
		Source: "github.com/docker/docker/daemon/monitor.go ProcessEvent",
	},
	of: ofEngines, from: seq.Containerd, to: seq.Engine, kind: seq.DeliveryKind,
	instant: seq.AtEnd, certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveDockerExitTold,
}

func deriveDockerExitTold(s *story, emit func(graph.Claim)) {
	die := s.engineEventOf("die")
	if die == nil {
		return
	}
	x := seq.Step{Key: "docker:exit-told", Label: "event: its task has ended", Object: s.object, ClockOf: seq.Engine,
		Evidence: []seq.Evidence{die.evidence()}}
	x.Window.Latest = die.at
	emit(graph.Claim{Step: x, Follows: []seq.Key{"docker:exit"}, Lag: statusLag})
}
