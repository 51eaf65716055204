package trace

// Rules of what had happened before the run looked.

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

var rulePastCreate = rule{
	Rule: seq.Rule{
		Name:    "past-create",
		Trigger: "metadata.creationTimestamp of an object that was there",
		Proves: "the API server stamps the object within the request that makes it; managedFields, or the owner, say who " +
			"asked",
		Gist: "Somebody made it; the object has kept when, to the second.",
		Explain: "An object keeps when it was made, in whole seconds of the API server's clock. Its managedFields have " +
			"kept " +
			"who made it, in the client's own words.",
		Doc: docs + "reference/using-api/server-side-apply/#field-management",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtSome,
	certainty: seq.Observed, detail: seq.Brief,
	derive: derivePastCreate,
}

func derivePastCreate(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	a, _ := s.maker(w)
	at := w.object.GetCreationTimestamp()
	step := s.api("create", "")
	step.Key, step.From, step.Certainty = s.pastCreate(), a.name, a.certainty
	step.Label = "POST " + s.resource + " (" + s.object.Name + ")"
	step.Window = s.secondOf(seq.APIServer, at)
	step.Evidence = []seq.Evidence{w.evidenceOf("metadata.creationTimestamp; "+a.because, at.Time)}
	c := graph.Claim{Step: step}
	if owner := s.owner(); owner != nil {
		if o := owner.foundRevision(); o == nil || !at.Time.Before(o.object.GetCreationTimestamp().Time) {
			// else it was adopted
			c.Follows = append(c.Follows, stored(owner.pastCreate()), owner.etcdKey(owner.createRevision()))
		}
	}
	emit(c)
}

var rulePastBind = rule{
	Rule: seq.Rule{
		Name:    "past-bind",
		Trigger: "spec.nodeName of a Pod that was there",
		Proves: "the Pod has a node that no managedFields entry owns, as only a bind leaves it; condition PodScheduled has " +
			"the second",
		Gist:    "The scheduler only writes the node's name into the Pod.",
		Explain: "The scheduler only writes the node's name into the Pod. It starts nothing and tells no node.",
		Doc:     docs + "concepts/scheduling-eviction/kube-scheduler/",
	},
	to: seq.APIServer, kind: seq.RequestKind, at: seq.AtSome, certainty: seq.Inferred, detail: seq.Brief,
	derive: derivePastBind,
}

func derivePastBind(s *story, emit func(graph.Claim)) {
	w := s.foundNode()
	if w == nil {
		return
	}
	step := s.api("create", "binding")
	step.Key, step.From = s.pastBound(), scheduler(w.pod)
	step.Node, step.Label = w.pod.Spec.NodeName, "POST pods/binding ("+w.pod.Spec.NodeName+")"
	e := w.evidenceOf("spec.nodeName, which no managedFields entry owns", w.received)
	for _, c := range w.pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue {
			step.Window, e = s.secondOf(seq.APIServer,
				c.LastTransitionTime), w.evidenceOf("condition PodScheduled since; "+e.Detail, c.LastTransitionTime.Time)
		}
	}
	step.Evidence = []seq.Evidence{e}
	if x := s.scheduled(); x != nil {
		step.Certainty, step.Clock = seq.Observed, seq.Scheduler
		step.Evidence = append(step.Evidence, x.evidence())
		if both := instant.Intersect(step.Window, seq.Window{Latest: x.at}); !both.Empty() { // else their clocks disagree
			step.Window = both
		}
		if !x.at.IsZero() {
			step.Best = x.at.Add(-scheduledLag)
		}
	}
	emit(graph.Claim{Step: step, Follows: []seq.Key{pickKey, deliverScheduler, stored(s.pastCreate())}})
}

var rulePastWrite = rule{
	Rule: seq.Rule{
		Name:    "past-write",
		Trigger: "a managedFields entry, or a condition's lastTransitionTime, of an object that was there",
		Proves: "the entry names client and second of a write that changed its fields; a condition has the second since " +
			"which it holds",
		Gist: "Of earlier writes an object keeps the last of each client, at most.",
		Explain: "An object keeps its last state, not its history. Each client's last change of its own set of fields, and " +
			"the last change of each condition, have left their second; what was written in between is gone. Who sets a " +
			"condition notes the time before it writes, so the write came a little later; conditions of one second may " +
			"have come in one write or in several.",
		Doc: docs + "reference/using-api/server-side-apply/#field-management",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: derivePastWrite,
}

func derivePastWrite(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	for _, m := range s.pastWrites() {
		step := s.api(m.verb, m.subresource)
		step.Key, step.From, step.Certainty, step.Label = m.key, m.who, m.certainty, m.label(s.resource)
		step.Window, step.Evidence, step.At = s.secondOf(m.who, m.at), m.evidence(w), seq.AtSome
		if len(m.conditions) > 0 { // its time is from before the write
			if step.At = seq.AtCommit; w.pod == nil && !m.has("Progressing") {
				// which comes first; the others come of what happens
				step.Best = step.Window.Latest
			}
			step.Window.Latest = time.Time{}
		}
		c := graph.Claim{Step: step, Follows: []seq.Key{stored(s.pastCreate())}, Lag: reportLag}
		if m.who == seq.Kubelet {
			c.Node = s.node
			c.Follows = append(c.Follows, deliverKubelet)
		}
		if m.is(corev1.PodReadyToStartContainers) {
			c.Follows = append(c.Follows, sandboxKey.End())
		}
		if m.is(corev1.PodInitialized) {
			for _, x := range w.pod.Status.InitContainerStatuses {
				if spec := containerSpec(w.pod, x.Name); spec == nil || spec.RestartPolicy != nil { // a sidecar does not end before
					continue
				}
				c.Follows = append(c.Follows, exitKey(x.Name, int(x.RestartCount)))
			}
		}
		if m.is(corev1.PodReady) {
			c.Detail = seq.Brief
			for x := range object.Statuses(w.pod) {
				if x.State.Running != nil && x.Ready {
					c.Follows = append(c.Follows, criKey("StartContainer", x.Name, int(x.RestartCount)).End(),
						probeKey("readiness", x.Name, int(x.RestartCount)))
				}
			}
		}
		emit(c)
	}
}

var rulePastStored = rule{
	Rule: seq.Rule{
		Name:    "past-stored",
		Trigger: "an object that was there",
		Proves:  "what the object has kept of a write was stored with it; the revision is not known any more",
		Gist:    "The API server keeps no state: the write counts once etcd has it.",
		Explain: "The API server keeps no state of its own: the write counts once etcd has it on disk. Of an object that " +
			"was " +
			"there, only the revision of the last write is known.",
		Doc: docs + "concepts/overview/components/#etcd",
	},
	of: ofAll, from: seq.APIServer, to: seq.Etcd, kind: seq.RequestKind,
	at: seq.AtCommit, certainty: seq.Inferred, detail: seq.Full,
	derive: derivePastStored,
}

// derivePastStored are the etcd writes of the creation, the bind and the reports that ended a phase, and of the last
// write.
func derivePastStored(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	write := func(key seq.Key, verb string, detail seq.Detail, e []seq.Evidence) {
		emit(graph.Claim{Step: seq.Step{Key: stored(key), Label: s.object.Kind + " " + s.object.Name, Verb: verb,
			Object: s.object, Clock: seq.APIServer, Detail: detail, Evidence: e}, Follows: []seq.Key{key}})
	}
	at := w.object.GetCreationTimestamp()
	write(s.pastCreate(), "create", seq.Brief, []seq.Evidence{w.evidenceOf("metadata.creationTimestamp", at.Time)})
	if s.foundNode() != nil {
		write(s.pastBound(), "update", seq.Brief, []seq.Evidence{w.evidenceOf("spec.nodeName", w.received)})
	}
	for _, m := range s.pastWrites() {
		if m.is(corev1.PodReady) {
			write(m.key, "update", seq.Brief, m.evidence(w))
		}
	}
}

var rulePastRevision = rule{
	Rule: seq.Rule{
		Name:    "past-revision",
		Trigger: "resourceVersion of an object that was there",
		Proves: "resourceVersion is etcd's own revision of the last write; all that the object has kept had happened by " +
			"then",
		Gist: "The revision of the last write; whose it was may not be known.",
		Explain: "Of an object that was there, etcd's revision of its last write is known, and nothing of the writes in " +
			"between.",
		Doc: docs + "reference/using-api/api-concepts/#resource-versions",
	},
	of: ofAll, from: seq.Etcd, to: seq.Etcd, kind: seq.NoteKind,
	at: seq.AtEnd, certainty: seq.Observed, detail: seq.Full,
	derive: derivePastRevision,
}

// derivePastRevision is the last revision of an object before the run looked at it: everything that it has kept had
// happened by then.
func derivePastRevision(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	step := seq.Step{Key: s.heldKey(), Label: "holds " + s.object.Kind + " " + s.object.Name, Object: s.object,
		ResourceVersion: w.object.GetResourceVersion(), Clock: seq.Kubectl}
	step.Label += " at revision " + step.ResourceVersion
	step.Window, step.Best = seq.Window{Latest: w.received}, instant.Before(w.received, deliveryLag)
	step.Evidence = []seq.Evidence{w.evidenceOf("metadata.resourceVersion", w.received)}
	c := graph.Claim{Step: step, Follows: []seq.Key{stored(s.pastCreate()), stored(s.pastBound()), s.pastKey("delete")}}
	for _, m := range s.pastWrites() {
		if c.Follows = append(c.Follows, m.key); m.is(corev1.PodReady) {
			c.Follows = append(c.Follows, stored(m.key))
		}
	}
	emit(c)
}

var rulePastDelete = rule{
	Rule: seq.Rule{
		Name:    "past-delete",
		Trigger: "metadata.deletionTimestamp of an object that was there",
		Proves:  "the API server sets deletionTimestamp, in the request itself, to its own time and the grace period",
		Gist:    "Somebody asked for the end. The object does not say who.",
		Explain: "A DELETE marks an object that cannot go at once. The mark is the time at which the grace period ends, so " +
			"the request came that much earlier.",
		Doc: docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
	},
	of: ofAll, from: seq.UnknownClient, to: seq.APIServer, kind: seq.RequestKind,
	at: seq.AtSome, certainty: seq.Observed, detail: seq.Brief,
	derive: derivePastDelete,
}

func derivePastDelete(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
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
	step.Window, step.Evidence = s.secondOf(seq.APIServer,
		at), []seq.Evidence{w.evidenceOf("metadata.deletionTimestamp, less the grace period; nothing says who asked",
		at.Time)}
	emit(graph.Claim{Step: step, Follows: []seq.Key{stored(s.pastCreate())}})
}

var rulePastLife = rule{
	Rule: seq.Rule{
		Name:    "past-life",
		Trigger: "startedAt of a container's state",
		Proves:  "the runtime tells the second in which it started the container",
		Gist:    "The status keeps when a container was started, to the second.",
		Explain: "The status of a Pod has when each container was started and how its last life ended, in whole seconds of " +
			"the node's clock.",
		Doc: docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
	},
	of: ofKubelets, to: seq.Runc, kind: seq.RequestKind, at: seq.AtStart,
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
		s.endedBy(sandboxKey, "", w, since, emit)
	}
	for c := range object.Statuses(w.pod) {
		life := func(n int, at metav1.Time) {
			window := s.secondOf(seq.Kubelet, at)
			if n < 0 || window == (seq.Window{}) {
				return
			}
			call := criKey("StartContainer", c.Name, n)
			step := seq.Step{Container: c.Name, Object: s.object, Node: s.node, Clock: seq.Kubelet, Window: window,
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
			life(lastLife(c), t.StartedAt)
		}
		switch {
		case c.State.Running != nil:
			life(int(c.RestartCount), c.State.Running.StartedAt)
			if ready := conditionSince(w.pod, corev1.PodReady); c.Ready && !ready.IsZero() {
				s.endedBy(criKey("StartContainer", c.Name, int(c.RestartCount)), c.Name, w, ready, emit)
				if spec := containerSpec(w.pod, c.Name); spec != nil && spec.ReadinessProbe != nil {
					probe := seq.Step{Key: probeKey("readiness", c.Name, int(c.RestartCount)),
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

// endedBy bounds the end of a call by the second since which a condition says that it has.
func (s *story) endedBy(call seq.Key, container string, w *write, since metav1.Time, emit func(graph.Claim)) {
	step := seq.Step{Key: call, From: seq.Kubelet, To: s.runtime, Container: container, Object: s.object, Node: s.node,
		Clock: seq.Kubelet}.Reply("returns")
	step.Window.Latest, step.Evidence = s.secondOf(seq.Kubelet,
		since).Latest, []seq.Evidence{w.evidenceOf("a condition that says so, since", since.Time)}
	emit(graph.Claim{Step: step, Follows: []seq.Key{call}})
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

var rulePastGap = rule{
	Rule: seq.Rule{
		Name:    "past-gap",
		Trigger: "restartCount above 1 of a Pod that was there",
		Proves:  "restartCount counts more lives than the status describes",
		Gist:    "A status tells of a container's last two lives, of no earlier one.",
		Explain: "A Pod's status tells of the present life of a container and of the one before. Of earlier ones only " +
			"their " +
			"number is known, and what Events of the last hour say.",
		Doc: docs + "concepts/workloads/pods/pod-lifecycle/#container-restarts",
	},
	of: ofKubelets, kind: seq.NoteKind, at: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
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
				Container: c.Name, Object: s.object, Node: s.node, Clock: seq.Kubelet, Label: label}
			step.Evidence = []seq.Evidence{w.evidenceOf(fmt.Sprintf("containerStatuses: %s restartCount %d", c.Name,
				c.RestartCount), w.received)}
			emit(graph.Claim{Step: step,
				Follows: []seq.Key{stored(s.pastBound()), criKey("StartContainer", c.Name, life).End(), sandboxKey.End(),
					exitKey(c.Name, before)}})
		}
		ended := map[int]bool{}
		for _, r := range s.lives {
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
