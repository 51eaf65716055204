package graph

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// order is the one order of all messages that are drawn: by their likeliest instants; of equal ones, a cause before
// what it caused, then by the table of rules.
type order struct {
	nodes     []*node
	steps     []*seq.Step // those of the nodes
	unchanged int         // so many from the front have not changed since that was asked last
	later     []*node     // see insert
}

// place is what a node was put into the order by.
type place struct {
	at    stamp
	depth int32
	rank  int32
}

func byPlace(a, b *node) int {
	if by := cmp.Compare(a.place.at, b.place.at); by != 0 { // which decides nearly always
		return by
	}
	return cmp.Or(cmp.Compare(a.place.depth, b.place.depth), cmp.Compare(a.place.rank, b.place.rank),
		cmp.Compare(a.key, b.key))
}

// update puts what has changed where it belongs.
func (o *order) update(changed []*node) {
	var out, in []*node
	for _, n := range changed {
		if n.seen {
			continue
		}
		n.seen = true
		drawn := n.drawn()
		var is place
		if drawn {
			is = place{n.at, n.depth, n.rank}
		}
		if n.ordered && n.fresh {
			o.unchanged = min(o.unchanged, o.index(n))
		}
		n.fresh = false
		if n.ordered == drawn && (!drawn || is == n.place) {
			continue
		}
		if n.ordered {
			out = append(out, n)
		}
		if drawn {
			in = append(in, n)
		}
	}
	for _, n := range changed {
		n.seen = false
	}
	o.remove(out)
	for _, n := range in {
		n.place, n.ordered = place{n.at, n.depth, n.rank}, true
	}
	o.insert(in)
}

// index is the place of a node that is in the order.
func (o *order) index(n *node) int {
	i, ok := slices.BinarySearchFunc(o.nodes, n, byPlace)
	if !ok {
		panic("graph: a node is not where it was put")
	}
	return i
}

func (o *order) remove(out []*node) {
	if len(out) == 0 {
		return
	}
	first := len(o.nodes)
	for _, n := range out {
		first = min(first, o.index(n))
	}
	for _, n := range out {
		n.ordered = false
	}
	kept := first
	for _, n := range o.nodes[first:] {
		if n.ordered {
			o.nodes[kept] = n
			kept++
		}
	}
	clear(o.nodes[kept:])
	o.nodes = o.nodes[:kept]
	o.steps = appendSteps(o.steps[:first], o.nodes[first:])
}

// insert merges nodes with those that come after the first of them; most that is new is of late.
func (o *order) insert(in []*node) {
	if len(in) == 0 {
		return
	}
	slices.SortFunc(in, byPlace)
	first, _ := slices.BinarySearchFunc(o.nodes, in[0], byPlace)
	o.unchanged = min(o.unchanged, first)
	o.later = append(o.later[:0], o.nodes[first:]...)
	later := o.later
	o.nodes = o.nodes[:first]
	for len(in) > 0 && len(later) > 0 {
		if byPlace(in[0], later[0]) < 0 {
			o.nodes, in = append(o.nodes, in[0]), in[1:]
		} else {
			o.nodes, later = append(o.nodes, later[0]), later[1:]
		}
	}
	o.nodes = append(append(o.nodes, in...), later...)
	o.steps = appendSteps(o.steps[:first], o.nodes[first:])
	clear(o.later)
}

func appendSteps(steps []*seq.Step, nodes []*node) []*seq.Step {
	for _, n := range nodes {
		steps = append(steps, &n.step)
	}
	return steps
}

// Steps are the messages that are drawn, in order. They are shared, and change with the next Resolve.
func (g *Graph) Steps() []*seq.Step { return g.order.steps }

// Unchanged returns how many of the Steps, from the first, are as they were when it was called last.
func (g *Graph) Unchanged() int {
	n := g.order.unchanged
	g.order.unchanged = len(g.order.steps)
	return min(n, len(g.order.steps))
}

// Step is the message with that key, also where it only bounds others; or nil.
func (g *Graph) Step(key seq.Key) *seq.Step {
	if n := g.nodes[key]; n != nil && n.exists() && !n.hidden {
		return &n.step
	}
	return nil
}

// StepsAbout are the drawn messages of one object's story, in order.
func (g *Graph) StepsAbout(uid string) []*seq.Step {
	var nodes []*node
	for _, n := range g.byAbout[uid] {
		if n.ordered {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, byPlace)
	return appendSteps(nil, nodes)
}

// Conflicts are how many drawn messages have bounds that contradict each other, and the first of them, up to so many,
// in order.
func (g *Graph) Conflicts(most int) (n int, first []*seq.Step) {
	if len(g.clashes) > 100 { // then the first are found soon
		for _, x := range g.order.steps {
			if len(first) == most {
				break
			}
			if x.Conflict {
				first = append(first, x)
			}
		}
		return len(g.clashes), first
	}
	nodes := slices.SortedFunc(maps.Keys(g.clashes), byPlace)
	return len(nodes), appendSteps(nil, nodes[:min(most, len(nodes))])
}
