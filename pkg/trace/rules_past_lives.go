package trace

// Rules of the lives that containers had before the run looked.

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

var rulePastLife = rule{
	Rule: seq.Rule{
		Name:    "past-life",
		Trigger: "startedAt of a container's state",
		Proves:  "the runtime tells the second in which it started the container",
		Gist:    "The status keeps when a container was started, to the second.",
		Explain: "The status of a Pod has when each container was started and how its last life ended, in whole seconds of " +
			"the node's clock.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
		Source: "github.com/containerd/containerd/v2/internal/cri/server/container_status.go toCRIContainerStatus",
	},
	of: ofKubelets, to: seq.Runc, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: derivePastLife,
}

// derivePastLife adds when containers were started to what the status tells of their lives.
func derivePastLife(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	if since := conditionSince(w.pod, corev1.PodReadyToStartContainers); !since.IsZero() {
		s.boundEnd(s.foundSandbox().key(), "", w, since, emit)
	}
	for c := range object.Statuses(w.pod) {
		life := func(n int, at metav1.Time) {
			window := s.secondOf(seq.Kubelet, at)
			if n < 0 || window == (seq.Window{}) {
				return
			}
			call := criKey("StartContainer", c.Name, n)
			step := seq.Step{Container: c.Name, Object: s.object, Node: s.node, ClockOf: seq.Kubelet, Window: window,
				Evidence: []seq.Evidence{w.evidenceOf("containerStatuses: "+c.Name+" startedAt", at.Time)}}
			// The runtime notes the time once runc has started the program (containerd's container_start.go).
			end := step
			end.Key, end.From, end.To, end.Window.Latest = call, seq.Kubelet, s.runtime, time.Time{}
			end = end.Reply("StartContainer " + c.Name + " returns")
			emit(graph.Claim{Step: end, Follows: []seq.Key{"runc:exec:" + call}})
			step.Key, step.From, step.To, step.Window.Earliest, step.Best = "runc:exec:"+
				call, s.ociRuntime(), seq.Container(c.Name), time.Time{}, window.Earliest
			emit(graph.Claim{Step: step, Follows: []seq.Key{"runc:start:" + call}})
			create := step
			create.Key, create.Call, create.From, create.To, create.Label = criKey("CreateContainer", c.Name,
				n), criKey("CreateContainer", c.Name, n), seq.Kubelet, s.runtime, "CreateContainer "+c.Name
			create.Window.Earliest, create.Best = time.Time{}, window.Earliest
			begin := create
			begin.Key, begin.Call, begin.Label = call, call, "StartContainer "+c.Name
			emit(graph.Claim{Step: begin, Follows: []seq.Key{create.Key.End()}})
			emit(graph.Claim{Step: create,
				Follows: []seq.Key{exitKey(c.Name, n-1), criKey("StartContainer", c.Name, n-1).End()}})
		}
		if t := c.LastTerminationState.Terminated; began(t) {
			life(lastStateAttempt(c), t.StartedAt)
		}
		switch {
		case c.State.Running != nil:
			life(int(c.RestartCount), c.State.Running.StartedAt)
			if n, ready := readyLife(w.pod, c); n >= 0 {
				s.boundEnd(criKey("StartContainer", c.Name, n), c.Name, w, ready, emit)
				if spec := containerSpec(w.pod, c.Name); spec != nil && spec.ReadinessProbe != nil {
					probe := seq.Step{Key: probeKey("readiness", c.Name, n),
						Window:   seq.Window{Latest: s.secondOf(seq.Kubelet, ready).Latest},
						Evidence: []seq.Evidence{w.evidenceOf("condition Ready True since", ready.Time)}}
					emit(graph.Claim{Step: probe})
				}
			}
		case began(c.State.Terminated):
			life(int(c.RestartCount), c.State.Terminated.StartedAt)
		}
	}
}

// readyLife is the life of a container in which it and its Pod became ready, and since when they are: not always its
// last, since a container that is started anew at once, such as for a resize, may never be reported as not ready. It is
// below 0 where there is none, or none that the status describes.
func readyLife(p *corev1.Pod, c *corev1.ContainerStatus) (attempt int, since metav1.Time) {
	since = conditionSince(p, corev1.PodReady)
	switch last := c.LastTerminationState.Terminated; {
	case !c.Ready || c.State.Running == nil || since.IsZero():
	case !since.Before(&c.State.Running.StartedAt):
		return int(c.RestartCount), since
	case began(last) && !since.Before(&last.StartedAt):
		return lastStateAttempt(c), since
	}
	return -1, since
}

// boundEnd bounds the end of a call by the second since which a condition says that it has.
func (s *story) boundEnd(call seq.Key, container string, w *write, since metav1.Time, emit func(graph.Claim)) {
	step := seq.Step{Key: call, From: seq.Kubelet, To: s.runtime, Container: container, Object: s.object, Node: s.node,
		ClockOf: seq.Kubelet}.Reply("returns")
	step.Window.Latest, step.Evidence = s.secondOf(seq.Kubelet,
		since).Latest, []seq.Evidence{w.evidenceOf("a condition that says so, since", since.Time)}
	emit(graph.Claim{Step: step, Follows: []seq.Key{call}})
}

var rulePastGap = rule{
	Rule: seq.Rule{
		Name:    "past-gap",
		Trigger: "restartCount above 1 of a Pod that was there",
		Proves:  "restartCount counts more lives than the status describes",
		Gist:    "A status has a container's last two lives, and no earlier one.",
		Explain: "A Pod's status has the present life of a container and the one before. Of earlier ones only the " +
			"number is known, and what Events still say: by default they are kept for one hour.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#container-restarts",
		Source: "k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses",
	},
	of: ofKubelets, kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	derive: derivePastGap,
}

// derivePastGap are the lives of containers of which nothing is kept but their number.
func derivePastGap(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	for c := range object.Statuses(w.pod) {
		lives := map[int]bool{}
		for _, x := range s.starts() {
			if x.step.Container == c.Name {
				lives[x.attempt] = true
			}
		}
		note := func(life, before int, label string) {
			step := seq.Step{Key: exitKey(c.Name, life), From: seq.Container(c.Name), To: seq.Container(c.Name),
				Container: c.Name, Object: s.object, Node: s.node, ClockOf: seq.Kubelet, Label: label}
			step.Evidence = []seq.Evidence{w.evidenceOf(fmt.Sprintf("containerStatuses: %s restartCount %d", c.Name,
				c.RestartCount), w.received)}
			emit(graph.Claim{Step: step,
				Follows: []seq.Key{storedKey(s.pastBound()), criKey("StartContainer", c.Name, life).End(),
					sandboxEnd, exitKey(c.Name, before)}})
		}
		ended := map[int]bool{}
		for _, r := range s.lives {
			ended[r.attempt] = ended[r.attempt] || r.container == c.Name && r.exit != nil
		}
		next := 0
		for _, n := range slices.Sorted(maps.Keys(lives)) {
			switch lost := n - next; {
			case lost == 1:
				note(n-1, n-2, fmt.Sprintf("1 life was not seen here, number %d", n))
			case lost > 1:
				note(n-1, next-1, fmt.Sprintf("%d lives were not seen here, numbers %d to %d", lost, next+1, n))
			}
			if next = n + 1; n < int(c.RestartCount) && !ended[n] {
				note(n, n-1, "ends; there is no record of how")
			}
		}
	}
}
