package trace

// Who owns whom, and which writes a controller must have seen before one of its own.

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// owners is who is above and below an object, and what follows from that. Every write of a controller asks for it, and
// there may be hundreds of both, so each is found once.
type owners struct {
	controller     *story
	dependents     []*story
	descendants    []*story                  // Pods at any level below; nil until asked for
	childrenByName map[string][]int          // see childrenNamedIn
	countedWrites  map[string]*countedWrites // see firstsCounted
	namedBy        []watchedWrite            // of a Pod: writes of EndpointSlices that were looked at as they name it
}

// relate finds the owners of all stories.
func (c *scene) relate() {
	for _, s := range c.stories {
		s.controller = s.findOwner()
		if s.controller != nil {
			s.controller.dependents = append(s.controller.dependents, s)
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

// isReleased reports whether no controller has the object any more, though one had it.
func (s *story) isReleased() bool {
	return len(s.revisions) > 0 && !s.last().deleted && metav1.GetControllerOf(s.last().object) == nil &&
		slices.ContainsFunc(s.revisions, func(w *write) bool { return metav1.GetControllerOf(w.object) != nil })
}

// owner is the story of the object's controller, or nil.
func (s *story) owner() *story { return s.controller }

// children are the stories of the objects that this one controls.
func (s *story) children() []*story { return s.dependents }

// podsBelow are the stories of the Pods that came of the object, at any level.
func (s *story) podsBelow() []*story {
	if s.descendants != nil {
		return s.descendants
	}
	s.descendants = []*story{}
	for _, c := range s.stories {
		o := c.owner()
		for range deepest {
			if o == nil || o == s {
				break
			}
			o = o.owner()
		}
		if c.isPod() && o == s {
			s.descendants = append(s.descendants, c)
		}
	}
	return s.descendants
}

// countedWrites are the writes by which each of the Pods that an object controls came to be counted, by revision.
type countedWrites struct {
	count   statusCount
	ordered []watchedWrite
	byPod   map[*story]*write
}

// firstsCounted are those for a count.
func (s *story) firstsCounted(n statusCount) []watchedWrite {
	f := s.countedWrites[n.field]
	if f == nil {
		f = &countedWrites{count: n, byPod: map[*story]*write{}}
		for _, p := range s.dependents {
			if w := f.writeOf(p); w != nil {
				f.byPod[p], f.ordered = w, append(f.ordered, watchedWrite{p, w})
			}
		}
		slices.SortStableFunc(f.ordered, func(a, b watchedWrite) int { return cmp.Compare(a.write.rv, b.write.rv) })
		if s.countedWrites == nil {
			s.countedWrites = map[string]*countedWrites{}
		}
		s.countedWrites[n.field] = f
	}
	return f.ordered
}

// writeOf is the write by which a Pod came to be counted, or nil.
func (f *countedWrites) writeOf(p *story) *write {
	if p.isPod() {
		for _, w := range p.revisions {
			if w.isOfRun() && f.count.is(w) {
				return w
			}
		}
	}
	return nil
}

// update takes what is new of a Pod.
func (f *countedWrites) update(p *story) {
	byRevision := func(d watchedWrite, rv uint64) int { return cmp.Compare(d.write.rv, rv) }
	if was := f.byPod[p]; was != nil {
		i, _ := slices.BinarySearchFunc(f.ordered, was.rv, byRevision)
		f.ordered = slices.Delete(f.ordered, i, i+1)
		delete(f.byPod, p)
	}
	if w := f.writeOf(p); w != nil {
		i, _ := slices.BinarySearchFunc(f.ordered, w.rv, byRevision)
		f.ordered, f.byPod[p] = slices.Insert(f.ordered, i, watchedWrite{p, w}), w
	}
}

// childrenNamedIn are the children whose name a message has as a word.
func (s *story) childrenNamedIn(message string) (all []*story) {
	if s.childrenByName == nil {
		s.childrenByName = map[string][]int{}
		for i, o := range s.dependents {
			s.childrenByName[o.object.Name] = append(s.childrenByName[o.object.Name], i)
		}
	}
	var found []int
	for word := range words(message) {
		found = append(found, s.childrenByName[word]...)
	}
	slices.Sort(found)
	for _, i := range slices.Compact(found) {
		all = append(all, s.dependents[i])
	}
	return all
}

// deepest bounds how far above a Pod one of its owners is: garbage can make circles.
const deepest = 8

// watchedWrite is a write that a controller learned of from its watch.
type watchedWrite struct {
	*story
	*write
}

// statusCount is a number in the status of a workload, with what one of its children must have done to be counted.
type statusCount struct {
	field string
	is    func(o *write) bool
}

// earlierThan reports whether a write came before one of another object, by the store's counter.
func (s *story) earlierThan(w *write, o *story, than *write) bool {
	if s.resource == o.resource || s.sharesPodCounter(s.resource) && s.sharesPodCounter(o.resource) {
		return w.rv < than.rv
	}
	return instant.Earlier(w.received, than.received)
}

// lastBefore is the last such write of this object that came before one of another.
func (s *story) lastBefore(before *write, is func(*write) bool) *watchedWrite {
	var last *watchedWrite
	for _, w := range s.revisions {
		if w.isOfRun() && w.rv < before.rv && is(w) {
			last = &watchedWrite{s, w}
		}
	}
	return last
}
