package trace

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// kin is who is above and below an object, and what follows from that. Every write of a controller asks for it, and there
// may be hundreds of both, so each is found once.
type kin struct {
	above     *story
	under     []*story
	offspring []*story            // Pods at any level below; nil until asked for
	names     map[string][]int    // see named
	became    map[string][]source // see firsts
	demanded  []*write            // see demand
}

// relate finds the owners of all stories.
func (c *scene) relate() {
	for _, s := range c.stories {
		s.above = s.findOwner()
		if s.above != nil {
			s.above.under = append(s.above.under, s)
		}
	}
	for _, s := range c.stories {
		for _, w := range s.revisions {
			if w.drawn() && (w.first || w.was != nil && w.object.GetGeneration() != w.was.GetGeneration()) {
				s.demanded = append(s.demanded, w)
			}
		}
	}
}

func (s *story) findOwner() *story {
	for _, w := range s.revisions {
		if ref := metav1.GetControllerOf(w.object); ref != nil {
			return s.byUID[string(ref.UID)]
		}
	}
	return nil
}

// owner is the story of the object's controller, or nil.
func (s *story) owner() *story { return s.above }

// children are the stories of the objects that this one controls.
func (s *story) children() []*story { return s.under }

// below are the stories of the Pods that came of the object, at any level.
func (s *story) below() []*story {
	if s.offspring != nil {
		return s.offspring
	}
	s.offspring = []*story{}
	for _, c := range s.stories {
		o := c.owner()
		for range deepest {
			if o == nil || o == s {
				break
			}
			o = o.owner()
		}
		if c.isPod() && o == s {
			s.offspring = append(s.offspring, c)
		}
	}
	return s.offspring
}

// demand is the last write before another object's by which this one asked for something else than before.
func (s *story) demand(before *write) *source {
	for _, w := range slices.Backward(s.demanded) {
		if w.rv < before.rv {
			return &source{s, w}
		}
	}
	return nil
}

// firsts are the writes by which each of the Pods that it controls became so, by revision.
func (s *story) firsts(n count) []source {
	if all, ok := s.became[n.field]; ok {
		return all
	}
	var all []source
	for _, p := range s.children() {
		for _, o := range p.revisions {
			if p.isPod() && o.drawn() && n.is(o) {
				all = append(all, source{p, o})
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b source) int { return cmp.Compare(a.write.rv, b.write.rv) })
	if s.became == nil {
		s.became = map[string][]source{}
	}
	s.became[n.field] = all
	return all
}

// named are the children whose name a message has as a word.
func (s *story) named(message string) (all []*story) {
	if s.names == nil {
		s.names = map[string][]int{}
		for i, o := range s.under {
			s.names[o.object.Name] = append(s.names[o.object.Name], i)
		}
	}
	var found []int
	for word := range words(message) {
		found = append(found, s.names[word]...)
	}
	slices.Sort(found)
	for _, i := range slices.Compact(found) {
		all = append(all, s.under[i])
	}
	return all
}

// deepest bounds how far above a Pod one of its owners is: garbage can make circles.
const deepest = 8

// source is a write that a controller learned of from its watch.
type source struct {
	*story
	*write
}

// count is a number in the status of a workload, with what one of its children must have done to be counted.
type count struct {
	field string
	is    func(o *write) bool
}

// earlierThan reports whether a write came before one of another object, by the store's counter.
func (s *story) earlierThan(w *write, o *story, than *write) bool {
	if s.resource == o.resource || s.counted(s.resource) && s.counted(o.resource) {
		return w.rv < than.rv
	}
	return instant.Earlier(w.received, than.received)
}

// latest is the last such write of this object that came before one of another.
func (s *story) latest(before *write, is func(*write) bool) *source {
	var last *source
	for _, w := range s.revisions {
		if w.drawn() && w.rv < before.rv && is(w) {
			last = &source{s, w}
		}
	}
	return last
}
