package render

// How long something took: what is printed of a duration.

import (
	"fmt"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// lasted is what is known of a duration: its bounds, what it likely was, and how far that is off in 95 of 100 runs at
// the most, or 0 where that is not known.
type lasted struct{ least, most, likely, within time.Duration }

func lastedOf(p seq.Phase) lasted { return lasted{p.Min, p.Max, p.Took, p.Within} }

// took prints a duration: as it is known, else as it likely was, with its bounds.
func (y Style) took(d lasted) string {
	known := took(d.least, d.most, time.Millisecond)
	if y.Proved || d.within == 0 || d.most-d.least <= max(2*time.Millisecond, 2*d.within) {
		return known
	}
	rounded, unit := fitted(d.likely, place(d.within), d.least, d.most)
	likely := approximately(rounded, unit)
	if unit < 100*time.Millisecond && d.least >= time.Second && d.most < 10*time.Minute { // in digits of one kind
		known = inSeconds(d.least, unit) + "–" + inSeconds(d.most, unit) + " s"
	}
	if known == "≤ "+likely {
		return "≈ " + likely
	}
	return "≈ " + likely + " (" + known + ")"
}

// approximately prints a duration to a unit.
func approximately(d, unit time.Duration) string {
	switch {
	case d >= 10*time.Minute:
		return duration(d)
	case d >= time.Second || unit > time.Millisecond:
		return inSeconds(d, unit) + " s"
	case unit < time.Millisecond && d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", ms(d))
	}
	return fmt.Sprintf("%.0f ms", ms(d))
}

// distance is how far the likely time from one step to another is off, in 95 of 100 runs at the most; 0 where that is
// not known.
func distance(from, to *seq.Step) time.Duration {
	a, b := from.Off(), to.Off()
	if a == 0 || b == 0 {
		return 0
	}
	return seq.Combined(a, b)
}
