package graph

import (
	"math"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// stamp is an instant, in nanoseconds since 1970; 0 for one that is not known. One that is too early or too late for
// that, which only a broken clock can say, counts as the first or the last.
type stamp int64

func stampOf(t time.Time) stamp {
	switch s := t.Unix(); {
	case t.IsZero():
		return 0
	case s < 0 || s == 0 && t.Nanosecond() == 0:
		return 1
	case s > math.MaxInt64/int64(time.Second)-1:
		return math.MaxInt64
	}
	return stamp(t.UnixNano())
}

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// add is so much later, if it is known.
func (s stamp) add(d time.Duration) stamp {
	if s > math.MaxInt64-stamp(max(d, 0)) {
		return math.MaxInt64
	}
	return max(1, s+stamp(d))
}

// sooner is the earlier of two, of those that are known; the later is max.
func sooner(a, b stamp) stamp {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// bounds is a seq.Window.
type bounds struct{ earliest, latest stamp }

func boundsOf(w seq.Window) bounds { return bounds{stampOf(w.Earliest), stampOf(w.Latest)} }

func (b bounds) public() seq.Window {
	return seq.Window{Earliest: b.earliest.time(), Latest: b.latest.time()}
}

// intersect is what two windows of one instant leave; it is empty where they contradict each other.
func (b bounds) intersect(o bounds) bounds {
	return bounds{max(b.earliest, o.earliest), sooner(b.latest, o.latest)}
}

func (b bounds) empty() bool { return b.earliest != 0 && b.latest != 0 && b.latest < b.earliest }

// width is how much is not known; ok is false where a bound is missing.
func (b bounds) width() (d time.Duration, ok bool) {
	return time.Duration(b.latest - b.earliest), b.earliest != 0 && b.latest != 0
}
