package trace

// The Pods of a run that is about something else: how far each has come, and what its start took.

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// Members are the Pods of a run that is about something else, in the order in which they were made; nil of one that is
// about a Pod or a container. They are shared, and valid until the next call of Observe.
func (t *Trace) Members() []seq.Member {
	r := t.resolve()
	if !r.scene.subject().sort().ofSeveral {
		return nil
	}
	for i, e := range r.pods {
		if e.member != e.version || e.member == 0 || r.members[i].Took == 0 || e.story.notReady() {
			e.member, r.members[i] = e.version, r.memberOf(e.story, t.now)
		}
	}
	return r.members
}

// memberOf is a Pod as it is now. The phases of one that is not ready go on until then, or until it ended; so do those
// of one that was ready and is no more, unless it is to stop.
func (r *result) memberOf(s *story, now time.Time) seq.Member {
	m := seq.Member{Object: s.object, Node: s.node, State: s.state(len(s.revisions))}
	if o := s.owner(); o != nil {
		m.Owner = o.object
	}
	if made := r.step(s.ownKey(s.storedKey())); made != nil {
		m.CreatedAt = made.Best
		done := s.firstRevision(func(w *write) bool {
			return object.Condition(w.pod, corev1.PodReady) == corev1.ConditionTrue || w.pod.Status.Phase == corev1.PodSucceeded
		})
		switch ready := r.step(s.etcdKey(done)); {
		case s.foundRevision() != nil:
		case ready != nil && done != 0:
			m.Took = ready.Best.Sub(made.Best)
			m.Phases = r.phases(s, timeRange{start: made.Best, end: ready.Best, likely: true})
			if s.notReady() {
				m.Phases = r.phases(s, timeRange{start: made.Best, end: now, likely: true, goesOn: true})
			}
		case !s.podEnded():
			m.Phases = r.phases(s, timeRange{start: made.Best, end: now, likely: true, goesOn: true})
		default:
			if last := r.step(s.etcdKey(s.revisions[len(s.revisions)-1].rv)); last != nil {
				m.Phases = r.phases(s, timeRange{start: made.Best, end: last.Best, likely: true})
			}
		}
	}
	return m
}

// notReady reports whether a Pod is not ready, and neither to stop nor ended.
func (s *story) notReady() bool {
	pod := s.newest()
	return pod != nil && pod.DeletionTimestamp == nil && !s.podEnded() &&
		object.Condition(pod, corev1.PodReady) != corev1.ConditionTrue
}
