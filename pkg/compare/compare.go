// Package compare finds the differences of two runs: two traces in, their differences out.
//
//	c := compare.Of(a, b)
//	for _, s := range c.Steps  // each message of both, once: of both runs, or of one
//	for _, p := range c.Phases // how much more time B took in each
//
// Two messages are the same if the same participants send the same about the same objects. The names that the two runs
// have for these do not count: what has one name in both is the same, and of the rest the first in one run is the first
// in the other. Nor does it count which evidence a message is known by, or in how much detail it is drawn.
//
// Times are durations since each run's own beginning. What is known of one is a range, and so is what is known of a
// difference; one is longer than the other only where their ranges do not overlap.
package compare

import (
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Side is one of the two runs; it indexes the pairs in this package.
type Side int

// The sides.
const (
	A Side = iota
	B
)

// String is its name.
func (s Side) String() string { return [...]string{"A", "B"}[s] }

// Other is the other one.
func (s Side) Other() Side { return 1 - s }

// Sides are both.
var Sides = [2]Side{A, B}

// Run is what a trace says of one run, and how it ended.
type Run struct {
	seq.Run
	Steps    []*seq.Step
	Phases   []seq.Phase
	Waits    []seq.Wait
	Members  []seq.Member
	Obstacle *seq.Obstacle // or nil
	Outcome  string
	Total    time.Duration // from Zero to the instant by which the outcome was certain; 0 where there is none
}

// Comparison is what two runs have in common, and what not.
type Comparison struct {
	Runs         [2]Run
	Same         bool        // they are one and the same run
	Alike        bool        // each has the outcome of the other
	Totals       [2]Range    // from the beginning to the outcome; zero where not known
	More         *Range      // how much more time B took in all, or nil where the totals cannot be compared
	Likely       *Likely     // how much more it likely took, or nil where that cannot be said
	Phases       []Phase     // in the order of the runs
	Waits        []Wait      // fixed waits
	Steps        []Step      // in an order that is proved of either run, or likely
	Participants [][2]string // names of each role in A and B, empty where one has it not, in order of appearance

	roles [2]naming
}

// Step is a message of both runs, or of one.
type Step struct {
	Sides     [2]*Message // nil where that run has none
	Same      bool        // both say the very same, but for names
	Elsewhere int         // of a message of one run, index of the step by which the other has it at another place; else -1
}

// Message is a step, with its answer if it has one.
type Message struct {
	*seq.Step
	Answer *seq.Step
}

// Fails reports whether there is a message that tells of a failure, or whose answer does.
func (m *Message) Fails() bool { return m != nil && (m.Failed || m.Answer != nil && m.Answer.Failed) }

// Only is the side that alone has the message, if one has.
func (s Step) Only() (side Side, ok bool) {
	one, ok := s.One()
	return one, ok && s.Elsewhere < 0
}

// One is the side of a step that is not of both, be it that the other has the message at another place.
func (s Step) One() (side Side, ok bool) {
	switch {
	case s.Sides[B] == nil:
		return A, true
	case s.Sides[A] == nil:
		return B, true
	}
	return 0, false
}

// Detail is the least detailed picture in which either run has it.
func (s Step) Detail() seq.Detail {
	least := seq.Full
	for _, m := range s.Sides {
		if m != nil {
			least = min(least, m.Detail)
		}
	}
	return least
}

// Of compares two runs. They are shared: not to be changed.
func Of(a, b Run) Comparison {
	c := Comparison{Runs: [2]Run{a, b}}
	c.roles = name(a, b)
	c.Steps = c.align()
	c.Participants = c.participants()
	differs := func(s Step) bool { _, one := s.One(); return one || !s.Same }
	c.Same = a.Subject == b.Subject && a.Origin.Equal(b.Origin) && !slices.ContainsFunc(c.Steps, differs)
	c.Alike = a.Outcome == b.Outcome
	for _, s := range Sides {
		c.Totals[s] = c.Runs[s].total()
	}
	if c.Alike && a.Total > 0 && b.Total > 0 {
		more := c.Totals[B].minus(c.Totals[A])
		c.More, c.Likely = &more, b.likely().minus(a.likely())
	}
	c.Phases = c.phases()
	c.Waits = waits(a.Waits, b.Waits)
	return c
}

// Lane is the index in Participants of a participant of that run.
func (c Comparison) Lane(s Side, p seq.Participant) int {
	role := c.roles[s].participant(p)
	return slices.IndexFunc(c.Participants, func(names [2]string) bool {
		for _, side := range Sides {
			if names[side] != "" && c.roles[side].participant(seq.Participant(names[side])) == role {
				return true
			}
		}
		return false
	})
}

func (c Comparison) participants() (all [][2]string) {
	lanes := map[string]int{} // by role
	for _, s := range c.Steps {
		for side, m := range s.Sides {
			if m == nil {
				continue
			}
			for _, p := range []seq.Participant{m.From, m.To} {
				role := c.roles[side].participant(p)
				if _, ok := lanes[role]; !ok {
					lanes[role] = len(all)
					all = append(all, [2]string{})
				}
				if name := &all[lanes[role]][side]; *name == "" {
					*name = string(p)
				}
			}
		}
	}
	return all
}
