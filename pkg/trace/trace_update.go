package trace

// What is derived anew when something about single objects becomes known.

import (
	"cmp"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// stale is what is to be derived anew of a story.
type stale struct {
	all    bool
	writes map[uint64]bool // by revision
	events map[uint64]bool // likewise
}

// update takes what became known about single objects into what was derived. It reports whether it could: where it
// could not, all is to be derived anew.
type update struct {
	*result
	store *store
	stale map[*story]*stale
}

func (r *result) update(t *store) bool {
	r.deriving = t.version
	u := update{result: r, store: t, stale: map[*story]*stale{}}
	if len(t.asides) > 0 && !u.takeAsides() || !u.takeMembers() {
		return false
	}
	if t.lookedUp {
		for _, e := range r.pods {
			e.held = memo[held]{}
		}
	}
	was := map[*story]*reading{}
	for uid := range t.changed {
		s, f := r.scene.byUID[uid], t.objects[uid]
		if u.isRoot(uid, f) {
			return false
		}
		if s == nil || u.stale[s] != nil && u.stale[s].all { // it is no part of the run, or has just been read
			continue
		}
		was[s] = u.read(s, f)
		if s.findOwner() != s.controller {
			return false
		}
	}
	for s, old := range was { // who acted, and why, as far as it is as it was
		s.attributeEnds()
		for i, w := range s.revisions[:s.sameWrites(old)] {
			o := old.revisions[i]
			w.cause, w.causeSought, w.causeOpen = o.cause, o.causeSought, o.causeOpen
		}
	}
	for s, old := range was {
		u.differences(s, old)
	}
	for s, old := range was {
		u.ends(s, old)
	}
	for uid := range t.bounded {
		if s := r.scene.byUID[uid]; s != nil {
			u.staleOf(s).all = true
		}
	}
	for s, x := range u.stale {
		u.derive(s, x)
	}
	if d := r.measureDelay(); d != r.delay {
		r.delay = d
		r.graph.Remeasure()
	}
	r.graph.Resolve()
	return true
}

// takeAsides takes requests that tell of no object of the run but when it had been written, unless they say more of the
// API server's clock, or of how long a request takes, than those before. It reports whether they do not.
func (u *update) takeAsides() bool {
	c := u.scene
	ahead, known := c.serverAhead()
	least := c.roundTrip()
	c.requests = u.store.sortedRequests()
	c.reads = readReads(c.requests)
	if now, ok := c.serverAhead(); now != ahead || ok != known || c.roundTrip() != least {
		return false
	}
	for _, id := range u.store.asides {
		if tellsServerClock(u.store.requests[id]) {
			return false
		}
	}
	s := c.subject()
	u.entryOf[s].sections.asked = false
	u.staleOf(s)
	return true
}

// read reads the facts of an object anew, and returns what had been read.
func (u *update) read(s *story, f *facts) *reading {
	old := s.reading
	s.reading = reading{runtime: seq.Runtime}
	u.store.readObject(s, f)
	return &old
}

func (u *update) staleOf(s *story) *stale {
	x := u.stale[s]
	if x == nil {
		x = &stale{writes: map[uint64]bool{}, events: map[uint64]bool{}}
		u.stale[s] = x
	}
	return x
}

// same reports whether two readings of a revision say the same of it.
func (w *write) same(o *write) bool {
	return w.revision == o.revision && w.prevRevision == o.prevRevision && w.creates == o.creates &&
		w.beforeJoining == o.beforeJoining && w.ownRequest == o.ownRequest && w.actor == o.actor &&
		w.notBefore.Equal(o.notBefore) && w.notAfter.Equal(o.notAfter)
}

// sameWrites is how many of the writes, from the first, are as they were.
func (s *story) sameWrites(old *reading) (n int) {
	for n < len(s.revisions) && n < len(old.revisions) && s.revisions[n].same(old.revisions[n]) {
		n++
	}
	return n
}

// differences notes what is to be derived anew of a story that was read anew, and of others.
func (u *update) differences(s *story, old *reading) {
	x := u.staleOf(s)
	x.all = x.all || s.isPod() || len(s.records.calls) > 0 || s.goneSince != old.goneSince ||
		!slices.Equal(s.clocks.List(), old.clocks.List())
	k := s.sameWrites(old)
	u.eventDifferences(s, old, x)
	if k == len(s.revisions) && k == len(old.revisions) {
		return
	}
	from, asks := ^uint64(0), k < len(old.revisions)
	if asks {
		from = old.revisions[k].rv
	}
	for _, w := range s.revisions[k:] {
		x.writes[w.rv] = true
		from = min(from, w.rv)
		asks = asks || w.deleted || w.endsLife() || w.prevObject == nil || w.asksAnew()
	}
	if k > 0 {
		x.writes[s.revisions[k-1].rv] = true // the next may say more of it
	}
	u.noteChange(s, from, asks)
}

func (u *update) eventDifferences(s *story, old *reading, x *stale) {
	k := 0
	for k < len(s.events) && k < len(old.events) && s.events[k].same(old.events[k]) {
		k++
	}
	if k < len(old.events) || s.attached() && k < len(s.events) {
		k = 0
	}
	for _, e := range s.events[k:] {
		x.events[e.rv] = true
	}
	for _, e := range old.events[min(k, len(old.events)):] {
		x.events[e.rv] = true
	}
}

// same reports whether two readings of an Event say the same of it.
func (e *emitted) same(o *emitted) bool {
	return e.eventRevision == o.eventRevision && e.at.Equal(o.at) && e.isFirstEmission == o.isFirstEmission
}

// noteChange notes what may be told anew of others, where a story's writes are not as they were from a revision on;
// asks is that these may ask for something else than before, or end the object.
func (u *update) noteChange(s *story, from uint64, asks bool) {
	if o := s.controller; o != nil {
		for _, f := range o.countedChanges {
			f.update(s)
		}
		u.reseekCauses(o, from)
		if asks && s.foundRevision() != nil { // its Events may be about an earlier one of that name
			u.staleOf(o)
		}
		for _, e := range slices.Backward(o.events) {
			if e.rv <= from {
				break
			}
			if names(e.event.Message, s.object.Name) {
				u.staleOf(o).events[e.rv] = true
			}
		}
	}
	named := s.namedBy
	s.namedBy = nil
	for _, d := range named {
		all := d.story.revisions // the write may have been read anew
		if i, ok := slices.BinarySearchFunc(all, d.write.rv,
			func(w *write, rv uint64) int { return cmp.Compare(w.rv, rv) }); ok {
			all[i].causeSought = false
			u.staleOf(d.story).writes[all[i].rv] = true
		}
	}
	u.reseekCauses(s, from)
	for _, c := range s.dependents {
		if asks {
			u.reseekCauses(c, from)
		}
		if asks && s.attached() {
			u.staleOf(c).all = true
		}
	}
}

// reseekCauses has the causes be sought again of the writes of a story that came after a revision, and of those that
// whatever becomes known may be the cause of.
func (u *update) reseekCauses(s *story, from uint64) {
	for _, w := range s.revisions {
		after := w.rv > from || !s.sharesPodCounter(s.resource) && from != ^uint64(0)
		if w.causeSought && (w.causeOpen || after) {
			w.causeSought = false
			u.staleOf(s).writes[w.rv] = true
		}
	}
}

// ends finds anew who asked for the end of what an object owns, where it says something else of that.
func (u *update) ends(s *story, old *reading) {
	of := s.dependents
	if s.awaitsCollector(foregroundFinalizer) == old.awaitsCollector(foregroundFinalizer) &&
		s.deletionBegun() == old.deletionBegun() {
		of = nil
		for _, e := range s.events {
			if u.staleOf(s).events[e.rv] && e.event.Reason == "SuccessfulDelete" {
				of = append(of, s.childrenNamedIn(e.event.Message)...)
			}
		}
	}
	for _, c := range of {
		if c.attributeEnds() {
			u.staleOf(c).all = true
			u.noteChange(c, c.revisions[0].rv, true)
		}
	}
}
