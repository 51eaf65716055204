package trace

// Who owns whom, and which writes a controller must have seen before one of its own.

import (
	"cmp"
	"iter"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// owners is who is above and below an object, and what follows from that. Every write of a controller asks for it, and
// there may be hundreds of both, so each is found once.
type owners struct {
	controller     *story
	dependents     []*story
	descendants    []*story                   // Pods at any level below; nil until asked for
	childrenByName map[string][]int           // see childrenNamedIn
	countedChanges map[string]*countedChanges // see changesOf
	namedBy        []watchedWrite             // of a Pod: writes of EndpointSlices that were looked at as they name it
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

// countedChanges are the writes by which the Pods that an object controls came to be counted, or ceased to be, by
// revision.
type countedChanges struct {
	count   statusCount
	ordered []countedChange
	byPod   map[*story][]*write
	found   int // Pods that were counted before the run
}

// countedChange is one of these: every other one of a Pod counts it.
type countedChange struct {
	watchedWrite
	counts bool
	total  int // Pods that are counted from then on
}

// changesOf are those of a count.
func (s *story) changesOf(n statusCount) *countedChanges {
	f := s.countedChanges[n.field]
	if f == nil {
		f = &countedChanges{count: n, byPod: map[*story][]*write{}}
		for _, p := range s.dependents {
			f.add(p)
		}
		f.sort(func(a, b watchedWrite) bool { return a.write.rv < b.write.rv })
		if s.countedChanges == nil {
			s.countedChanges = map[string]*countedChanges{}
		}
		s.countedChanges[n.field] = f
	}
	return f
}

// add takes the changes of a Pod, in no order.
func (f *countedChanges) add(p *story) {
	for counts, w := range f.count.changes(p) {
		f.byPod[p] = append(f.byPod[p], w)
		f.ordered = append(f.ordered, countedChange{watchedWrite: watchedWrite{p, w}, counts: counts})
		f.found += found(counts, w)
	}
}

// found is 1 where a write counts a Pod that was there before the run.
func found(counts bool, w *write) int {
	if counts && !w.isOfRun() {
		return 1
	}
	return 0
}

// sort puts the changes into their order.
func (f *countedChanges) sort(earlier func(a, b watchedWrite) bool) {
	slices.SortStableFunc(f.ordered, func(a, b countedChange) int {
		switch {
		case earlier(a.watchedWrite, b.watchedWrite):
			return -1
		case earlier(b.watchedWrite, a.watchedWrite):
			return 1
		}
		return 0
	})
	f.sum(0)
}

// sum counts again from a change on.
func (f *countedChanges) sum(from int) {
	total := 0
	if from > 0 {
		total = f.ordered[from-1].total
	}
	for i := from; i < len(f.ordered); i++ {
		if f.ordered[i].counts {
			total++
		} else {
			total--
		}
		f.ordered[i].total = total
	}
}

// changes are the writes that change whether a Pod is counted, each with whether it is from then on.
func (n statusCount) changes(p *story) iter.Seq2[bool, *write] {
	return func(yield func(bool, *write) bool) {
		if !p.isPod() {
			return
		}
		counted := false
		for _, w := range p.revisions {
			owner := metav1.GetControllerOfNoCopy(w.object)
			is := n.is(w) && !w.deleted && owner != nil && p.byUID[string(owner.UID)] == p.controller || n.forGood && counted
			if is != counted && !yield(is, w) {
				return
			}
			counted = is
		}
	}
}

// update takes what is new of a Pod.
func (f *countedChanges) update(p *story) {
	from := len(f.ordered)
	at := func(w *write) int {
		i, _ := slices.BinarySearchFunc(f.ordered, w.rv,
			func(c countedChange, rv uint64) int { return cmp.Compare(c.write.rv, rv) })
		from = min(from, i)
		return i
	}
	for _, w := range f.byPod[p] {
		i := at(w)
		f.found -= found(f.ordered[i].counts, f.ordered[i].write)
		f.ordered = slices.Delete(f.ordered, i, i+1)
	}
	delete(f.byPod, p)
	for counts, w := range f.count.changes(p) {
		f.byPod[p] = append(f.byPod[p], w)
		f.ordered = slices.Insert(f.ordered, at(w),
			countedChange{watchedWrite: watchedWrite{p, w}, counts: counts})
		f.found += found(counts, w)
	}
	f.sum(from)
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

// statusCount is a number in the status of a workload, with how one of its children is that is counted.
type statusCount struct {
	field   string
	is      func(o *write) bool
	forGood bool // it stays counted, whatever becomes of it
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
