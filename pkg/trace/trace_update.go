package trace

// What is derived anew when something about single objects becomes known.

import (
	"cmp"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// stale is what is to be derived anew of a story.
type stale struct {
	all    bool
	parts  parts           // of a Pod: those of which something is new
	writes map[uint64]bool // by revision
	events map[uint64]bool // likewise
}

func (x *stale) addWrite(w *write) {
	if x.writes == nil {
		x.writes = map[uint64]bool{}
	}
	x.writes[w.rv] = true
}

func (x *stale) addEvent(e *emitted) {
	if x.events == nil {
		x.events = map[uint64]bool{}
	}
	x.events[e.rv] = true
}

// update takes what became known about single objects into what was derived. It reports whether it could: where it
// could not, all is to be derived anew.
type update struct {
	*result
	store *store
	stale map[*story]*stale
	// of those of which something is new, what had been read
	readings []reread
	// there is more to measure delays by
	mayDelay bool
	// those of which writes that had been read have other authors now
	reattributed []*story
}

// reread is a story that was read anew, and what had been read of it.
type reread struct {
	story *story
	was   reading
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
		for _, g := range r.grouped {
			g.held = memo[held]{}
		}
	}
	for uid := range t.changed {
		s, f := r.scene.byUID[uid], t.objects[uid]
		if u.isRoot(uid, f) {
			return false
		}
		if s == nil || u.stale[s] != nil && u.stale[s].all { // it is no part of the run, or has just been read
			continue
		}
		u.readings = append(u.readings, reread{s, u.read(s, f)})
		if s.findOwner() != s.controller {
			return false
		}
	}
	for i := range u.readings { // who acted, and why, as far as it is as it was
		s, old := u.readings[i].story, &u.readings[i].was
		if s.attributeEnds() && len(old.revisions) > 0 && s.revisions[0] == old.revisions[0] {
			u.reattributed = append(u.reattributed, s)
		}
		for i, w := range s.revisions[:s.sameWrites(old)] {
			o := old.revisions[i]
			w.cause, w.causeSought, w.causeOpen = o.cause, o.causeSought, o.causeOpen
		}
	}
	for i := range u.readings {
		u.differences(u.readings[i].story, &u.readings[i].was)
	}
	for i := range u.readings {
		u.ends(u.readings[i].story, &u.readings[i].was)
	}
	for uid := range t.bounded {
		if s := r.scene.byUID[uid]; s != nil {
			u.staleOf(s).all = true
		}
	}
	u.redraw()
	for s, x := range u.stale {
		u.derive(s, x)
	}
	if u.mayDelay {
		if d := r.measureDelay(); d != r.delay {
			r.delay = d
			r.graph.Remeasure()
		}
	}
	r.graph.Resolve()
	return true
}

// takeAsides takes requests that tell of no object of the run but when it had been written, unless they say more of the
// API server's clock, or of how long a request takes, than those before, and there are objects for which that counts.
// It reports whether they do not.
func (u *update) takeAsides() bool {
	u.mayDelay = true
	c := u.scene
	c.readLists(u.store)
	ahead, known := c.serverAhead()
	least := c.roundTrip()
	c.requests = u.store.sortedRequests()
	c.reads = readReads(c.requests)
	if len(c.byUID) > 0 {
		if now, ok := c.serverAhead(); now != ahead || ok != known || c.roundTrip() != least {
			return false
		}
		for _, id := range u.store.asides {
			if tellsServerClock(u.store.requests[id]) {
				return false
			}
		}
	}
	u.staleOf(c.subject())
	u.deriveRequests()
	return true
}

// read reads what is new of the facts of an object, or all of them anew, and returns what had been read.
func (u *update) read(s *story, f *facts) reading {
	old := s.reading
	if t := u.store; t.bounded[string(s.object.UID)] || !t.extendObject(s, f) {
		s.reading = reading{runtime: seq.Runtime}
		t.readObject(s, f)
	}
	return old
}

func (u *update) staleOf(s *story) *stale {
	x := u.stale[s]
	if x == nil {
		x = &stale{}
		u.stale[s] = x
	}
	return x
}

// same reports whether two readings of a revision say the same of it.
func (w *write) same(o *write) bool {
	return w.revision == o.revision && w.prevRevision == o.prevRevision && w.creates == o.creates &&
		w.beforeJoining == o.beforeJoining && w.unannounced == o.unannounced && w.ownRequest == o.ownRequest &&
		w.actor == o.actor &&
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
	x.all = x.all || len(s.records.calls) > 0 || s.goneSince != old.goneSince || !s.clocks.Agree(old.clocks) ||
		s.node != old.node || s.runtime != old.runtime || s.reporterRead != old.reporterRead ||
		len(s.sandboxes)+len(old.sandboxes) > 0
	k := s.sameWrites(old)
	if slices.Contains(u.reattributed, s) {
		k = 0
	}
	u.eventDifferences(s, old, x)
	u.podDifferences(s, old, k, x)
	if k == len(s.revisions) && k == len(old.revisions) {
		return
	}
	from, asks := ^uint64(0), k < len(old.revisions)
	if asks {
		from = old.revisions[k].rv
	}
	for _, w := range s.revisions[k:] {
		x.addWrite(w)
		from = min(from, w.rv)
		asks = asks || w.deleted || w.endsLife() || w.prevObject == nil || w.asksAnew()
	}
	for i := k - 1; i >= 0 && s.revisions[i].isFirstOfTwo(); i-- { // the next says more of it
		x.addWrite(s.revisions[i])
	}
	u.noteChange(s, from, asks)
}

// podDifferences notes which parts of a Pod's story are new, where the first k writes are as they were.
func (u *update) podDifferences(s *story, old *reading, k int, x *stale) {
	if !s.isPod() {
		return
	}
	x.all = x.all || k == 0
	for _, w := range s.revisions[k:] {
		if w.isPlainReport() {
			x.parts |= reports
		} else {
			x.parts |= allParts
		}
	}
	if !slices.Equal(s.lives, old.lives) {
		x.parts |= lives
	}
	same := 0
	for same < min(len(s.workerEvents), len(old.workerEvents)) && s.workerEvents[same].same(&old.workerEvents[same]) {
		same++
	}
	changed := slices.Concat(s.workerEvents[same:], old.workerEvents[same:])
	if len(changed) > 0 {
		x.parts |= actions
	}
	for _, a := range s.workerEvents { // what the kubelet does for one container is told together
		about := func(c workerEvent) bool { return c.container == a.container }
		if x.parts&changes != 0 || slices.ContainsFunc(changed, about) {
			x.addEvent(a.emitted)
		}
	}
}

// isPlainReport reports whether the write is a report of the kubelet that changes nothing but the status.
func (w *write) isPlainReport() bool {
	return w.isStatusPatch() && w.prevPod != nil && !w.deleted && w.ownRequest == nil &&
		w.prevPod.DeletionTimestamp.Equal(w.pod.DeletionTimestamp) && object.Equal(&w.prevPod.Spec, &w.pod.Spec)
}

// same reports whether two readings of an action say the same of it.
func (a *workerEvent) same(o *workerEvent) bool {
	x, y := *a, *o
	x.emitted, y.emitted, x.asked, y.asked = nil, nil, nil, nil
	return x == y && a.emitted.same(o.emitted) && (a.asked == nil) == (o.asked == nil) &&
		(a.asked == nil || a.asked.same(o.asked))
}

func (u *update) eventDifferences(s *story, old *reading, x *stale) {
	k := 0
	for k < len(s.events) && k < len(old.events) && s.events[k].same(old.events[k]) {
		k++
	}
	if k < len(old.events) {
		k = 0
	}
	for _, e := range slices.Concat(s.events[k:], old.events[min(k, len(old.events)):]) {
		x.addEvent(e)
		x.parts |= e.part()
		u.mayDelay = true
	}
}

// part is the part of a Pod's story that an Event belongs to.
func (e *emitted) part() parts {
	switch {
	case e.emitter != seq.Kubelet:
		return otherEvents
	case e.event.Reason == "Scheduled" || e.event.Reason == "FailedScheduling":
		return kubeletEvents | otherEvents
	}
	return kubeletEvents
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
				u.staleOf(o).addEvent(e)
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
			u.staleOf(d.story).addWrite(all[i])
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
			u.staleOf(s).addWrite(w)
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
