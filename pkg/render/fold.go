package render

// What repeats: which steps are drawn, and which stand together in one row.

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// repetition are steps of a cycle that stand in one row: those of its first turn are drawn, and of each later turn
// those of a kind that none before had. It ends where something else about the same object is drawn, and stands there.
type repetition struct {
	cycle  *seq.Cycle
	steps  []int // by index, in order
	turns  []repeated
	before int // number of the last turn before it
	total  int // and of the last by then
	traits []seq.Trait
	was    []seq.Trait // those of steps that are drawn
	began  *seq.Step   // the first that is folded
	first  *seq.Step   // of all that are counted, and the last
	ended  *seq.Step
	waits  []phasePart // within it, see markWaits
	last   bool        // nothing else about the object is drawn after it
	at     int         // index of what it stands before
}

// repeated is one turn that begins in a repetition.
type repeated struct {
	number   int
	at       int // index of the step that was folded first then
	began    time.Time
	observed bool  // one of its steps is
	traits   int   // that had been told by then
	steps    []int // of it, by index
}

// folding is which steps are not drawn, and where what they are stands instead.
type folding struct {
	folded map[int]*repetition   // by index of the step
	before map[int][]*repetition // by index of the step that they stand before: the number of all at the end
}

// turnOf is the turn of a cycle that a step is of, and what the step says there.
type turnOf struct {
	cycle  *cycleState
	turn   int
	traits []seq.Trait
}

// cycleState is what is known of a cycle on the way along the steps.
type cycleState struct {
	*seq.Cycle
	known   map[string]bool // kinds of the steps that were drawn
	traits  []seq.Trait     // that these had
	counted int             // turns, from the first
	hidden  []hiddenTurn    // that are to be counted when a step is folded
	open    *repetition
}

// hiddenTurn is a turn that begins with a step that the picture leaves out.
type hiddenTurn struct {
	turnOf
	step *seq.Step
}

// fold finds what repeats among the steps that a picture shows. It depends on no later step whether one is folded.
func fold(steps []*seq.Step, cycles []seq.Cycle, shows func(*seq.Step) bool) (f folding) {
	of := map[seq.Key][]turnOf{}
	for i := range cycles {
		c := &cycleState{Cycle: &cycles[i], known: map[string]bool{}, counted: 1}
		for k, t := range c.Turns {
			said := t.Traits
			for _, key := range t.Steps {
				n := 0
				for n < len(said) && said[n].Step == key { // they are in the order of the steps
					n++
				}
				of[key] = append(of[key], turnOf{c, k, said[:n]})
				said = said[n:]
			}
		}
	}
	if len(of) == 0 {
		return f
	}
	f = folding{map[int]*repetition{}, map[int][]*repetition{}}
	failed := map[seq.Key]bool{} // calls
	for _, s := range steps {
		if s.Kind == seq.ResponseKind && s.Failed {
			failed[s.Call] = true
		}
	}
	var open, hiding []*cycleState
	for i, s := range steps {
		if s.Kind == seq.ResponseKind && s.Call != "" { // it stands with its request
			continue
		}
		if !shows(s) {
			if k := slices.IndexFunc(of[s.Key], func(t turnOf) bool { return t.turn > 0 }); k >= 0 {
				c := of[s.Key][k].cycle
				if c.hide(hiddenTurn{of[s.Key][k], s}); c.mayHideAll() && !slices.Contains(hiding, c) {
					hiding = append(hiding, c)
				}
			}
			continue
		}
		kinds := kindsOf(s, s.Failed || failed[s.Call])
		for _, t := range of[s.Key] {
			if t.turn > 0 && t.cycle.knows(kinds) {
				if t.cycle.open == nil {
					open = append(open, t.cycle)
				}
				t.cycle.take(i, s, t.turn, t.traits)
				f.folded[i] = t.cycle.open
				break
			}
			t.cycle.draw(kinds, t.traits)
		}
		if f.folded[i] != nil {
			continue
		}
		ends := func(c *cycleState) bool {
			return c.Object.UID == s.About && !slices.ContainsFunc(of[s.Key], func(t turnOf) bool {
				return t.cycle == c || t.cycle.Container != "" && c.Container != "" && t.cycle.Container != c.Container
			})
		}
		hiding = slices.DeleteFunc(hiding, func(c *cycleState) bool {
			shown := ends(c) && c.reveal()
			if shown {
				open = append(open, c)
			}
			return shown
		})
		open = slices.DeleteFunc(open, func(c *cycleState) bool {
			if !ends(c) {
				return false
			}
			f.stands(c.open, i)
			c.open = nil
			return true
		})
	}
	for _, c := range hiding {
		if c.reveal() {
			open = append(open, c)
		}
	}
	for _, c := range open {
		c.open.last = true
		f.stands(c.open, len(steps))
	}
	return f
}

// stands puts a repetition before a step.
func (f folding) stands(x *repetition, i int) {
	x.at, f.before[i] = i, append(f.before[i], x)
}

// mayHideAll reports whether a picture may leave out turns as a whole: those that are Events, and nothing else.
func (c *cycleState) mayHideAll() bool {
	return slices.Contains([]string{"probe", "trouble", "schedule", "sandbox", "refused"}, c.Name)
}

// reveal counts turns of which nothing is drawn, where the first is drawn. One more is no repetition yet.
func (c *cycleState) reveal() bool {
	if c.open != nil || len(c.hidden) < 2 || len(c.known) == 0 {
		return false
	}
	c.begin(c.hidden[0].step)
	for _, h := range c.hidden {
		c.count(h.step, h.turn, h.traits)
	}
	c.hidden = nil
	return true
}

// begin begins a repetition.
func (c *cycleState) begin(s *seq.Step) {
	c.open = &repetition{cycle: c.Cycle, began: s, was: slices.Clone(c.traits), before: c.Turns[c.counted-1].Number}
	c.open.total = c.open.before
}

func (c *cycleState) knows(kinds []string) bool {
	return !slices.ContainsFunc(kinds, func(k string) bool { return !c.known[k] })
}

// draw notes what a step is like that is drawn.
func (c *cycleState) draw(kinds []string, traits []seq.Trait) {
	for _, k := range kinds {
		c.known[k] = true
	}
	c.traits = append(c.traits, traits...)
	if c.open == nil {
		return
	}
	for _, t := range traits { // the row tells of this turn, too, but not again what has been said
		if t.Name == "message" {
			c.open.was = append(c.open.was, t)
		} else {
			c.open.traits = append(c.open.traits, t)
		}
	}
}

// take folds a step.
func (c *cycleState) take(i int, s *seq.Step, turn int, traits []seq.Trait) {
	if c.open == nil {
		c.begin(s)
	}
	x := c.open
	for _, h := range c.hidden {
		c.count(h.step, h.turn, h.traits)
	}
	c.hidden = nil
	c.count(s, turn, traits)
	for k := range x.turns {
		t := &x.turns[k]
		if t.at < 0 {
			t.at = i
		}
		if t.number == c.Turns[turn].Number {
			t.steps = append(t.steps, i)
		}
	}
	x.steps = append(x.steps, i)
}

// hide counts a turn of which the first step is left out, now or with the first that is folded.
func (c *cycleState) hide(h hiddenTurn) {
	switch {
	case h.turn < c.counted:
	case c.open != nil:
		c.count(h.step, h.turn, h.traits)
	case len(c.hidden) == 0 || c.hidden[len(c.hidden)-1].turn < h.turn:
		c.hidden = append(c.hidden, h)
	}
}

// count counts the turn of a step.
func (c *cycleState) count(s *seq.Step, turn int, traits []seq.Trait) {
	x := c.open
	if x.first == nil {
		x.first = s
	}
	for ; c.counted <= turn; c.counted++ {
		x.total = c.Turns[c.counted].Number
		x.turns = append(x.turns, repeated{number: x.total, at: -1, began: s.Best, traits: len(x.traits)})
	}
	for k := range x.turns {
		if t := &x.turns[k]; t.number == c.Turns[turn].Number {
			t.observed = t.observed || s.Certainty == seq.Observed
		}
	}
	x.ended, x.traits = s, append(x.traits, traits...)
}

// kindsOf are what steps have in common that do the same, whatever they say: of a write, the words for what it changes.
func kindsOf(s *seq.Step, failed bool) (kinds []string) {
	label := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s.Label)
	words := strings.Split(label, ": ")
	if s.Resource == "" {
		words = words[:1]
	} else {
		words = strings.Split(strings.Join(words, ", "), ", ")
	}
	for _, w := range words {
		kinds = append(kinds, fmt.Sprint(s.From, s.To, s.Kind, failed, w))
	}
	return kinds
}
