package trace_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// After each observation, whatever was looked at before, all that is told is what a fresh fold of the same tells. That
// takes long: -short leaves most observations of long scenarios out.
func TestFoldIsPure(t *testing.T) {
	for _, s := range scenario.All(t) {
		r := rand.New(rand.NewPCG(uint64(len(s.Observations)), 1))
		each := func() bool { return !testing.Short() || r.IntN(1+len(s.Observations)/5) == 0 }
		shuffled := slices.Clone(s.Observations)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		batches := slices.Concat(shuffled, s.Observations)
		r.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
		now := func() bool { return each() && r.IntN(5) == 0 }
		for name, c := range map[string]struct {
			all   []seq.Observation
			looks func() bool
		}{"as it came": {s.Observations, each}, "shuffled": {shuffled, each}, "twice, in batches": {batches, now}} {
			t.Run(s.Name+" "+name, func(t *testing.T) { pure(t, s.Subject, seq.Drawn{}, c.all, c.looks) })
			if len(scenario.Fold(s.Subject, c.all).Members()) > 1 {
				t.Run(s.Name+" "+name+", the first Pod drawn", func(t *testing.T) { pure(t, s.Subject, firstPod, c.all, c.looks) })
			}
		}
	}
}

// pure compares after each observation after which it looks, and after the last.
func pure(t *testing.T, subject seq.Object, drawn seq.Drawn, all []seq.Observation, looks func() bool) {
	growing := trace.New(subject)
	growing.Draw(drawn)
	for i, o := range all {
		growing.Observe(o)
		if !looks() && i < len(all)-1 {
			continue
		}
		is, fresh := told(growing), told(folded(subject, drawn, all[:i+1]))
		if is == fresh {
			continue
		}
		text, _ := json.Marshal(o)
		d := cmp.Diff(strings.Split(fresh, "\n"), strings.Split(is, "\n"))
		t.Fatalf("after observation %d, %.300s, (-fresh +growing):\n%s", i+1, text, d)
	}
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
	for _, m := range tr.MembersInFull() {
		say("member", m)
	}
	for _, p := range tr.Phases(time.Time{}) {
		say("phase", p)
	}
	say("cycles", tr.Cycles())
	say("waits", tr.Waits(time.Time{}))
	for i, r := range tr.Roots() {
		st, by, ok := tr.Reached(i, func(st seq.State) bool { return st.Available || st.Deleted || st.Succeeded })
		say("root", []any{r, st, by, ok})
	}
	say("settled", []int{tr.Settled(time.Second), tr.Settled(10 * time.Millisecond)})
	say("ends", []any{tr.RootRefused(), tr.Unobservable(), tr.EventsPending(), tr.RecordsComplete(true, true),
		tr.Questions(),
		tr.Aftermath()})
	return string(b)
}
