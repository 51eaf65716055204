package trace

// Who made a write, by what the object says.

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// actor is who made a write, as far as the object tells.
type actor struct {
	name        seq.Participant
	verb        string // patch, update, create or delete, as in RBAC
	subresource string
	certainty   seq.Certainty
	because     string
}

// writer attributes one revision. managedFields names the client's own claim of who it is and survives in the object;
// three writes leave nothing there: a bind, a deletion, and a patch that changes no field set.
func (s *story) writer(w *write) actor {
	if w.ownRequest != nil {
		if w.ownRequest.Status == 0 {
			return actor{seq.Kubectl, w.ownRequest.Verb, "", seq.Inferred,
				"our own request for this " + s.object.Kind + " is under way"}
		}
		if w.ownRequest.ResourceVersion != w.object.GetResourceVersion() {
			return actor{seq.Kubectl, w.ownRequest.Verb, "", seq.Inferred,
				"it happened while our own request for that was under way"}
		}
		return actor{seq.Kubectl, w.ownRequest.Verb, "", seq.Observed, "the answer to our own request has this revision"}
	}
	if w.creates {
		if m := creator(w.object); m != "" {
			return s.controlled(w, actor{object.Client(m), "create", "", seq.Observed, "managedFields: " + m})
		}
		return actor{seq.UnknownClient, "create", "", seq.Inferred, "the first revision"}
	}
	if w.binds() && (!w.listed || w.entry(w.prevObject) == nil) {
		return actor{scheduler(w.pod), "create", "binding", seq.Inferred,
			"spec.nodeName and PodScheduled appeared together; spec.schedulerName is " +
				cmp.Or(w.pod.Spec.SchedulerName, "empty")}
	}
	if first := w.firstOfTwo(); first != nil && !first.endsGrace() {
		return first.actor
	}
	if w.evicts() {
		because := "condition DisruptionTarget, " + byEviction + ": the API server sets it within an eviction, and then " +
			"deletes the Pod"
		if !w.isFirstOfTwo() {
			because += ", which was to end already"
		}
		return actor{seq.UnknownClient, "create", "eviction", seq.Inferred, because}
	}
	if who := disruptors[w.disruption()]; who != "" && !w.endsLife() {
		return actor{who, "patch", "status", seq.Inferred, "condition DisruptionTarget, " + w.disruption()}
	}
	if w.endsGrace() && (w.isFirstOfTwo() || w.forces()) {
		return deleter(w)
	}
	if w.endsGrace() {
		return actor{seq.Kubelet, "delete", "", seq.Inferred,
			"the grace period is over, which its kubelet ends once its containers are gone; a finalizer holds the Pod"}
	}
	if w.endsEviction() {
		return w.prevWrite.actor
	}
	if w.shortensGrace() {
		return actor{seq.UnknownClient, "delete", "", seq.Inferred,
			"metadata.deletionGracePeriodSeconds is less than before; nothing in the object says who asked"}
	}
	if a, ok := s.collectorActor(w); ok {
		return a
	}
	if e := w.entry(w.prevObject); e != nil && !w.deleted {
		return s.controlled(w, entryActor(e, s.object.Kind))
	}
	switch {
	case w.deleted:
		return deleter(w)
	case w.endsLife() && disruptors[disruptionOf(w.prevPod)] != "":
		return disruptor(w)
	case w.endsLife():
		return actor{seq.UnknownClient, "delete", "", seq.Inferred,
			"metadata.deletionTimestamp appeared; nothing in the object says who asked"}
	case w.untracks():
		return actor{seq.Controller("job"), "patch", "", seq.Inferred,
			"the finalizer " + batchv1.JobTrackingFinalizer +
				" is gone, which the job controller takes away from a Pod that it has counted"}
	case w.prevObject != nil && len(w.object.GetFinalizers()) < len(w.prevObject.GetFinalizers()):
		return actor{seq.UnknownClient, "", "", seq.Observed,
			"a finalizer is gone; nothing in the object says who took it away"}
	case w.prevPod != nil && w.pod.Spec.NodeName != "" && w.changesOnlyStatus():
		return actor{reporterOf(w.pod), "patch", "status", seq.Inferred,
			"only the status changed, and the Pod is bound to a node"}
	}
	if a, ok := s.unmarked(w); ok {
		return a
	}
	return actor{seq.UnknownClient, "", "", seq.Observed,
		"no managedFields entry owns what changed: who takes a field away leaves no trace"}
}

// unmarked attributes a write that no managedFields entry tells of: it took something away. Of the status that is
// whoever wrote it before; of an object that only the controller manager has ever written, that.
func (s *story) unmarked(w *write) (actor, bool) {
	if w.prevObject == nil || w.pod != nil {
		return actor{}, false
	}
	a := w.soleWriter(w.prevObject)
	return s.controlled(w, a), a.name != ""
}

// soleWriter is who alone may have taken away what an object, which came after another, has no more.
type soleWriter struct {
	prevObject metav1.Object
	actor
}

// soleWriter is the only client that may have made the write; it has no name where there is none, or several.
func (r *revision) soleWriter(after metav1.Object) actor {
	if r.sole == nil || r.sole.prevObject != after {
		r.sole = &soleWriter{after, findSoleWriter(after, r.object)}
	}
	return r.sole.actor
}

func findSoleWriter(was, cur metav1.Object) actor {
	if object.ChangesOnlyStatus(was, cur) {
		name := onlyClient(cur.GetManagedFields(),
			func(e *metav1.ManagedFieldsEntry) bool { return e.Subresource == "status" })
		return actor{name, "update", "status", seq.Inferred, "only the status changed, and one client alone has written that"}
	}
	anything := func(*metav1.ManagedFieldsEntry) bool { return true }
	if onlyClient(slices.Concat(was.GetManagedFields(), cur.GetManagedFields()), anything) == seq.ControllerManager {
		return actor{seq.ControllerManager, "update", "", seq.Inferred, "no other client has ever written the object"}
	}
	return actor{}
}

// onlyClient is the one that all entries of some kind name; nothing where there is none, or several.
func onlyClient(all []metav1.ManagedFieldsEntry, is func(*metav1.ManagedFieldsEntry) bool) (only seq.Participant) {
	for i := range all {
		who := object.Client(all[i].Manager)
		if !is(&all[i]) || who == only {
			continue
		}
		if only != "" {
			return ""
		}
		only = who
	}
	return only
}

// changesOnlyStatus reports whether nothing but the status is other than before.
func (w *write) changesOnlyStatus() bool { return object.ChangesOnlyStatus(w.prevObject, w.object) }

// reporterOf is who says what becomes of a Pod on its node: the kubelet, unless managedFields names another client that
// set status.startTime, which only a kubelet does, or what plays one, such as KWOK.
func reporterOf(p *corev1.Pod) seq.Participant {
	for _, e := range p.ManagedFields {
		if who := object.Client(e.Manager); e.Subresource == "status" && who != seq.Kubelet &&
			bytes.Contains(object.Fields(e), []byte(`"f:startTime"`)) {
			return who
		}
	}
	return seq.Kubelet
}

// attributeBind leaves open who bound the Pod where its scheduler has not said so, though what its kubelet said later
// is known: a scheduler emits Event Scheduled with every bind.
func (s *story) attributeBind() {
	if s.scheduled() != nil {
		return
	}
	if w := s.foundNode(); w != nil {
		w.unannounced = s.listing || s.lacksScheduled(w)
	}
	for _, w := range s.revisions {
		if w.isBind() && slices.ContainsFunc(s.events, func(e *emitted) bool {
			return e.emitter == seq.Kubelet && e.rv > w.rv && e.event.Reason == "Started"
		}) {
			w.actor.name = seq.UnknownClient
			w.actor.because = "spec.nodeName and PodScheduled appeared together, and no scheduler emitted Event Scheduled"
		}
	}
}

// eventLife is how long the API server keeps an Event (--event-ttl, pkg/controlplane/apiserver/options, v1.37).
const eventLife = time.Hour

// lacksScheduled reports whether Event Scheduled would still be there, had a scheduler bound the Pod that was found:
// an Event of its kubelet from the minute after the bind is.
func (s *story) lacksScheduled(w *write) bool {
	at := conditionSince(w.pod, corev1.PodScheduled)
	if at.IsZero() || w.received.Sub(at.Time) > eventLife {
		return false
	}
	return slices.ContainsFunc(s.events, func(e *emitted) bool {
		first := cmp.Or(e.emission, e.event.EventTime.Time, e.event.FirstTimestamp.Time)
		return e.emitter == seq.Kubelet && first.Sub(at.Time).Abs() < time.Minute
	})
}

func scheduler(p *corev1.Pod) seq.Participant {
	if p.Spec.SchedulerName == "" {
		return seq.UnknownClient
	}
	return object.Client(p.Spec.SchedulerName)
}

// creator is the manager of the oldest entry that is not about a subresource.
func creator(m metav1.Object) string {
	var oldest *metav1.ManagedFieldsEntry
	all := m.GetManagedFields()
	for i := range all {
		e := &all[i]
		if e.Subresource == "" && (oldest == nil || e.Time.Before(oldest.Time)) {
			oldest = e
		}
	}
	if oldest == nil {
		return ""
	}
	return oldest.Manager
}

// entry is the managedFields entry of who made the revision that came after another, or nil; see changedEntry.
func (r *revision) entry(was metav1.Object) *metav1.ManagedFieldsEntry {
	if r.entryFrom != was {
		r.entryFrom, r.entryOf = was, changedEntry(was, r.object)
	}
	return r.entryOf
}

// changedEntry returns the managedFields entry of who wrote cur, which came after prev, or nil where none tells.
// Whoever sets a field owns it from then on, and the entry gets the time. So it is the only one that has another time;
// or, as times are in seconds, the only one that owns something that changed. Who only takes fields away leaves no
// trace: it is the entry of who had them that shrinks.
func changedEntry(prev, cur metav1.Object) *metav1.ManagedFieldsEntry {
	before, after := prev.GetManagedFields(), cur.GetManagedFields()
	var newer []*metav1.ManagedFieldsEntry
	for i := range after {
		e := &after[i]
		if was := entryLike(before, e); was == nil || !was.Time.Equal(e.Time) {
			newer = append(newer, e)
		}
	}
	if len(newer) == 1 {
		return newer[0]
	}
	if len(newer) == 0 { // then it is one of those that wrote in the second of the last
		for i := range after {
			if e := &after[i]; len(newer) == 0 || !e.Time.Before(newer[0].Time) {
				newer = append(slices.DeleteFunc(newer, func(o *metav1.ManagedFieldsEntry) bool { return o.Time.Before(e.Time) }),
					e)
			}
		}
	}
	onlyStatus := object.ChangesOnlyStatus(prev, cur)
	newer = slices.DeleteFunc(newer, func(e *metav1.ManagedFieldsEntry) bool {
		return onlyStatus && !bytes.Contains(object.Fields(*e), []byte(`"f:status"`)) || !object.OwnsChange(e, prev, cur)
	})
	if len(newer) != 1 {
		return nil
	}
	return newer[0]
}

// entryLike is the entry of the same client about the same, or nil.
func entryLike(all []metav1.ManagedFieldsEntry, e *metav1.ManagedFieldsEntry) *metav1.ManagedFieldsEntry {
	for i := range all {
		if o := &all[i]; alikeEntries(o, e) {
			return o
		}
	}
	return nil
}

// alikeEntries reports whether two entries are of the same client about the same.
func alikeEntries(a, b *metav1.ManagedFieldsEntry) bool {
	return a.Manager == b.Manager && a.Operation == b.Operation && a.Subresource == b.Subresource &&
		a.APIVersion == b.APIVersion
}

// methods are those of HTTP by the verbs of RBAC; of a write of which only that is known there is none.
var methods = map[string]string{"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "get": "GET",
	"": "write"}

func (s *story) scheduled() *emitted {
	for _, e := range s.events {
		if e.event.Reason == "Scheduled" && e.event.Type == corev1.EventTypeNormal {
			return e
		}
	}
	return nil
}
