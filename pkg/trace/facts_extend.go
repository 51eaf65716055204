package trace

// The reading of an object, extended by what came after all that was read.

import (
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/clock"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// extendObject reads what is new of an object, where that cannot change what was read of the older. It reports whether
// it could; where it could not, all is to be read anew.
func (t *store) extendObject(s *story, f *facts) bool {
	revisions, events, all := len(s.revisions), len(s.events), t.eventsOf(s, f)
	switch {
	case len(s.calls.all)+len(s.calls.spans.byID) > 0, !s.begins().IsZero(), s.goneSince != f.goneSince,
		revisions == 0, revisions > len(f.revisions), events > len(all):
		return false
	}
	for i, w := range s.revisions {
		if f.revisions[i] != w.revision {
			return false
		}
	}
	for i, e := range s.events {
		if all[i] != e.eventRevision || e.isFirstEmission {
			return false
		}
	}
	newRevisions, newEvents := f.revisions[revisions:], all[events:]
	for _, r := range newRevisions {
		if seq.ObjectOf(r.object).Kind != s.object.Kind {
			return false
		}
	}
	return s.mayExtend(newEvents) && s.extendEvents(newEvents) && s.extendRevisions(newRevisions, len(newEvents) > 0)
}

// mayExtend reports whether Events say nothing of what came before them: who bound the Pod, whether a sandbox was
// changed, or how often something had happened before the run.
func (s *story) mayExtend(all []*eventRevision) bool {
	bound := !s.isPod() || s.scheduled() != nil
	for _, e := range all {
		if !bound || e.event.Reason == "SandboxChanged" || s.attached() && e.count > 1 {
			return false
		}
	}
	return !slices.ContainsFunc(s.events, func(e *emitted) bool { return e.event.Reason == "SandboxChanged" })
}

// extendEvents reads Events that were written after all that were read, unless they tell more of a clock.
func (s *story) extendEvents(all []*eventRevision) bool {
	if len(all) == 0 {
		return true
	}
	clocks := s.clocks.Clone()
	zero := s.zero()
	last := map[seq.Participant]time.Time{}
	for _, e := range s.events {
		if e.count == 1 {
			last[e.emitter] = instant.Later(last[e.emitter], e.emission)
		}
	}
	read := make([]emitted, len(all))
	for i, r := range all {
		e := &read[i]
		if e.eventRevision, e.count = r, r.count; e.count == 1 && !e.emission.IsZero() {
			if e.emitter == seq.Kubelet && e.emission.Before(last[e.emitter].Add(-clock.UnrelatedGap)) {
				return false
			}
			last[e.emitter] = instant.Later(last[e.emitter], e.emission)
			e.at = s.toOurClock(e.emitter, e.emission)
			clocks.SampleEvent(e.emitter, e.emission, zero, r.received)
		}
	}
	if clocks.Settle(s.usualDelay()); !clocks.Agree(s.clocks) {
		return false
	}
	s.clocks = clocks
	for i := range read {
		if e := &read[i]; s.clocks.Jumped(e.emitter) || s.clocks.Behind(e.emitter) > 0 {
			e.at = time.Time{}
		}
		s.events = append(s.events, &read[i])
	}
	return true
}

// extendRevisions reads revisions that came after all that were read.
func (s *story) extendRevisions(all []*revision, events bool) bool {
	known := len(s.revisions)
	for _, r := range all {
		s.addRevision(r)
	}
	s.attributeBind()
	for _, w := range s.revisions[known:] {
		w.actorRead = w.actor
		s.addSpecChange(w)
	}
	if !s.isPod() {
		return true
	}
	was := s.reporterRead
	if s.reporterRead = ""; s.reporter() != was {
		return false
	}
	tells := func(e *emitted) bool { // a revision may say what an Event was about
		return e.event.Reason == "Failed" || e.rv > all[0].rv
	}
	if events || len(all) > 0 && slices.ContainsFunc(s.events, tells) {
		s.workerEvents = s.readWorker()
	}
	if len(all) > 0 && s.reporter() == seq.Kubelet {
		s.lives = slices.Clone(s.lives)
		for _, w := range s.revisions[known:] {
			s.seeLives(w)
		}
	}
	return true
}
