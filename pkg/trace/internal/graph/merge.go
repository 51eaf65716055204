package graph

import (
	"cmp"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mostAlike is of how many claims of one rule the evidence is kept: a controller that makes a thousand Pods by what it
// has seen once need not prove that a thousand times.
const mostAlike = 8

// mergeClaims makes one message of the claims.
func (g *Graph) mergeClaims(n *node) {
	if !n.exists() {
		n.message = nil
		return
	}
	first := n.claims[0].said
	if first == nil {
		return // it is what has been merged
	}
	if n.message == nil {
		n.message = &message{}
	}
	m := n.message
	n.rank = n.claims[0].rank
	m.step, m.call, m.lag = first.Step, first.Call, first.Lag
	m.commit, m.stored = g.store.intern(first.Commit), g.store.intern(first.Stored)
	m.follows = slices.Clip(first.Follows)
	m.own, m.best, m.shown, m.sharp = boundsOf(first.Window), stampOf(first.Best), first.Sharp, first.Precision
	m.clash, m.aside = false, first.Aside
	x := &m.step
	x.Key = n.key
	alike := 0 // claims of one rule, one after another
	for i, other := range n.claims[1:] {
		c := other.said
		for _, key := range c.Follows {
			if !slices.Contains(m.follows, key) {
				m.follows = append(m.follows, key)
			}
		}
		m.aside = m.aside && c.Aside
		m.commit = cmp.Or(m.commit, g.store.intern(c.Commit))
		m.stored = cmp.Or(m.stored, g.store.intern(c.Stored))
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
		if w := m.own.intersect(boundsOf(c.Window)); !w.empty() {
			m.own = w
		} else {
			m.clash = true
		}
		if x.Certainty == seq.Inferred && c.Certainty == seq.Observed {
			x.Certainty, x.Rule = seq.Observed, c.Rule
		}
		x.From, x.To, x.Label = cmp.Or(x.From, c.From), cmp.Or(x.To, c.To), cmp.Or(x.Label, c.Label)
		if x.Resource == "" && x.Object == (seq.Object{}) { // it only says what came before
			x.Verb, x.Resource, x.Subresource, x.Object = cmp.Or(x.Verb, c.Verb), c.Resource, c.Subresource, c.Object
		}
		x.ResourceVersion = cmp.Or(x.ResourceVersion, c.ResourceVersion)
		x.Container, x.Node = cmp.Or(x.Container, c.Container), cmp.Or(x.Node, c.Node)
		if m.best == 0 || c.Sharp && (!m.shown || c.Precision < m.sharp) {
			m.best, m.shown, m.sharp, x.ClockOf = stampOf(c.Best), c.Sharp, c.Precision, c.ClockOf
		}
		x.Detail, x.Failed = min(x.Detail, c.Detail), x.Failed || c.Failed
	}
	if len(n.claims) == 1 {
		n.claims[0].said = nil
		release(first)
	}
}
