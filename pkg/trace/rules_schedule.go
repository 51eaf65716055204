package trace

// What the scheduler learns, and what it picks.

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

var ruleSchedulerDelivery = rule{
	Rule: seq.Rule{
		Name:    "scheduler-delivery",
		Trigger: "the scheduler acted on the Pod",
		Proves:  "the scheduler acted on a Pod it can only know from its watch",
		Gist:    "No polling: the API server pushes new Pods through an open watch.",
		Explain: "The scheduler does not poll: it holds a watch open, and the API server pushes each new Pod without a " +
			"node " +
			"through it.",
		Doc:    docs + "concepts/scheduling-eviction/kube-scheduler/",
		Source: "k8s.io/kubernetes/pkg/scheduler/eventhandlers.go addAllEventHandlers",
	},
	from: seq.APIServer, to: seq.Scheduler, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveSchedulerDelivery,
	reads:  changes | otherEvents,
}

func deriveSchedulerDelivery(s *story, emit func(graph.Claim)) {
	var acted []seq.Evidence
	for _, w := range s.revisions {
		if (w.binds() || w == s.foundNode()) && w.binder() != seq.UnknownClient {
			acted = append(acted, s.boundEvidence(w))
			break
		}
	}
	if e := s.firstScheduling(); e != nil {
		acted = append(acted, e.evidence())
	}
	if w := s.nomination(); w != nil {
		acted = append(acted, w.evidence())
	}
	if len(acted) == 0 {
		return
	}
	step := seq.Step{Key: deliverScheduler, Label: "watch: Pod " + s.object.Name + ", no node yet", Object: s.object,
		Verb: "watch", Resource: "pods", Evidence: acted, ClockOf: seq.APIServer}
	var after []seq.Key
	for _, w := range s.revisions {
		if w.creates {
			after = []seq.Key{s.etcdKeyOf(w)}
			step.ResourceVersion = w.pod.ResourceVersion
		}
		if by := w.binder(); (w.binds() || w == s.foundNode()) && by != seq.UnknownClient {
			step.To = by
		}
	}
	if w := s.nomination(); w != nil {
		step.To = w.actor.name
	}
	if s.foundRevision() != nil {
		after = []seq.Key{storedKey(s.pastCreate())}
	}
	if w := s.ungated(); w != nil && (s.firstScheduling() == nil || w.rv < s.firstScheduling().rv) {
		after = []seq.Key{s.etcdKeyOf(w)}
		step.ResourceVersion = w.pod.ResourceVersion
	}
	emit(graph.Claim{Step: step, Follows: after, Lag: time.Millisecond})
}

// firstScheduling is the first Event of the scheduler, or nil.
func (s *story) firstScheduling() *emitted {
	if i := slices.IndexFunc(s.events, func(e *emitted) bool { return e.emitter == seq.Scheduler }); i >= 0 {
		return s.events[i]
	}
	return nil
}

// nomination is the first write by which the scheduler said where it wants the Pod, before something else than the bind
// had to be done for that, as a volume to be made; or nil (NominatedNodeName for expectation, pkg/scheduler, v1.35 on).
// Of a Pod that it could place nowhere, the same field names the node on which it makes room.
func (s *story) nomination() *write {
	for _, w := range s.revisions {
		if w.prevPod != nil && w.prevPod.Status.NominatedNodeName == "" && w.pod.Status.NominatedNodeName != "" &&
			w.actor.name == scheduler(w.pod) && object.Condition(w.pod, corev1.PodScheduled) != corev1.ConditionFalse {
			return w
		}
	}
	return nil
}

// ungated is the write that took the Pod's last scheduling gate away, or nil: the scheduler picks no node before
// (pkg/scheduler/framework/plugins/schedulinggates, v1.37).
func (s *story) ungated() *write {
	for _, w := range s.revisions {
		if w.prevPod != nil && len(w.prevPod.Spec.SchedulingGates) > 0 && len(w.pod.Spec.SchedulingGates) == 0 {
			return w
		}
	}
	return nil
}

// boundEvidence is what a revision says of the bind.
func (s *story) boundEvidence(w *write) seq.Evidence {
	if w == s.foundNode() {
		text := "spec.nodeName, which no managedFields entry owns"
		if w.unannounced {
			text += "; no scheduler emitted Event Scheduled"
		}
		return w.evidenceOf(text, w.received)
	}
	return w.evidence()
}

var rulePick = rule{
	Rule: seq.Rule{
		Name:    "pick",
		Trigger: "the node's name, status.nominatedNodeName, and Event Scheduled",
		Proves:  "the Event, or the name it wrote",
		Gist:    "It filters out nodes that can't take the Pod, then scores the rest.",
		Explain: "The scheduler filters out the nodes that cannot take the Pod, scores the others and takes the " +
			"best. In a large cluster it looks at a part of the nodes only (percentageOfNodesToScore).",
		Doc:    docs + "concepts/scheduling-eviction/kube-scheduler/#kube-scheduler-implementation",
		Source: "k8s.io/kubernetes/pkg/scheduler/schedule_one.go numFeasibleNodesToFind",
	},
	kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Inferred, detail: seq.Brief,
	derive: derivePick,
	reads:  changes | otherEvents,
}

func derivePick(s *story, emit func(graph.Claim)) {
	if w := s.nomination(); w != nil {
		step := seq.Step{Key: pickKey, From: w.actor.name, To: w.actor.name, Label: "picks " + w.pod.Status.NominatedNodeName,
			Object: s.object, Node: w.pod.Status.NominatedNodeName, ClockOf: seq.APIServer, Certainty: seq.Observed,
			Evidence: []seq.Evidence{w.evidence()}}
		step.Window.Latest = s.receivedAt(w)
		emit(graph.Claim{Step: step, Follows: []seq.Key{deliverScheduler}, Lag: time.Millisecond})
	}
	for _, w := range s.revisions {
		by := w.binder()
		if !w.binds() && w != s.foundNode() || by == seq.UnknownClient {
			continue
		}
		step := seq.Step{Key: s.pickKey(w.pod.Spec.NodeName), From: by, To: by, Label: "picks " + w.pod.Spec.NodeName,
			Object: s.object, Node: w.pod.Spec.NodeName, ClockOf: seq.APIServer}
		step.Evidence = []seq.Evidence{s.boundEvidence(w)}
		if e := s.scheduled(); e != nil {
			step.Certainty = seq.Observed
			step.Evidence = append(step.Evidence, e.evidence())
		}
		step.Window.Latest = s.receivedAt(w)
		c := graph.Claim{Step: step, Follows: []seq.Key{deliverScheduler}, Lag: time.Millisecond}
		if gone := s.ungated(); gone != nil {
			c.Follows = append(c.Follows, s.etcdKeyOf(gone))
		}
		for _, e := range s.events {
			if e.event.Reason == "FailedScheduling" { // it had found none before, and waited for a change
				c.Follows = append(c.Follows, e.noteKey())
				_, bound := w.window()
				c.Step.Best = bound.Add(-2 * time.Millisecond)
			}
		}
		emit(c)
	}
}

// pickKey is the choice of that node: after it had nominated another, the scheduler chose again.
func (s *story) pickKey(node string) seq.Key {
	if w := s.nomination(); w != nil && w.pod.Status.NominatedNodeName != node {
		return pickKey + seq.Key(":"+node)
	}
	return pickKey
}
