package render

// How long something took: what is printed of a duration.

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// lasted is what is known of a duration: its bounds, what it likely was, and how far that is off in 95 of 100 runs at
// the most, or 0 where that is not known.
type lasted struct{ least, most, likely, within time.Duration }

func lastedOf(p seq.Phase) lasted { return lasted{p.Min, p.Max, p.Took, p.Within} }

// took prints a duration that stands in a column: as it is known, else as it likely was, with its bounds. Like a time,
// it is in milliseconds, from a limit on in seconds.
func (y Style) took(d lasted) string { return y.tookIn(d, d.most >= shortTime) }

// tookIn prints it in milliseconds or in seconds.
func (y Style) tookIn(d lasted, seconds bool) string {
	known := bounded(d.least, d.most, seconds)
	if y.Proved || d.within == 0 || d.most-d.least <= max(2*time.Millisecond, 2*d.within) {
		return known
	}
	rounded, unit := fitted(d.likely, place(d.within), d.least, d.most)
	likely := approximately(rounded, unit, seconds)
	if seconds && unit < 100*time.Millisecond && d.least >= time.Second && d.most < longTime { // in digits of one kind
		known = inSeconds(d.least, unit) + "–" + inSeconds(d.most, unit) + " s"
	}
	if known == "≤ "+likely {
		return "≈ " + likely
	}
	return "≈ " + likely + " (" + known + ")"
}

// exactly prints a duration that is known.
func exactly(d time.Duration) string { return length(d, d >= shortTime) }

// inSeconds reports whether what the phases took, and those of the Pods, is told in seconds: where milliseconds are too
// small for one of them.
func (r Report) inSeconds() bool {
	long := func(p seq.Phase) bool { return p.Max >= shortTime }
	return slices.ContainsFunc(r.Phases, long) ||
		slices.ContainsFunc(r.Members, func(m seq.Member) bool { return slices.ContainsFunc(m.Phases, long) })
}

// longTime is from where on a duration is in minutes, or hours.
const longTime = 10 * time.Minute

// length prints a duration in one of the units of columns.
func length(d time.Duration, seconds bool) string {
	switch {
	case d >= longTime:
		return duration(d)
	case seconds && d < 10*time.Millisecond:
		return fmt.Sprintf("%.4f s", d.Seconds())
	case seconds && d < time.Second:
		return fmt.Sprintf("%.3f s", d.Seconds())
	case seconds:
		return duration(d)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", ms(d))
	}
	return fmt.Sprintf("%.0f ms", ms(d))
}

// bounded prints a duration known to lie between two bounds.
func bounded(low, high time.Duration, seconds bool) string {
	switch {
	case high-low <= 2*time.Millisecond:
		return length((low+high)/2, seconds)
	case low < time.Millisecond:
		return "≤ " + length(high, seconds)
	}
	return joinRange(length(low, seconds), length(high, seconds))
}

// approximately prints a duration to a unit.
func approximately(d, unit time.Duration, seconds bool) string {
	switch {
	case d >= longTime:
		return duration(d)
	case seconds:
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
