// Package graph merges claims about one message into one step, carries bounds along causes, and draws one order. What
// changes costs what it changes: only messages that a changed claim is about, or that it bounds, are looked at again.
package graph

import (
	"cmp"
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
	Commit  Commit        // the write to the store that the message is; zero if it is none
	Stored  Commit        // the message came after what the store had taken before this write; zero for nothing known
}

// Ranked is a claim with the place of its rule in the table of rules.
type Ranked struct {
	Rank int
	Claim
}

// Order is the place of a section among all. Of two claims about one message that are of equal rank, the one of the
// lesser section counts first.
type Order struct {
	Root     int    // the place of an object that the run is about, from 1; 0 for the others, which come after
	Revision uint64 // the first of the object
	UID      string // of the object
	Item     uint64 // within the object
}

func (o Order) compare(p Order) int {
	switch {
	case o.Root != p.Root && o.Root == 0:
		return 1
	case o.Root != p.Root && p.Root == 0:
		return -1
	}
	return cmp.Or(cmp.Compare(o.Root, p.Root), cmp.Compare(o.Revision, p.Revision), cmp.Compare(o.UID, p.UID),
		cmp.Compare(o.Item, p.Item))
}

// Section is a group of claims that are derived together, and replaced together. The zero value has none.
type Section struct {
	Order  Order
	claims []*claim
}

// claim is one of a section.
type claim struct {
	rank    int
	index   int
	section *Section
	node    *node
	said    *Claim // nil where it is the node's only claim: then that has kept what it says, see sole
}

// node is one message, or only the key of one that others name as their cause: it has no claims then.
type node struct {
	step    seq.Step // what all claims say together, with what follows from the graph
	claims  []*claim
	rank    int     // of the first claim
	call    seq.Key // likewise
	replyTo seq.Key // the request that it is the reply to, or nothing
	lag     time.Duration
	commit  Commit
	stored  Commit
	follows []seq.Key  // what the claims say
	own     seq.Window // what the claims say, without what the graph adds
	best    time.Time  // likewise
	shown   bool       // likewise
	sharp   time.Duration
	clash   bool // the claims contradict each other
	preds   []*node
	succs   []*node
	replies int // messages that are replies to this one
	cycle   int // the circle of causes that it is part of; 0 for none

	depth    int        // the longest way from a message without causes
	forward  seq.Window // bounded by causes
	conflict uint8      // of the directions
	hidden   bool       // not to be drawn

	dirty  work
	fresh  bool // published since the order was updated
	seen   bool // by order.update, while it looks
	placed bool // it is in the order, at this place
	place  place
}

const (
	clashForward uint8 = 1 << iota
	clashBackward
)

// work says what of a node is to be computed anew.
type work uint8

const (
	toMerge work = 1 << iota
	toLink
	toRank
	toBoundForward
	toBoundBackward
	toEstimate
	toPublish
)

// Graph holds all messages of a run. The zero value is empty.
type Graph struct {
	hides   func(*seq.Step) bool
	nodes   map[seq.Key]*node
	byAbout map[string]map[*node]bool
	store   store
	spare   []node  // see next
	changed []*node // to be merged
	order   order
	clashes map[*node]bool // drawn messages with a conflict
	cycles  bool           // there are circles of causes
	touched func(about string)
}

// New is an empty graph. Hides says of a message, by its window and rule, that it is not to be drawn. Touched is called
// with what a message is about that has changed. Either may be nil.
func New(hides func(*seq.Step) bool, touched func(about string)) *Graph {
	if touched == nil {
		touched = func(string) {}
	}
	return &Graph{nodes: map[seq.Key]*node{}, byAbout: map[string]map[*node]bool{}, clashes: map[*node]bool{},
		hides: hides, touched: touched, store: newStore()}
}

// Set replaces the claims of a section. Those that are as before cost nothing more.
func (g *Graph) Set(s *Section, claims []Ranked) {
	was := s.claims
	same := 0
	for same < min(len(was), len(claims)) && was[same].equals(&claims[same]) {
		same++
	}
	if same == len(was) && same == len(claims) {
		return
	}
	type name struct {
		rank int
		key  seq.Key
	}
	old := map[name][]*claim{}
	for _, c := range was[same:] {
		name := name{c.rank, c.node.step.Key}
		old[name] = append(old[name], c)
	}
	s.claims = append(make([]*claim, 0, len(claims)), was[:same]...)
	for i := same; i < len(claims); i++ {
		name := name{claims[i].Rank, claims[i].Key}
		if before := old[name]; len(before) > 0 && before[0].equals(&claims[i]) {
			before[0].index, old[name] = i, before[1:]
			s.claims = append(s.claims, before[0])
			continue
		}
		said := claims[i].Claim
		s.claims = append(s.claims, &claim{claims[i].Rank, i, s, g.node(claims[i].Key), &said})
	}
	for _, gone := range old {
		for _, c := range gone {
			c.node.claims = slices.DeleteFunc(c.node.claims, func(o *claim) bool { return o == c })
			g.needs(c.node, toMerge)
		}
	}
	for _, c := range s.claims[same:] {
		n := c.node
		i, there := slices.BinarySearchFunc(n.claims, c, byOrder)
		if there {
			continue
		}
		if len(n.claims) == 1 && n.claims[0].said == nil {
			n.claims[0].said = n.sole()
		}
		n.claims = slices.Insert(n.claims, i, c)
		g.needs(n, toMerge)
	}
}

func (c *claim) equals(r *Ranked) bool {
	if c.rank != r.Rank || c.node.step.Key != r.Key {
		return false
	}
	said := c.said
	if said == nil {
		said = c.node.sole()
	}
	return equalClaims(said, &r.Claim)
}

// sole is what the only claim of a node says.
func (n *node) sole() *Claim {
	c := &Claim{Step: n.step, Follows: n.follows, Lag: n.lag, Commit: n.commit, Stored: n.stored}
	c.Window, c.Best, c.Sharp, c.Precision = n.own, n.best, n.shown, n.sharp
	c.Call, c.After, c.Conflict = n.call, nil, false
	return c
}

// byOrder is the order in which claims about one message are merged.
func byOrder(a, b *claim) int {
	if by := cmp.Compare(a.rank, b.rank); by != 0 {
		return by
	}
	if a.section != b.section {
		if by := a.section.Order.compare(b.section.Order); by != 0 {
			return by
		}
	}
	return cmp.Compare(a.index, b.index)
}

// node is the one with that key.
func (g *Graph) node(key seq.Key) *node {
	n := g.nodes[key]
	if n == nil {
		n = g.next()
		n.step.Key = key
		g.nodes[key] = n
	}
	return n
}

// next is a node that nothing is known of. Each is large, so several are made at once.
func (g *Graph) next() *node {
	if len(g.spare) == 0 {
		g.spare = make([]node, 16)
	}
	n := &g.spare[0]
	g.spare = g.spare[1:]
	return n
}

func (g *Graph) needs(n *node, w work) {
	if n.dirty == 0 {
		g.changed = append(g.changed, n)
	}
	n.dirty |= w
}

// exists reports whether there is such a message.
func (n *node) exists() bool { return len(n.claims) > 0 }

// mostAlike is of how many claims of one rule the evidence is kept: a controller that makes a thousand Pods by what it
// has seen once need not prove that a thousand times.
const mostAlike = 8

// merge makes one message of the claims.
func (n *node) merge() {
	was := n.step
	if !n.exists() {
		*n = node{step: seq.Step{Key: was.Key}, preds: n.preds, succs: n.succs, replies: n.replies, dirty: n.dirty,
			placed: n.placed, place: n.place, cycle: n.cycle, hidden: n.hidden}
		return
	}
	first := n.claims[0].said
	if first == nil {
		return // it is what has been merged
	}
	n.step, n.rank, n.lag, n.commit, n.stored = first.Step, n.claims[0].rank, first.Lag, first.Commit, first.Stored
	if n.call, n.replyTo = first.Call, ""; first.Kind == seq.ResponseKind {
		n.replyTo = first.Call
	}
	n.follows = slices.Clip(first.Follows)
	n.clash = false
	x := &n.step
	alike := 0 // claims of one rule, one after another
	for i, other := range n.claims[1:] {
		c := other.said
		for _, key := range c.Follows {
			if !slices.Contains(n.follows, key) {
				n.follows = append(n.follows, key)
			}
		}
		n.commit, n.stored = cmp.Or(n.commit, c.Commit), cmp.Or(n.stored, c.Stored)
		if alike++; n.claims[i].said.Rule != c.Rule {
			alike = 0
		}
		if alike < mostAlike {
			x.Evidence = x.Evidence[:len(x.Evidence):len(x.Evidence)]
			for _, e := range c.Evidence {
				e.Rule = c.Rule.Name
				x.Evidence = append(x.Evidence, e)
			}
		}
		if w := instant.Intersect(x.Window, c.Window); !w.Empty() {
			x.Window = w
		} else {
			n.clash = true
		}
		if x.Certainty == seq.Inferred && c.Certainty == seq.Observed {
			x.Certainty, x.Rule = seq.Observed, c.Rule
		}
		x.From, x.To, x.Label = cmp.Or(x.From, c.From), cmp.Or(x.To, c.To), cmp.Or(x.Label, c.Label)
		if x.Best.IsZero() || c.Sharp && (!x.Sharp || c.Precision < x.Precision) {
			x.Best, x.Sharp, x.Precision, x.Clock = c.Best, c.Sharp, c.Precision, c.Clock
		}
		x.Detail = min(x.Detail, c.Detail)
	}
	n.own, n.best, n.shown, n.sharp = x.Window, x.Best, x.Sharp, x.Precision
	x.Window, x.Best, x.Sharp, x.Precision = was.Window, was.Best, was.Sharp, was.Precision
	x.After, x.Conflict = was.After, was.Conflict
	if len(n.claims) == 1 {
		n.claims[0].said = nil
	}
}

// EachCause calls visit for each message, by the name of its rule, with each key that its claims follow, and whether
// there is such a message.
func (g *Graph) EachCause(visit func(rule string, key seq.Key, known bool)) {
	for _, n := range g.nodes {
		for _, key := range n.follows {
			p := g.nodes[key]
			visit(n.step.Rule.Name, key, p != nil && p.exists())
		}
	}
}
