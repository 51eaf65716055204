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
	var open []*cycleState
	for i, s := range steps {
		if s.Kind == seq.ResponseKind && s.Call != "" { // it stands with its request
			continue
		}
		if !shows(s) {
			if k := slices.IndexFunc(of[s.Key], func(t turnOf) bool { return t.turn > 0 }); k >= 0 {
				of[s.Key][k].cycle.hide(hiddenTurn{of[s.Key][k], s})
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
		open = slices.DeleteFunc(open, func(c *cycleState) bool {
			goesOn := c.Object.UID != s.About || slices.ContainsFunc(of[s.Key], func(t turnOf) bool {
				return t.cycle == c || t.cycle.Container != "" && c.Container != "" && t.cycle.Container != c.Container
			})
			if !goesOn {
				f.before[i], c.open = append(f.before[i], c.open), nil
			}
			return !goesOn
		})
	}
	for _, c := range open {
		f.before[len(steps)] = append(f.before[len(steps)], c.open)
	}
	return f
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
	x := c.open
	if x == nil {
		x = &repetition{cycle: c.Cycle, began: s, was: slices.Clone(c.traits),
			before: c.Turns[c.counted-1].Number}
		x.total = x.before
		c.open = x
	}
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

// words say how often it came, what it is, and what changed.
func (x *repetition) words() string {
	return x.count() + ": " + strings.Join(append([]string{x.cycle.What}, x.changes()...), "; ")
}

// counting is what they say when a turn begins.
func (x *repetition) counting() string {
	return strings.Join(append([]string{"the " + ordinal(x.total) + " time: " + x.cycle.What}, x.changes()...), "; ")
}

func (x *repetition) count() string {
	least := ""
	if x.capped() && x.cycle.Name != "restart" { // lives are counted by the status
		least = "at least "
	}
	switch n := x.total - x.before; n { // of some turns nothing was seen
	case 0:
		return "still the " + ordinal(x.total) + " time"
	case 1:
		return "once more, the " + ordinal(x.total) + " time"
	default:
		return fmt.Sprintf("%d times more, %s%d in all", n, least, x.total)
	}
}

// capped reports whether more of its Events may have been dropped.
func (x *repetition) capped() bool {
	return slices.ContainsFunc(x.traits, func(t seq.Trait) bool { return t.Name == "at least" })
}

// changes are what was different in each turn, or the same.
func (x *repetition) changes() (all []string) {
	values := map[string][]string{}
	for _, t := range slices.Concat(x.was, x.traits) {
		if v := values[t.Name]; len(v) == 0 || v[len(v)-1] != t.Value {
			values[t.Name] = append(v, t.Value)
		}
	}
	for _, name := range []string{"exit code", "back-off", "stayed up"} {
		if v := values[name]; len(v) > 0 {
			all = append(all, name+" "+course(v))
		}
	}
	if apart := x.apart(); apart != "" && values["back-off"] == nil {
		all = append(all, apart)
	}
	if said := x.says(); said != "" {
		all = append(all, "says meanwhile: "+said)
	}
	return all
}

// says is the last message that is none of those drawn before, or nothing.
func (x *repetition) says() string {
	for _, t := range slices.Backward(x.traits) {
		if t.Name == "message" && !slices.ContainsFunc(x.was, func(w seq.Trait) bool { return w.Value == t.Value }) {
			return t.Value
		}
	}
	return ""
}

// course is how a value changed: from one to the next, or back and forth between some.
func course(values []string) string {
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	switch {
	case len(distinct) == len(values) && len(values) <= 3:
		return strings.Join(values, " → ")
	case len(distinct) == len(values):
		return values[0] + " → … → " + values[len(values)-1]
	case len(distinct) <= 3:
		return strings.Join(distinct, " or ")
	}
	return fmt.Sprintf("%s … %s, %d different ones", values[0], values[len(values)-1], len(distinct))
}

// apart is how long the turns began one after the other.
func (x *repetition) apart() string {
	var gaps []time.Duration
	for i := range x.turns {
		if i == 0 {
			continue
		}
		a, b := x.turns[i-1], x.turns[i]
		if b.number == a.number+1 && a.observed && b.observed && b.began.After(a.began) && !a.began.IsZero() {
			gaps = append(gaps, b.began.Sub(a.began))
		}
	}
	if len(gaps) == 0 || len(x.turns) < x.total-x.before {
		return ""
	}
	least, most := slices.Min(gaps), slices.Max(gaps)
	switch {
	case most < time.Second/10:
		return ""
	case most-least < time.Second || 2*most < 3*least:
		return "about every " + duration(gaps[len(gaps)/2])
	}
	return duration(least) + " to " + duration(most) + " apart"
}

// by is what it was when one of its turns began.
func (x *repetition) by(turn int) *repetition {
	until := *x
	until.turns, until.traits, until.total = x.turns[:turn+1], x.traits[:x.turns[turn].traits], x.turns[turn].number
	return &until
}

// observed reports whether of each of the turns something was.
func (x *repetition) observed() bool {
	return !slices.ContainsFunc(x.turns, func(t repeated) bool { return !t.observed })
}

// ordinal is a number as an order has it: 1st, 2nd, 3rd, 4th, 11th.
func ordinal(n int) string {
	end := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			end = "st"
		case 2:
			end = "nd"
		case 3:
			end = "rd"
		}
	}
	return fmt.Sprint(n, end)
}
