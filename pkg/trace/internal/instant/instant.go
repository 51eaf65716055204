// Package instant bounds instants. The zero time is one that is not known.
package instant

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Earlier reports whether a is a better receipt than b: known, and before it.
func Earlier(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }

// Intersect is what two windows of one instant leave; it is empty where they contradict each other.
func Intersect(a, b seq.Window) seq.Window {
	return seq.Window{Earliest: Later(a.Earliest, b.Earliest), Latest: Sooner(a.Latest, b.Latest)}
}

// Later is the later of two instants; one that is not known is before all others.
func Later(a, b time.Time) time.Time {
	if b.After(a) { // the zero time is before all others
		return b
	}
	return a
}

// Sooner is the earlier of two instants, of those that are known.
func Sooner(a, b time.Time) time.Time {
	if Earlier(b, a) {
		return b
	}
	return a
}

// OurPrecision is how sharp the instants of our own clock are taken to be.
const OurPrecision = 100 * time.Microsecond

// Before is an instant before another, if that is known.
func Before(t time.Time, lag time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-lag)
}
