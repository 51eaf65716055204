package render

// The rows of what repeats.

import (
	"math/bits"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// fold finds what repeats among the steps that are drawn; in full detail nothing is folded.
func (l *Live) fold(r Report) folding {
	if l.Detail == seq.Full {
		return folding{}
	}
	return fold(r.Steps, r.Cycles, l.shows)
}

// repetition is the row of what repeats, before the step at an index.
func (l *Live) repetition(x *repetition, r Report, index int, settled bool) line {
	row := line{key: "again:" + x.began.Key, index: index, settled: settled}
	if !l.printed[row.key] {
		row.text = l.again(x, x.words()+r.tags().of(x.began), l.during(x, r.origin()))
	}
	return row
}

// counted is the row by which a picture that is only appended to says that a turn begins.
func (l *Live) counted(x *repetition, turn int, at, tag string) []string {
	until := x.by(turn)
	return l.again(until, until.counting()+tag, at)
}

// again draws a row of what repeats.
func (y Style) again(x *repetition, text, at string) []string {
	to := x.began.To
	if to == x.began.From || x.cycle.Name != "probe" {
		to = ""
	}
	return y.row(x.began.From, to, y.glyphs().again, text, "", at, x.observed())
}

// during is from when to when what is folded was.
func (y Style) during(x *repetition, zero time.Time) string {
	w := seq.Window{Earliest: x.first.Known().Earliest, Latest: x.ended.Known().Latest}
	likely := func(s *seq.Step) bool { return !y.Proved && !s.Sharp && s.Within > 0 && x.first != x.ended }
	if likely(x.first) {
		w.Earliest = x.first.Best
	}
	if likely(x.ended) {
		w.Latest = x.ended.Best
	}
	if zero.IsZero() || w.Empty() {
		return ""
	}
	return y.span(w, zero)
}

// counts is which turn begins with the step at an index, where that is the 2nd, 4th, 8th, … time, or -1.
func (x *repetition) counts(index int) int {
	for k, t := range x.turns {
		if t.at == index && bits.OnesCount(uint(t.number)) == 1 {
			return k
		}
	}
	return -1
}
