package trace

// What an object that was there before the run had already gone through.

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// foundRevision is the revision in which an object was found by a run that tells the past: what it has kept of that. It
// is nil where the run does not, or saw the object come.
func (s *story) foundRevision() *write {
	if !s.attached() || len(s.revisions) == 0 || s.revisions[0].creates || s.revisions[0].beforeJoining {
		return nil
	}
	return s.revisions[0]
}

// pastKey is that of what is only known from an object as it was found.
func (s *story) pastKey(what string) seq.Key { return seq.Key("past:" + what + ":" + s.object.UID) }
func (s *story) pastCreate() seq.Key         { return s.pastKey("create") }
func (s *story) pastBound() seq.Key          { return s.pastKey("bound") }

// pastEnd is that of the DELETE by which a kubelet ends a Pod that somebody has deleted.
func (s *story) pastEnd() seq.Key { return s.pastKey("end") }

// endedBeforeMark is the first Event by which the kubelet said that it ends the containers of a Pod, if that was before
// the second in which its deletion was marked without a grace period, and they had ended by then: so its kubelet has
// set the mark, as a DELETE with less grace than before does (BeforeDelete in apiserver/pkg/registry/rest/delete.go,
// v1.37).
func (s *story) endedBeforeMark(w *write) (first *emitted) {
	if !noGrace(w.pod) || w.pod.Spec.NodeName == "" {
		return nil
	}
	mark := s.secondOf(seq.APIServer, *w.pod.DeletionTimestamp).Earliest
	for c := range object.Statuses(w.pod) {
		t := c.State.Terminated
		if c.State.Running != nil || t != nil && s.secondOf(seq.Kubelet, t.FinishedAt).Earliest.After(mark) {
			return nil // somebody has shortened the grace period
		}
	}
	for _, e := range s.events {
		c := object.StatusOf(w.pod, e.container)
		if e.emitter != seq.Kubelet || e.event.Reason != "Killing" || c == nil || c.State.Terminated == nil ||
			!s.emittedBy(e).Before(mark) {
			continue
		}
		if life, ok := s.attemptAt(e); ok && life == int(c.RestartCount) &&
			(first == nil || s.emittedBy(e).Before(s.emittedBy(first))) {
			first = e
		}
	}
	return first
}

// emittedBy is by when an Event had been emitted.
func (s *story) emittedBy(e *emitted) time.Time {
	if e.at.IsZero() {
		return e.second(s).Latest
	}
	return e.at
}

func (s *story) foundRevisionKey() seq.Key { return s.pastKey("revision") }

func storedKey(key seq.Key) seq.Key { return key + ":stored" }

// secondOf is what a time of whole seconds, on the clock of a participant, says on ours.
func (s *story) secondOf(p seq.Participant, t metav1.Time) seq.Window {
	if t.IsZero() || s.clocks.Jumped(p) {
		return seq.Window{}
	}
	at := s.toOurClock(p, t.Time)
	return seq.Window{Earliest: at, Latest: at.Add(time.Second + s.clocks.Behind(p))}
}

// foundNode is the revision in which a Pod was found that had been bound: it has a node which nobody gave it as a field
// of the object.
func (s *story) foundNode() *write {
	w := s.foundRevision()
	if w == nil || w.pod == nil || w.pod.Spec.NodeName == "" {
		return nil
	}
	entries := w.pod.ManagedFields
	if len(entries) == 0 && (w.pod.Annotations[corev1.MirrorPodAnnotationKey] != "" || s.scheduled() == nil) {
		// it may have been made with its node
		return nil
	}
	for i := range entries {
		if object.Owns(&entries[i], "spec", "nodeName") {
			return nil
		}
	}
	return w
}

// keptSince is since when, at most, a Pod that was found has been as it is: the latest of all times that it has kept.
func (s *story) keptSince(w *write) (since time.Time) {
	if w.pod == nil {
		return since
	}
	see := func(p seq.Participant, t metav1.Time) { since = instant.Later(since, s.secondOf(p, t).Latest) }
	see(seq.APIServer, w.pod.CreationTimestamp)
	for _, c := range w.pod.Status.Conditions {
		see(seq.Kubelet, c.LastTransitionTime)
	}
	for c := range object.Statuses(w.pod) {
		for _, state := range []corev1.ContainerState{c.State, c.LastTerminationState} {
			if state.Running != nil {
				see(seq.Kubelet, state.Running.StartedAt)
			}
			if state.Terminated != nil {
				see(seq.Kubelet, state.Terminated.FinishedAt)
			}
		}
	}
	return instant.Sooner(since, w.received)
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

// usuallyAt is when what a status told us is likeliest to have happened, by the usual time until it does; of what was
// found there is no such time.
func (s *story) usuallyAt(received time.Time, lag time.Duration) time.Time {
	if w := s.foundRevision(); w != nil && !received.After(w.received) {
		return time.Time{}
	}
	return instant.Before(received, lag)
}

// usuallyEmitted is the same of an Event.
func (s *story) usuallyEmitted(e *emitted) time.Time {
	if at := e.notBefore(s); !at.IsZero() {
		return at
	}
	if s.wasListed(e) {
		return time.Time{}
	}
	return instant.Before(e.received, eventLag+emitLag)
}

// wasListed reports whether the Event had been written before the run looked.
func (s *story) wasListed(e *emitted) bool {
	return s.attached() && (s.eventsAt == 0 || e.rv <= s.eventsAt)
}

// compareServer measures the API server's clock by the whole seconds of its answers, where they rule out that it is
// ours.
func (s *story) compareServer() {
	for _, q := range s.requests {
		if d := q.ServerDate; tellsServerClock(q) {
			s.clocks.Sample(seq.APIServer, d, time.Time{}, q.FirstByte)
			s.clocks.Sample(seq.APIServer, d.Add(time.Second), q.Sent, time.Time{})
		}
	}
}

// tellsServerClock reports whether the second of an answer is none in which it can have been given by our clock.
func tellsServerClock(q *seq.Request) bool {
	d := q.ServerDate
	return !d.IsZero() && !q.Sent.IsZero() && !q.FirstByte.IsZero() &&
		(d.After(q.FirstByte) || d.Add(time.Second).Before(q.Sent))
}
