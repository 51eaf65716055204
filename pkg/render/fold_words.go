package render

// What repeats, in words: how often it came, and what changed.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// words say how often it came, what it is, and what changed.
func (x *repetition) words() string {
	words := append([]string{x.cycle.What}, x.changes()...)
	return x.count() + ": " + strings.Join(append(words, x.runs()...), "; ")
}

// runs says of the last turn that it has not ended.
func (x *repetition) runs() []string {
	if x.last && x.cycle.Turns[len(x.cycle.Turns)-1].Open {
		return []string{"the last still runs"}
	}
	return nil
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
	if said := x.says(); said != "" && len(x.steps) > 0 {
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
