package percentile

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"time"
)

// Objective is what is asked of a percentile, such as p99<5s.
type Objective struct {
	Text    string
	Percent float64
	Less    bool // than the limit; else it may be that, too
	Limit   time.Duration
}

var objective = regexp.MustCompile(`^p(\d{1,2}(?:\.\d+)?)(<=?)(.+)$`)

// ParseObjective reads an objective: p, a percentile above 0 and below 100, < or <=, and a duration, as Go has them.
func ParseObjective(text string) (Objective, error) {
	m := objective.FindStringSubmatch(text)
	if m == nil {
		return Objective{}, fmt.Errorf("%q is no objective such as p99<5s", text)
	}
	percent, err := strconv.ParseFloat(m[1], 64)
	if err != nil || percent <= 0 {
		return Objective{}, fmt.Errorf("%q: the percentile must be above 0 and below 100", text)
	}
	limit, err := time.ParseDuration(m[3])
	if err != nil || limit <= 0 {
		return Objective{}, fmt.Errorf("%q: %q is no time such as 5s or 900ms", text, m[3])
	}
	return Objective{text, percent, m[2] == "<", limit}, nil
}

// missed reports whether a run that took that long missed the limit.
func (o Objective) missed(took time.Duration) bool {
	return took > o.Limit || o.Less && took == o.Limit
}

// Verdict is what runs say of an objective.
type Verdict string

// The verdicts, each right in 95 of 100 measurements at the least.
const (
	Kept      Verdict = "kept"
	Broken    Verdict = "broken"
	Undecided Verdict = "not decided" // there are too few runs, or they are known too little
)

// Judgement is a verdict with its reasons.
type Judgement struct {
	Objective
	Verdict  Verdict
	Runs     int
	Missed   int // so many runs certainly took longer than the limit, or failed
	MayMiss  int // so many more may have
	Decisive int // of an undecided one: with so many runs it would be kept, if no more of them missed it
}

// Judge says whether an objective is kept by all runs to come, as far as these tell. How many of n miss the limit is
// binomial: where the objective is kept, each does with a probability of no more than the rest of its percentile.
func Judge(o Objective, samples []Sample) Judgement {
	j := Judgement{Objective: o, Runs: len(samples), Verdict: Undecided}
	for _, s := range samples {
		switch {
		case s.Failed || o.missed(s.Min):
			j.Missed++
		case o.missed(s.Max):
			j.MayMiss++
		}
	}
	rest := 1 - o.Percent/100
	switch {
	case j.Missed > 0 && 1-atMost(j.Runs, j.Missed-1, rest) <= 1-level:
		j.Verdict = Broken
	case atMost(j.Runs, j.Missed+j.MayMiss, rest) <= 1-level && j.Runs > j.Missed+j.MayMiss:
		j.Verdict = Kept
	default:
		j.Decisive = decisive(j.Missed+j.MayMiss, rest)
	}
	return j
}

// mostDecisive bounds the runs that are thought of.
const mostDecisive = 10_000_000

// decisive is the least number of runs that keep an objective where so many of them miss the limit.
func decisive(missed int, rest float64) int {
	return missed + 1 + sort.Search(mostDecisive, func(more int) bool {
		return atMost(missed+1+more, missed, rest) <= 1-level
	})
}
