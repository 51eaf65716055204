package trace

// Rules of what reaches a container from outside: its hooks, and the signal that is to end it.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var rulePostStart = rule{
	Rule: seq.Rule{
		Name:    "post-start",
		Trigger: "Event Started of a container with a postStart hook",
		Proves:  "the kubelet emits Started and then runs the hook that the container has",
		Gist:    "The postStart hook runs beside the program; the kubelet waits.",
		Explain: "Once a container has been started, the kubelet runs its postStart hook and waits for it before it " +
			"goes on to the next container. The container's program runs meanwhile.",
		Doc:    docs + "concepts/containers/container-lifecycle-hooks/",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go PostStart",
	},
	from: seq.Kubelet, kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Brief,
	perAction: derivePostStart,
}

func derivePostStart(s *story, a workerEvent, emit func(graph.Claim)) {
	spec := s.spec(a.container)
	if a.action != containerStarted || spec == nil || spec.Lifecycle == nil || spec.Lifecycle.PostStart == nil {
		return
	}
	step := s.eventStep(a.emitted)
	step.Key, step.From, step.To, step.Node = postStartKey(a.container, a.attempt), seq.Kubelet,
		seq.Container(a.container), s.node
	if step.Label = "postStart hook: " + hookLabel(spec.Lifecycle.PostStart); step.Sharp {
		step.Window.Latest = a.at.Add(adjacent)
	}
	emit(graph.Claim{Step: step, Follows: []seq.Key{a.key}})
}

func postStartKey(container string, life int) seq.Key {
	return keyf("post-start:%s:%d", container, life)
}

var ruleStopSignal = rule{
	Rule: seq.Rule{
		Name:    "stop-signal",
		Trigger: "Event Killing",
		Proves:  "the runtime answers StopContainer by first sending the stop signal",
		Gist:    "The runtime asks process 1 to end: SIGTERM by default.",
		Explain: "Within StopContainer the runtime sends the stop signal to the first process of the container: SIGTERM, " +
			"unless the image or the Pod names another. Only if that does not end it within the grace period, SIGKILL " +
			"follows.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
		Source: "github.com/containerd/containerd/v2/internal/cri/server/container_stop.go stopContainer",
	},
	kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveStopSignal,
}

// deriveStopSignal is what the runtime does first when a container is to be stopped.
func deriveStopSignal(s *story, emit func(graph.Claim)) {
	for e, life := range s.stops() {
		spec := s.spec(e.container)
		step := s.eventStep(e)
		step.Key, step.Node = signalKey(e.container, life), s.node
		step.From, step.To = s.runtime, seq.Container(e.container)
		step.Window.Latest, step.Sharp, step.Precision, step.Best = time.Time{}, false, 0, time.Time{}
		step.Label = "SIGTERM, or the stop signal of its image"
		if spec.Lifecycle != nil && spec.Lifecycle.StopSignal != nil {
			step.Label = string(*spec.Lifecycle.StopSignal)
		}
		step.Evidence[0].Text += ": " + e.event.Message
		emit(graph.Claim{Step: step, Follows: []seq.Key{criKey("StopContainer", e.container, life)},
			Lag: 2 * time.Millisecond})
	}
}

func signalKey(container string, life int) seq.Key {
	return keyf("stop-signal:%s:%d", container, life)
}
