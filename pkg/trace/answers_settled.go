package trace

// Which steps are final: nothing that may still come would change them or stand before them.

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// Settled returns n such that the first n Steps are final, if every observation arrives within patience after the fact.
// Nothing is final while a source has not answered: the lists of a run that tells the past, or a watch that is lost.
// Where Events have just come late, it takes twice as long as they were under way.
func (t *Trace) Settled(patience time.Duration) int {
	r := t.resolve()
	since, ok := t.listening(r.scene)
	if !ok {
		return 0
	}
	patience = max(patience, 2*r.scene.lateness(t.now))
	open := r.undecided(t.now)
	steps := r.graph.Steps()
	for i, s := range steps {
		last := instant.Later(s.Window.Latest, s.Best)
		if last.IsZero() || t.now.Sub(instant.Later(last, since)) < patience || !open.IsZero() && s.Best.After(open) {
			return i
		}
	}
	return len(steps)
}

// listening reports whether every source has answered, and since when those do that had been lost meanwhile: what they
// missed comes only then. A watch that may not be taken up again, or is replaced by asking, is as good as answered.
func (t *Trace) listening(c *scene) (since time.Time, ok bool) {
	if t.listsPending && !t.listsAnswered || !c.attached() && c.zero().IsZero() {
		// then it is not known yet what times count from
		return since, false
	}
	lost := map[string]bool{}
	for _, q := range c.requests {
		if q.Verb != "watch" || q.Docker != nil {
			continue
		}
		if q.Status == 200 && lost[q.Resource] {
			since = instant.Later(since, q.FirstByte)
		}
		lost[q.Resource] = q.Status != 200
	}
	for _, g := range c.gaps {
		if g.To == "" {
			delete(lost, g.Resource)
		}
	}
	for _, is := range lost {
		if is {
			return since, false
		}
	}
	return since, true
}

// recently is for how long Events that came late have others be waited for.
const recently = 10 * time.Second

// lateness is how much longer the latest Event has recently been under way than the fastest of its emitter, whose clock
// may be off.
func (c *scene) lateness(now time.Time) (most time.Duration) {
	least := map[seq.Participant]time.Duration{}
	type delivery struct {
		received time.Time
		took     time.Duration
	}
	delivered := func(yield func(seq.Participant, delivery) bool) {
		for _, s := range c.stories {
			for _, e := range s.events {
				if e.count == 1 && !e.isFirstEmission && !e.at.IsZero() && !s.wasListed(e) &&
					!yield(e.emitter, delivery{e.received, e.received.Sub(e.at)}) {
					return
				}
			}
		}
	}
	for who, d := range delivered {
		if old, ok := least[who]; !ok || d.took < old {
			least[who] = d.took
		}
	}
	for who, d := range delivered {
		if now.Sub(d.received) < recently {
			most = max(most, d.took-least[who])
		}
	}
	return most
}

// undecided is the earliest instant since which something is under way of which only its end will tell what happened in
// it, or zero.
func (r *result) undecided(now time.Time) (since time.Time) {
	for _, q := range r.scene.requests {
		if q.Acts() && awaitsAnswer(q) {
			since = instant.Sooner(since, q.Sent)
		}
	}
	for _, s := range r.scene.stories {
		if s.isPod() {
			since = instant.Sooner(since, s.sandboxUnderWay(r))
			since = instant.Sooner(since, s.startUnderWay(r))
		}
		for _, e := range s.events {
			if now.Sub(e.received) < recently && s.unsettled(e) { // the status will say which call failed
				since = instant.Sooner(since, cmp.Or(e.at, s.usuallyEmitted(e)))
			}
		}
	}
	return since
}

// awaitsAnswer reports whether a request has been sent whose way through the components only its answer tells. That to
// wait for a container's end tells nothing else.
func awaitsAnswer(q *seq.Request) bool {
	switch {
	case q.Sent.IsZero() || q.Message != "" || q.Status >= 300:
		return false
	case q.Exec != nil:
		return q.Exec.Ended.IsZero()
	}
	return q.Status == 0 && q.Verb != "wait" && q.Verb != "attach"
}

// sandboxUnderWay is since when the kubelet may have been at the Pod's sandbox that there is no sign of yet, or zero:
// from when the Pod had its node, or from the last Event that says why there was none.
func (s *story) sandboxUnderWay(r *result) time.Time {
	if s.foundRevision() != nil || !s.begins().IsZero() || s.node == "" || s.reporter() != seq.Kubelet || s.podEnded() ||
		s.deletionBegun() || r.step(s.key(sandboxKey)) != nil {
		return time.Time{}
	}
	assigned := r.step(s.key(s.assignedKey()))
	if assigned == nil {
		return time.Time{}
	}
	since := assigned.Best
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && sandboxWarnings[e.event.Reason] && e.container == "" {
			since = instant.Later(since, cmp.Or(e.at, s.usuallyEmitted(e)))
		}
	}
	return since
}

// startUnderWay is since when the kubelet may have been at a container's creation or start that there is no sign of
// yet, or zero: from what it did last on the way there, where nothing says that it came no further.
func (s *story) startUnderWay(r *result) time.Time {
	if len(s.revisions) == 0 || s.reporter() != seq.Kubelet || s.podEnded() || s.deletionBegun() || s.startHeld() {
		return time.Time{}
	}
	worker := s.workerEvents
	if len(worker) == 0 {
		sandbox := r.step(s.key(sandboxKey.End()))
		if sandbox == nil || len(s.lives) > 0 {
			return time.Time{}
		}
		return sandbox.Best
	}
	last := worker[len(worker)-1]
	at := cmp.Or(last.at, s.usuallyEmitted(last.emitted))
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.container == last.container && e.event.Type == corev1.EventTypeWarning &&
			e.rv > last.rv {
			return time.Time{}
		}
	}
	switch last.action {
	case imagePresent, pulled, containerCreated:
		return at
	case containerStarted:
		if s.waitsForTurn() && s.goesOn(last.container) {
			return at
		}
	}
	return time.Time{}
}

// startHeld reports whether the status says that a container waits for something else than its turn.
func (s *story) startHeld() bool {
	for c := range statusesWithoutEphemeral(s.newest()) {
		if c.State.Waiting != nil && !usualWaits[c.State.Waiting.Reason] {
			return true
		}
	}
	return false
}
