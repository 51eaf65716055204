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

// inSeconds reports whether durations are told in seconds, where those of one of the runs are.
func (c Comparison) inSeconds() bool { return c.Reports[0].inSeconds() || c.Reports[1].inSeconds() }

// about says which run that is.
func (c Comparison) about(s compare.Side) string {
	r := c.Reports[s]
	text := c.Names[s] + ": " + r.Run.Subject.String()
	if where := r.where(); where != "" {
		text += "  " + where
	}
	if !r.Recorded.IsZero() {
		text += ", recorded " + r.Recorded.UTC().Format("2006-01-02 15:04 UTC")
	}
	return Plain(text)
}

// difference is what is known of a phase, in a few cells, and the side that took longer, certainly or likely.
func (y Style) difference(p compare.Phase) (text string, longer compare.Side, ok bool) {
	side, certain := p.Longer()
	guess, likely := p.LikelyLonger()
	switch likely = likely && !y.Proved; {
	case likely && (!certain || p.More.Max-p.More.Min > 2*time.Millisecond):
		return fmt.Sprintf("%s ≈ +%s", guess, approximately(p.Likely.Took.Abs(), place(p.Likely.Within), y.seconds)),
			guess, true
	case certain:
		return fmt.Sprintf("%s +%s", side, moreIn(*p.More, func(d time.Duration) string { return length(d, y.seconds) })),
			side, true
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

// times are when the messages of each side were, by their keys.
func (c Comparison) times(y Style) (at [2]map[seq.Key]string) {
	for _, side := range compare.Sides {
		r := c.Reports[side]
		r.Run.AttachedAt = time.Time{} // also of a run that only looks, times count from its object's creation
		at[side] = y.timesByKey(r)
	}
	return at
}
