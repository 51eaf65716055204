package graph

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
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

// each calls do for all nodes that need it, also for those that come to need it meanwhile.
func (g *Graph) each(w work, do func(*node)) {
	for i := 0; i < len(g.changed); i++ {
		if n := g.changed[i]; n.dirty&w != 0 {
			n.dirty &^= w
			do(n)
		}
	}
}

// spread calls do for all nodes that need it, causes first, or what they caused, and again for those that come to need
// it by that. It reports whether it came to an end, which it does not in a circle.
func (g *Graph) spread(w work, backward bool, do func(*node) (changed bool)) bool {
	q := &queue{backward: backward}
	for _, n := range g.changed {
		if n.dirty&w != 0 {
			q.nodes = append(q.nodes, n)
		}
	}
	heap.Init(q)
	for len(q.nodes) > 0 {
		n := heap.Pop(q).(*node)
		n.dirty &^= w
		if !do(n) {
			continue
		}
		if w == toRank && n.depth > len(g.nodes) {
			return false
		}
		next := n.succs
		if backward {
			next = n.preds
		}
		for _, o := range next {
			if o.dirty&w == 0 {
				g.needs(o, w)
				heap.Push(q, o)
			}
		}
	}
	return true
}

// queue is a heap of nodes by their depth.
type queue struct {
	nodes    []*node
	backward bool
}

func (q *queue) Len() int { return len(q.nodes) }

func (q *queue) Less(i, j int) bool {
	if q.backward {
		i, j = j, i
	}
	return q.nodes[i].depth < q.nodes[j].depth
}

func (q *queue) Swap(i, j int) { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }

func (q *queue) Push(n any) { q.nodes = append(q.nodes, n.(*node)) }

func (q *queue) Pop() any {
	n := q.nodes[len(q.nodes)-1]
	q.nodes = q.nodes[:len(q.nodes)-1]
	return n
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

// boundForward has nothing happen before its cause. A bound that would leave nothing of a window is not applied: there
// two clocks disagree by more than was measured, and the message keeps what its own sources say.
func (g *Graph) boundForward(n *node) bool {
	w, conflict := n.own, n.conflict&^clashForward
	if n.exists() {
		for _, p := range n.preds {
			if !p.before(n) {
				continue
			}
			if is := instant.Intersect(w, seq.Window{Earliest: p.forward.Earliest}); is.Empty() {
				conflict |= clashForward
			} else {
				w = is
			}
		}
	}
	if conflict != n.conflict {
		n.conflict = conflict
		g.needs(n, toPublish)
	}
	if w == n.forward {
		return false
	}
	sooner := n.forward.Earliest != w.Earliest
	n.forward = w
	g.needs(n, toBoundBackward)
	return sooner
}

// boundBackward has nothing happen after what it caused.
func (g *Graph) boundBackward(n *node) bool {
	w, conflict := n.forward, n.conflict&^clashBackward
	if n.exists() {
		for _, s := range n.succs {
			if !s.exists() || !n.before(s) {
				continue
			}
			if is := instant.Intersect(w, seq.Window{Latest: s.step.Window.Latest}); is.Empty() {
				conflict |= clashBackward
			} else {
				w = is
			}
		}
	}
	if conflict != n.conflict {
		n.conflict = conflict
		g.needs(n, toPublish)
	}
	if w == n.step.Window {
		return false
	}
	later := w.Latest != n.step.Window.Latest
	n.step.Window = w
	g.needs(n, toEstimate|toPublish)
	return later
}

// estimate chooses the likeliest instant: what the sources say, else the usual time after the last cause, within the
// window and not before any cause.
func (g *Graph) estimate(n *node) bool {
	var cause time.Time
	for _, p := range n.preds {
		if p.before(n) {
			cause = instant.Later(cause, p.step.Best)
		}
	}
	best, shown, sharp := n.best, n.shown, n.sharp
	if best.IsZero() && !cause.IsZero() {
		best = cause.Add(n.lag)
	}
	if best.IsZero() {
		best = n.step.Window.Latest
	}
	said := best
	best = instant.Later(best, n.step.Window.Earliest)
	best = instant.Sooner(best, n.step.Window.Latest)
	best = instant.Later(best, cause)
	if shown && best.Sub(said).Abs() > sharp { // the source that was so sharp is contradicted
		shown, sharp = false, 0
	}
	if d, ok := n.step.Window.Width(); ok && d >= 0 && d <= time.Millisecond && !shown {
		shown, sharp = true, time.Millisecond
	}
	if best == n.step.Best && shown == n.step.Sharp && sharp == n.step.Precision {
		return false
	}
	moved := best != n.step.Best
	n.step.Best, n.step.Sharp, n.step.Precision = best, shown, sharp
	g.needs(n, toPublish)
	return moved
}

// publish completes what is shown of a message.
func (g *Graph) publish(n *node) {
	hidden := n.exists() && g.hides != nil && g.hides(&n.step)
	if hidden != n.hidden {
		n.hidden = hidden
		for _, s := range n.succs {
			g.needs(s, toPublish)
		}
	}
	n.fresh = true
	if n.exists() && !n.hidden && (n.clash || n.conflict != 0) {
		g.clashes[n] = true
	} else {
		delete(g.clashes, n)
	}
	if !n.exists() {
		return
	}
	after := make([]seq.Key, 0, len(n.preds))
	for _, p := range n.preds {
		if p.exists() && !p.hidden {
			after = append(after, p.step.Key)
		}
	}
	n.step.After = after
	n.step.Call = n.call
	if n.replies > 0 {
		n.step.Call = n.step.Key
	}
	n.step.Conflict = n.clash || n.conflict != 0
	g.touched(n.step.About)
}
