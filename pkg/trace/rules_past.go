package trace

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func (w *write) kept(detail string, at time.Time) seq.Evidence {
	return seq.Evidence{Source: "object", Detail: detail, ResourceVersion: w.object.GetResourceVersion(), At: at}
}

func createdThen(s *story, emit func(claim)) {
	w := s.found()
	if w == nil {
		return
	}
	a, _ := s.maker(w)
	at := w.object.GetCreationTimestamp()
	step := s.api("create", "")
	step.Key, step.From, step.Certainty = s.pastCreate(), a.name, a.certainty
	step.Label = "POST " + s.resource + " (" + s.object.Name + ")"
	step.Window = s.secondOf(seq.APIServer, at)
	step.Evidence = []seq.Evidence{w.kept("metadata.creationTimestamp; "+a.because, at.Time)}
	c := claim{Step: step}
	if owner := s.owner(); owner != nil {
		if o := owner.found(); o == nil || !at.Time.Before(o.object.GetCreationTimestamp().Time) { // else it was adopted
			c.after = append(c.after, stored(owner.pastCreate()), owner.etcdKey(owner.createRevision()))
		}
	}
	emit(c)
}

func boundThen(s *story, emit func(claim)) {
	w := s.foundBound()
	if w == nil {
		return
	}
	step := s.api("create", "binding")
	step.Key, step.From, step.Node, step.Label = s.pastBound(), scheduler(w.pod), w.pod.Spec.NodeName, "POST pods/binding ("+w.pod.Spec.NodeName+")"
	e := w.kept("spec.nodeName, which no managedFields entry owns", w.received)
	for _, c := range w.pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue {
			step.Window, e = s.secondOf(seq.APIServer, c.LastTransitionTime), w.kept("condition PodScheduled since; "+e.Detail, c.LastTransitionTime.Time)
		}
	}
	step.Evidence = []seq.Evidence{e}
	if x := s.scheduled(); x != nil {
		step.Certainty, step.Clock = seq.Observed, seq.Scheduler
		step.Evidence = append(step.Evidence, x.evidence())
		if both := intersect(step.Window, seq.Window{Latest: x.at}); !both.Empty() { // else their clocks disagree
			step.Window = both
		}
		if !x.at.IsZero() {
			step.Best = x.at.Add(-scheduledLag)
		}
	}
	emit(claim{Step: step, after: []string{pickKey, deliverScheduler, stored(s.pastCreate())}})
}

func markedThen(s *story, emit func(claim)) {
	w := s.found()
	if w == nil {
		return
	}
	for _, m := range s.marks() {
		step := s.api(m.verb, m.subresource)
		step.Key, step.From, step.Certainty, step.Label = m.key, m.who, m.certainty, m.label(s.resource)
		step.Window, step.Evidence, step.At = s.secondOf(m.who, m.at), m.evidence(w), seq.AtSome
		if len(m.conditions) > 0 { // its time is from before the write
			if step.At = seq.AtCommit; w.pod == nil && !m.has("Progressing") { // which comes first; the others come of what happens
				step.Best = step.Window.Latest
			}
			step.Window.Latest = time.Time{}
		}
		c := claim{Step: step, after: []string{stored(s.pastCreate())}, lag: reportLag}
		if m.who == seq.Kubelet {
			c.Node = s.node
			c.after = append(c.after, deliverKubelet)
		}
		if m.is(corev1.PodReadyToStartContainers) {
			c.after = append(c.after, sandboxKey+":end")
		}
		if m.is(corev1.PodInitialized) {
			for _, x := range w.pod.Status.InitContainerStatuses {
				if spec := containerSpec(w.pod, x.Name); spec == nil || spec.RestartPolicy != nil { // a sidecar does not end before
					continue
				}
				c.after = append(c.after, exitKey(x.Name, int(x.RestartCount)))
			}
		}
		if m.is(corev1.PodReady) {
			c.Detail = seq.Brief
			for x := range allStatuses(w.pod) {
				if x.State.Running != nil && x.Ready {
					c.after = append(c.after, criKey("StartContainer", x.Name, int(x.RestartCount))+":end", probeKey("readiness", x.Name, int(x.RestartCount)))
				}
			}
		}
		emit(c)
	}
}

// storedThen are the etcd writes of the creation, the bind and the reports that ended a phase, and of the last write.
func storedThen(s *story, emit func(claim)) {
	w := s.found()
	if w == nil {
		return
	}
	write := func(key, verb string, detail seq.Detail, e []seq.Evidence) {
		emit(claim{Step: seq.Step{Key: stored(key), Label: s.object.Kind + " " + s.object.Name, Verb: verb, Object: s.object, Clock: seq.APIServer, Detail: detail, Evidence: e}, after: []string{key}})
	}
	at := w.object.GetCreationTimestamp()
	write(s.pastCreate(), "create", seq.Brief, []seq.Evidence{w.kept("metadata.creationTimestamp", at.Time)})
	if s.foundBound() != nil {
		write(s.pastBound(), "update", seq.Brief, []seq.Evidence{w.kept("spec.nodeName", w.received)})
	}
	for _, m := range s.marks() {
		if m.is(corev1.PodReady) {
			write(m.key, "update", seq.Brief, m.evidence(w))
		}
	}
}

// heldThen is the last revision of an object before the run looked at it: everything that it has kept had happened by then.
func heldThen(s *story, emit func(claim)) {
	w := s.found()
	if w == nil {
		return
	}
	step := seq.Step{Key: s.heldKey(), Label: "holds " + s.object.Kind + " " + s.object.Name, Object: s.object, ResourceVersion: w.object.GetResourceVersion(), Clock: seq.Kubectl}
	step.Label += " at revision " + step.ResourceVersion
	step.Window, step.Best = seq.Window{Latest: w.received}, before(w.received, deliveryLag)
	step.Evidence = []seq.Evidence{w.kept("metadata.resourceVersion", w.received)}
	c := claim{Step: step, after: []string{stored(s.pastCreate()), stored(s.pastBound()), s.pastKey("delete")}}
	for _, m := range s.marks() {
		c.after = append(c.after, m.key, stored(m.key))
	}
	emit(c)
}

func deletedThen(s *story, emit func(claim)) {
	w := s.found()
	if w == nil || w.object.GetDeletionTimestamp() == nil {
		return
	}
	at := *w.object.GetDeletionTimestamp()
	step := s.api("delete", "")
	step.Key, step.Label = s.pastKey("delete"), "DELETE "+s.resource+" ("+s.object.Name+")"
	if grace := w.object.GetDeletionGracePeriodSeconds(); grace != nil {
		at = metav1.NewTime(at.Add(-time.Duration(*grace) * time.Second))
		if *grace > 0 {
			step.Label += fmt.Sprintf(", grace period %d s", *grace)
		}
	}
	step.Window, step.Evidence = s.secondOf(seq.APIServer, at), []seq.Evidence{w.kept("metadata.deletionTimestamp, less the grace period; nothing says who asked", at.Time)}
	emit(claim{Step: step, after: []string{stored(s.pastCreate())}})
}

// lived adds when containers were started to what the status tells of their lives.
func lived(s *story, emit func(claim)) {
	w := s.found()
	if w == nil {
		return
	}
	if since := conditionSince(w.pod, corev1.PodReadyToStartContainers); !since.IsZero() {
		s.endedBy(sandboxKey, "", w, since, emit)
	}
	for c := range allStatuses(w.pod) {
		life := func(n int, at metav1.Time) {
			window := s.secondOf(seq.Kubelet, at)
			if n < 0 || window == (seq.Window{}) {
				return
			}
			call := criKey("StartContainer", c.Name, n)
			step := seq.Step{Container: c.Name, Object: s.object, Node: s.node, Clock: seq.Kubelet, Window: window, Evidence: []seq.Evidence{w.kept("containerStatuses: "+c.Name+" startedAt", at.Time)}}
			// The runtime notes the time once runc has started the program (containerd's container_start.go).
			end := step
			end.Key, end.Call, end.From, end.To, end.Kind, end.At, end.Label, end.Window.Latest = call+":end", call, s.runtime, seq.Kubelet, seq.ResponseKind, seq.AtEnd, "StartContainer "+c.Name+" returns", time.Time{}
			emit(claim{Step: end, after: []string{"runc:exec:" + call}})
			step.Key, step.From, step.To, step.Window.Earliest, step.Best = "runc:exec:"+call, s.ociRuntime(), seq.Container(c.Name), time.Time{}, window.Earliest
			emit(claim{Step: step, after: []string{"runc:start:" + call}})
			create := step
			create.Key, create.Call, create.From, create.To, create.Label = criKey("CreateContainer", c.Name, n), criKey("CreateContainer", c.Name, n), seq.Kubelet, s.runtime, "CreateContainer "+c.Name
			create.Window.Earliest, create.Best = time.Time{}, window.Earliest
			begin := create
			begin.Key, begin.Call, begin.Label = call, call, "StartContainer "+c.Name
			emit(claim{Step: begin, after: []string{create.Key + ":end"}})
			emit(claim{Step: create, after: []string{exitKey(c.Name, n-1), criKey("StartContainer", c.Name, n-1) + ":end"}})
		}
		if t := c.LastTerminationState.Terminated; began(t) {
			life(lastLife(c), t.StartedAt)
		}
		switch {
		case c.State.Running != nil:
			life(int(c.RestartCount), c.State.Running.StartedAt)
			if ready := conditionSince(w.pod, corev1.PodReady); c.Ready && !ready.IsZero() {
				s.endedBy(criKey("StartContainer", c.Name, int(c.RestartCount)), c.Name, w, ready, emit)
				if spec := containerSpec(w.pod, c.Name); spec != nil && spec.ReadinessProbe != nil {
					probe := seq.Step{Key: probeKey("readiness", c.Name, int(c.RestartCount)), Window: seq.Window{Latest: s.secondOf(seq.Kubelet, ready).Latest}, Evidence: []seq.Evidence{w.kept("condition Ready True since", ready.Time)}}
					emit(claim{Step: probe})
				}
			}
		case began(c.State.Terminated):
			life(int(c.RestartCount), c.State.Terminated.StartedAt)
		}
	}
}

// endedBy bounds the end of a call by the second since which a condition says that it has.
func (s *story) endedBy(call, container string, w *write, since metav1.Time, emit func(claim)) {
	step := seq.Step{Key: call + ":end", Call: call, From: s.runtime, To: seq.Kubelet, Kind: seq.ResponseKind, At: seq.AtEnd, Label: "returns", Container: container, Object: s.object, Node: s.node, Clock: seq.Kubelet}
	step.Window.Latest, step.Evidence = s.secondOf(seq.Kubelet, since).Latest, []seq.Evidence{w.kept("a condition that says so, since", since.Time)}
	emit(claim{Step: step, after: []string{call}})
}

// conditionSince is since when a condition is True, or the zero time.
func conditionSince(p *corev1.Pod, t corev1.PodConditionType) metav1.Time {
	for _, c := range p.Status.Conditions {
		if c.Type == t && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime
		}
	}
	return metav1.Time{}
}

// forgotten are the lives of containers of which nothing is kept but their number.
func forgotten(s *story, emit func(claim)) {
	w := s.found()
	if w == nil {
		return
	}
	for c := range allStatuses(w.pod) {
		lives := map[int]bool{}
		for _, x := range s.starts() {
			if x.step.Container == c.Name {
				lives[x.attempt] = true
			}
		}
		note := func(life, before int, label string) {
			step := seq.Step{Key: exitKey(c.Name, life), From: seq.Container(c.Name), To: seq.Container(c.Name), Container: c.Name, Object: s.object, Node: s.node, Clock: seq.Kubelet, Label: label}
			step.Evidence = []seq.Evidence{w.kept(fmt.Sprintf("containerStatuses: %s restartCount %d", c.Name, c.RestartCount), w.received)}
			emit(claim{Step: step, after: []string{stored(s.pastBound()), criKey("StartContainer", c.Name, life) + ":end", sandboxKey + ":end", exitKey(c.Name, before)}})
		}
		ended := map[int]bool{}
		for _, r := range s.ran() {
			ended[r.attempt] = ended[r.attempt] || r.container == c.Name && r.exit != nil
		}
		next := 0
		for _, n := range slices.Sorted(maps.Keys(lives)) {
			switch lost := n - next; {
			case lost == 1:
				note(n-1, n-2, "an earlier life of which nothing is kept")
			case lost > 1:
				note(n-1, next-1, fmt.Sprintf("%d earlier lives of which nothing is kept", lost))
			}
			if next = n + 1; n < int(c.RestartCount) && !ended[n] {
				note(n, n-1, "ends; nothing has kept how")
			}
		}
	}
}
