package trace

// Rules of what controllers write.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// controllerWrites are what controllers make, report and end.
func controllerWrites(s *story, is func(*write) bool, emit func(graph.Claim)) {
	for _, w := range s.revisions {
		if !w.drawn() || !w.byController() || w.isBind() || w.isStatusPatch() || w.isLastGrace() || !is(w) {
			continue
		}
		detail := seq.Normal
		if w.first {
			detail = seq.Brief
		}
		c := s.writeClaim(w, s.writeLabel(w), detail)
		if d := s.cause(w); d != nil {
			c.Follows = append(c.Follows, d.deliveredTo(w.actor.name))
		}
		emit(c)
	}
}

var ruleControllerCreate = rule{
	Rule: seq.Rule{
		Name:    "controller-create",
		Trigger: "a new object that has a controller as its owner",
		Proves: "managedFields names the controller manager, and the ownerReference whose controller it was; Events and " +
			"the " +
			"audit log name it",
		Gist: "A controller makes what its object asks for, one level at a time.",
		Explain: "A controller compares what an object asks for with what there is, and makes what is missing: the " +
			"Deployment's a ReplicaSet, the ReplicaSet's its Pods, the CronJob's a Job. The new object refers to its " +
			"owner.",
		Doc: docs + "concepts/architecture/controller/",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveControllerCreate,
}

func deriveControllerCreate(s *story, emit func(graph.Claim)) {
	controllerWrites(s, func(w *write) bool { return w.actor.verb == "create" }, emit)
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
		Doc: docs + "concepts/overview/working-with-objects/#object-spec-and-status",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveControllerStatus,
}

func deriveControllerStatus(s *story, emit func(graph.Claim)) {
	controllerWrites(s, func(w *write) bool { return w.actor.subresource == "status" }, emit)
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
		Doc: docs + "concepts/architecture/controller/",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveControllerWrite,
}

func deriveControllerWrite(s *story, emit func(graph.Claim)) {
	controllerWrites(s, func(w *write) bool {
		return w.actor.verb != "create" && w.actor.verb != "delete" && w.actor.subresource != "status" && !w.byCollector()
	}, emit)
}

var ruleControllerDelete = rule{
	Rule: seq.Rule{
		Name:    "controller-delete",
		Trigger: "an object goes, and its owner's Event names it or its owner is gone",
		Proves:  "Event SuccessfulDelete names the object, or its owner was deleted before it",
		Gist:    "What nobody owns any more, or asks for, a controller deletes.",
		Explain: "A controller that has too many objects deletes some. What is left of a deleted owner, the garbage " +
			"collector deletes: it finds each object whose ownerReference leads nowhere.",
		Doc: docs + "concepts/architecture/garbage-collection/",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveControllerDelete,
}

func deriveControllerDelete(s *story, emit func(graph.Claim)) {
	controllerWrites(s, func(w *write) bool { return w.actor.verb == "delete" }, emit)
}

// deliveredTo is the key of the delivery.
func (d *watchedWrite) deliveredTo(p seq.Participant) seq.Key {
	return seq.Key("watch:"+string(p)+":") + d.story.etcdKey(d.write.rv)
}

var ruleControllerDelivery = rule{
	Rule: seq.Rule{
		Name:    "controller-delivery",
		Trigger: "a controller acted on an object",
		Proves:  "what the controller wrote follows from an object that it can only know from its watch",
		Gist:    "Controllers watch, too: each sees what changes of its own kinds.",
		Explain: "Each controller holds watches open on the kinds of objects it looks after. No controller calls another: " +
			"each sees what the one before it has written.",
		Doc: docs + "concepts/architecture/controller/",
	},
	of: ofAll, from: seq.APIServer, kind: seq.DeliveryKind, at: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveControllerDelivery,
}

// deriveControllerDelivery are how controllers learned of what they acted on.
func deriveControllerDelivery(s *story, emit func(graph.Claim)) {
	for _, w := range s.revisions {
		if !w.drawn() || !w.byController() {
			continue
		}
		d := s.cause(w)
		if d == nil {
			continue
		}
		step := seq.Step{Key: d.deliveredTo(w.actor.name), To: w.actor.name,
			Label: "watch: " + d.story.object.Kind + " " + d.story.object.Name, Object: d.story.object,
			About: d.story.object.UID, Verb: "watch", Resource: d.resource, Clock: seq.APIServer,
			ResourceVersion: d.write.object.GetResourceVersion()}
		if what := d.changed(); what != "" && !d.first {
			step.Label += ": " + what
		}
		step.Evidence = []seq.Evidence{w.evidence()}
		step.Window.Latest = s.receivedAt(w)
		emit(graph.Claim{Step: step, Follows: []seq.Key{d.story.etcdKey(d.write.rv)}, Lag: 2 * time.Millisecond})
	}
}

// cause is the write that a controller must have seen before it made w, or nil where that cannot be told.
func (s *story) cause(w *write) *watchedWrite {
	if !w.isWatchedChange {
		w.isWatchedChange, w.seen = true, s.findCause(w)
	}
	return w.seen
}

func (s *story) findCause(w *write) *watchedWrite {
	switch s.object.Kind {
	case "EndpointSlice":
		return s.endpointCause(w)
	case "PersistentVolumeClaim", "PersistentVolume":
		return nil
	}
	owner := s.owner()
	switch {
	case w.collected() != "":
		return s.releaseCause(w)
	case w.actor.name == garbageCollector && owner != nil:
		return owner.latest(w, func(o *write) bool { return o.deleted || o.endsLife() })
	case owner != nil && w.actor.name == controllerOf(owner.object.Kind): // the owner's controller acts for the owner
		return owner.lastSpecChange(w)
	case w.actor.subresource == "status" && w.actor.name == controllerOf(s.object.Kind):
		return s.countCause(w)
	}
	return nil
}

func podIs(is func(*corev1.Pod) bool) func(*write) bool {
	return func(w *write) bool { return w.pod != nil && is(w.pod) }
}

var (
	podReady   = podIs(func(p *corev1.Pod) bool { return object.Condition(p, corev1.PodReady) == corev1.ConditionTrue })
	podStarted = podIs(func(*corev1.Pod) bool { return true })
)

// counts are the numbers in the status of a workload whose children are Pods.
var counts = []statusCount{
	{"replicas", podStarted},
	{"active", podStarted},
	{"readyReplicas", podReady},
	{"availableReplicas", podReady},
	{"numberReady", podReady},
	{"numberAvailable", podReady},
	{"ready", podReady},
	{"succeeded", podIs(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })},
	{"failed", podIs(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })},
}

// countCause is the write of a child that a status must have counted: the n-th that became so, where a number rose to
// n. A Deployment, which counts by the status of its ReplicaSet, has seen the first that says the same.
func (s *story) countCause(w *write) *watchedWrite {
	children := s.children()
	switch {
	case s.object.Kind == "Deployment" && len(children) == 1:
		return children[0].firstSaying(w)
	case s.object.Kind == "CronJob" && len(children) == 1 &&
		object.Status(w.was)["lastSuccessfulTime"] != object.Status(w.object)["lastSuccessfulTime"]:
		return children[0].latest(w, func(o *write) bool { return object.State(o.object).Succeeded })
	}
	var last *watchedWrite
	was, is := object.Status(w.was), object.Status(w.object)
	for _, n := range counts {
		now, ok := is[n.field].(int64)
		before, _ := was[n.field].(int64)
		if !ok || now <= before {
			continue
		}
		if d := s.nth(int(now), n, w); d != nil && (last == nil || last.story.earlierThan(last.write, d.story, d.write)) {
			last = d
		}
	}
	if last == nil && w.was != nil && was["observedGeneration"] == nil { // it saw the object itself
		return s.latest(w, func(o *write) bool { return o.first })
	}
	return last
}

// replicaCounts are what a Deployment's status has from those of its ReplicaSets.
var replicaCounts = []string{"replicas", "readyReplicas", "availableReplicas"}

// firstSaying is the first write of the object that has the numbers of a status above it.
func (s *story) firstSaying(above *write) *watchedWrite {
	for _, w := range s.revisions {
		same := w.drawn() && w.rv < above.rv
		for _, field := range replicaCounts {
			same = same && alike(object.Status(w.object)[field], object.Status(above.object)[field])
		}
		if same {
			return &watchedWrite{s, w}
		}
	}
	return nil
}

// alike reports whether two numbers of statuses are the same, however they were read.
func alike(a, b any) bool {
	x, integer := a.(int64)
	y, also := b.(int64)
	if integer && also {
		return x == y
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// nth is the write by which the n-th of the Pods became so, before w. As long as the Pods' watch may still bring an
// earlier one that is only certain if it is the last of all.
func (s *story) nth(n int, of statusCount, w *write) *watchedWrite {
	became := s.firstsCounted(of)
	if s.resource == "pods" || s.counted(s.resource) { // one counter
		i, _ := slices.BinarySearchFunc(became, w.rv,
			func(d watchedWrite, rv uint64) int { return cmp.Compare(d.write.rv, rv) })
		became = became[:i]
	} else {
		became = s.firstsBy(of, w)
	}
	caughtUp := func(p *story) bool { return len(p.revisions) > 0 && s.earlierThan(w, p, p.last()) }
	if n < 1 || n > len(became) || n < len(s.children()) && !slices.ContainsFunc(s.children(), caughtUp) {
		return nil
	}
	return &became[n-1]
}

// firstsBy are the firsts before w by when they reached us.
func (s *story) firstsBy(n statusCount, w *write) (became []watchedWrite) {
	for _, p := range s.children() {
		for _, o := range p.revisions {
			if p.isPod() && o.drawn() && p.earlierThan(o, s, w) && n.is(o) {
				became = append(became, watchedWrite{p, o})
				break
			}
		}
	}
	slices.SortFunc(became, func(a, b watchedWrite) int {
		if a.story.earlierThan(a.write, b.story, b.write) {
			return -1
		}
		return 1
	})
	return became
}

// endpointCause is the write of a Pod that a change of an EndpointSlice tells of: one that has become ready, or has its
// address.
func (s *story) endpointCause(w *write) *watchedWrite {
	var before map[string]object.Endpoint
	if w.prior != nil {
		before = w.prior.endpoints()
	}
	var last *watchedWrite
	for address, e := range w.endpoints() {
		if old, there := before[address]; there && old.Ready == e.Ready {
			continue
		}
		pod := s.byUID[e.Pod]
		if pod == nil {
			return nil
		}
		found := false
		for _, o := range pod.revisions {
			if o.pod != nil && o.drawn() && pod.earlierThan(o, s, w) &&
				(e.Ready && podReady(o) || !e.Ready && o.pod.Status.PodIP == address) {
				if d := (&watchedWrite{pod, o}); last == nil || last.story.earlierThan(last.write, pod, o) {
					last = d
				}
				found = true
				break
			}
		}
		if !found { // it may still come, and be the last
			return nil
		}
	}
	return last
}

var ruleControllerEvent = rule{
	Rule: seq.Rule{
		Name:    "controller-event",
		Trigger: "an Event of a controller that names another object",
		Proves:  "the controller emits it right after it has made, scaled or deleted what the Event names",
		Gist:    "The controller itself says what it has done.",
		Explain: "Controllers emit Events about the object they look after: ScalingReplicaSet, SuccessfulCreate, " +
			"SuccessfulDelete. Each names what was done.",
		Doc: docs + "reference/kubernetes-api/cluster-resources/event-v1/",
	},
	of: ofOthers, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveControllerEvent,
}

// deriveControllerEvent prove which controller did something: it emits them right after.
func deriveControllerEvent(s *story, emit func(graph.Claim)) {
	for _, e := range s.events {
		if !e.emitter.IsController() {
			continue
		}
		// Of a claim it makes for a Pod, the StatefulSet's controller says: create Claim data-db-0 Pod db-0 in StatefulSet
		// db.
		if strings.Contains(e.event.Message, " Claim ") {
			continue
		}
		for _, o := range s.childrenNamedIn(e.event.Message) {
			if w := o.doneBefore(e); w != nil {
				step := seq.Step{Key: o.writeKey(w), From: e.emitter, To: seq.APIServer, Certainty: seq.Observed, Clock: e.emitter,
					Detail: seq.Normal, Evidence: []seq.Evidence{e.evidence()}}
				step.Window.Latest = e.at
				emit(graph.Claim{Step: step})
			}
		}
	}
}

// doneBefore is the write of the object that an Event of its owner's controller tells of.
func (s *story) doneBefore(e *emitted) (last *write) {
	for _, w := range s.revisions {
		if !w.drawn() || !w.byController() || w.actor.name != e.emitter || w.rv >= e.rv {
			continue
		}
		var is bool
		switch {
		case strings.Contains(e.event.Reason, "Delete"):
			is = w.endsLife()
		case e.event.Reason == "ScalingReplicaSet":
			is = w.first || object.Spec(w.was)["replicas"] != object.Spec(w.object)["replicas"]
		default:
			is = w.first
		}
		if is {
			last = w
		}
	}
	return last
}
