package render

// When each row was: what a column of times says.

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// printed is when a step was, as it is printed.
type printed struct {
	text    string
	instant bool          // it is one, and no range
	at      time.Duration // that instant, or that of what stands above
}

// times prints when each step was, with no more digits than are known: an instant where that is known, else the
// likeliest one after a ≈, so that none is before the one above; where too little is known of that, the range that
// contains it. Above is the instant of what stands above, by which the column is begun. Those that are printed already
// stay as they are.
//
// So that a step has the same time in every picture it is printed by all steps of its column, also those that are not
// drawn.
func (y Style) times(steps []*seq.Step, zero time.Time, above time.Duration, already map[seq.Key]printed) []printed {
	all := make([]printed, len(steps))
	if zero.IsZero() {
		return all
	}
	base := zero // of what is rounded
	if y.clock {
		base = zero.Truncate(time.Hour)
	}
	limits := make([]time.Duration, len(steps)) // by those that follow
	known := make([]time.Duration, len(steps))
	limit := time.Duration(math.MaxInt64)
	for i, s := range slices.Backward(steps) {
		limits[i] = limit
		if x, ok := already[s.Key]; ok {
			if x.instant {
				limit = min(limit, x.at)
			}
		} else if s.Sharp {
			known[i] = y.known(s, base)
			if unit := y.unit(s, base); known[i] > limit && known[i] > s.Best.Sub(base) && unit > finest {
				known[i] -= unit // it was rounded up, and the next is known better
			}
			limit = min(limit, known[i])
		} else if !y.Proved && s.Within > 0 {
			limit = min(limit, s.Best.Sub(base))
		}
	}
	for i, s := range steps {
		x, is := already[s.Key]
		switch {
		case is && x.instant:
			above = max(above, x.at)
		case is: // a range
		case s.Sharp:
			unit := y.unit(s, base)
			if known[i] < above && known[i] < s.Best.Sub(base) && unit > finest { // likewise, down
				known[i] += unit
			}
			above, x = max(above, known[i]), printed{text: y.instant(known[i], unit, base, zero), instant: true}
		case !y.Proved && s.Within > 0:
			at, unit := fitted(s.Best.Sub(base), place(s.Within), above, limits[i])
			above, x = at, printed{text: y.likely(at, unit, s, base, zero), instant: true}
		case s.Kind == seq.ResponseKind && s.Window.Earliest.Sub(base) < above: // it comes after its request
			x.text = y.span(seq.Window{Latest: s.Window.Latest}, zero)
		default:
			x.text = y.span(s.Window, zero)
		}
		if x.at = above; is {
			x.at = already[s.Key].at
		}
		all[i] = x
	}
	return all
}

// nothingAbove is the instant above the first row.
const nothingAbove = time.Duration(math.MinInt64)

// timesByKey are the times of the steps of a run. Those of the column of a listing are the same there.
func (y Style) timesByKey(r Report) map[seq.Key]string {
	column, steps := r.column(), r.every()
	at := make(map[seq.Key]printed, len(steps))
	for i, x := range y.times(column, r.origin(), nothingAbove, nil) {
		at[column[i].Key] = x
	}
	text := make(map[seq.Key]string, len(steps))
	for i, x := range y.times(steps, r.origin(), nothingAbove, at) {
		text[steps[i].Key] = x.text
	}
	return text
}

// timesOf are the times of the rows of a figure.
func (y Style) timesOf(f figure, r Report) []string {
	at, text := y.timesByKey(r), make([]string, len(f.rows))
	for i, x := range f.rows {
		text[i] = at[x.Key]
	}
	return text
}

// finest is the least unit of a likely time.
const finest = 100 * time.Microsecond

// place is the unit of the last digit of what is known to within: it is off by ten at the most.
func place(within time.Duration) time.Duration {
	unit := finest
	for within > 10*unit {
		unit *= 10
	}
	return unit
}

// fitted rounds an instant to a unit so that it is neither before what stands above it nor after a limit; the unit is
// less where the rows around say more.
func fitted(at, unit, above, limit time.Duration) (rounded, to time.Duration) {
	for to = unit; to > finest; to /= 10 {
		up := at.Truncate(to) + to
		for _, r := range []time.Duration{at.Round(to), up - to, up} {
			if r >= above && r <= limit && (r-at).Abs() < to {
				return r, to
			}
		}
	}
	rounded = min(max(at.Round(finest), above), limit)
	for to = unit; to > finest && rounded%to != 0; {
		to /= 10
	}
	return rounded, to
}

// unit is that of the last digit of an instant that is known.
func (y Style) unit(s *seq.Step, base time.Time) time.Duration {
	switch d := s.Best.Sub(base); {
	case y.clock && s.Precision >= time.Second:
		return time.Second
	case !y.clock && s.Precision < time.Millisecond && d >= 0 && d < 100*time.Millisecond:
		return finest
	}
	return time.Millisecond
}

// known is such an instant as it is printed.
func (y Style) known(s *seq.Step, base time.Time) time.Duration {
	if unit := y.unit(s, base); y.clock {
		return s.Best.Truncate(unit).Sub(base)
	} else {
		return s.Best.Sub(base).Round(unit)
	}
}

// shortTime is the limit below which all times and durations of a column are in milliseconds. From there on they are in
// seconds.
const shortTime = 10 * time.Second

// instant prints an instant to a unit.
func (y Style) instant(d, unit time.Duration, base, zero time.Time) string {
	switch {
	case y.clock:
		return timeOfDay(base.Add(d), zero, unit)
	case d == 0 && unit <= time.Millisecond:
		return "+0"
	case unit < time.Millisecond && d.Abs() < shortTime:
		return signed(fmt.Sprintf("%.1f", ms(d)))
	case d.Abs() < shortTime:
		return signed(fmt.Sprintf("%.0f", ms(d)))
	}
	return signed(inSeconds(d, unit)) + "s"
}

// likely prints the likeliest instant of a step, rounded to d. In milliseconds how far off that may be is said where it
// is more than ten: of 350 nobody sees whether its zero is known.
func (y Style) likely(d, unit time.Duration, s *seq.Step, base, zero time.Time) string {
	text := "≈" + strings.TrimPrefix(y.instant(d, unit, base, zero), "+")
	if y.clock || d.Abs() >= shortTime || s.Within <= 10*time.Millisecond {
		return text
	}
	within := s.Within + (d - s.Best.Sub(base)).Abs()
	digit := time.Millisecond // the first of within
	for within >= 10*digit {
		digit *= 10
	}
	return fmt.Sprintf("%s±%.0f", text, ms((within + digit - 1).Truncate(digit)))
}

// inSeconds prints a duration in seconds, to a unit.
func inSeconds(d, unit time.Duration) string { return fmt.Sprintf("%.*f", decimals(unit), d.Seconds()) }

// decimals is how many of a second go down to a unit; to a millisecond at the most.
func decimals(unit time.Duration) (n int) {
	for u := time.Second; u > max(unit, time.Millisecond); u /= 10 {
		n++
	}
	return n
}
