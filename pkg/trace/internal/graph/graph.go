// Package graph merges claims about one message into one step, carries bounds along causes, and draws one order. What
// changes costs what it changes: only messages that a changed claim is about, or that it bounds, are looked at again.
package graph

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Claim is what one rule derives: a message, its own bounds, and what must have happened before it. What the rule's row
// says already (from, to, kind, …) is left empty.
type Claim struct {
	seq.Step
	Follows []seq.Key     // keys of messages that came before; those that do not exist are ignored
	Lag     time.Duration // usual time since the last of them, where Best is not known
	Commit  Commit        // the write to the store that the message is; zero if it is none
	Stored  Commit        // the message came after what the store had taken before this write; zero for nothing known
	Aside   bool          // it only bounds other messages, and is not drawn
}

// Ranked is a claim with the place of its rule in the table of rules.
type Ranked struct {
	Rank  int
	Claim *Claim
}

// unused are claims of which all that they say has been taken.
var unused = sync.Pool{New: func() any { return new(Claim) }}

// NewClaim is one that says nothing yet.
func NewClaim() *Claim { return unused.Get().(*Claim) }

// release has a claim used again. It may be nil.
func release(c *Claim) {
	if c != nil {
		*c = Claim{}
		unused.Put(c)
	}
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
	rank    int32
	index   int32
	section *Section
	node    *node
	said    *Claim // nil where it is the node's only claim: then that has kept what it says, see sole
}

// node is one message, or only the key of one that others name as their cause: it has no claims and no message then.
type node struct {
	key    seq.Key
	claims []*claim
	first  [1]*claim // most have one
	preds  []*node
	succs  []*node
	*message

	rank    int32 // of the first claim
	replies int32 // messages that are replies to this one
	cycle   int32 // the circle of causes that it is part of; 0 for none
	depth   int32 // the longest way from a message without causes
	place   place // in the order, if it is placed there
	ordered bool
	fresh   bool // published since the order was updated
	seen    bool // by order.update, while it looks
	dirty   work
}

// message is what is known of one.
type message struct {
	step    seq.Step // what all claims say together; times and causes as they were published last
	call    seq.Key  // what the first claim says
	lag     time.Duration
	commit  commit
	stored  commit
	follows []seq.Key     // what the claims say
	own     bounds        // likewise, without what the graph adds
	best    stamp         // likewise
	sharp   time.Duration // likewise
	shown   bool          // likewise
	clash   bool          // the claims contradict each other
	aside   bool          // what all claims say

	conflict uint8  // of the directions
	hidden   bool   // not to be drawn
	forward  bounds // bounded by causes
	window   bounds // bounded by what it caused, too
	at       stamp  // the likeliest instant within that
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
	toSetDepth
	toBoundForward
	toBoundBackward
	toEstimate
	toPublish
)

// Graph holds all messages of a run. The zero value is empty.
type Graph struct {
	hides     func(*seq.Step) bool
	within    func(*seq.Step) time.Duration
	nodes     map[seq.Key]*node
	byAbout   map[string][]*node
	store     store
	changed   []*node // to be merged
	order     order
	queue     queue          // see spread
	keys      []seq.Key      // for one function at a time
	stale     []*claim       // see SetStale
	taken     []bool         // see replace
	clashes   map[*node]bool // drawn messages with a conflict
	hasCycles bool           // there are circles of causes
	touched   func(about string)
}

// New is an empty graph. Hides says of a message, by its window and rule, that it is not to be drawn. Within says how
// sharp its likeliest instant is, see seq.Step. Touched is called with what a message is about that has changed. Each
// may be nil.
func New(hides func(*seq.Step) bool, within func(*seq.Step) time.Duration, touched func(about string)) *Graph {
	if touched == nil {
		touched = func(string) {}
	}
	if within == nil {
		within = func(*seq.Step) time.Duration { return 0 }
	}
	return &Graph{nodes: map[seq.Key]*node{}, byAbout: map[string][]*node{}, clashes: map[*node]bool{},
		hides: hides, within: within, touched: touched, store: newStore()}
}

// Set replaces the claims of a section; it takes them over. Those that are as before cost nothing more.
func (g *Graph) Set(s *Section, claims []Ranked) {
	if is, changed := g.replace(s, s.claims, claims); changed {
		s.claims = is
	}
}

// SetStale replaces only those claims of a section that are of stale rules, by their place in the table. All claims of
// it must be in the order of that.
func (g *Graph) SetStale(s *Section, stale func(rank int) bool, claims []Ranked) {
	was := g.stale[:0]
	for _, c := range s.claims {
		if stale(int(c.rank)) {
			was = append(was, c)
		}
	}
	g.stale = was
	is, changed := g.replace(s, was, claims)
	if !changed {
		return
	}
	all := make([]*claim, 0, len(s.claims)-len(was)+len(is))
	for _, c := range s.claims {
		if stale(int(c.rank)) {
			continue
		}
		for len(is) > 0 && is[0].rank < c.rank {
			all, is = append(all, is[0]), is[1:]
		}
		all = append(all, c)
	}
	s.claims = append(all, is...)
}

// replace has a section make claims in the place of some that it made. It returns what it makes instead of these, where
// that is anything else.
func (g *Graph) replace(s *Section, was []*claim, claims []Ranked) (is []*claim, changed bool) {
	first, last := 0, 0 // so many are as before, from the first and from the last
	for shorter := min(len(was), len(claims)); first < shorter && was[first].equals(claims[first]); first++ {
		release(claims[first].Claim)
	}
	if first == len(was) && first == len(claims) {
		return nil, false
	}
	for shorter := min(len(was), len(claims)) - first; last < shorter; last++ {
		if c := claims[len(claims)-1-last]; !was[len(was)-1-last].equals(c) {
			break
		} else {
			release(c.Claim)
		}
	}
	is = make([]*claim, len(claims))
	copy(is, was[:first])
	copy(is[len(claims)-last:], was[len(was)-last:])
	gone := was[first : len(was)-last]
	taken := append(g.taken[:0], make([]bool, len(gone))...)
	g.taken = taken
	fresh := make([]claim, 0, len(claims)-last-first)
	for i := first; i < len(claims)-last; i++ {
		said := claims[i].Claim
		k := slices.IndexFunc(gone, func(c *claim) bool { return c.equals(claims[i]) })
		if k >= 0 && !taken[k] {
			is[i], taken[k] = gone[k], true
			release(said)
			continue
		}
		n := g.node(said.Key)
		g.shareKeys(n, said)
		fresh = append(fresh, claim{int32(claims[i].Rank), int32(i), s, n, said})
		is[i] = &fresh[len(fresh)-1]
	}
	for i, c := range is {
		c.index = int32(i)
	}
	for k, c := range gone {
		if taken[k] {
			continue
		}
		c.node.claims = slices.DeleteFunc(c.node.claims, func(o *claim) bool { return o == c })
		release(c.said)
		g.needs(c.node, toMerge)
	}
	for _, c := range is[first : len(claims)-last] {
		n := c.node
		i, there := slices.BinarySearchFunc(n.claims, c, byOrder)
		if there {
			continue
		}
		if len(n.claims) == 1 && n.claims[0].said == nil {
			n.claims[0].said = n.sole(NewClaim())
		}
		if n.claims == nil {
			n.claims = n.first[:0]
		}
		n.claims = slices.Insert(n.claims, i, c)
		g.needs(n, toMerge)
	}
	return is, true
}

func (c *claim) equals(r Ranked) bool {
	if c.rank != int32(r.Rank) || c.node.key != r.Claim.Key {
		return false
	}
	if c.said == nil {
		return c.node.saysAlone(r.Claim)
	}
	return equalClaims(c.said, r.Claim)
}

// sole has c say what the only claim of a node says.
func (n *node) sole(c *Claim) *Claim {
	*c = Claim{Step: n.step, Follows: n.follows, Lag: n.lag, Commit: n.commit.public(), Stored: n.stored.public(),
		Aside: n.aside}
	c.Window, c.Best, c.Sharp, c.Precision = n.own.public(), n.best.time(), n.shown, n.sharp
	c.Call, c.After, c.Conflict, c.Within = n.call, nil, false, 0
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
		n = &node{key: key}
		g.nodes[key] = n
	}
	return n
}

// shareKeys has a claim about a message name this one, and those that it follows, by the texts that others do.
func (g *Graph) shareKeys(n *node, c *Claim) {
	c.Key = n.key
	for i, key := range c.Follows {
		if cause := g.nodes[key]; cause != nil {
			c.Follows[i] = cause.key
		}
	}
}

func (g *Graph) needs(n *node, w work) {
	if n.dirty == 0 {
		g.changed = append(g.changed, n)
	}
	n.dirty |= w
}

// exists reports whether there is such a message.
func (n *node) exists() bool { return len(n.claims) > 0 }

// drawn reports whether there is such a message, and it is to be drawn.
func (n *node) drawn() bool { return n.exists() && !n.hidden && !n.aside }

// EachCause calls visit for each message, by the name of its rule, with each key that its claims follow, and whether
// there is such a message.
func (g *Graph) EachCause(visit func(rule string, key seq.Key, known bool)) {
	for _, n := range g.nodes {
		if !n.exists() {
			continue
		}
		for _, key := range n.follows {
			p := g.nodes[key]
			visit(n.step.Rule.Name, key, p != nil && p.exists())
		}
	}
}
