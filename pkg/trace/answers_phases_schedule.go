package trace

// The phase of a Pod for which the scheduler has found no node.

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// awaitingNode is the time from the scheduler's first try that failed until it picks the Pod's node. The tries in
// between take no time that could be told.
func awaitingNode(s *story, r *result) []interval {
	var first *seq.Step
	begin := seq.Key("")
	failed := func(key seq.Key) {
		if x := r.step(s.ownKey(key)); x != nil && !x.Best.IsZero() && (first == nil || x.Best.Before(first.Best)) {
			first, begin = x, key
		}
	}
	failed(s.etcdKey(s.firstRevision(func(w *write) bool {
		c := conditionOf(w.pod, corev1.PodScheduled)
		return c.Status == corev1.ConditionFalse && c.Reason != corev1.PodReasonSchedulingGated
	})))
	for _, e := range s.events {
		if e.event.Reason == "FailedScheduling" {
			failed(e.noteKey())
		}
	}
	if first == nil {
		return nil
	}
	end := s.boundKey()
	if pick := s.pickKey(s.node); s.nomination() == nil && r.step(s.ownKey(pick)) != nil {
		end = pick
	}
	return []interval{{begin, end, s.node == "" && !s.podEnded() && s.deletionRevision() == 0}}
}

// unscheduledExplained is what the scheduler said last.
func (s *story) unscheduledExplained() string {
	text := "no node passed every filter of the scheduler, which waits for a change before it tries again"
	if len(s.revisions) == 0 || object.Condition(s.newest(), corev1.PodScheduled) != corev1.ConditionFalse {
		return text
	}
	return text + ": " + conditionOf(s.newest(), corev1.PodScheduled).Message
}
