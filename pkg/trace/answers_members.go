package trace

// The Pods of a run that is about something else: how far each has come, and what its start took.

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// Members are the Pods of a run that is about something else, in the order in which they were made; nil of one that is
// about a Pod or a container. Their phases and waits are left out, see MembersInFull. They are shared, and valid until
// the next call of Observe.
func (t *Trace) Members() []seq.Member {
	r := t.resolve()
	if !r.scene.subject().sort().ofSeveral {
		return nil
	}
	for i, e := range r.pods {
		if e.member != e.version || e.member == 0 {
			e.member, r.members[i] = e.version, r.memberOf(e.story)
		}
	}
	return r.members
}

// MembersInFull are the Members with the phases and the waits of each. Those of thousands take a second: they are for
// the end.
func (t *Trace) MembersInFull() []seq.Member {
	all := slices.Clone(t.Members())
	for i := range all {
		s := t.result.pods[i].story
		all[i].Phases = t.result.startPhases(s, t.now)
		all[i].Waits = s.waits(podWaits, all[i].Phases)
	}
	return all
}

// memberOf is a Pod as it is now, without its phases.
func (r *result) memberOf(s *story) seq.Member {
	m := seq.Member{Object: s.object, Node: s.node, State: s.state(len(s.revisions))}
	if o := s.owner(); o != nil {
		m.Owner = o.object
	}
	if made := r.step(s.ownKey(s.storedKey())); made != nil {
		m.CreatedAt = made.Best
		if ready := r.step(s.reachedKey()); ready != nil && s.foundRevision() == nil {
			m.Took = ready.Best.Sub(made.Best)
		}
	}
	return m
}

// startPhases are those of the start of a Pod. Those of one that is not ready go on until now, or until it ended; so do
// those of one that was ready and is no more, unless it is to stop.
func (r *result) startPhases(s *story, now time.Time) []seq.Phase {
	made := r.step(s.ownKey(s.storedKey()))
	if made == nil || s.foundRevision() != nil && !s.notReady() || r.entryOf[s].counted {
		return nil
	}
	f := timeRange{start: made.Best, likely: true}
	switch last := r.step(s.reachedKey()); {
	case last != nil && !s.notReady():
		f.end = last.Best
	case !s.podEnded():
		f.end, f.goesOn = now, true
	default:
		if last = r.step(s.etcdKey(s.revisions[len(s.revisions)-1].rv)); last == nil {
			return nil
		}
		f.end = last.Best
	}
	return r.phases(s, f)
}

// reachedKey is the write by which a Pod was ready, or had succeeded; nothing while it is not.
func (s *story) reachedKey() seq.Key {
	return s.etcdKey(s.firstRevision(func(w *write) bool {
		return object.Condition(w.pod, corev1.PodReady) == corev1.ConditionTrue || w.pod.Status.Phase == corev1.PodSucceeded
	}))
}

// notReady reports whether a Pod is not ready, and neither to stop nor ended.
func (s *story) notReady() bool {
	pod := s.newest()
	return pod != nil && pod.DeletionTimestamp == nil && !s.podEnded() &&
		object.Condition(pod, corev1.PodReady) != corev1.ConditionTrue
}
