package trace

// One revision as a write: what it was, what it changed.

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// removedCollectorFinalizer is the finalizer of the garbage collector that the write took away, or nothing. With the
// last finalizer goes the object.
func (w *write) removedCollectorFinalizer() string {
	if w.prevObject == nil || w.prevObject.GetDeletionTimestamp() == nil {
		return ""
	}
	before := w.prevObject.GetFinalizers()
	for _, f := range []string{orphanFinalizer, foregroundFinalizer} {
		last := w.deleted && len(before) == 1
		if slices.Contains(before, f) && (last || !w.deleted && !slices.Contains(w.object.GetFinalizers(), f)) {
			return f
		}
	}
	return ""
}

// lostOwner is the controller that the object no longer refers to since that write, or nil.
func (w *write) lostOwner() *metav1.OwnerReference {
	if w.prevObject == nil || w.deleted {
		return nil
	}
	ref := metav1.GetControllerOf(w.prevObject)
	if ref == nil ||
		slices.ContainsFunc(w.object.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == ref.UID }) {
		return nil
	}
	return ref
}

// adopts reports whether the object has a controller since that write, and was there before.
func (w *write) adopts() bool {
	return w.prevObject != nil && metav1.GetControllerOf(w.prevObject) == nil && metav1.GetControllerOf(w.object) != nil
}

func (w *write) byCollector() bool {
	return w.actor.name == garbageCollector && w.actor.verb != "delete"
}

func (w *write) evidence() seq.Evidence {
	e := seq.Evidence{Source: "watch", Text: w.actor.because, ResourceVersion: w.object.GetResourceVersion(),
		At: w.received}
	if w.received.IsZero() { // it came with the answer to our own request
		e.Source = "http"
		if w.ownRequest != nil {
			e.At = w.ownRequest.FirstByte
		}
	}
	return e
}

// window is what a write says of its own commit: it had happened when we received it, and is no older than its stamps
// and our own reads say.
func (w *write) window() (seq.Window, time.Time) {
	if w.received.IsZero() {
		return seq.Window{}, time.Time{}
	}
	if w.notBefore.After(w.notAfter) { // the clocks drifted apart since we compared them
		return seq.Window{Latest: w.notAfter}, w.received.Add(-deliveryLag)
	}
	return seq.Window{Earliest: w.notBefore, Latest: w.notAfter}, w.received.Add(-deliveryLag)
}

func (w *write) isStatusPatch() bool {
	return w.actor.name == seq.Kubelet && w.actor.subresource == "status"
}

// byController reports whether a controller of the controller manager made the write; its rules claim it.
func (w *write) byController() bool { return w.ownRequest == nil && w.actor.name.IsController() }

func (w *write) evidenceOf(detail string, at time.Time) seq.Evidence {
	return seq.Evidence{Source: "object", Text: detail, ResourceVersion: w.object.GetResourceVersion(), At: at}
}

// write is one revision of the object and what it changed.
type write struct {
	*revision
	prevWrite     *write        // or nil
	nextWrite     *write        // or nil
	prevRevision  *revision     // the revision before, or nil
	prevObject    metav1.Object // and its object
	pod           *corev1.Pod   // the object, where it is a Pod
	prevPod       *corev1.Pod   // and before; nil for the first revision we know
	creates       bool          // the revision that made the object
	beforeJoining bool          // the object was no part of the run yet
	unannounced   bool          // the Pod was found with a node that no scheduler says it gave it, see attributeBind
	ownRequest    *seq.Request  // our own request, if it is the one
	actor         actor
	actorRead     actor     // the same, without what its owner tells, see attributeEnds
	notBefore     time.Time // it was committed no earlier, see writtenWithin; zero where nothing tells
	notAfter      time.Time // it was committed by then; zero where it only came as the answer to our own create

	cause       *watchedWrite // by which the writer knew; nil where that cannot be said, and until causeOf has sought it
	causeSought bool
	causeOpen   bool // whatever else becomes known of the owner's objects may be the cause
}

// isOfRun reports whether the write is part of the picture: what was there before is not.
func (w *write) isOfRun() bool { return (w.prevObject != nil || w.creates) && !w.beforeJoining }

// endsLife reports whether the write is what a DELETE does: it sets the time of the end, or removes the Pod at once.
func (w *write) endsLife() bool {
	return w.prevObject != nil && w.prevObject.GetDeletionTimestamp() == nil &&
		(w.object.GetDeletionTimestamp() != nil || w.deleted)
}

// untracksAtEnd reports whether that was all that held an object which is gone.
func (w *write) untracksAtEnd() bool {
	return slices.Equal(w.prevObject.GetFinalizers(), []string{batchv1.JobTrackingFinalizer})
}

// untracks reports whether a Pod has lost the finalizer that keeps it until its Job has counted it.
func (w *write) untracks() bool {
	return w.prevObject != nil && slices.Contains(w.prevObject.GetFinalizers(), batchv1.JobTrackingFinalizer) &&
		!slices.Contains(w.object.GetFinalizers(), batchv1.JobTrackingFinalizer)
}

// binds reports whether the Pod has a node by this revision. One that was not watched may hold more writes than its
// own.
func (w *write) binds() bool {
	return w.prevPod != nil && w.prevPod.Spec.NodeName == "" && w.pod.Spec.NodeName != ""
}

// binder is who gave the Pod its node by this revision.
func (w *write) binder() seq.Participant {
	switch {
	case w.isBind():
		return w.actor.name
	case w.unannounced:
		return seq.UnknownClient
	}
	return scheduler(w.pod)
}

// isBind reports whether the write is the scheduler's, and nothing else.
func (w *write) isBind() bool { return w.actor.subresource == "binding" }

// isFirstOfTwo reports whether the write is the first of two revisions of one request: a DELETE without any grace
// period left says so in the Pod before it removes it, and an eviction says why it deletes. Of a Pod that is to end
// already an eviction says only that, see endsEviction.
func (w *write) isFirstOfTwo() bool {
	return w.evicts() && w.prevObject.GetDeletionTimestamp() == nil ||
		len(w.object.GetFinalizers()) == 0 && (w.endsGrace() || w.endsLife() && !w.deleted && noGrace(w.pod))
}

// lastOfRequest is the last revision of the request that made the write, by which it is drawn: itself, but for the
// first of two. It is nil where that is not known yet.
func (w *write) lastOfRequest() *write {
	for w != nil && w.isFirstOfTwo() {
		w = w.nextWrite
	}
	return w
}

// firstOfTwo is the first of the two revisions of which this is the second, or nil.
func (w *write) firstOfTwo() *write {
	first := w.prevWrite
	if first == nil || !first.isFirstOfTwo() || !w.deleted && !(first.evicts() && w.endsLife()) {
		return nil
	}
	return first
}

// byEviction is the reason of condition DisruptionTarget that the API server gives for an eviction.
const byEviction = "EvictionByEvictionAPI"

// evicts reports whether the write is the first of an eviction.
func (w *write) evicts() bool { return w.disruption() == byEviction && !w.endsLife() }

// disruption is the reason of condition DisruptionTarget, if the write has set it, or nothing.
func (w *write) disruption() string {
	if reason := disruptionOf(w.pod); w.prevPod != nil && reason != disruptionOf(w.prevPod) {
		return reason
	}
	return ""
}

func disruptionOf(p *corev1.Pod) string {
	if p == nil {
		return ""
	}
	if c := conditionOf(p, corev1.DisruptionTarget); c.Status == corev1.ConditionTrue {
		return c.Reason
	}
	return ""
}

// removesLastFinalizer reports whether the write ended an object that only its finalizers had held.
func (w *write) removesLastFinalizer() bool {
	return w.deleted && w.prevObject != nil && w.prevObject.GetDeletionTimestamp() != nil &&
		len(w.prevObject.GetFinalizers()) > 0
}

// endsGrace reports whether the write ended the grace period.
func (w *write) endsGrace() bool {
	return !w.deleted && w.prevPod != nil && w.prevPod.DeletionTimestamp != nil && !noGrace(w.prevPod) && noGrace(w.pod)
}

// shortensGrace reports whether the write leaves an object that is to end less time for that. Only a DELETE does, which
// an eviction ends with (k8s.io/apiserver/pkg/registry/rest/delete.go, v1.37).
func (w *write) shortensGrace() bool {
	if w.deleted || w.prevObject == nil {
		return false
	}
	was, is := w.prevObject.GetDeletionGracePeriodSeconds(), w.object.GetDeletionGracePeriodSeconds()
	return was != nil && is != nil && 0 < *is && *is < *was
}

// endsEviction reports whether the write is the second of an eviction that leaves a Pod which is to end already less
// time. Whether there will be one is not known with the first, by which such a request is drawn.
func (w *write) endsEviction() bool {
	first := w.prevWrite
	return first != nil && first.evicts() && !first.isFirstOfTwo() && w.shortensGrace() &&
		w.received.Sub(first.received) < withinEviction
}

// withinEviction is what passes at most between the two writes of an eviction where nothing delays it: the API server
// makes one after the other.
const withinEviction = 100 * time.Millisecond

func noGrace(p *corev1.Pod) bool {
	return p != nil && p.DeletionGracePeriodSeconds != nil && *p.DeletionGracePeriodSeconds == 0
}
