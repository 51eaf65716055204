package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Comparison is two reports, and what tells them apart.
type Comparison struct {
	compare.Comparison
	Reports [2]Report
	Names   [2]string // of the files they came from

	moments [2]map[seq.Key]string // see times
}

// Compare compares two reports.
func Compare(a, b Report, names [2]string) Comparison {
	return Comparison{Comparison: compare.Of(a.run(), b.run()), Reports: [2]Report{a, b}, Names: names}
}

// run is the report as it is compared.
func (r Report) run() compare.Run {
	return compare.Run{
		Run: r.Run, Steps: r.Steps, Phases: r.Phases, Waits: r.Waits, Members: r.Members,
		Obstacle: r.Outcome.Obstacle, Outcome: r.Outcome.Name, Total: r.Outcome.Total,
	}
}

// CompareFormats has every format of a comparison by its name.
var CompareFormats = map[string]func(io.Writer, Comparison, Style) error{
	"listing": compareListing,
	"mermaid": compareMermaid,
	"html":    compareHTML,
	"json":    func(w io.Writer, c Comparison, _ Style) error { return compareJSON(w, c) },
}

// about says which run that is.
func (c Comparison) about(s compare.Side, y Style) string {
	r := c.Reports[s]
	text := c.Names[s] + ": " + r.Run.Subject.String()
	if where := y.where(r); where != "" {
		text += "  " + where
	}
	if !r.Recorded.IsZero() {
		text += ", recorded " + r.Recorded.UTC().Format("2006-01-02 15:04 UTC")
	}
	return Plain(text)
}

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
		text := fmt.Sprintf("They did not end alike: A as %s, B as %s.", a, b)
		if parts := c.largest(-1); parts != "" {
			text += " Certain is: " + parts + "."
		}
		return text
	case certain:
		text := fmt.Sprintf("%s took %s more", side, more(*c.More))
		if likely && c.More.Max-c.More.Min > 2*time.Millisecond {
			text += ", likely " + probably(c.Likely)
		}
		if parts := c.largest(side); parts != "" {
			return text + ": " + parts + "."
		}
		return text + "; in which phase is not known."
	case likely:
		text := fmt.Sprintf("%s likely took %s more (%s)", guess, probably(c.Likely), reach(c.Likely))
		if parts := c.likelyLargest(guess); parts != "" {
			text += ": " + parts
		}
		return text + ". That it took longer is not certain."
	}
	text := "Which of them took longer is not known"
	if t := c.Totals; c.More != nil {
		text += fmt.Sprintf(": A %s, B %s", took(t[0].Min, t[0].Max, time.Millisecond),
			took(t[1].Min, t[1].Max, time.Millisecond))
	}
	if parts := c.largest(-1); parts != "" {
		return text + ". Certain is: " + parts + "."
	}
	return text + ", and neither took certainly longer in any phase."
}

// probably is by how much a difference is likely to be above or below zero.
func probably(l *compare.Likely) string { return "≈ " + approximately(l.Took.Abs(), place(l.Within)) }

// reach is the range in which a likely difference is in 95 of 100 runs.
func reach(l *compare.Likely) string {
	d := l.Took.Abs()
	return between(max(0, d-l.Within), d+l.Within)
}

// likelyLargest names the phases in which a run likely took longer.
func (c Comparison) likelyLargest(side compare.Side) string {
	var parts []string
	for _, p := range c.LikelyLargest() {
		if longer, _ := p.LikelyLonger(); longer == side && 5*p.Likely.Took.Abs() > c.Likely.Took.Abs() {
			parts = append(parts, fmt.Sprintf("%s of it in %s", probably(p.Likely), p.Name))
		}
	}
	return strings.Join(parts, "; ")
}

// largest names the phases with the largest certain differences: where a run took longer in all, those that are parts
// of that before the others.
func (c Comparison) largest(whole compare.Side) string {
	all := c.Largest()
	var parts, against []string
	for i, p := range all {
		if i == 3 || 20*p.More.Certain().Abs() < all[0].More.Certain().Abs() {
			break
		}
		side, _ := p.Longer()
		lacks := ""
		if p.Sides[side.Other()] == nil {
			lacks = fmt.Sprintf(", which %s has not", side.Other())
		}
		if side == whole {
			parts = append(parts, fmt.Sprintf("%s in %s%s", share(*p.More, *c.More), p.Name, lacks))
		} else {
			against = append(against, fmt.Sprintf("%s took %s more in %s%s", side, more(*p.More), p.Name, lacks))
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
func more(r compare.Range) string {
	if r.Max < 0 {
		r = compare.Range{Min: -r.Max, Max: -r.Min}
	}
	if r.Max-r.Min <= 2*time.Millisecond {
		return duration((r.Min + r.Max) / 2)
	}
	return between(r.Min, r.Max)
}

// difference is what is known of a phase, in a few cells, and the side that took longer, certainly or likely.
func (y Style) difference(p compare.Phase) (text string, longer compare.Side, ok bool) {
	side, certain := p.Longer()
	guess, likely := p.LikelyLonger()
	switch likely = likely && !y.Proved; {
	case likely && (!certain || p.More.Max-p.More.Min > 2*time.Millisecond):
		return fmt.Sprintf("%s ≈ +%s", guess, approximately(p.Likely.Took.Abs(), place(p.Likely.Within))), guess, true
	case certain:
		return fmt.Sprintf("%s +%s", side, more(*p.More)), side, true
	}
	return unknownDifference(p), 0, false
}

func unknownDifference(p compare.Phase) string {
	switch {
	case p.More != nil && *p.More == (compare.Range{}):
		return "the same"
	case p.More != nil:
		return "not known"
	case p.Sides[compare.A] == nil:
		return "only B"
	case p.Sides[compare.B] == nil:
		return "only A"
	}
	return ""
}

func (c Comparison) wait(w compare.Wait) string {
	a, b := w.Sides[compare.A], w.Sides[compare.B]
	switch {
	case b == nil:
		return "Only in A: " + lower(fixed(*a))
	case a == nil:
		return "Only in B: " + lower(fixed(*b))
	case w.Differs():
		return fmt.Sprintf("In A: %s In B, %s.", lower(fixed(*a)), duration(b.Length))
	}
	text, _, _ := strings.Cut(lower(fixed(*a)), ": ")
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

// lead is the message that stands for a step of both.
func lead(s compare.Step) *compare.Message {
	if s.Sides[compare.A] != nil {
		return s.Sides[compare.A]
	}
	return s.Sides[compare.B]
}

// texts are what a step says; where the two runs differ in it, what either does.
func (y Style) texts(s compare.Step) []string {
	var all []string
	for _, m := range s.Sides {
		if m != nil {
			all = append(all, Plain(m.Label+y.result(m.Step, m.Answer)))
		}
	}
	if s.Same {
		return all[:1]
	}
	if len(all) == 2 {
		return []string{"A: " + all[0], "B: " + all[1]}
	}
	return all
}

// lasted is how long the calls took, where there are answers.
func (y Style) lasted(s compare.Step) string {
	var all, answers []string
	for side, m := range s.Sides {
		if m == nil || m.Answer == nil {
			continue
		}
		answer, text := "", y.right(m.Step, m.Answer)
		if i := strings.LastIndex(text, " in "); m.From == seq.Kubectl && i >= 0 {
			answer, text = text[:i], text[i+len(" in "):]
		}
		if s.Sides[1-side] != nil && text != "" {
			text = fmt.Sprintf("%s %s", compare.Side(side), text)
		}
		all, answers = append(all, text), append(answers, answer)
	}
	switch {
	case len(all) == 2 && answers[0] != answers[1]:
		return strings.TrimSpace(answers[0] + " " + all[0] + ", " + answers[1] + " " + all[1])
	case len(all) == 2 && all[0] == "" || len(all) == 0:
		return ""
	}
	return strings.TrimSpace(answers[0] + " " + strings.Trim(strings.Join(all, ", "), ", "))
}

// names of the participants of a message, one name where both runs have the same.
func names(s compare.Step, of func(*compare.Message) seq.Participant) seq.Participant {
	a, b := s.Sides[compare.A], s.Sides[compare.B]
	switch {
	case a == nil:
		return of(b)
	case b == nil || of(a) == of(b):
		return of(a)
	}
	prefix := string(seq.Container(""))
	return seq.Participant(strings.TrimPrefix(string(of(a)), prefix) + "/" + strings.TrimPrefix(string(of(b)), prefix))
}

func fromOf(m *compare.Message) seq.Participant { return m.From }
func toOf(m *compare.Message) seq.Participant   { return m.To }

// counterpart is the message of one side: of a step that the other side has elsewhere, the one there.
func (c Comparison) counterpart(s compare.Step, side compare.Side) *compare.Message {
	if m := s.Sides[side]; m != nil || s.Elsewhere < 0 {
		return m
	}
	return c.Steps[s.Elsewhere].Sides[side]
}

// at is when the message of one side was.
func (c Comparison) at(s compare.Step, side compare.Side) string {
	if m := c.counterpart(s, side); m != nil {
		return c.moments[side][m.Key]
	}
	return ""
}

// times are when the messages of each side were, those that are drawn in that detail, by their keys.
func (c Comparison) times(y Style) (at [2]map[seq.Key]string) {
	for _, side := range compare.Sides {
		drawn := map[seq.Key]timed{}
		for _, s := range c.Steps {
			if m := c.counterpart(s, side); m != nil && s.Detail() <= y.Detail {
				drawn[m.Key] = timed{m.Step, m.Answer}
			}
		}
		var rows []timed
		for _, s := range c.Runs[side].Steps {
			if x, ok := drawn[s.Key]; ok {
				rows = append(rows, x)
			}
		}
		at[side] = map[seq.Key]string{}
		text, _ := y.times(rows, c.Runs[side].Origin, nothingAbove)
		for i, x := range rows {
			at[side][x.step.Key] = text[i]
		}
	}
	return at
}
