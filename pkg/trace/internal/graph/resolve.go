package graph

import (
	"cmp"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Resolve computes what has changed since the last time: causes become bounds, and bounds one order.
func (g *Graph) Resolve() {
	if len(g.changed) == 0 {
		return
	}
	g.each(toMerge, g.merge)
	g.each(toLink, g.link)
	g.findCycles()
	g.setNewDepths()
	if !g.spread(toSetDepth, false, g.setDepth) { // perhaps a circle that was not known
		g.hasCycles = true
		g.findCycles()
		for _, n := range g.nodes {
			n.depth = 0
			g.needs(n, toSetDepth|toPublish)
		}
		g.spread(toSetDepth, false, g.setDepth)
	}
	g.spread(toBoundForward, false, g.boundForward)
	g.spread(toBoundBackward, true, g.boundBackward)
	g.spread(toEstimate, false, g.estimate)
	g.each(toPublish, g.publish)
	g.order.update(g.changed)
	for _, n := range g.changed {
		if n.dirty != 0 {
			panic("graph: work is left")
		}
		if !n.exists() && len(n.succs) == 0 && n.replies == 0 {
			delete(g.nodes, n.key)
		}
	}
	clear(g.changed)
	g.changed = g.changed[:0]
}

// Remeasure has it asked again of all messages how sharp they are.
func (g *Graph) Remeasure() {
	for _, n := range g.nodes {
		if n.message != nil && !n.step.Sharp {
			g.needs(n, toPublish)
		}
	}
}

// setNewDepths sets the depth of what is new in the order of causes, so that each is set once. What is to be set again
// by that is left to spread.
func (g *Graph) setNewDepths() {
	type frame struct {
		n    *node
		next int // of its causes
	}
	count := len(g.changed) // what changes meanwhile is left to spread, too
	for _, n := range g.changed {
		n.seen = n.dirty&toSetDepth != 0
	}
	var todo []frame
	enter := func(n *node) {
		n.seen = false
		n.dirty &^= toSetDepth
		todo = append(todo, frame{n: n})
	}
	for i := range count {
		if n := g.changed[i]; n.seen {
			enter(n)
		}
		for len(todo) > 0 {
			f := &todo[len(todo)-1]
			if f.next < len(f.n.preds) {
				p := f.n.preds[f.next]
				if f.next++; p.seen {
					enter(p)
				}
				continue
			}
			n := f.n
			if todo = todo[:len(todo)-1]; !g.setDepth(n) {
				continue
			}
			for _, s := range n.succs { // those whose depth is not set anew anyway
				if !s.seen {
					g.needs(s, toSetDepth)
				}
			}
		}
	}
}

// replyTo is the request that a message is the reply to, or nothing.
func (n *node) replyTo() seq.Key {
	if n.message == nil || n.step.Kind != seq.ResponseKind {
		return ""
	}
	return n.call
}

// merge takes what the claims about a message say now.
func (g *Graph) merge(n *node) {
	existed, call := n.message != nil, n.replyTo()
	affected := func(n *node) { g.needs(n, toLink) }
	about, aside := "", false
	if existed {
		about, aside = n.step.About, n.aside
		if n.commit.log != nil {
			g.store.remove(n, affected)
		}
		if n.stored.log != nil {
			g.store.removeWaiting(n)
		}
	}
	g.mergeClaims(n)
	exists := n.exists()
	if exists && n.commit.log != nil {
		g.store.add(n, affected)
	}
	if exists && n.stored.log != nil {
		g.store.addWaiting(n)
	}
	if existed && (!exists || about != n.step.About) {
		all := g.byAbout[about]
		i, last := slices.Index(all, n), len(all)-1
		all[i], all[last] = all[last], nil
		if g.byAbout[about] = all[:last]; last == 0 {
			delete(g.byAbout, about)
		}
		g.touched(about)
	}
	if exists && (!existed || about != n.step.About) {
		g.byAbout[n.step.About] = append(g.byAbout[n.step.About], n)
	}
	if is := n.replyTo(); is != call {
		if call != "" {
			o := g.node(call)
			o.replies--
			g.needs(o, toPublish)
		}
		if is != "" {
			o := g.node(is)
			o.replies++
			n.call = o.key
			g.needs(o, toPublish)
		}
	}
	g.needs(n, toLink|toSetDepth|toBoundForward|toBoundBackward|toEstimate|toPublish)
	if existed && exists && aside != n.aside {
		for _, o := range n.succs {
			g.needs(o, toPublish)
		}
	}
	if existed != exists {
		for _, o := range n.succs {
			g.needs(o, toSetDepth|toBoundForward|toEstimate|toPublish)
		}
		for _, o := range n.preds {
			g.needs(o, toBoundBackward)
		}
	}
}

// link finds the nodes of the causes.
func (g *Graph) link(n *node) {
	keys := g.keys[:0]
	if n.exists() {
		keys = g.store.appendBefore(append(keys, n.follows...), n.stored)
	}
	slices.Sort(keys)
	keys = slices.DeleteFunc(slices.Compact(keys), func(k seq.Key) bool { return k == "" || k == n.key })
	g.keys = keys
	if slices.EqualFunc(keys, n.preds, func(k seq.Key, p *node) bool { return p.key == k }) {
		return
	}
	for _, p := range n.preds {
		i := slices.Index(p.succs, n)
		last := len(p.succs) - 1
		p.succs[i], p.succs[last] = p.succs[last], nil
		p.succs = p.succs[:last]
		g.needs(p, toBoundBackward)
	}
	n.preds = slices.Grow(n.preds[:0], len(keys))[:len(keys)]
	for i, k := range keys {
		p := g.node(k)
		n.preds[i] = p
		p.succs = append(p.succs, n)
		g.needs(p, toBoundBackward)
	}
	if n.exists() { // one text of each key is enough
		for i, k := range n.follows {
			if at, ok := slices.BinarySearch(keys, k); ok {
				n.follows[i] = n.preds[at].key
			}
		}
	}
	g.needs(n, toSetDepth|toBoundForward|toEstimate|toPublish)
}

// before reports whether p counts as a cause of n. Contradicting sources can make a circle; it is cut where it goes
// from a later rule to an earlier one.
func (p *node) before(n *node) bool {
	return p.exists() && (p.cycle == 0 || p.cycle != n.cycle ||
		cmp.Or(cmp.Compare(p.rank, n.rank), cmp.Compare(p.key, n.key)) < 0)
}

// setDepth finds the longest way to a message from one without causes, and reports whether it is another than before.
func (g *Graph) setDepth(n *node) bool {
	depth := int32(0)
	if n.exists() {
		for _, p := range n.preds {
			if p.before(n) {
				depth = max(depth, p.depth+1)
			}
		}
	}
	if depth == n.depth {
		return false
	}
	n.depth = depth
	g.needs(n, toPublish)
	return true
}
