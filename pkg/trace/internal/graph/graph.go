// Package graph merges claims about one message into one step, carries bounds along causes, and draws one order.
package graph

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// Claim is what one rule derives: a message, its own bounds, and what must have happened before it. What the rule's row
// says already (from, to, kind, …) is left empty.
type Claim struct {
	seq.Step
	Follows []seq.Key     // keys of messages that came before; those that do not exist are ignored
	Lag     time.Duration // usual time since the last of them, where Best is not known
}

// node is one message while it is being resolved.
type node struct {
	Claim
	rank  int // row of the first rule that claimed it
	preds []*node
	succs []*node
	open  int // predecessors not yet placed
	index int // place in causal order
	depth int // the longest way from a message without causes
}

// Graph is built anew each time, in the memory of the one before: there is one node a message, and each is large.
type Graph struct {
	nodes  map[seq.Key]*node
	blocks [][]node
	used   int // of the nodes in blocks
}

const block = 256

// Reset makes an empty graph.
func (g *Graph) Reset() {
	if g.nodes == nil {
		g.nodes = map[seq.Key]*node{}
	}
	clear(g.nodes)
	g.used = 0
}

// next is a node that is not used.
func (g *Graph) next() *node {
	if g.used == block*len(g.blocks) {
		g.blocks = append(g.blocks, make([]node, block))
	}
	n := &g.blocks[g.used/block][g.used%block]
	g.used++
	return n
}

// Add merges a claim into the message it is about. Rules run in the order of the table and a rule's claims in the order
// of the facts, so the result depends on the facts alone.
func (g *Graph) Add(rank int, c Claim) {
	n := g.nodes[c.Key]
	if n == nil {
		n = g.next()
		*n = node{Claim: c, rank: rank, preds: n.preds[:0], succs: n.succs[:0]}
		g.nodes[c.Key] = n
		return
	}
	n.Follows = append(n.Follows, c.Follows...)
	c.Evidence = slices.Clone(c.Evidence)
	for i := range c.Evidence {
		c.Evidence[i].Rule = c.Rule.Name
	}
	n.Evidence = append(n.Evidence[:len(n.Evidence):len(n.Evidence)], c.Evidence...)
	if w := instant.Intersect(n.Window, c.Window); !w.Empty() {
		n.Window = w
	} else {
		n.Conflict = true
	}
	if n.Certainty == seq.Inferred && c.Certainty == seq.Observed {
		n.Certainty, n.Rule = seq.Observed, c.Rule
	}
	n.From, n.To, n.Label = cmp.Or(n.From, c.From), cmp.Or(n.To, c.To), cmp.Or(n.Label, c.Label)
	if n.Best.IsZero() || c.Sharp && (!n.Sharp || c.Precision < n.Precision) {
		n.Best, n.Sharp, n.Precision, n.Clock = c.Best, c.Sharp, c.Precision, c.Clock
	}
	n.Detail = min(n.Detail, c.Detail)
}

// Resolve turns causes into bounds and bounds into one order.
func (g *Graph) Resolve() []seq.Step {
	all := g.link()
	causal := sorted(all, func(a, b *node) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.Key, b.Key)) })
	for i, n := range causal {
		n.index = i
	}
	tighten(causal)
	for _, n := range causal {
		n.estimate()
	}
	ordered := slices.Clone(causal)
	slices.SortFunc(ordered, func(a, b *node) int {
		return cmp.Or(a.Best.Compare(b.Best), cmp.Compare(a.depth, b.depth), cmp.Compare(a.rank, b.rank),
			cmp.Compare(a.Key, b.Key))
	})
	steps := make([]seq.Step, len(ordered))
	for i, n := range ordered {
		if d, ok := n.Window.Width(); ok && d >= 0 && d <= time.Millisecond && !n.Sharp {
			n.Sharp, n.Precision = true, time.Millisecond
		}
		steps[i] = n.Step
	}
	return steps
}

func (g *Graph) link() []*node {
	all := make([]*node, 0, len(g.nodes))
	for _, n := range g.nodes {
		slices.Sort(n.Follows)
		n.Follows = slices.Compact(n.Follows)
		n.After = make([]seq.Key, 0, len(n.Follows))
		for _, key := range n.Follows {
			if p := g.nodes[key]; key != "" && p != nil && p != n {
				n.preds = append(n.preds, p)
				p.succs = append(p.succs, n)
				n.After = append(n.After, key)
			}
		}
		if call := g.nodes[n.Call]; call != nil && n.Kind == seq.ResponseKind {
			call.Call = n.Call // another rule than that of the answer may have told the request
		}
		all = append(all, n)
	}
	return all
}

// EachCause tells of each message, by the name of its rule, which keys its claims follow, and whether there is such a
// message.
func (g *Graph) EachCause(tell func(rule string, key seq.Key, known bool)) {
	for _, n := range g.nodes {
		for _, key := range n.Follows {
			tell(n.Rule.Name, key, g.nodes[key] != nil)
		}
	}
}

// tighten carries bounds along causes: nothing happens before its cause, nor after what it caused. A bound that would
// leave nothing of a window is not applied: there two clocks disagree by more than was measured, and the message keeps
// what its own sources say.
func tighten(causal []*node) {
	for _, n := range causal {
		for _, p := range n.preds {
			if p.index < n.index {
				n.bound(seq.Window{Earliest: p.Window.Earliest})
			}
		}
	}
	for _, n := range slices.Backward(causal) {
		for _, s := range n.succs {
			if s.index > n.index {
				n.bound(seq.Window{Latest: s.Window.Latest})
			}
		}
	}
}

func (n *node) bound(w seq.Window) {
	if w = instant.Intersect(n.Window, w); w.Empty() {
		n.Conflict = true
		return
	}
	n.Window = w
}

// estimate chooses the likeliest instant: what the sources say, else the usual time after the last cause, within the
// window and not before any cause.
func (n *node) estimate() {
	var cause time.Time
	for _, p := range n.preds {
		if p.index < n.index {
			cause, n.depth = instant.Later(cause, p.Best), max(n.depth, p.depth+1)
		}
	}
	if n.Best.IsZero() && !cause.IsZero() {
		n.Best = cause.Add(n.Lag)
	}
	if n.Best.IsZero() {
		n.Best = n.Window.Latest
	}
	said := n.Best
	n.Best = instant.Later(n.Best, n.Window.Earliest)
	n.Best = instant.Sooner(n.Best, n.Window.Latest)
	n.Best = instant.Later(n.Best, cause)
	if n.Sharp && n.Best.Sub(said).Abs() > n.Precision { // the source that was so sharp is contradicted
		n.Sharp, n.Precision = false, 0
	}
}

// sorted is the one linear extension of the causal order that takes the least free node first. Contradicting sources
// can make a circle; it is cut at its least node.
func sorted(all []*node, less func(a, b *node) int) []*node {
	h := &nodeHeap{less: less}
	for _, n := range all {
		if n.open = len(n.preds); n.open == 0 {
			h.nodes = append(h.nodes, n)
		}
	}
	heap.Init(h)
	placed := make(map[*node]bool, len(all))
	out := make([]*node, 0, len(all))
	for len(out) < len(all) {
		if len(h.nodes) == 0 {
			rest := slices.DeleteFunc(slices.Clone(all), func(n *node) bool { return placed[n] })
			heap.Push(h, slices.MinFunc(rest, less))
		}
		n := heap.Pop(h).(*node)
		if placed[n] {
			continue
		}
		placed[n] = true
		out = append(out, n)
		for _, s := range n.succs {
			if s.open--; s.open == 0 && !placed[s] {
				heap.Push(h, s)
			}
		}
	}
	return out
}

type nodeHeap struct {
	nodes []*node
	less  func(a, b *node) int
}

func (h *nodeHeap) Len() int { return len(h.nodes) }

func (h *nodeHeap) Less(i, j int) bool { return h.less(h.nodes[i], h.nodes[j]) < 0 }

func (h *nodeHeap) Swap(i, j int) { h.nodes[i], h.nodes[j] = h.nodes[j], h.nodes[i] }

func (h *nodeHeap) Push(n any) { h.nodes = append(h.nodes, n.(*node)) }

func (h *nodeHeap) Pop() any {
	n := h.nodes[len(h.nodes)-1]
	h.nodes = h.nodes[:len(h.nodes)-1]
	return n
}
