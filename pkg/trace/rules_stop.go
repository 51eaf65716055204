package trace

// Rules of the end of a Pod.

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

var ruleStopContainer = rule{
	Rule: seq.Rule{
		Name:    "stop-container",
		Trigger: "Event Killing",
		Proves:  "the kubelet emits Killing just before the call, or before the preStop hook that comes first",
		Gist:    "SIGTERM to process 1, and SIGKILL once the grace period is over.",
		Explain: "The runtime sends the first process of the container its stop signal: SIGTERM, unless the image " +
			"or the container names another. SIGKILL follows if it still runs at the end of the grace period. The " +
			"kubelet gives every container at least 2 s.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go minimumGracePeriodInSeconds",
	},
	from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	derive: deriveStopContainer,
}

// deriveStopContainer reads Killing, which the kubelet emits just before it stops a container, but for a preStop hook
// in between and for sidecars, which go last.
func deriveStopContainer(s *story, emit func(graph.Claim)) {
	for e, life := range s.stops() {
		spec := s.spec(e.container)
		start := graph.Claim{Step: s.eventStep(e),
			Follows: []seq.Key{criKey("StartContainer", e.container, life).End(), deliverDeletion, hookKey(e.container, life),
				s.deletedBefore(e), s.askedKey(s.askedToStop(e))}}
		if start.Best.IsZero() {
			start.Best = s.usuallyEmitted(e)
		}
		start.Label, start.Evidence[0].Text = "StopContainer "+e.container, start.Evidence[0].Text+": "+e.event.Message
		if start.Sharp {
			start.Window.Latest = e.at.Add(adjacent)
		}
		if start.Sharp && (spec.RestartPolicy != nil || spec.Lifecycle != nil && spec.Lifecycle.PreStop != nil) {
			start.Window.Latest, start.Sharp, start.Precision = time.Time{}, false, 0
			start.Best = e.at.Add(s.hookSleeps(spec))
			start.Window.Earliest = start.Best
		}
		if spec.RestartPolicy != nil {
			start.Follows = append(start.Follows, s.endsBeforeSidecar(e)...)
		}
		end := graph.Claim{Step: seq.Step{Evidence: start.Evidence},
			Follows: []seq.Key{exitKey(e.container, life), signalKey(e.container, life)}}
		returned := s.stopped(e.container, life)
		s.emitCall("StopContainer", e.container, life, start, end, func(c graph.Claim) {
			if c.Kind != seq.ResponseKind || returned {
				emit(c)
			}
		})
	}
}

// stops are the Events by which the kubelet says that it stops a life of a container, the first of each: a call that
// fails is made again.
func (s *story) stops() iter.Seq2[*emitted, int] {
	return func(yield func(*emitted, int) bool) {
		said := map[seq.Key]bool{}
		for _, e := range s.events {
			if e.emitter != seq.Kubelet || e.event.Reason != "Killing" || s.spec(e.container) == nil {
				continue
			}
			life, ok := s.attemptAt(e)
			if key := criKey("StopContainer", e.container, life); ok && !said[key] {
				if said[key] = true; !yield(e, life) {
					return
				}
			}
		}
	}
}

// stopped reports whether anything says that a life of a container is over: its exit, the next life, or that the
// kubelet has let the Pod go. Until then a call to stop it has not returned; it may take the grace period.
func (s *story) stopped(container string, attempt int) bool {
	return slices.ContainsFunc(s.lives, func(r life) bool {
		return r.container == container && (r.attempt > attempt || r.attempt == attempt && r.exit != nil)
	}) || s.firstRevision(func(w *write) bool { return w.endsGrace() && !w.forces() }) != 0
}

// deletedBefore is the key of the request that had asked for the Pod's end when an Event was emitted, of a Pod that was
// found to be ending; nothing where there was none.
func (s *story) deletedBefore(e *emitted) seq.Key {
	w := s.foundRevision()
	if w == nil || w.object.GetDeletionTimestamp() == nil {
		return ""
	}
	by := s.emittedBy(e)
	if first := s.endedBeforeMark(w); first != nil && !by.Before(s.emittedBy(first)) {
		return s.pastKey("delete")
	}
	if asked := s.secondOf(seq.APIServer, deletionAsked(w.object)); !by.After(asked.Earliest) {
		return ""
	}
	return s.pastKey("delete")
}

// gracePeriod is how long the Pod may take to end, as its deletion says; 0 where there is none.
func (s *story) gracePeriod() time.Duration {
	for _, w := range s.revisions {
		if w.endsLife() && w.pod.DeletionGracePeriodSeconds != nil {
			return time.Duration(*w.pod.DeletionGracePeriodSeconds) * time.Second
		}
	}
	return 0
}

// hookSleeps is how long the preStop hook of a container certainly takes: the kubelet itself waits where the hook is a
// sleep, unless the grace period is over before.
func (s *story) hookSleeps(c *corev1.Container) time.Duration {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Sleep == nil {
		return 0
	}
	return min(time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second, s.gracePeriod())
}

// endsBeforeSidecar are the ends that the stop of a sidecar, which an Event announces, has waited for, as far as they
// came within the grace period.
func (s *story) endsBeforeSidecar(e *emitted) (keys []seq.Key) {
	awaited := s.awaitedBySidecar(e.container)
	until := e.at.Add(s.gracePeriod())
	for _, r := range s.lives {
		if awaited[r.container] && r.exit != nil && s.newestLife(r) &&
			r.exit.FinishedAt.Add(time.Second-s.clocks.Offset(seq.Kubelet)+s.clocks.Behind(seq.Kubelet)).Before(until) {
			keys = append(keys, exitKey(r.container, r.attempt))
		}
	}
	return keys
}

func hookKey(container string, life int) seq.Key {
	return keyf("pre-stop:%s:%d", container, life)
}

var rulePreStop = rule{
	Rule: seq.Rule{
		Name:    "pre-stop",
		Trigger: "Event Killing of a container with a preStop hook",
		Proves:  "the kubelet emits Killing and then runs the hook that the container has",
		Gist:    "The container's preStop hook runs before any signal is sent.",
		Explain: "Before the kubelet has a container stopped, it runs the preStop hook and waits for it. The time " +
			"of the hook counts towards the grace period.",
		Doc:    docs + "concepts/containers/container-lifecycle-hooks/",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go executePreStopHook",
	},
	from: seq.Kubelet, kind: seq.RequestKind, instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Brief,
	derive: derivePreStop,
}

// derivePreStop is the hook that the kubelet runs after it has said that it stops a container, and before it does.
func derivePreStop(s *story, emit func(graph.Claim)) {
	for _, e := range s.events {
		spec := s.spec(e.container)
		if e.emitter != seq.Kubelet || e.event.Reason != "Killing" || spec == nil || spec.Lifecycle == nil ||
			spec.Lifecycle.PreStop == nil {
			continue
		}
		life, ok := s.attemptAt(e)
		if !ok {
			continue
		}
		step := s.eventStep(e)
		step.Key, step.From, step.To, step.Node = hookKey(e.container, life), seq.Kubelet, seq.Container(e.container), s.node
		step.Label = "preStop hook: " + hookLabel(spec.Lifecycle.PreStop)
		if step.Evidence[0].Text += ": " + e.event.Message; step.Sharp {
			step.Window.Latest = e.at.Add(adjacent)
		}
		emit(graph.Claim{Step: step,
			Follows: []seq.Key{criKey("StartContainer", e.container, life).End(), deliverDeletion,
				s.askedKey(s.askedToStop(e))}})
	}
}

// hookLabel says what a hook does.
func hookLabel(h *corev1.LifecycleHandler) string {
	switch {
	case h.HTTPGet != nil:
		return "GET :" + h.HTTPGet.Port.String() + h.HTTPGet.Path
	case h.Sleep != nil:
		return fmt.Sprintf("sleep %d s", h.Sleep.Seconds)
	case h.Exec != nil:
		return "exec " + strings.Join(h.Exec.Command, " ")
	}
	return "its handler"
}

// killedAt is when the kubelet said that it would end the container, if it did before that.
func (s *story) killedAt(container string, by time.Time) (at time.Time) {
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.event.Reason == "Killing" && e.container == container && !e.at.IsZero() &&
			e.at.Before(by) {
			at = e.at.Add(time.Millisecond)
		}
	}
	return at
}

var ruleStopSandbox = rule{
	Rule: seq.Rule{
		Name:    "stop-sandbox",
		Trigger: "condition PodReadyToStartContainers turns False",
		Proves:  "the condition turns False only when the sandbox is gone",
		Gist:    "The Pod's namespaces and network go, after its last container.",
		Explain: "When the last container has exited, the kubelet has the runtime stop the sandbox. containerd " +
			"first stops the pause container, then has the CNI plugin remove the network.",
		Doc:    docs + "concepts/workloads/pods/pod-condition/#pod-ready-to-start-containers",
		Source: "github.com/containerd/containerd/v2/internal/cri/server/sandbox_stop.go teardownPodNetwork",
	},
	of: ofKubelets, from: seq.Kubelet, to: seq.Runtime, kind: seq.RequestKind,
	instant: seq.AtStart, certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveStopSandbox,
}

// deriveStopSandbox is the end of the sandbox, which the kubelet reports by the condition that it made True at the
// start.
func deriveStopSandbox(s *story, emit func(graph.Claim)) {
	for _, w := range s.revisions {
		if object.Condition(w.prevPod, corev1.PodReadyToStartContainers) != corev1.ConditionTrue ||
			object.Condition(w.pod, corev1.PodReadyToStartContainers) != corev1.ConditionFalse ||
			w.pod.DeletionTimestamp == nil && w.pod.Status.Phase == corev1.PodRunning { // it is gone, but nobody has stopped it
			continue
		}
		e := []seq.Evidence{{Source: "watch", Text: "condition PodReadyToStartContainers is False",
			ResourceVersion: w.pod.ResourceVersion, At: w.received}}
		n := len(s.sandboxes)
		start := graph.Claim{Step: seq.Step{Label: "StopPodSandbox", Evidence: e},
			Follows: []seq.Key{newSandbox{attempt: n}.key().End()}}
		for _, r := range s.lives {
			start.Follows = append(start.Follows, exitKey(r.container, r.attempt))
		}
		start.Best = instant.Before(w.received, sandboxStop)
		end := graph.Claim{Step: seq.Step{Evidence: e, Window: seq.Window{Latest: w.received},
			Best: instant.Before(w.received, reportLag)}}
		s.emitCall("StopPodSandbox", "", n, start, end, emit)
		return
	}
}

// sandboxStop is the usual time from the start of StopPodSandbox to our receipt of the status that says so.
const sandboxStop = 100 * time.Millisecond
