package trace

// Rules of a sandbox that is made anew.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

var ruleSandboxChanged = rule{
	Rule: seq.Rule{
		Name:    "sandbox-changed",
		Trigger: "Event SandboxChanged",
		Proves:  "the Event; the kubelet emits it before it ends what is left of the sandbox and makes another",
		Gist:    "The sandbox is gone or must go, and its containers with it.",
		Explain: "The sandbox has the namespaces and the address that a Pod's containers share. If it is gone, or " +
			"no longer what the Pod asks for, the kubelet stops what is left and starts the Pod anew on its node.",
		Doc:    docs + "concepts/workloads/pods/pod-condition/#pod-ready-to-start-containers",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_manager.go SandboxChanged",
	},
	of: ofKubelets, kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveSandboxChanged,
}

func deriveSandboxChanged(s *story, emit func(graph.Claim)) {
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.event.Reason == "SandboxChanged" {
			c := graph.Claim{Step: s.eventStep(e), Follows: append(s.occurredBefore(e), deliverKubelet)}
			if s.hadSandbox(e) {
				c.Follows = append(c.Follows, sandboxEnd)
			}
			emit(c)
		}
	}
}

var ruleSandboxAgain = rule{
	Rule: seq.Rule{
		Name:    "sandbox-again",
		Trigger: "Event SandboxChanged, and what comes in the next sandbox",
		Proves:  "containers come only in a sandbox that is up; the one before was stopped first",
		Gist:    "The old sandbox is stopped, and a new one takes its place.",
		Explain: "The kubelet stops the old sandbox before it has a new one made: the Pod gets new namespaces, " +
			"and its address may change.",
		Doc:    docs + "concepts/workloads/pods/pod-condition/#pod-ready-to-start-containers",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_manager.go createPodSandbox",
	},
	of: ofKubelets, from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveSandboxAgain,
}

func deriveSandboxAgain(s *story, emit func(graph.Claim)) {
	for _, x := range s.sandboxes {
		if x.by.IsZero() {
			continue
		}
		before := newSandbox{attempt: x.attempt - 1}
		stop := graph.Claim{Step: seq.Step{Label: "StopPodSandbox", Detail: seq.Normal,
			Evidence: []seq.Evidence{x.changed.evidence()}}, Follows: []seq.Key{x.changed.noteKey(), before.key().End()}}
		for _, r := range s.lives {
			if r.exit != nil && s.toOurClock(seq.Kubelet, r.exit.FinishedAt.Time).Before(x.by) {
				stop.Follows = append(stop.Follows, exitKey(r.container, r.attempt))
			}
		}
		var start, end graph.Claim
		if x.first != nil {
			end.Evidence = append(end.Evidence, x.first.evidence())
		}
		if x.ready != nil {
			end.Evidence = append(end.Evidence, x.ready.sandboxUp())
		}
		if end.Window.Latest = x.by; x.first == nil || !x.first.at.IsZero() {
			end.Best = instant.Before(x.by, sandboxToWorker)
		}
		start.Label, start.Evidence = "RunPodSandbox", append([]seq.Evidence{x.changed.evidence()}, end.Evidence...)
		stopKey := criKey("StopPodSandbox", "", before.attempt)
		start.Follows, start.Lag = []seq.Key{stopKey.End()}, time.Millisecond
		s.emitCall("StopPodSandbox", "", before.attempt, stop, graph.Claim{Step: seq.Step{Evidence: stop.Evidence}}, emit)
		s.emitCall("RunPodSandbox", "", x.attempt, start, end, emit)
	}
}
