package trace

// How a Pod is bound to its node.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

var ruleBind = rule{
	Rule: seq.Rule{
		Name:    "bind",
		Trigger: "a revision that gives the Pod its node",
		Proves: "spec.nodeName and condition PodScheduled appear in one revision; a bind leaves no managedFields entry, so " +
			"only the Scheduled Event proves who",
		Gist: "The scheduler only writes the node's name into the Pod.",
		Explain: "The scheduler binds the Pod: it writes the node's name into spec.nodeName. It starts nothing " +
			"and calls no node. Since 1.35 it may write the name into status.nominatedNodeName before, if the " +
			"bind has to wait for a volume or a device.",
		Doc:    docs + "concepts/scheduling-eviction/kube-scheduler/",
		Source: "k8s.io/kubernetes/pkg/registry/core/pod/storage/storage.go assignPod",
	},
	to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit, certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveBind,
	reads:  changes | otherEvents,
}

func deriveBind(s *story, emit func(graph.Claim)) {
	for _, w := range s.revisions {
		if !w.binds() {
			continue
		}
		c := s.writeClaim(w, "POST pods/binding ("+w.pod.Spec.NodeName+")", seq.Brief)
		if !w.isBind() { // a later write hides which revision it was
			c.Key, c.Verb, c.Subresource, c.ResourceVersion = hiddenBindKey, "create", "binding", ""
			c.From, c.Certainty, c.Best = w.binder(), seq.Inferred, time.Time{}
			c.Window.Earliest = time.Time{}
			c.Evidence[0].Text = "spec.nodeName appeared, within more than one write"
		}
		c.Node, c.Follows = w.pod.Spec.NodeName, append(c.Follows, s.pickKey(w.pod.Spec.NodeName), deliverScheduler)
		if e := s.scheduled(); e != nil {
			// The scheduler emits Scheduled after the bind has returned.
			c.Certainty, c.ClockOf = seq.Observed, seq.Scheduler
			c.Evidence = append(c.Evidence, e.evidence())
			c.Window.Latest = instant.Sooner(c.Window.Latest, e.at)
			if !e.at.IsZero() {
				c.Best = e.at.Add(-scheduledLag)
			}
		}
		emit(c)
	}
}

// scheduledLag is the usual time from the commit of a bind to the emission of Scheduled.
const scheduledLag = 1500 * time.Microsecond

var ruleBound = rule{
	Rule: seq.Rule{
		Name:    "bound",
		Trigger: "Event Scheduled, of a bind that was seen",
		Proves:  "the scheduler emits Event Scheduled when its bind has been answered, and only if it succeeded",
		Gist:    "The Pod has its node; the scheduler's work is done.",
		Explain: "The API server has stored the node's name. With this answer the scheduler's work on the Pod is " +
			"done, and it emits Event Scheduled.",
		Doc:    docs + "concepts/scheduling-eviction/kube-scheduler/",
		Source: "k8s.io/kubernetes/pkg/scheduler/schedule_one.go finishBinding",
	},
	from: seq.APIServer, kind: seq.ResponseKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveBound,
	bounds: true,
	reads:  changes | otherEvents,
}

// deriveBound is the answer to a bind.
func deriveBound(s *story, emit func(graph.Claim)) {
	e := s.scheduled()
	if e == nil {
		return
	}
	for _, w := range s.revisions {
		if !w.isBind() || w.actor.name == seq.UnknownClient {
			continue
		}
		step := s.requestStep(w.actor.verb, w.actor.subresource)
		step.Key, step.From, step.To, step.Node = s.writeKey(w), w.actor.name, seq.APIServer, w.pod.Spec.NodeName
		step = step.Reply("POST pods/binding returns")
		step.Window.Latest, step.ClockOf = e.at, seq.Scheduler
		step.Evidence = []seq.Evidence{e.evidence()}
		emit(graph.Claim{Step: step, Follows: []seq.Key{s.writeKey(w), s.etcdKeyOf(w)}, Lag: time.Millisecond})
	}
}
