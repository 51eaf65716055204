package trace

// The claims of a story, in the parts in which they are replaced.

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// sections are the claims of one story. The claims about each write, and each Event, are derived, and replaced, alone:
// there can be thousands. Those of a Pod as a whole are by the rules that read what is new of it. What requests say is
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
	whole    parts // of the story as a whole: by the rules that read these
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
	whole := allParts
	if s.isPod() && !x.all {
		whole = x.parts
	}
	u.graph.SetStale(&y.ofStory, func(rank int) bool { return rules[rank].isAbout(whole) },
		u.claims(s, part{whole: whole}))
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
		warning := s.isPod() && s.events[i].event.Type == corev1.EventTypeWarning // of whatever becomes of the Pod
		if rv := s.events[i].rv; x.all || x.events[rv] || warning {
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
		case x.perAction != nil:
			for _, a := range s.workerEvents {
				if slices.Contains(of.events, a.emitted) {
					x.perAction(s, a, emit)
				}
			}
		case x.perRequest != nil:
			for _, q := range of.requests {
				x.perRequest(s, q, emit)
			}
		case x.isAbout(of.whole):
			x.derive(s, emit)
		}
	}
	r.buffer = all
	return all
}
