package trace

import (
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"time"
)

// earlier reports whether a is a better receipt than b: known, and before it.
func earlier(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }

func intersect(a, b seq.Window) seq.Window {
	return seq.Window{Earliest: later(a.Earliest, b.Earliest), Latest: sooner(a.Latest, b.Latest)}
}

func later(a, b time.Time) time.Time {
	if b.After(a) { // the zero time is before all others
		return b
	}
	return a
}

func sooner(a, b time.Time) time.Time {
	if earlier(b, a) {
		return b
	}
	return a
}

func exactly(t time.Time) (seq.Window, time.Time, bool, time.Duration) {
	return seq.Window{Earliest: t, Latest: t}, t, true, 100 * time.Microsecond
}

// before is an instant before another, if that is known.
func before(t time.Time, lag time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-lag)
}

// deliveryLag is the usual time from the commit of a Pod's write to our receipt of it, measured on one machine.
const deliveryLag = 2500 * time.Microsecond
