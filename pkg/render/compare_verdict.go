package render

// What is said in sentences of two runs.

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// verdict says in sentences what tells the two runs apart, what matters most first.
func (c Comparison) verdict(y Style) []string {
	if c.Same {
		return []string{"A and B are the same run: there is no difference."}
	}
	lines := []string{c.inAll(y)}
	if a, b := c.Reports[compare.A].Run.Subject.Kind, c.Reports[compare.B].Run.Subject.Kind; a != b {
		lines = append(lines, fmt.Sprintf("A is about a %s, B about a %s.", a, b))
	}
	for _, s := range compare.Sides {
		if r := c.Reports[s]; r.looks() {
			lines = append(lines,
				fmt.Sprintf("%s was only looked at: its times count from when the object was made, as well as that is known.", s))
		}
	}
	for _, w := range c.Waits {
		lines = append(lines, c.wait(w))
	}
	return append(lines, c.counts(y.Detail))
}

// inAll says which run took longer, and where.
func (c Comparison) inAll(y Style) string {
	a, b := c.Reports[compare.A].Outcome.Name, c.Reports[compare.B].Outcome.Name
	side, certain := c.Longer()
	guess, likely := c.LikelyLonger()
	likely = likely && !y.Proved
	switch {
	case !c.Alike:
		text := fmt.Sprintf("They did not end alike: A as %s, B as %s.", a, b) + c.onlyOne(y)
		if parts := c.largest(-1, y); parts != "" {
			text += " " + parts + "."
		}
		return text
	case certain:
		text := fmt.Sprintf("%s took %s more", side, more(*c.More))
		if likely && c.More.Max-c.More.Min > 2*time.Millisecond {
			text += ", likely " + probably(c.Likely)
		}
		if parts := c.largest(side, y); parts != "" {
			return text + ": " + parts + "."
		}
		return text + "; in which phase is not known."
	case likely:
		text := fmt.Sprintf("%s likely took %s more (%s)", guess, probably(c.Likely), reach(c.Likely))
		if parts := c.largest(guess, y); parts != "" {
			text += ": " + parts
		}
		return text + ". That it took longer is not certain."
	}
	text := "Which of them took longer is not known"
	if t := c.Totals; c.More != nil {
		text += fmt.Sprintf(": A %s, B %s", took(t[0].Min, t[0].Max, time.Millisecond),
			took(t[1].Min, t[1].Max, time.Millisecond))
	}
	if parts := c.largest(-1, y); parts != "" {
		return text + ". " + parts + "."
	}
	return text + ", and neither took longer in any phase as far as is known."
}

// probably is by how much a difference is likely to be above or below zero.
func probably(l *compare.Likely) string {
	return "≈ " + approximately(l.Took.Abs(), place(l.Within), l.Took.Abs() >= time.Second)
}

// reach is the range in which a likely difference is in 95 of 100 runs.
func reach(l *compare.Likely) string {
	d := l.Took.Abs()
	return between(max(0, d-l.Within), d+l.Within)
}

// onlyOne names the phases that one run has and the other has not.
func (c Comparison) onlyOne(y Style) string {
	text := ""
	for _, side := range compare.Sides {
		var names []string
		for _, p := range c.Phases {
			q := p.Sides[side]
			if q == nil || p.Sides[side.Other()] != nil || p.Name == seq.Unknown {
				continue
			}
			name := p.Name
			if c.Reports[side].nothingWorks(*q) {
				name += " (" + y.phaseTook(*q) + ")"
			}
			names = append(names, name)
		}
		if len(names) > 0 {
			text += fmt.Sprintf(" Only %s has %s.", side, strings.Join(names, ", "))
		}
	}
	return text
}

// largest names the phases with the largest differences: where a run took longer in all, those that are parts of that
// before the others.
func (c Comparison) largest(whole compare.Side, y Style) string {
	all := c.Differences(!y.Proved)
	least := time.Duration(0)
	if !c.Alike { // it is no matter of milliseconds
		least = max(c.Reports[compare.A].Outcome.Total, c.Reports[compare.B].Outcome.Total) / 20
	}
	var parts, against []string
	for i, d := range all {
		if i == 3 || d.Size < max(least, all[0].Size/20) {
			break
		}
		lacks := ""
		if d.Sides[d.Side.Other()] == nil {
			lacks = fmt.Sprintf(", which %s has not", d.Side.Other())
		}
		switch {
		case d.Side == whole && d.OnlyLikely:
			parts = append(parts, fmt.Sprintf("likely %s of it in %s%s", probably(d.Likely), d.Name, lacks))
		case d.Side == whole:
			parts = append(parts, fmt.Sprintf("%s in %s%s", share(*d.More, *c.More), d.Name, lacks))
		case d.OnlyLikely:
			against = append(against, fmt.Sprintf("%s likely took %s more in %s%s", d.Side, probably(d.Likely), d.Name, lacks))
		default:
			against = append(against, fmt.Sprintf("%s took %s more in %s%s", d.Side, more(*d.More), d.Name, lacks))
		}
	}
	if whole >= 0 && len(parts) == 0 {
		return ""
	}
	return strings.Join(append(parts, against...), "; ")
}

// share says how much of what a run took more in all it took more in one phase. Other phases may have made good for
// some.
func share(phase, all compare.Range) string {
	least, most, total := phase.Certain().Abs(), max(phase.Max, -phase.Min), max(all.Max, -all.Min)
	switch {
	case least > total:
		return more(phase) + " more"
	case most > total && most-least > 2*time.Millisecond:
		return "at least " + duration(least) + " of it"
	}
	return more(phase) + " of it"
}

// more is a certain difference, whichever run it is of.
func more(r compare.Range) string { return moreIn(r, duration) }

func moreIn(r compare.Range, text func(time.Duration) string) string {
	if r.Max < 0 {
		r = compare.Range{Min: -r.Max, Max: -r.Min}
	}
	if r.Max-r.Min <= 2*time.Millisecond {
		return text((r.Min + r.Max) / 2)
	}
	return joinRange(text(r.Min), text(r.Max))
}

func (c Comparison) wait(w compare.Wait) string {
	a, b := w.Sides[compare.A], w.Sides[compare.B]
	switch {
	case b == nil:
		return "Only in A: " + lower(sentence(*a, ""))
	case a == nil:
		return "Only in B: " + lower(sentence(*b, ""))
	case w.Differs():
		return fmt.Sprintf("In A: %s In B, %s.", lower(sentence(*a, "")), duration(b.Length))
	}
	text, _, _ := strings.Cut(lower(sentence(*a, "")), ": ")
	return fmt.Sprintf("Both have %s (%s).", text, a.Name)
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// counts says how many steps only one run has.
func (c Comparison) counts(detail seq.Detail) string {
	var only [2]int
	both, elsewhere := 0, 0
	for _, s := range c.Steps {
		if s.Detail() > detail {
			continue
		}
		if side, ok := s.Only(); ok {
			only[side]++
		} else if side, ok := s.One(); !ok {
			both++
		} else if side == compare.A {
			both++
			elsewhere++
		}
	}
	text := fmt.Sprintf("Of the steps, only A has %d, only B has %d, both have %d", only[0], only[1], both)
	if elsewhere > 0 {
		text += fmt.Sprintf(", %d of them at another place", elsewhere)
	}
	return text + "."
}
