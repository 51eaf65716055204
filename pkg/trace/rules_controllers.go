package trace

// Rules of what controllers write.

import (
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// controllerWrite is a write of a controller: what it makes, reports or ends.
func controllerWrite(s *story, w *write, is bool, emit func(graph.Claim)) {
	if !is || !w.isOfRun() || !w.byController() || w.isBind() || w.isStatusPatch() || w.isFirstOfTwo() {
		return
	}
	c := s.writeClaim(w, s.writeLabel(w), w.detail())
	if d := s.causeOf(w); d != nil {
		c.Follows = append(c.Follows, d.deliveredTo(w.actor.name))
	}
	emit(c)
}

var ruleControllerCreate = rule{
	Rule: seq.Rule{
		Name:    "controller-create",
		Trigger: "a new object that has a controller as its owner",
		Proves: "managedFields names the controller manager, and the ownerReference whose controller it was; Events and " +
			"the " +
			"audit log name it",
		Gist: "A controller creates what its object asks for, level by level.",
		Explain: "A controller compares what an object asks for with what exists, and creates what is missing: " +
			"the Deployment controller a ReplicaSet, the ReplicaSet controller its Pods, the CronJob controller a " +
			"Job. The new object refers to its owner.",
		Doc:    docs + "concepts/architecture/controller/",
		Source: "k8s.io/kubernetes/pkg/controller/controller_utils.go CreatePods",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Brief,
	perWrite: deriveControllerCreate,
	bounds:   true,
}

func deriveControllerCreate(s *story, w *write, emit func(graph.Claim)) {
	controllerWrite(s, w, w.actor.verb == "create", emit)
}

var ruleControllerStatus = rule{
	Rule: seq.Rule{
		Name:    "controller-status",
		Trigger: "a status by the controller manager",
		Proves: "managedFields names the controller manager and subresource status, and one controller writes the status " +
			"of " +
			"each kind",
		Gist: "The controller counts what it sees, and writes it into the status.",
		Explain: "A controller reports in the status of its object what it has found: how many Pods there are, and how " +
			"many " +
			"of them are ready. Controllers above it, and kubectl rollout status, read it there.",
		Doc:    docs + "concepts/overview/working-with-objects/#object-spec-and-status",
		Source: "k8s.io/kubernetes/pkg/controller/replicaset/replica_set_utils.go updateReplicaSetStatus",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	perWrite: deriveControllerStatus,
}

func deriveControllerStatus(s *story, w *write, emit func(graph.Claim)) {
	controllerWrite(s, w, w.actor.subresource == "status", emit)
}

var ruleControllerWrite = rule{
	Rule: seq.Rule{
		Name:    "controller-write",
		Trigger: "another write by the controller manager",
		Proves:  "managedFields names the controller manager, and one controller looks after each kind",
		Gist:    "A controller changes an object so that it is as its owner asks.",
		Explain: "A controller brings an object closer to what is asked for: it scales a ReplicaSet, adds a Pod's " +
			"address to " +
			"an EndpointSlice, binds a claim to its volume.",
		Doc:    docs + "concepts/architecture/controller/",
		Source: "k8s.io/kubernetes/pkg/controller/deployment/sync.go scaleReplicaSet",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	perWrite: deriveControllerWrite,
}

func deriveControllerWrite(s *story, w *write, emit func(graph.Claim)) {
	is := w.actor.verb != "create" && w.actor.verb != "delete" && w.actor.subresource != "status" && !w.byCollector()
	controllerWrite(s, w, is, emit)
}

var ruleControllerDelete = rule{
	Rule: seq.Rule{
		Name:    "controller-delete",
		Trigger: "an object goes, and its owner's Event names it or its owner is gone",
		Proves:  "Event SuccessfulDelete names the object, or its owner was deleted before it",
		Gist:    "A controller deletes what nobody owns or asks for any more.",
		Explain: "A controller that has too many objects deletes some. The garbage collector deletes what a " +
			"deleted owner leaves: it finds each object whose owners no longer exist.",
		Doc:    docs + "concepts/architecture/garbage-collection/",
		Source: "k8s.io/kubernetes/pkg/controller/garbagecollector/garbagecollector.go attemptToDeleteItem",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Brief,
	perWrite: deriveControllerDelete,
	bounds:   true,
}

func deriveControllerDelete(s *story, w *write, emit func(graph.Claim)) {
	controllerWrite(s, w, w.actor.verb == "delete", emit)
}

// deliveredTo is the key of the delivery.
func (d *watchedWrite) deliveredTo(p seq.Participant) seq.Key {
	return seq.Key("watch:"+string(p)+":") + d.story.etcdKeyOf(d.write)
}

var ruleControllerDelivery = rule{
	Rule: seq.Rule{
		Name:    "controller-delivery",
		Trigger: "a controller acted on an object",
		Proves:  "what the controller wrote follows from an object that it can only know from its watch",
		Gist:    "Controllers watch, too: each sees what changes of its own kinds.",
		Explain: "Each controller watches the kinds of objects that it looks after. No controller calls another: " +
			"each sees what the one before it has written.",
		Doc:    docs + "concepts/architecture/controller/",
		Source: "k8s.io/kubernetes/pkg/controller/replicaset/replica_set.go AddEventHandler",
	},
	of: ofAll, from: seq.APIServer, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Normal,
	perWrite: deriveControllerDelivery,
	bounds:   true,
}

// deriveControllerDelivery is how a controller learned of what it acted on.
func deriveControllerDelivery(s *story, w *write, emit func(graph.Claim)) {
	if !w.isOfRun() || !w.byController() {
		return
	}
	d := s.causeOf(w)
	if d == nil {
		return
	}
	step := seq.Step{Key: d.deliveredTo(w.actor.name), To: w.actor.name,
		Label: "watch: " + d.story.object.Kind + " " + d.story.object.Name, Object: d.story.object,
		About: d.story.object.UID, Verb: "watch", Resource: d.resource, ClockOf: seq.APIServer,
		ResourceVersion: d.write.object.GetResourceVersion()}
	if what := d.changed(); what != "" && !d.creates {
		step.Label += ": " + what
	}
	step.Evidence = []seq.Evidence{w.evidence()}
	if step.Window.Latest = s.receivedAt(w); w.detail() == seq.Brief || w.byCollector() {
		step.Detail = seq.Brief
	}
	emit(graph.Claim{Step: step, Follows: []seq.Key{d.story.etcdKeyOf(d.write)}, Lag: 2 * time.Millisecond})
}

var ruleControllerEvent = rule{
	Rule: seq.Rule{
		Name:    "controller-event",
		Trigger: "an Event of a controller that names another object",
		Proves:  "the controller emits it right after it has made, scaled or deleted what the Event names",
		Gist:    "The controller itself says what it has done.",
		Explain: "Controllers emit Events about the object they look after: ScalingReplicaSet, SuccessfulCreate, " +
			"SuccessfulDelete. Each names what was done.",
		Doc:    docs + "reference/kubernetes-api/cluster-resources/event-v1/",
		Source: "k8s.io/kubernetes/pkg/controller/controller_utils.go SuccessfulCreatePodReason",
	},
	of: ofOthers, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Observed, detail: seq.Normal,
	perEvent: deriveControllerEvent,
}

// deriveControllerEvent proves which controller did something: it emits its Event right after.
func deriveControllerEvent(s *story, e *emitted, emit func(graph.Claim)) {
	// Of a claim it makes for a Pod, the StatefulSet's controller says: create Claim data-db-0 Pod db-0 in StatefulSet db.
	if !e.emitter.IsController() || strings.Contains(e.event.Message, " Claim ") {
		return
	}
	for _, o := range s.childrenNamedIn(e.event.Message) {
		if w := o.doneBefore(e).lastOfRequest(); w != nil {
			step := seq.Step{Key: o.writeKey(w), From: e.emitter, To: seq.APIServer, Certainty: seq.Observed,
				ClockOf: e.emitter,
				Detail:  seq.Normal, Evidence: []seq.Evidence{e.evidence()}}
			step.Window.Latest = e.at
			emit(graph.Claim{Step: step})
		}
	}
}

// doneBefore is the write of the object that an Event of its owner's controller tells of.
func (s *story) doneBefore(e *emitted) (last *write) {
	for _, w := range s.revisions {
		if !w.isOfRun() || !w.byController() || w.actor.name != e.emitter || w.rv >= e.rv {
			continue
		}
		var is bool
		switch {
		case strings.Contains(e.event.Reason, "Delete"):
			is = w.endsLife()
		case e.event.Reason == "ScalingReplicaSet":
			is = w.creates || object.Spec(w.prevObject)["replicas"] != object.Spec(w.object)["replicas"]
		default:
			is = w.creates
		}
		if is {
			last = w
		}
	}
	return last
}
