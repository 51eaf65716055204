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
	g.rankNew()
	if !g.spread(toRank, false, g.rank) { // perhaps a circle that was not known
		g.cycles = true
		g.findCycles()
		for _, n := range g.nodes {
			n.depth = 0
			g.needs(n, toRank|toPublish)
		}
		g.spread(toRank, false, g.rank)
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
			delete(g.nodes, n.step.Key)
		}
	}
	g.changed = g.changed[:0]
}

// rankNew ranks what is new in the order of causes, so that each is ranked once. What is to be ranked again by that is
// left to spread.
func (g *Graph) rankNew() {
	type frame struct {
		n    *node
		next int // of its causes
	}
	first := slices.DeleteFunc(slices.Clone(g.changed), func(n *node) bool { return n.dirty&toRank == 0 })
	for _, n := range first {
		n.seen = true
	}
	var todo []frame
	enter := func(n *node) {
		n.seen = false
		n.dirty &^= toRank
		todo = append(todo, frame{n: n})
	}
	for _, n := range first {
		if n.seen {
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
			if todo = todo[:len(todo)-1]; !g.rank(n) {
				continue
			}
			for _, s := range n.succs { // those that are not ranked anew anyway
				if !s.seen {
					g.needs(s, toRank)
				}
			}
		}
	}
}

// merge takes what the claims about a message say now.
func (g *Graph) merge(n *node) {
	existed, about, call := n.step.Rule != nil, n.step.About, n.replyTo
	commit, stored := n.commit, n.stored
	affected := func(n *node) { g.needs(n, toLink) }
	if commit != (Commit{}) {
		g.store.remove(n, affected)
	}
	if stored != (Commit{}) {
		g.store.forget(n)
	}
	n.merge()
	if n.commit != (Commit{}) {
		g.store.add(n, affected)
	}
	if n.stored != (Commit{}) {
		g.store.wait(n)
	}
	if existed && (about != n.step.About || !n.exists()) {
		delete(g.byAbout[about], n)
		g.touched(about)
	}
	if n.exists() {
		if g.byAbout[n.step.About] == nil {
			g.byAbout[n.step.About] = map[*node]bool{}
		}
		g.byAbout[n.step.About][n] = true
	}
	if is := n.replyTo; is != call {
		if call != "" {
			o := g.node(call)
			o.replies--
			g.needs(o, toPublish)
		}
		if is != "" {
			o := g.node(is)
			o.replies++
			g.needs(o, toPublish)
		}
	}
	g.needs(n, toLink|toRank|toBoundForward|toBoundBackward|toEstimate|toPublish)
	if existed != n.exists() {
		for _, o := range n.succs {
			g.needs(o, toRank|toBoundForward|toEstimate|toPublish)
		}
		for _, o := range n.preds {
			g.needs(o, toBoundBackward)
		}
	}
}

// link finds the nodes of the causes.
func (g *Graph) link(n *node) {
	keys := append(slices.Clone(n.follows), g.store.before(n.stored)...)
	slices.Sort(keys)
	keys = slices.DeleteFunc(slices.Compact(keys), func(k seq.Key) bool { return k == "" || k == n.step.Key })
	if slices.EqualFunc(keys, n.preds, func(k seq.Key, p *node) bool { return p.step.Key == k }) {
		return
	}
	for _, p := range n.preds {
		i := slices.Index(p.succs, n)
		last := len(p.succs) - 1
		p.succs[i], p.succs[last] = p.succs[last], nil
		p.succs = p.succs[:last]
		g.needs(p, toBoundBackward)
	}
	n.preds = make([]*node, len(keys))
	for i, k := range keys {
		p := g.node(k)
		n.preds[i] = p
		p.succs = append(p.succs, n)
		g.needs(p, toBoundBackward)
	}
	g.needs(n, toRank|toBoundForward|toEstimate|toPublish)
}

// before reports whether p counts as a cause of n. Contradicting sources can make a circle; it is cut where it goes
// from a later rule to an earlier one.
func (p *node) before(n *node) bool {
	return p.exists() && (p.cycle == 0 || p.cycle != n.cycle ||
		cmp.Or(cmp.Compare(p.rank, n.rank), cmp.Compare(p.step.Key, n.step.Key)) < 0)
}

func (g *Graph) rank(n *node) bool {
	depth := 0
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
