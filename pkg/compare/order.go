package compare

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// history tells which of a run's steps are proved to come before others. Any other order is only likely.
type history map[seq.Key]*seq.Step // by key

func (r *Run) history() history {
	h := make(history, len(r.Steps))
	for i := range r.Steps {
		h[r.Steps[i].Key] = r.Steps[i]
	}
	return h
}

// proved reports whether first came before then: causes lead from one to the other, or their windows do not overlap.
func (h history) proved(first, then *seq.Step) bool {
	if f, t := first.Known().Latest, then.Known().Earliest; !f.IsZero() && !t.IsZero() && f.Before(t) {
		return true
	}
	seen := map[seq.Key]bool{}
	var leads func(s *seq.Step) bool
	leads = func(s *seq.Step) bool {
		return slices.ContainsFunc(s.After, func(key seq.Key) bool {
			if key == first.Key {
				return true
			}
			cause := h[key]
			if cause == nil || seen[key] {
				return false
			}
			seen[key] = true
			return leads(cause)
		})
	}
	return leads(then)
}

// together puts the two ends of a message that is at one place in A and at another in B into one step, where one of
// them may as well have been at the other's place.
func together(steps []Step, of [2]history) []Step {
	gone := make([]bool, len(steps))
	for i := range steps {
		j := steps[i].Elsewhere
		if gone[i] || j < i { // seen from the other end, or none
			continue
		}
		here, _ := steps[i].One()
		there := here.Other()
		x, y := steps[i].Sides[here], steps[j].Sides[there]
		between := func(s Side, hinders func(m *Message) bool) bool {
			return slices.ContainsFunc(steps[i+1:j], func(r Step) bool { return r.Sides[s] != nil && hinders(r.Sides[s]) })
		}
		at := i
		switch {
		case !between(there, func(m *Message) bool { return of[there].proved(m.Step, y.Step) }):
		case !between(here, func(m *Message) bool { return of[here].proved(x.Step, m.Step) }):
			at = j
		default:
			continue
		}
		gone[i+j-at] = true
		steps[i+j-at].Sides = [2]*Message{}
		steps[at].Sides[here], steps[at].Sides[there], steps[at].Elsewhere = x, y, -1
	}
	var kept []int
	for i := range steps {
		if !gone[i] {
			kept = append(kept, i)
		}
	}
	return picked(steps, kept)
}
