package trace

// Phases: how rows of their tables become intervals between steps, within the time range of the run.

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// phase is one row of a table of phases: the stretches that are of it. Where several go on at once, that which began
// last explains best what the object waits for; of those that began together, the last of the table.
type phase struct {
	name, explain string
	uninterrupted bool                // what begins meanwhile does not end it
	call          bool                // of the runtime: no wait that begins meanwhile ends it
	behind        bool                // it is what goes on where nothing else of the table does
	inner         bool                // what ends it is told of by what ends the run, and came before that
	waits         bool                // nothing works meanwhile: it is waited for a time to pass, or for somebody
	why           func(*story) string // the explanation, where it depends on what was seen
	intervals     func(*story, *result) []interval
}

// interval is a stretch, from one step to another. One that may go on without its end is open.
type interval struct {
	beginKey, endKey seq.Key
	open             bool
}

// between is the one stretch from one step to another.
func between(begin, end func(*story) seq.Key) func(*story, *result) []interval {
	return func(s *story, _ *result) []interval { return []interval{{beginKey: begin(s), endKey: end(s)}} }
}

// until is that stretch, which goes on without its end where open says so.
func until(begin, end func(*story) seq.Key, open func(*story) bool) func(*story, *result) []interval {
	return func(s *story, _ *result) []interval { return []interval{{begin(s), end(s), open(s)}} }
}

// Phases divides the run into phases, and what is left, in the order in which they began. The run ends at the given
// time; a zero time stands for now, and in a run that only tells the past for the end of the object's start. There are
// none where nothing is known of any.
func (t *Trace) Phases(end time.Time) []seq.Phase {
	r := t.resolve()
	s := r.scene.subject()
	f := timeRange{start: s.zero(), end: end}
	if s.attached() {
		f.start = s.attachedAt
	}
	if end.IsZero() {
		f.end = t.now
		if s.foundRevision() != nil && !t.watches() {
			f = s.pastFrame(r)
		}
	}
	return r.phases(s, f)
}

// timeRange is the time that phases divide.
type timeRange struct {
	start, end time.Time
	likely     bool // its ends are only likely, as those of what has happened before the run
	goesOn     bool // its end is now: what has not ended goes on
}

// watches reports whether the run watches what it tells of: then its end is its own.
func (t *Trace) watches() bool {
	for _, q := range t.requests {
		if q.Verb == "watch" {
			return true
		}
	}
	return false
}

// pastFrame is the time that the phases of an object are about that was only looked at: its start, until it was ready,
// or until now.
func (s *story) pastFrame(r *result) timeRange {
	f := timeRange{end: s.attachedAt, likely: true}
	if made := r.step(s.ownKey(s.createKey())); made != nil {
		f.start = made.Best
	}
	for _, key := range s.sort().started(s) { // the first that more than our look bounds
		if x := r.step(s.ownKey(key)); x != nil && x.Known().Latest.Before(s.foundRevision().received) &&
			(key != s.lastStart() || object.Condition(s.newest(), corev1.PodReady) == corev1.ConditionTrue) {
			f.end = x.Best
			break
		}
	}
	return f
}

// podStartEnds are what may end the start of a Pod: that it is ready, that its last container has started, that all
// have ended.
func podStartEnds(s *story) []seq.Key { return []seq.Key{s.readyKey(), s.lastStart(), s.endOfAll()} }

// stretch is an interval with its steps.
type stretch struct {
	phase
	row                int
	beginStep, endStep *seq.Step // endStep is nil where it goes on
	start, end         time.Time
}

// stretches are those of the table, within the run.
func (r *result) stretches(s *story, table []phase, f timeRange) (all []stretch) {
	start, end := f.start, f.end
	found := s.foundRevision()
	for i, p := range table {
		for _, x := range p.intervals(s, r) {
			b, e := r.step(s.ownKey(x.beginKey)), r.step(s.ownKey(x.endKey))
			if b == nil || b.Best.IsZero() || e == nil && !x.open || e != nil && e.Best.IsZero() {
				continue
			}
			to := end
			if e != nil {
				if found != nil && !e.Known().Latest.Before(found.received) && !e.Best.After(found.received) {
					// nothing but our look bounds it
					continue
				}
				to = instant.Later(b.Best, e.Best)
				if e.Window.Latest.Equal(end) && !p.inner { // by it the run was certain to have ended
					to = end
				}
			}
			from := instant.Later(b.Best, start)
			if to = instant.Sooner(to, end); !to.Before(from) && b.Best.Before(end) && !b.Window.Latest.Equal(end) {
				all = append(all, stretch{p, i, b, e, from, to})
			}
		}
	}
	return all
}
