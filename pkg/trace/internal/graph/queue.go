package graph

import "container/heap"

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
	heap.Init(q)
	for len(q.nodes) > 0 {
		n := heap.Pop(q).(*node)
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
	last := len(q.nodes) - 1
	n := q.nodes[last]
	q.nodes[last] = nil
	q.nodes = q.nodes[:last]
	return n
}
