package trace

// Which objects are part of the run, as more of them become known.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

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
	if t.versionOfMembers > u.version || slices.ContainsFunc(t.naming, u.joins) {
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
		case t.owning[uid] || !c.begins().IsZero(): // others may take part because of it
			return u.takeAll(t.members(c.requests))
		case !owned || c.byUID[uid] != nil:
			continue
		}
		i, _ := slices.BinarySearchFunc(c.stories, storyOrder{oldestRevision: f.oldestRevision(), uid: uid},
			func(s *story, o storyOrder) int { return s.order.compare(o) })
		c.members.objects = slices.Insert(c.members.objects, i, seq.ObjectOf(f.last.object))
		if !u.add(i) {
			return false
		}
		if slices.ContainsFunc(t.named[uid], u.joins) {
			return u.takeAll(t.members(c.requests))
		}
	}
	return true
}

// joins reports whether an EndpointSlice becomes part of the run, or became it earlier than was known, by the Pods that
// it names.
func (u *update) joins(slice string) bool {
	c := u.scene
	since, byName := c.members.since[slice]
	if c.byUID[slice] != nil && !byName {
		return false // it is part of it as a whole
	}
	for pod, rv := range u.store.objects[slice].endpoints {
		if c.byUID[pod] != nil && (!byName || rv < since) {
			return true
		}
	}
	return false
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
		case s != nil && (i >= len(c.stories) || c.stories[i] != s ||
			s.order.oldestRevision != t.objects[o.UID].oldestRevision()):
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
	u.mayDelay = true
	e := &storyEntry{story: s, version: u.deriving}
	byOrder := func(a, b *storyEntry) int { return a.order.compare(b.order) }
	u.entryOf[s] = e
	i, _ := slices.BinarySearchFunc(u.entries, e, byOrder)
	u.entries = slices.Insert(u.entries, i, e)
	u.ungroup(i)
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
		o.childrenByName = nil
		if len(o.dependents) <= 2 { // a cause can be that of an only child
			u.reseekCauses(o, 0)
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
			u.reseekCauses(o, ^uint64(0))
		}
	}
	s.attributeEnds()
	u.staleOf(s).all = true
	if len(s.revisions) > 0 {
		u.noteChange(s, s.revisions[0].rv, true)
	}
	return true
}
