package trace_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// After each observation, whatever was looked at before, all that is told is what a fresh fold of the same tells.
func TestFoldIsPure(t *testing.T) {
	for _, s := range scenario.All(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			pure(t, s.Subject, s.Observations, func() bool { return true })
		})
		t.Run(s.Name+" shuffled", func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(len(s.Name)), 1))
			all := slices.Clone(s.Observations)
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			pure(t, s.Subject, all, func() bool { return true })
		})
		t.Run(s.Name+" in batches", func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(len(s.Name)), 2))
			all := slices.Concat(s.Observations, s.Observations)
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			pure(t, s.Subject, all, func() bool { return r.IntN(5) == 0 })
		})
	}
}

// pure compares after each observation after which it looks, and after the last.
func pure(t *testing.T, subject seq.Object, all []seq.Observation, looks func() bool) {
	growing := trace.New(subject)
	for i, o := range all {
		growing.Observe(o)
		if !looks() && i < len(all)-1 {
			continue
		}
		is, fresh := told(growing), told(scenario.Fold(subject, all[:i+1]))
		if is == fresh {
			continue
		}
		text, _ := json.Marshal(o)
		t.Fatalf("after observation %d, %.300s, (-fresh +growing):\n%s", i+1, text, cmp.Diff(lines(fresh), lines(is)))
	}
}

func lines(s string) (all []string) {
	for line := range slices.Values(splitLines(s)) {
		all = append(all, line)
	}
	return all
}

func splitLines(s string) (all []string) {
	for len(s) > 0 {
		n := slices.Index([]byte(s), '\n')
		all, s = append(all, s[:n]), s[n+1:]
	}
	return all
}

// told is all that a fold tells, a line each.
func told(tr *trace.Trace) string {
	var b []byte
	say := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		b = append(fmt.Appendf(b, "%s ", name), append(text, '\n')...)
	}
	for _, s := range tr.Steps() {
		x := *s
		x.Rule = nil
		say(s.Rule.Name, x)
	}
	say("run", tr.Run())
	say("state", tr.State())
	o, held := tr.Obstacle()
	say("obstacle", o)
	say("held", held)
	for _, m := range tr.Members() {
		say("member", m)
	}
	for _, p := range tr.Phases(time.Time{}) {
		say("phase", p)
	}
	say("waits", tr.Waits(time.Time{}))
	for i, r := range tr.Roots() {
		st, by, ok := tr.Reached(i, func(st seq.State) bool { return st.Available || st.Deleted || st.Succeeded })
		say("root", []any{r, st, by, ok})
	}
	say("settled", []int{tr.Settled(time.Second), tr.Settled(10 * time.Millisecond)})
	say("ends", []any{tr.Refused(), tr.Unobservable(), tr.EventsPending(), tr.RecordsComplete(true, true), tr.Questions(),
		tr.Aftermath()})
	return string(b)
}
