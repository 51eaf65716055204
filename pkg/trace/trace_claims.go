package trace

// The claims of a story, in the parts in which they are replaced.

import (
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// sections are the claims of one story. Those of a Pod, which has few writes, are derived together. Other objects can
// have thousands: the claims about each write, and each Event, are derived, and replaced, alone. What requests say is
// derived once: where there is another that matters, all is derived anew.
type sections struct {
	ofStory  graph.Section
	requests graph.Section
	asked    bool                      // the requests have been derived
	writes   map[uint64]*graph.Section // by revision
	events   map[uint64]*graph.Section // likewise
}

// part is of what claims are derived.
type part struct {
	writes   []*write
	events   []*emitted
	requests []*seq.Request
	isWhole  bool // of the story as a whole
}

// derive replaces the claims of what is stale of a story.
func (u *update) derive(s *story, x *stale) {
	e := u.entryOf[s]
	e.version = u.deriving
	y := &e.sections
	order := graph.Order{Root: s.order.root, Revision: s.order.oldestRevision, UID: s.order.uid}
	y.ofStory.Order, y.requests.Order = order, order
	if !y.asked {
		y.asked = true
		u.graph.Set(&y.requests, u.claims(s, part{requests: s.requests}))
	}
	if s.isPod() || s.isContainer() {
		u.graph.Set(&y.ofStory, u.claims(s, part{writes: s.revisions, events: s.events, isWhole: true}))
		return
	}
	u.graph.Set(&y.ofStory, u.claims(s, part{isWhole: true}))
	section := func(of map[uint64]*graph.Section, rv uint64) *graph.Section {
		if of[rv] == nil {
			of[rv] = &graph.Section{Order: order}
			of[rv].Order.Item = rv
		}
		return of[rv]
	}
	for _, w := range s.revisions {
		if x.all || x.writes[w.rv] {
			u.graph.Set(section(y.writes, w.rv), u.claims(s, part{writes: []*write{w}}))
		}
	}
	for i := 0; i < len(s.events); {
		k := i + 1
		for k < len(s.events) && s.events[k].rv == s.events[i].rv {
			k++
		}
		if rv := s.events[i].rv; x.all || x.events[rv] {
			u.graph.Set(section(y.events, rv), u.claims(s, part{events: s.events[i:k]}))
		}
		i = k
	}
}

// claims are those that the rules derive of a part of a story. The list is valid until it is asked for again.
func (r *result) claims(s *story, of part) []graph.Ranked {
	all := r.buffer[:0]
	rank := 0
	emit := func(c graph.Claim) {
		x := graph.NewClaim()
		*x = c
		all = append(all, graph.Ranked{Rank: rank, Claim: x})
		s.qualify(x)
		rules[rank].complete(x)
	}
	for i, x := range rules {
		rank = i
		switch {
		case !x.applies(s):
		case x.perWrite != nil:
			for _, w := range of.writes {
				x.perWrite(s, w, emit)
			}
		case x.perEvent != nil:
			for _, e := range of.events {
				x.perEvent(s, e, emit)
			}
		case x.perRequest != nil:
			for _, q := range of.requests {
				x.perRequest(s, q, emit)
			}
		case of.isWhole:
			x.derive(s, emit)
		}
	}
	r.buffer = all
	return all
}
