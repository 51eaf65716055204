package trace_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// changed returns the observations with copies of their audit entries changed.
func changed(all []seq.Observation, change func(*seq.Audit)) []seq.Observation {
	out := slices.Clone(all)
	for i, o := range out {
		if o.Audit != nil {
			a := *o.Audit
			change(&a)
			out[i].Audit = &a
		}
	}
	return out
}

func sourcesOf(s *seq.Step) (names []string) {
	for _, e := range s.Evidence {
		names = append(names, e.Source)
	}
	return names
}

// At level Metadata no entry says which revision it made: order and time do, and the evidence says so.
func TestAuditAtLevelMetadata(t *testing.T) {
	for _, name := range []string{"evidence", "evidence-sidecar", "audit"} {
		s := scenario.Named(t, name)
		tr := scenario.Fold(s.Subject, changed(s.Observations, func(a *seq.Audit) {
			if a.UID, a.ResourceVersion, a.Level = "", "", "Metadata"; a.Resource == "events" && a.Verb != "create" {
				a.Name = ""
			}
		}))
		said := false
		for _, step := range tr.Steps() {
			if step.Rule.Name == "status-patch" || step.Rule.Name == "bind" {
				if !slices.Contains(sourcesOf(step), "audit") {
					t.Errorf("%s: %s is not joined: %v", name, step.Label, step.Evidence)
				}
				for _, e := range step.Evidence {
					said = said || strings.Contains(e.Text, "joined to this revision by order and time")
				}
			}
		}
		if !said {
			t.Errorf("%s: the evidence does not say how it was joined", name)
		}
	}
}

// Where the audit log says that somebody else did it, what was concluded from the object is withdrawn, and said.
func TestContradictionIsSaid(t *testing.T) {
	s := scenario.Named(t, "audit")
	tr := scenario.Fold(s.Subject, changed(s.Observations, func(a *seq.Audit) {
		if a.Subresource == "binding" {
			a.User = "mallory"
		}
	}))
	binds := 0
	for _, step := range tr.Steps() {
		if step.Subresource == "binding" && step.Kind == seq.RequestKind {
			if binds++; step.From != "user mallory" {
				t.Errorf("bound by %s", step.From)
			}
		}
	}
	if binds != 1 {
		t.Errorf("%d binds", binds)
	}
	if denied := tr.Run().Denied; len(denied) != 1 ||
		!strings.Contains(denied[0], "was written by mallory, not by scheduler") {
		t.Errorf("%q", denied)
	}
}

// A cluster whose clocks are off gives the same times on ours.
func TestRecordsOfAClockThatIsOff(t *testing.T) {
	s := scenario.Named(t, "evidence")
	const off = 7 * time.Second
	names := map[string]string{} // of Events, which have the time in them
	for _, o := range s.Observations {
		if o.Event != nil {
			names[o.Event.Event.Name] = shift(o, off).Event.Event.Name
		}
	}
	shifted := changed(s.Observations, func(a *seq.Audit) {
		a.Received, a.Completed = a.Received.Add(off), a.Completed.Add(off)
		a.Name = cmp.Or(names[a.Name], a.Name)
	})
	for i, o := range shifted {
		if o.Span != nil {
			x := *o.Span
			x.Start, x.End = x.Start.Add(off), x.End.Add(off)
			shifted[i].Span = &x
		} else {
			shifted[i] = shift(o, off)
		}
	}
	want, tr := scenario.Fold(s.Subject, s.Observations), scenario.Fold(s.Subject, shifted)
	at := map[seq.Key]time.Time{}
	for _, step := range want.Steps() {
		at[step.Key] = step.Best
	}
	for _, step := range tr.Steps() {
		if d := step.Best.Sub(at[step.Key]).Abs(); d > 15*time.Millisecond &&
			(step.Rule.Name != "etcd-write" || d > 30*time.Millisecond) {
			t.Errorf("%s %s: moved by %v", step.Key, step.Label, step.Best.Sub(at[step.Key]))
		}
		if step.Conflict {
			t.Errorf("%s: its sources contradict each other", step.Key)
		}
	}
	if n := len(want.Steps()); n == 0 || len(tr.Steps()) != n {
		t.Errorf("of %d steps there are %d", n, len(tr.Steps()))
	}
	clocks := tr.Run().Clocks
	if !slices.ContainsFunc(clocks, func(c seq.Clock) bool { return c.Of == seq.APIServer }) {
		t.Errorf("the API server's clock was not measured: %+v", clocks)
	}
	for _, c := range clocks {
		if d := (c.Offset - off).Abs(); d > 20*time.Millisecond && c.Of != seq.Scheduler { // shift leaves its Events alone
			t.Errorf("%s is said to be off by %v", c.Of, c.Offset)
		}
	}
}

// Sources that contradict each other about one message are named.
func TestImpossibleTimesAreSaid(t *testing.T) {
	s := scenario.Named(t, "audit")
	bent := slices.Clone(s.Observations)
	n := 0
	for i, o := range bent {
		if o.Audit != nil && o.Audit.Subresource == "status" && n == 0 {
			a := *o.Audit
			a.Received, a.Completed = a.Received.Add(3*time.Second), a.Completed.Add(3*time.Second)
			bent[i].Audit = &a
			n++
		}
	}
	tr := scenario.Fold(s.Subject, bent)
	conflicts := 0
	for _, x := range tr.Steps() {
		if x.Conflict {
			conflicts++
		}
	}
	said := strings.Join(tr.Run().Denied, "\n")
	if n == 0 || conflicts == 0 || !strings.Contains(said, "times that exclude each other") ||
		strings.Count(said, "\n") > 4 {
		t.Errorf("%d conflicts, said: %q", conflicts, said)
	}
}
