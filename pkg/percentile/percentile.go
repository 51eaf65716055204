// Package percentile computes percentiles of durations that are known as ranges only, so each percentile is a range.
// Percentiles are by nearest rank: each is the value of one run. Nothing is averaged, and no run is left out.
package percentile

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Sample is what one run took.
type Sample struct {
	Run      int           // its number, from 1
	Min, Max time.Duration // it certainly took so much, at the least and at the most
	Likely   time.Duration
	Failed   bool // it did not get there: it counts as longer than all that did
}

// Value is a percentile of runs.
type Value struct {
	Percent  float64
	Run      int           // the run that it likely is
	Min, Max time.Duration // it certainly is no less and no more
	Likely   time.Duration
	// it may be that of a run that failed, or certainly is: then Max, or all, are unknown
	MayFail, Failed bool
	// between which bounds the percentile of all runs to come is, in 95 of 100 such measurements; each is nil where there
	// are too few runs to tell
	AtLeast, AtMost *time.Duration
}

// Of is a percentile of runs, of which there must be one; the 100th is the longest.
func Of(samples []Sample, percent float64) Value {
	rank := rankOf(len(samples), percent)
	min, _ := ranked(samples, rank, func(s Sample) time.Duration { return s.Min })
	max, failed := ranked(samples, rank, func(s Sample) time.Duration { return s.Max })
	likely, run := ranked(samples, rank, func(s Sample) time.Duration { return s.Likely })
	v := Value{Percent: percent, Run: run.Run, Failed: run.Failed, MayFail: failed.Failed}
	if !v.Failed {
		v.Min, v.Max, v.Likely = min, max, likely
	}
	if percent >= 100 {
		return v // the longest of all runs to come is not known by any number of them
	}
	low, high := confidence(len(samples), percent)
	if low > 0 {
		if d, s := ranked(samples, low, func(s Sample) time.Duration { return s.Min }); !s.Failed {
			v.AtLeast = &d
		}
	}
	if high > 0 {
		if d, s := ranked(samples, high, func(s Sample) time.Duration { return s.Max }); !s.Failed {
			v.AtMost = &d
		}
	}
	return v
}

// rankOf is the nearest rank of a percentile, from 1.
func rankOf(n int, percent float64) int {
	return min(n, max(1, int(math.Ceil(percent*float64(n)/100-1e-9))))
}

// ranked is the run of that rank, from 1, by one of its times.
func ranked(samples []Sample, rank int, by func(Sample) time.Duration) (time.Duration, Sample) {
	all := slices.Clone(samples)
	slices.SortStableFunc(all, func(a, b Sample) int {
		if a.Failed != b.Failed {
			if a.Failed {
				return 1
			}
			return -1
		}
		return cmp.Compare(by(a), by(b))
	})
	s := all[rank-1]
	return by(s), s
}

// level is how sure a verdict is to be.
const level = 0.95

// confidence are the ranks between which the percentile of all runs to come is, in 95 of 100 measurements of n runs; 0
// where no rank is low, or high, enough. It holds whatever the runs are distributed like: how many of n are below a
// percentile is binomial.
func confidence(n int, percent float64) (low, high int) {
	const aside = (1 - level) / 2 // on either side
	fewer := 0.0                  // how probable it is that fewer than k are below the percentile
	for k := 1; k <= n; k++ {
		fewer += exactly(n, k-1, percent/100)
		if fewer <= aside {
			low = k
		}
		if high == 0 && 1-fewer <= aside {
			high = k
		}
	}
	return low, high
}

// atMost is how probable it is that of n runs no more than k are of what one is with that probability.
func atMost(n, k int, probability float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n, probability <= 0:
		return 1
	case probability >= 1:
		return 0
	}
	sum := 0.0
	for i := range k + 1 {
		sum += exactly(n, i, probability)
	}
	return math.Min(sum, 1)
}

// exactly is how probable it is that of n runs k are of what one is with that probability, which is neither 0 nor 1.
func exactly(n, k int, probability float64) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	these, _ := math.Lgamma(float64(k + 1))
	others, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(all - these - others + float64(k)*math.Log(probability) + float64(n-k)*math.Log1p(-probability))
}
