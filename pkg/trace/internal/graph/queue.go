package graph

import (
	"cmp"
	"slices"
)

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
	q := &g.queue
	q.nodes, q.backward = q.nodes[:0], backward
	for _, n := range g.changed {
		if n.dirty&w != 0 {
			q.nodes = append(q.nodes, n)
		}
	}
	slices.SortFunc(q.nodes, q.compare)
	for len(q.nodes) > 0 {
		n := q.pop()
		n.dirty &^= w
		if !do(n) {
			continue
		}
		if w == toSetDepth && int(n.depth) > len(g.nodes) {
			clear(q.nodes)
			return false
		}
		next := n.succs
		if backward {
			next = n.preds
		}
		for _, o := range next {
			if o.dirty&w == 0 {
				g.needs(o, w)
				q.push(o)
			}
		}
	}
	return true
}

// queue holds nodes by their depth, which does not change while they wait; the next is the last. Most that are to be
// looked at are known from the start.
type queue struct {
	nodes    []*node
	backward bool
}

func (q *queue) compare(a, b *node) int {
	if q.backward {
		a, b = b, a
	}
	return cmp.Compare(b.depth, a.depth)
}

func (q *queue) push(n *node) {
	i, _ := slices.BinarySearchFunc(q.nodes, n, q.compare)
	q.nodes = slices.Insert(q.nodes, i, n)
}

func (q *queue) pop() *node {
	last := len(q.nodes) - 1
	n := q.nodes[last]
	q.nodes[last] = nil
	q.nodes = q.nodes[:last]
	return n
}
