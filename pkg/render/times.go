package render

// When each row was: what a column of times says.

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// timed is one row of a column of times: a step, with its answer where they stand in one row; nothing for a row of
// several.
type timed struct{ step, answer *seq.Step }

// times prints when each row was, with no more digits than are known: an instant where that is known, else the
// likeliest one after a ≈, so that none is before the one above; where too little is known of that, the range that
// contains it. Above is the instant of what stands above, by which the column is begun; shown are those of the rows.
func (y Style) times(rows []timed, zero time.Time, above time.Duration) (text []string, shown []time.Duration) {
	text, shown = make([]string, len(rows)), make([]time.Duration, len(rows))
	if zero.IsZero() {
		return text, shown
	}
	base := zero // of what is rounded
	if y.clock {
		base = zero.Truncate(time.Hour)
	}
	limits := make([]time.Duration, len(rows)) // by the rows that follow
	known := make([]time.Duration, len(rows))
	limit := time.Duration(math.MaxInt64)
	for i := len(rows) - 1; i >= 0; i-- {
		limits[i] = limit
		s := rows[i].step
		if s == nil {
			continue
		}
		if s.Sharp {
			known[i] = y.known(s, base)
			if unit := y.unit(s, base); known[i] > limit && known[i] > s.Best.Sub(base) && unit > finest {
				known[i] -= unit // it was rounded up, and the next is known better
			}
			limit = min(limit, known[i])
		} else if !y.Proved && s.Within > 0 {
			limit = min(limit, s.Best.Sub(base))
		}
	}
	for i, x := range rows {
		s := x.step
		switch {
		case s == nil: // it has a time of its own
		case s.Sharp:
			unit := y.unit(s, base)
			if known[i] < above && known[i] < s.Best.Sub(base) && unit > finest { // likewise, down
				known[i] += unit
			}
			text[i] = y.instant(known[i], unit, base, zero)
			above = max(above, known[i])
		case !y.Proved && s.Within > 0:
			at, unit := fitted(s.Best.Sub(base), place(s.Within), above, limits[i])
			text[i], above = "≈"+strings.TrimPrefix(y.instant(at, unit, base, zero), "+"), at
		case s.Kind == seq.ResponseKind && s.Window.Earliest.Sub(base) < above: // it comes after its request
			text[i] = y.span(seq.Window{Latest: s.Window.Latest}, zero)
		case x.answer != nil: // the range in which the whole call lies
			text[i] = y.span(seq.Window{Earliest: s.Window.Earliest, Latest: x.answer.Known().Latest}, zero)
		default:
			text[i] = y.span(s.Window, zero)
		}
		shown[i] = above
	}
	return text, shown
}

// nothingAbove is the instant above the first row.
const nothingAbove = time.Duration(math.MinInt64)

// timesOf are the times of the rows of a figure.
func (y Style) timesOf(f figure, r Report) []string {
	rows := make([]timed, len(f.rows))
	for i, x := range f.rows {
		rows[i] = timed{step: x.Step}
	}
	text, _ := y.times(rows, r.origin(), nothingAbove)
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

// instant prints an instant to a unit: of relative times in milliseconds, or in seconds where it is not known to the
// millisecond, or from 10 s on.
func (y Style) instant(d, unit time.Duration, base, zero time.Time) string {
	switch {
	case y.clock:
		return timeOfDay(base.Add(d), zero, unit)
	case d == 0 && unit <= time.Millisecond:
		return "+0"
	case unit < time.Millisecond && d.Abs() < 10*time.Second:
		return signed(fmt.Sprintf("%.1f", ms(d)))
	case unit <= time.Millisecond && d.Abs() < 10*time.Second:
		return signed(fmt.Sprintf("%.0f", ms(d)))
	}
	return signed(inSeconds(d, unit)) + "s"
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
