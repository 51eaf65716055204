package render

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// lines draws the steps that have not been drawn for good. Calls in alone have been drawn without their answer before,
// so the answer gets its own line.
func (l *Live) lines(r Report, settled int) []line {
	l.settled = settled
	l.selection(r)
	from := l.passed
	if from > len(r.Steps) || from > 0 && r.Steps[from-1].Key != l.last { // something came before it after all
		from, l.above = 0, nothingAbove
	}
	f := l.fold(r)
	tags := r.tags()
	var indexes []int // of the steps that are not left out
	answers := map[seq.Key]int{}
	for i := from; i < len(r.Steps); i++ {
		s := r.Steps[i]
		if len(l.others) > 0 && l.others[s.About] {
			continue
		}
		indexes = append(indexes, i)
		if s.Kind == seq.ResponseKind && s.Call != "" {
			answers[s.Call] = i
		}
	}
	var out []line
	at := l.timesAt(r, indexes)
	add := func(x line, s *seq.Step, text func(at string) []string) {
		if !l.printed[x.key] {
			x.text = text(at[s.Key])
		}
		out = append(out, x)
	}
	for _, i := range indexes {
		s := r.Steps[i]
		if !l.shows(s) && !(s.Kind == seq.ResponseKind && l.alone[s.Call]) {
			continue
		}
		if s.Kind == seq.ResponseKind && s.Call != "" && !l.alone[s.Call] {
			continue // drawn with its request
		}
		for _, again := range f.before[i] {
			out = append(out, l.repetition(again, r, i, i < settled))
		}
		if again := f.folded[i]; again != nil {
			if k := again.counts(i); k >= 0 && l.appends && s.Best.After(r.Run.AttachedAt) {
				text := func(at string) []string { return l.counted(again, k, at, tags.of(s)) }
				add(line{key: "time:" + s.Key, index: i, settled: i < settled}, s, text)
			}
			continue
		}
		x := line{key: s.Key, index: i, call: s.Call, settled: i < settled}
		var answer *seq.Step
		if k, ok := answers[s.Call]; ok && s.Kind == seq.RequestKind && !l.alone[s.Call] {
			answer = r.Steps[k]
			x.answer, x.settled = answer.Key, x.settled && k < settled
		}
		add(x, s, func(at string) []string { return l.text(s, answer, r.origin(), at, tags.of(s)) })
	}
	for _, again := range f.before[len(r.Steps)] { // which may grow
		out = append(out, l.repetition(again, r, len(r.Steps), false))
	}
	return out
}

// timesAt are the times of the steps at these indexes, by their keys.
func (l *Live) timesAt(r Report, indexes []int) map[seq.Key]string {
	if r.whole != nil {
		return l.timesByKey(r)
	}
	steps := make([]*seq.Step, len(indexes))
	for k, i := range indexes {
		steps[k] = r.Steps[i]
	}
	at := make(map[seq.Key]string, len(steps))
	l.shown = l.shown[:0]
	for k, x := range l.times(steps, r.origin(), l.above, nil) {
		at[steps[k].Key] = x.text
		l.shown = append(l.shown, shownAt{indexes[k], x.at})
	}
	return at
}

// shownAt is the instant of a step, as it is printed.
type shownAt struct {
	index int
	at    time.Duration
}

// shown is all of a step, and of its answer, that its lines depend on.
type shown struct {
	step, answer moment
	from, to     seq.Participant
	kind         seq.StepKind
	certainty    seq.Certainty
	revision     string
	rule         *seq.Rule
	zero         time.Time
	at           string
	tag          string
	style        Style
}

// moment is a message with its time.
type moment struct {
	label     string
	window    seq.Window
	best      time.Time
	sharp     bool
	precision time.Duration
	within    time.Duration
	evidence  *seq.Evidence // the first of so many, which are replaced as a whole
	evidences int
}

func momentOf(s *seq.Step) moment {
	if s == nil {
		return moment{}
	}
	m := moment{s.Label, s.Window, s.Best, s.Sharp, s.Precision, s.Within, nil, len(s.Evidence)}
	if len(s.Evidence) > 0 {
		m.evidence = &s.Evidence[0]
	}
	return m
}

// text is the lines of a step that is not drawn for good yet. As long as it is as it was, so are they.
func (l *Live) text(s, answer *seq.Step, zero time.Time, at, tag string) []string {
	is := shown{momentOf(s), momentOf(answer), s.From, s.To, s.Kind, s.Certainty, s.ResourceVersion, s.Rule, zero, at,
		tag, l.Style}
	was, ok := l.texts[s.Key]
	if !ok || was.shown != is {
		was = drawn{is, l.step(s, answer, zero, at, tag)}
		l.texts[s.Key] = was
	}
	return was.text
}

// drawn are the lines of a step as it is shown.
type drawn struct {
	shown
	text []string
}
