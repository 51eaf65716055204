package trace

// Which Pods are drawn, and what is derived of those that are only counted.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// Draw has all messages of these Pods be derived, and only theirs be waited for by Settled. The others are counted:
// Steps has nothing of these, nor are their phases told, nor what their sources contradict. Still all is derived of a
// Pod that has had trouble, or had been there before the run, and of any where the cluster's own records are taken.
func (t *Trace) Draw(d seq.Drawn) {
	if t.drawn.Some == d.Some && t.drawn.First == d.First && slices.Equal(t.drawn.Pods, d.Pods) {
		return
	}
	t.drawn = seq.Drawn{Some: d.Some, First: d.First, Pods: slices.Clone(d.Pods)}
	t.redrawn++
	t.version++
}

// isDrawn reports whether a story is of a Pod that is drawn, or of no Pod.
func (u *update) isDrawn(e *storyEntry) bool {
	d := &u.store.drawn
	return !d.Some || !e.isPod() || u.scene.subject().isPod() || d.First && e == u.pods[0] ||
		slices.Contains(d.Pods, e.object.UID)
}

// onlyCounts reports whether a Pod that is not drawn is only counted: nothing of it says more.
func (u *update) onlyCounts(e *storyEntry) bool {
	c := u.scene
	return !e.drawn && len(c.calls.all) == 0 && len(c.calls.spans.byID) == 0 && e.foundRevision() == nil && !e.hasTrouble()
}

// redraw has the Pods be derived anew that are drawn now and were not, or the other way round.
func (u *update) redraw() {
	var first *storyEntry
	if len(u.pods) > 0 {
		first = u.pods[0]
	}
	if u.redrawn == u.store.redrawn && u.first == first {
		return
	}
	u.allDrawn = !u.store.drawn.Some
	u.redrawn, u.first, u.blocks, u.grouped = u.store.redrawn, first, nil, nil
	if u.stale == nil { // all is derived anyway
		return
	}
	for _, e := range u.pods {
		if u.isDrawn(e) != e.drawn {
			u.staleOf(e.story)
		}
	}
}

// decideDrawn finds how much is to be derived of a story.
func (u *update) decideDrawn(e *storyEntry, x *stale) {
	e.drawn = u.isDrawn(e)
	if counted := u.onlyCounts(e); counted != e.counted {
		e.counted, x.all = counted, true
	}
}

// bounding reports whether a claim about a Pod that is only counted bounds what is drawn: of an Event only its commit
// does. What led to that is left out.
func (m *claiming) bounding(c *graph.Claim) bool {
	c.Aside = c.About == "" || c.About == m.story.object.UID
	if rules[m.rank] != &ruleEventWrite {
		return true
	}
	c.Follows, c.Stored = nil, c.Commit
	return c.Commit != graph.Commit{}
}

// beginsSandbox reports whether it is told when the sandbox of a Pod was begun.
func (r *result) beginsSandbox(s *story) (is bool) {
	if !r.entryOf[s].counted {
		return r.step(s.ownKey(sandboxKey)) != nil
	}
	if ruleRunSandbox.applies(s) {
		ruleRunSandbox.derive(s, func(c graph.Claim) { is = is || c.Key == sandboxKey })
	}
	return is
}
