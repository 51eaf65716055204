package trace

// The claims of a story, in the parts in which they are replaced.

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// sections are the claims of one story. The claims about each write, and each Event, are derived, and replaced, alone:
// there can be thousands. Those of a Pod as a whole are by the rules that read what is new of it.
type sections struct {
	ofStory graph.Section
	items   []*itemSection // by item
}

// item is a write, or the Events of a revision, that has claims of its own.
type item struct {
	isEvent  bool
	revision uint64
}

func (a item) compare(b item) int {
	if a.isEvent != b.isEvent {
		if b.isEvent {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.revision, b.revision)
}

// itemSection are the claims about an item.
type itemSection struct {
	item
	graph.Section
}

// requestSection are the claims about a request, as the run as a whole has them.
type requestSection struct {
	of *seq.Request
	graph.Section
}

// deriveRequests derives the claims of requests, each once in each of its forms.
func (u *update) deriveRequests() {
	s := u.scene.subject()
	for _, q := range s.requests {
		y := u.requests[q.ID]
		if y == nil {
			y = &requestSection{Section: graph.Section{Order: orderOf(s)}}
			u.requests[q.ID] = y
		}
		if y.of != q {
			y.of = q
			u.graph.Set(&y.Section, u.claims(s, part{request: q}))
		}
	}
}

// orderOf is the place of the claims of a story among all.
func orderOf(s *story) graph.Order {
	return graph.Order{Root: s.order.root, Revision: s.order.oldestRevision, UID: s.order.uid}
}

// part is of what claims are derived.
type part struct {
	writes  []*write
	events  []*emitted
	request *seq.Request
	whole   parts // of the story as a whole: by the rules that read these
	counted bool  // of a Pod that is only counted
}

// derive replaces the claims of what is stale of a story.
func (u *update) derive(s *story, x *stale) {
	e := u.entryOf[s]
	u.touch(e)
	u.decideDrawn(e, x)
	y := &e.sections
	order := orderOf(s)
	y.ofStory.Order = order
	whole := allParts
	if s.isPod() && !x.all {
		whole = x.parts
	}
	if whole != 0 {
		u.graph.SetStale(&y.ofStory, func(rank int) bool { return rules[rank].isAbout(whole) },
			u.claims(s, part{whole: whole, counted: e.counted}))
	}
	set := func(is item, claims []graph.Ranked) {
		i, known := slices.BinarySearchFunc(y.items, is, func(x *itemSection, is item) int { return x.compare(is) })
		if !known {
			if len(claims) == 0 {
				return
			}
			x := &itemSection{item: is, Section: graph.Section{Order: order}}
			x.Order.Item = is.revision
			y.items = slices.Insert(y.items, i, x)
		}
		u.graph.Set(&y.items[i].Section, claims)
	}
	for i, w := range s.revisions {
		if x.all || x.writes[w.rv] {
			set(item{revision: w.rv}, u.claims(s, part{writes: s.revisions[i : i+1], counted: e.counted}))
		}
	}
	for i := 0; i < len(s.events); {
		k := i + 1
		for k < len(s.events) && s.events[k].rv == s.events[i].rv {
			k++
		}
		warning := s.isPod() && s.events[i].event.Type == corev1.EventTypeWarning // of whatever becomes of the Pod
		if rv := s.events[i].rv; x.all || x.events[rv] || warning && !e.counted {
			set(item{isEvent: true, revision: rv}, u.claims(s, part{events: s.events[i:k], counted: e.counted}))
		}
		i = k
	}
}

// claims are those that the rules derive of a part of a story. The list is valid until it is asked for again.
func (r *result) claims(s *story, of part) []graph.Ranked {
	m := &r.claiming
	m.story, m.counted, m.all = s, of.counted, m.all[:0]
	if m.emit == nil {
		m.emit = m.add
	}
	if len(of.writes) > 0 {
		for _, m.rank = range ruleRanks.perWrite {
			for _, w := range of.writes {
				if x := rules[m.rank]; x.applies(s) && (x.bounds || !m.counted) {
					x.perWrite(s, w, m.emit)
				}
			}
		}
	}
	if len(of.events) > 0 {
		m.ofEvents(of.events)
	}
	if of.whole != 0 {
		for _, m.rank = range ruleRanks.whole {
			if x := rules[m.rank]; x.isAbout(of.whole) && (x.bounds || !m.counted) && x.applies(s) {
				x.derive(s, m.emit)
			}
		}
	}
	if of.request != nil {
		for _, m.rank = range ruleRanks.perRequest {
			if x := rules[m.rank]; x.applies(s) {
				x.perRequest(s, of.request, m.emit)
			}
		}
	}
	return m.all
}

// claiming is what rules emit their claims to.
type claiming struct {
	story   *story
	counted bool // it is that of a Pod that is only counted
	rank    int  // of the rule
	all     []graph.Ranked
	emit    func(graph.Claim) // see add
}

func (m *claiming) add(c graph.Claim) {
	if m.counted && !m.bounding(&c) {
		return
	}
	x := graph.NewClaim()
	*x = c
	m.all = append(m.all, graph.Ranked{Rank: m.rank, Claim: x})
	m.story.qualify(x)
	rules[m.rank].complete(x)
}

func (m *claiming) ofEvents(events []*emitted) {
	for _, m.rank = range ruleRanks.perEvent {
		x := rules[m.rank]
		switch {
		case !x.applies(m.story) || m.counted && !x.bounds:
		case x.perEvent != nil:
			for _, e := range events {
				x.perEvent(m.story, e, m.emit)
			}
		default:
			for _, a := range m.story.workerEvents {
				if slices.Contains(events, a.emitted) {
					x.perAction(m.story, a, m.emit)
				}
			}
		}
	}
}

// ruleRanks are the places of the rules in their table, by what they derive their messages from.
var ruleRanks = rankRules()

type ranks struct {
	whole, perWrite, perRequest []int
	perEvent                    []int // or per action, which an Event tells of
}

func rankRules() (y ranks) {
	for rank, x := range rules {
		switch {
		case x.perWrite != nil:
			y.perWrite = append(y.perWrite, rank)
		case x.perEvent != nil || x.perAction != nil:
			y.perEvent = append(y.perEvent, rank)
		case x.perRequest != nil:
			y.perRequest = append(y.perRequest, rank)
		default:
			y.whole = append(y.whole, rank)
		}
	}
	return y
}
