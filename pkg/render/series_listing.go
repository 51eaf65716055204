package render

// What is printed of a series.

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
)

// seriesListing writes the percentiles, the verdicts, and what tells the slowest run from the median.
func seriesListing(w io.Writer, s Series, y Style) error {
	var out []string
	say := func(text string) { out = append(out, wrap(Plain(text), y.width()-1)...) }
	for _, l := range wrap(Plain(s.headline(y)), y.width()-1) {
		out = append(out, y.paint(bold, l))
	}
	if len(s.Runs) > 0 {
		for _, text := range s.failures() {
			say(text)
		}
		out = append(append(out, ""), s.table(y)...)
		out = append(out, "")
		for _, text := range s.notes(y) {
			say(text)
		}
		for _, j := range s.Judgements() {
			out = append(out, "")
			for i, l := range wrap(verdictOf(j), y.width()-1) {
				if i == 0 {
					l = y.paint(bold, l)
				}
				out = append(out, l)
			}
		}
	}
	for i := range out {
		out[i] = y.ascii(out[i])
	}
	if _, err := io.WriteString(w, strings.Join(out, "\n")+"\n"); err != nil {
		return err
	}
	if c, ok := s.Comparison(); ok {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		return compareListing(w, c, y)
	}
	return nil
}

// Comparison is of the median and the slowest run, if there are two.
func (s Series) Comparison() (Comparison, bool) {
	typical, slowest, ok := s.typicalAndSlowest()
	if !ok {
		return Comparison{}, false
	}
	return Compare(s.run(typical).Report, s.run(slowest).Report,
		[2]string{fmt.Sprintf("run %d, the median", typical), fmt.Sprintf("run %d, the slowest", slowest)}), true
}

// headline says how many runs there were, of what, and where.
func (s Series) headline(y Style) string {
	text := s.Name + ": " + countOf(len(s.Runs), "run")
	if len(s.Runs) < s.Asked {
		text += fmt.Sprintf(" of %d, then it was interrupted", s.Asked)
	}
	if s.Warmup > 0 {
		text += fmt.Sprintf(", after %d to warm up", s.Warmup)
	}
	if len(s.Runs) == 0 {
		return text
	}
	if where := s.Runs[0].Report.where(); where != "" {
		text += "  " + where
	}
	return text
}

// failures says which runs did not get there, and why, the same once.
func (s Series) failures() (all []string) {
	var order []string
	numbers := map[string][]string{}
	for _, r := range s.Runs {
		if !r.failed() {
			continue
		}
		o := r.Report.Outcome
		why := o.Name
		if o.Obstacle != nil {
			why += ": " + o.Reason + ": " + o.Obstacle.Explain
		} else if o.Message != "" {
			why += ": " + o.Message
		}
		if numbers[why] == nil {
			order = append(order, why)
		}
		numbers[why] = append(numbers[why], strconv.Itoa(r.Number))
	}
	for _, why := range order {
		all = append(all, fmt.Sprintf("failed: %s (run %s): %s", countOf(len(numbers[why]), "run"),
			strings.Join(numbers[why], ", "), why))
	}
	return all
}

// table has one row a measure, and one column a percentile.
func (s Series) table(y Style) []string {
	const name = 12
	column := max(12, min(22, (y.width()-1-name)/len(percents)))
	head := fit("", name)
	for _, percent := range percents {
		head += fit(percentName(percent), column)
	}
	out := []string{y.paint(dim, strings.TrimRight(head, " "))}
	for _, m := range s.measures() {
		line := fit(Plain(m.name), name-1) + " "
		for _, percent := range percents {
			line += fit(y.percentile(percentile.Of(m.samples, percent)), column-1) + " "
		}
		out = append(out, strings.TrimRight(line, " "))
	}
	return out
}

// percentile is what is known of one, in a few cells.
func (y Style) percentile(v percentile.Value) string {
	switch {
	case v.Failed:
		return "failed"
	case v.MayFail:
		return "≥ " + duration(v.Min) + ", or failed"
	case v.Max == 0: // that run did not have the phase
		return "–"
	}
	return took(v.Min, v.Max, time.Millisecond)
}

func percentName(percent float64) string {
	if percent == 100 {
		return "slowest"
	}
	return "p" + strconv.FormatFloat(percent, 'f', -1, 64)
}

// notes say what the measures are, and which run is what.
func (s Series) notes(y Style) (all []string) {
	measures := s.measures()
	for _, m := range measures {
		if m.name == startupMeasure || m.name == totalMeasure {
			all = append(all, m.name+": "+m.explain+".")
		}
	}
	if why := s.notIncluded(); why != "" {
		all = append(all, "The indicator of Kubernetes' own objectives is not told: "+why+".")
	}
	if n := len(s.Runs); n < 100 {
		all = append(all, fmt.Sprintf("p99 of %s is the slowest of them.", countOf(n, "run")))
	}
	v := percentile.Of(measures[0].samples, 50)
	if text := bounds(v); text != "" {
		all = append(all, fmt.Sprintf("The median of all such runs is %s, by these, in 95 of 100 such measurements.", text))
	}
	if m, ok := s.byTimestamp(); ok && measures[0].name == startupMeasure {
		all = append(all, fmt.Sprintf("Whoever takes the creationTimestamp, which has whole seconds, for the beginning "+
			"finds a median of %s.", y.percentile(percentile.Of(m.samples, 50))))
	}
	return all
}

// bounds are between what a percentile of all runs is.
func bounds(v percentile.Value) string {
	if v.AtLeast == nil || v.AtMost == nil {
		return ""
	}
	return took(*v.AtLeast, *v.AtMost, time.Millisecond)
}

// verdictOf is a judgement in a sentence.
func verdictOf(j percentile.Judgement) string {
	missed := fmt.Sprintf("%d of %s missed it", j.Missed, countOf(j.Runs, "run"))
	if j.Missed == 0 {
		missed = fmt.Sprintf("none of %s missed it", countOf(j.Runs, "run"))
	}
	if j.MayMiss > 0 {
		missed += fmt.Sprintf(", and %d more may have", j.MayMiss)
	}
	text := fmt.Sprintf("%s: %s: %s", j.Text, j.Verdict, missed)
	if j.Verdict == percentile.Undecided && j.Decisive > 0 {
		text += fmt.Sprintf("; with %s, and no other that misses it, it would be kept", countOf(j.Decisive, "run"))
	}
	return text + "."
}

// Progress is one line while a series goes on: how many have run, and the percentiles so far.
func (s Series) Progress(y Style) string {
	text := fmt.Sprintf("%d of %s", len(s.Runs), countOf(s.Asked, "run"))
	if len(s.Runs) == 0 {
		return y.ascii(text)
	}
	m, failed := s.measures()[0], 0
	for _, x := range m.samples {
		if x.Failed {
			failed++
		}
	}
	text += ", " + m.name
	for _, percent := range percents[:3] {
		text += "  " + percentName(percent) + " " + y.percentile(percentile.Of(m.samples, percent))
	}
	if failed > 0 {
		text += fmt.Sprintf("  %d failed", failed)
	}
	return y.ascii(text)
}

// countOf is so many of what an English noun names, whose plural ends in s.
func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
