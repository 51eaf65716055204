package trace

// Rules of resources that are changed while a Pod runs.

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

const resizeDoc = docs + "tasks/configure-pod-container/resize-container-resources/"

var ruleResize = rule{
	Rule: seq.Rule{
		Name:    "resize",
		Trigger: "Event ResizeStarted, ResizeCompleted, ResizeDeferred, ResizeInfeasible or ResizeError",
		Proves:  "the Event; it has the generation of the Pod that it is about",
		Gist:    "The kubelet decides when a running container gets other resources.",
		Explain: "A resize changes what the Pod asks for. Its kubelet looks whether the node has room, now or ever, and " +
			"then changes the containers that run.",
		Doc:    resizeDoc,
		Source: "k8s.io/kubernetes/pkg/kubelet/events/event.go ResizeDeferred",
	},
	of: ofKubelets, kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveResize,
	reads:  changes | kubeletEvents,
}

func deriveResize(s *story, emit func(graph.Claim)) {
	for _, e := range s.events {
		r, ok := resizeOf(e)
		if !ok {
			continue
		}
		w := s.ofGeneration(r.Generation)
		c := graph.Claim{Step: s.eventStep(e), Follows: append(s.occurredBefore(e), deliverKubelet, s.askedKey(w))}
		c.Label = e.event.Reason + ": " + strings.Join(w.resized(), ", ")
		if r.Error != "" {
			c.Label = strings.TrimSuffix(c.Label, ": ") + ": " + r.Error
		}
		if c.Label = strings.TrimSuffix(c.Label, ": "); e.event.Type == corev1.EventTypeWarning {
			c.Failed, c.Detail = true, s.troubleDetail(e)
		}
		if e.event.Reason == "ResizeCompleted" {
			for _, name := range w.resized() {
				c.Follows = append(c.Follows, updateKey(name, w).End(), s.startedFor(name, w, e))
			}
		}
		emit(c)
	}
}

// startedFor is the start of a container that a resize had started anew before the kubelet said that it is done.
func (s *story) startedFor(container string, w *write, done *emitted) (started seq.Key) {
	for _, a := range s.workerEvents {
		if a.container == container && a.emitted.event.Reason == "Started" && a.rv > w.rv && a.rv < done.rv {
			started = a.key
		}
	}
	return started
}

// updateKey is that of the call by which a revision's resources reach a container that runs.
func updateKey(container string, w *write) seq.Key {
	return keyf("cri:UpdateContainerResources:%s:%s", container, w.pod.ResourceVersion)
}

var ruleUpdateResources = rule{
	Rule: seq.Rule{
		Name:    "update-resources",
		Trigger: "Event ResizeCompleted, with the generation of a Pod in which a container has other resources",
		Proves:  "the runtime was told: the kubelet says so once the container has them, and did not start it anew",
		Gist:    "The runtime changes the limits of a container that runs.",
		Explain: "The kubelet has the runtime change the container's control group. The container goes on, unless its " +
			"resizePolicy says RestartContainer.",
		Doc:    resizeDoc,
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go UpdateContainerResources",
	},
	of: ofKubelets, from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveUpdateResources,
}

func deriveUpdateResources(s *story, emit func(graph.Claim)) {
	for _, done := range s.events {
		r, ok := resizeOf(done)
		w := s.ofGeneration(r.Generation)
		if !ok || w == nil || done.event.Reason != "ResizeCompleted" {
			continue
		}
		begin := graph.Claim{Step: seq.Step{Node: s.node, Object: s.object, ClockOf: seq.Kubelet,
			Evidence: []seq.Evidence{w.evidence(), done.evidence()}}, Follows: []seq.Key{s.askedKey(w)}}
		for _, e := range s.events {
			if x, ok := resizeOf(e); ok && e.event.Reason == "ResizeStarted" && x.Generation == r.Generation {
				begin.Follows, begin.Window.Earliest = append(begin.Follows, e.noteKey()), e.at
				begin.Evidence = append(begin.Evidence, e.evidence())
			}
		}
		for _, name := range w.resized() {
			if s.restartedFor(name, w, done) {
				continue
			}
			c := begin
			c.Key, c.Call, c.Label, c.Container = updateKey(name, w), updateKey(name, w), "UpdateContainerResources "+name, name
			c.From, c.To = seq.Kubelet, s.runtime
			end := c
			end.Step = c.Reply("UpdateContainerResources " + name + " returns")
			end.Window, end.Follows = seq.Window{Latest: done.at}, []seq.Key{c.Key}
			emit(c)
			emit(end)
		}
	}
}

// restartedFor reports whether a container was stopped for a revision before the kubelet said that it is done.
func (s *story) restartedFor(container string, w *write, done *emitted) bool {
	for _, e := range s.events {
		if e.container == container && e.event.Reason == "Killing" && e.rv > w.rv && e.rv < done.rv &&
			s.askedToStop(e) == w {
			return true
		}
	}
	return false
}
