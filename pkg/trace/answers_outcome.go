package trace

// How far objects have come, by which revision, and which Events are still to come.

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// State is what the newest revision of the subject says.
func (t *Trace) State() seq.State {
	s := t.resolve().scene.subject()
	return s.state(len(s.revisions))
}

// Reached finds the first revision of a root, by its index in Roots, whose state satisfies is, and the instant by which
// it was certainly written; ok is false where none does. A container of an engine has no revisions: what counts are the
// states that it has gone through.
func (t *Trace) Reached(root int, is func(seq.State) bool) (st seq.State, by time.Time, ok bool) {
	r := t.resolve()
	s := r.scene.rootStories()[root]
	return s.sort().reached(r, s, is)
}

// objectReached reads the revisions of an object of the API.
func objectReached(r *result, s *story, is func(seq.State) bool) (st seq.State, by time.Time, ok bool) {
	for n := 1; n <= len(s.revisions); n++ {
		if st = s.state(n); is(st) {
			if write := r.step(s.etcdKey(s.revisions[n-1].rv)); write != nil {
				by = write.Window.Latest
			}
			if st.Deleted && !s.orphans() {
				by = instant.Later(by, r.emptied(s))
			}
			return st, by, true
		}
	}
	return seq.State{}, time.Time{}, false
}

// emptied is when the last Pod that came of a deleted object was gone.
func (r *result) emptied(s *story) (at time.Time) {
	for _, p := range s.podsBelow() {
		if p.isReleased() {
			continue
		}
		if gone := r.step(p.etcdKey(p.last().rv)); gone != nil {
			at = instant.Later(at, gone.Window.Latest)
		}
	}
	return at
}

// state reads the first n revisions.
func (s *story) state(n int) seq.State { return s.sort().state(s, n) }

// workloadState is that of an object that is no Pod.
func workloadState(s *story, n int) (st seq.State) {
	if n > 0 {
		st = s.revisions[n-1].workloadState()
	}
	s.addExistence(&st, n)
	goesOn := func(p *story) bool { return !p.last().deleted && p.goneSince.IsZero() && !p.isReleased() }
	if st.Deleted && !s.orphans() && slices.ContainsFunc(s.podsBelow(), goesOn) { // what it owned goes after it
		st.Deleted, st.Deleting = false, s.revisions[n-1].object.GetDeletionTimestamp() != nil
	}
	return st
}

// addExistence says whether the object is there by its first n revisions, and whether our request for that was refused.
func (s *story) addExistence(st *seq.State, n int) {
	if q := s.refusedWrite(); q != nil {
		st.Refused = cmp.Or(q.Message, q.StatusText)
	}
	if n == 0 {
		return
	}
	last := s.revisions[n-1]
	st.Created = true
	st.Deleted = last.deleted || n == len(s.revisions) && !s.goneSince.IsZero()
	st.Deleting = last.object.GetDeletionTimestamp() != nil && !st.Deleted
}

// commandState is that of the Pod that a command is run in; what is refused is the command.
func commandState(s *story, n int) seq.State {
	st := podState(s, n)
	st.Refused = s.ownExec().ExecFailure()
	return st
}

func podState(s *story, n int) (st seq.State) {
	s.addExistence(&st, n)
	if n == 0 {
		return st
	}
	p := s.revisions[n-1].pod
	st.Scheduled = p.Spec.NodeName != ""
	st.Succeeded = p.Status.Phase == corev1.PodSucceeded
	st.Failed = p.Status.Phase == corev1.PodFailed
	st.Running = p.Status.Phase == corev1.PodRunning && allRan(p)
	st.Ready = object.Condition(p, corev1.PodReady) == corev1.ConditionTrue
	st.Available = st.Ready
	return st
}

func allRan(p *corev1.Pod) bool {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Running == nil && c.State.Terminated == nil {
			return false
		}
	}
	return len(p.Status.ContainerStatuses) > 0
}

// usualWaits are the reasons of a container that waits for its turn and nothing else.
var usualWaits = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// EventsPending reports that an Event is certainly on its way: the status already tells of what it will tell. It says
// nothing where Events do not come at all.
func (t *Trace) EventsPending() bool {
	c := t.resolve().scene
	deletes := func(q *seq.Request) bool { return q.Verb == "delete" }
	return !slices.ContainsFunc(c.requests, deletes) && slices.ContainsFunc(c.podStories(), (*story).eventsPending)
}

func (s *story) eventsPending() bool {
	if s.foundRevision() != nil { // its Events may be gone
		return false
	}
	seen := map[seq.Key]bool{}
	for _, a := range s.workerEvents {
		if a.action == containerStarted {
			seen[a.call] = true
		}
	}
	had := s.livesBefore()
	for _, r := range s.lives {
		if s.spec(r.container) != nil && r.attempt >= had[r.container] &&
			!seen[criKey("StartContainer", r.container, r.attempt)] {
			return true
		}
	}
	return s.bindRevision() != 0 && s.scheduled() == nil
}
