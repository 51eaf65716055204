package trace

// What is derived anew when something about single objects becomes known.

import (
	"cmp"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// sections are the claims of one story. Those of a Pod, which has few writes, are derived together. Other objects can
// have thousands: the claims about each write, and each Event, are derived, and replaced, alone.
type sections struct {
	whole  graph.Section
	writes map[uint64]*graph.Section // by revision; nil for none, likewise
	events map[uint64]*graph.Section
}

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
	r.scene.lease, r.scene.leaseAt = t.lease, t.leaseAt
	u := update{result: r, store: t, stale: map[*story]*stale{}}
	if !u.takeMembers() {
		return false
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
	for s, x := range u.stale {
		u.derive(s, x)
	}
	r.graph.Resolve()
	return true
}

// isRoot reports whether an object is a root of which nothing was known, or has the name of one: it may have to take
// its place.
func (u *update) isRoot(uid string, f *facts) bool {
	for _, o := range u.scene.members.objects[:u.scene.members.roots] {
		if o.UID == uid && u.scene.byUID[uid] == nil {
			return true
		}
		name := seq.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
		if o.UID != uid && f.last != nil && seq.ObjectOf(f.last.object).Same(name) {
			return true
		}
	}
	return false
}

// takeMembers finds which objects are part of the run now, and reads those that are new. It reports whether it could.
func (u *update) takeMembers() bool {
	c, t := u.scene, u.store
	if t.ofMembers > u.version {
		return u.takeAll(t.members(c.requests))
	}
	for _, uid := range t.appeared {
		f := t.objects[uid]
		owned := false
		for owner := range f.owners {
			owned = owned || c.byUID[owner] != nil && t.objects[owner].last != nil
		}
		switch {
		case u.isRoot(uid, f):
			return false
		case t.named[uid] || t.owning[uid] || !c.begins().IsZero(): // others may take part because of it
			return u.takeAll(t.members(c.requests))
		case !owned || c.byUID[uid] != nil:
			continue
		}
		i, _ := slices.BinarySearchFunc(c.stories, storyOrder{first: f.oldestRevision(), uid: uid},
			func(s *story, o storyOrder) int { return s.order.compare(o) })
		c.members.objects = slices.Insert(c.members.objects, i, seq.ObjectOf(f.last.object))
		if !u.add(i) {
			return false
		}
	}
	return true
}

// takeAll takes these for the members.
func (u *update) takeAll(now members) bool {
	c, t := u.scene, u.store
	was := c.members
	if now.roots != was.roots || !slices.Equal(now.objects[:now.roots], was.objects[:was.roots]) {
		return false
	}
	for uid, rv := range now.since {
		if old, known := was.since[uid]; c.byUID[uid] != nil && (!known || old != rv) {
			return false
		}
	}
	for uid := range was.since {
		if _, still := now.since[uid]; !still {
			return false
		}
	}
	c.members = now
	for i := now.roots; i < len(now.objects); i++ {
		o := now.objects[i]
		s := c.byUID[o.UID]
		switch {
		case s != nil && (i >= len(c.stories) || c.stories[i] != s || s.order.first != t.objects[o.UID].oldestRevision()):
			return false // another order
		case s == nil && !u.add(i):
			return false
		}
	}
	return len(now.objects) == len(c.stories)
}

// add begins the story of the i-th member.
func (u *update) add(i int) bool {
	s := u.store.newStory(u.scene, i)
	u.scene.stories, u.scene.roots = slices.Insert(u.scene.stories, i, s), nil
	u.enter(s)
	return u.join(s)
}

// enter makes the entry of a story.
func (u *update) enter(s *story) {
	e := &entry{story: s, version: u.deriving}
	e.sections.writes, e.sections.events = map[uint64]*graph.Section{}, map[uint64]*graph.Section{}
	byOrder := func(a, b *entry) int { return a.order.compare(b.order) }
	u.entryOf[s] = e
	i, _ := slices.BinarySearchFunc(u.entries, e, byOrder)
	u.entries = slices.Insert(u.entries, i, e)
	if s.isPod() {
		i, _ := slices.BinarySearchFunc(u.pods, e, byOrder)
		u.pods = slices.Insert(u.pods, i, e)
		u.members = slices.Insert(u.members, i, seq.Member{})
	}
}

// join finds the place of a new story among the others, and what may be told anew of these.
func (u *update) join(s *story) bool {
	c := u.scene
	for _, o := range c.stories {
		if o.controller == nil && o != s && o.findOwner() != nil {
			return false // it is the owner of one that was there
		}
	}
	s.controller = s.findOwner()
	if o := s.controller; o != nil {
		i, _ := slices.BinarySearchFunc(o.dependents, s, func(a, b *story) int { return a.order.compare(b.order) })
		o.dependents = slices.Insert(o.dependents, i, s)
		o.names = nil
		if o.object.Kind != "ReplicaSet" {
			u.causes(o, 0)
		}
		for range deepest {
			if o == nil {
				break
			}
			o.descendants = nil
			o = o.controller
		}
	}
	for _, o := range c.stories {
		if o.object.Kind == "EndpointSlice" && s.isPod() {
			u.causes(o, ^uint64(0))
		}
	}
	s.attributeEnds()
	u.of(s).all = true
	if len(s.revisions) > 0 {
		u.changed(s, s.revisions[0].rv, true)
	}
	return true
}

// read reads the facts of an object anew, and returns what had been read.
func (u *update) read(s *story, f *facts) *reading {
	old := s.reading
	s.reading = reading{runtime: seq.Runtime}
	u.store.readObject(s, f)
	return &old
}

func (u *update) of(s *story) *stale {
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
	x := u.of(s)
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
		asks = asks || w.deleted || w.endsLife() || w.creates || w.prevObject == nil ||
			w.object.GetGeneration() != w.prevObject.GetGeneration()
	}
	if k > 0 {
		x.writes[s.revisions[k-1].rv] = true // the next may say more of it
	}
	u.changed(s, from, asks)
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

// changed notes what may be told anew of others, where a story's writes are not as they were from a revision on; asks
// is that these may ask for something else than before, or end the object.
func (u *update) changed(s *story, from uint64, asks bool) {
	if o := s.controller; o != nil {
		for _, f := range o.firsts {
			f.update(s)
		}
		u.causes(o, from)
		for _, e := range slices.Backward(o.events) {
			if e.rv <= from {
				break
			}
			if names(e.event.Message, s.object.Name) {
				u.of(o).events[e.rv] = true
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
			u.of(d.story).writes[all[i].rv] = true
		}
	}
	u.causes(s, from)
	for _, c := range s.dependents {
		if asks {
			u.causes(c, from)
		}
		if asks && s.attached() {
			u.of(c).all = true
		}
	}
}

// causes has the causes be sought again of the writes of a story that came after a revision, and of those that whatever
// becomes known may be the cause of.
func (u *update) causes(s *story, from uint64) {
	for _, w := range s.revisions {
		after := w.rv > from || !s.sharesPodCounter(s.resource) && from != ^uint64(0)
		if w.causeSought && (w.causeOpen || after) {
			w.causeSought = false
			u.of(s).writes[w.rv] = true
		}
	}
}

// ends finds anew who asked for the end of what an object owns, where it says something else of that.
func (u *update) ends(s *story, old *reading) {
	waits := func(r *reading) bool {
		return slices.ContainsFunc(r.revisions, func(w *write) bool {
			return w.object.GetDeletionTimestamp() != nil && slices.Contains(w.object.GetFinalizers(), foregroundFinalizer)
		})
	}
	ends := func(r *reading) bool {
		n := len(r.revisions)
		return n > 0 && (r.revisions[n-1].deleted || r.revisions[n-1].object.GetDeletionTimestamp() != nil)
	}
	of := s.dependents
	if waits(&s.reading) == waits(old) && ends(&s.reading) == ends(old) {
		of = nil
		for _, e := range s.events {
			if u.of(s).events[e.rv] && e.event.Reason == "SuccessfulDelete" {
				of = append(of, s.childrenNamedIn(e.event.Message)...)
			}
		}
	}
	for _, c := range of {
		if c.attributeEnds() {
			u.of(c).all = true
			u.changed(c, c.revisions[0].rv, true)
		}
	}
}

// derive replaces the claims of what is stale of a story.
func (u *update) derive(s *story, x *stale) {
	e := u.entryOf[s]
	e.version = u.deriving
	y := &e.sections
	order := graph.Order{Root: s.order.root, Revision: s.order.first, UID: s.order.uid}
	if s.isPod() || s.isContainer() {
		y.whole.Order = order
		u.graph.Set(&y.whole, u.claims(s, s.revisions, s.events, true))
		return
	}
	y.whole.Order = order
	u.graph.Set(&y.whole, u.claims(s, nil, nil, true))
	section := func(of map[uint64]*graph.Section, rv uint64) *graph.Section {
		if of[rv] == nil {
			of[rv] = &graph.Section{Order: order}
			of[rv].Order.Item = rv
		}
		return of[rv]
	}
	for _, w := range s.revisions {
		if x.all || x.writes[w.rv] {
			u.graph.Set(section(y.writes, w.rv), u.claims(s, []*write{w}, nil, false))
		}
	}
	for i := 0; i < len(s.events); {
		k := i + 1
		for k < len(s.events) && s.events[k].rv == s.events[i].rv {
			k++
		}
		if rv := s.events[i].rv; x.all || x.events[rv] {
			u.graph.Set(section(y.events, rv), u.claims(s, nil, s.events[i:k], false))
		}
		i = k
	}
}

// claims are those that the rules derive of these writes and Events of a story, and of it as a whole if that is asked
// for. They are valid until they are asked for again.
func (r *result) claims(s *story, writes []*write, events []*emitted, whole bool) []graph.Ranked {
	all := r.buffer[:0]
	rank := 0
	emit := func(c graph.Claim) {
		all = append(all, graph.Ranked{Rank: rank, Claim: c})
		x := &all[len(all)-1].Claim
		s.qualify(x)
		rules[rank].complete(x)
	}
	for i, x := range rules {
		rank = i
		switch {
		case !x.applies(s):
		case x.deriveWrite != nil:
			for _, w := range writes {
				x.deriveWrite(s, w, emit)
			}
		case x.deriveEvent != nil:
			for _, e := range events {
				x.deriveEvent(s, e, emit)
			}
		case whole:
			x.derive(s, emit)
		}
	}
	r.buffer = all
	return all
}
