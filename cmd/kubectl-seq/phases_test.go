package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What each phase took adds up to what the run took, no two of them overlap, and none took less than nothing or more
// than all: for every scenario, and for the same run cut short anywhere.
func TestPhasesAddUp(t *testing.T) {
	for _, x := range scenario.All(t) {
		t.Run(x.Name, func(t *testing.T) {
			s := sessionOf(x.Recording)
			for i, o := range x.Observations {
				s.observe(o)
				if i%(1+len(x.Observations)/20) == 0 {
					addUp(t, s, s.endOf("timeout"))
				}
			}
			out := s.endOf(ended(x.Recording))
			addUp(t, s, out)
			for _, m := range s.trace.MembersInFull() {
				if goesOn := slices.ContainsFunc(m.Phases, func(p seq.Phase) bool { return p.Open }); m.Took > 0 && !goesOn {
					sumUp(t, m.Phases, m.Took)
				}
			}
			st := s.trace.State()
			waits := x.Until == "deleted" && !st.Deleting && !st.Deleted // for an end that nobody asks for
			if out.Total > time.Millisecond && len(s.whole(out).Phases) == 0 && !s.ofCommand() && st.Created && !waits {
				t.Errorf("a run of %v without any phase", out.Total)
			}
		})
	}
}

func addUp(t *testing.T, s *session, o render.Outcome) {
	t.Helper()
	phases := s.whole(o).Phases
	if len(phases) == 0 {
		return
	}
	if o.Total == 0 { // what was only looked at has no total of its own
		return
	}
	sumUp(t, phases, o.Total)
	for _, p := range phases {
		if p.Max > o.Total {
			t.Errorf("%s took up to %v of %v", p.Name, p.Max, o.Total)
		}
	}
}

func sumUp(t *testing.T, phases []seq.Phase, total time.Duration) {
	t.Helper()
	var sum time.Duration
	var last time.Time
	for i, p := range phases {
		sum += p.Took
		if p.Min < 0 || p.Min > p.Took || p.Took > p.Max {
			t.Errorf("%s took %v, between %v and %v", p.Name, p.Took, p.Min, p.Max)
		}
		if first := p.Parts[0].Likely.Earliest; first.Before(last) {
			t.Errorf("%s began before the phase above it", p.Name)
		} else {
			last = first
		}
		for k, part := range p.Parts {
			if part.Likely.Latest.Before(part.Likely.Earliest) {
				t.Errorf("part %d of %s ends before it begins", k, p.Name)
			}
			for j, q := range phases {
				for l, other := range q.Parts {
					if (i != j || k != l) && part.Likely.Earliest.Before(other.Likely.Latest) &&
						other.Likely.Earliest.Before(part.Likely.Latest) {
						t.Errorf("part %d of %s overlaps part %d of %s", k, p.Name, l, q.Name)
					}
				}
			}
		}
	}
	if sum != total {
		t.Errorf("the phases take %v of %v: %+v", sum, total, phases)
	}
}

// What a run waits for has a name, and goes on where it has not ended.
func TestPhasesByName(t *testing.T) {
	for _, c := range []struct {
		scenario, phase string
		open            bool
	}{
		{"init", "init", false}, {"init-fails", "back-off", true}, {"crash", "back-off", true}, {"gated", "gated", true},
		{"unschedulable", "pending", true}, {"job-retries", "back-off", false},
		{"cronjob", "schedule", false}, {"kubelet-stopped", "sandbox", true}, {"missing-configmap", "retry", true},
		{"no-such-tag", "retry", true},
		{"late-configmap", "retry", false}, {"unhealthy", "probing", true}, {"probes", "startup", false},
		{"probes", "probing", false}, {"liveness", "stop", false}, {"image-set", "stop", false},
		{"watch-wait", "absent", false}, {"many", "create+start", false},
		{"hooks", "hook", false}, {"sidecar-startup", "startup", true}, {"min-ready", "min-ready", false},
		{"suspended", "suspended", false}, {"assigned", "sandbox", false},
		{"deployment-quota", "control", true}, {"job-fails", "pods", true}, {"exec-back-off", "wait", false},
		{"no-claim", "pending", true},
	} {
		x := scenario.Named(t, c.scenario)
		s := sessionOf(x.Recording)
		for _, o := range x.Observations {
			s.observe(o)
		}
		phases := s.whole(s.endOf(ended(x.Recording))).Phases
		i := slices.IndexFunc(phases, func(p seq.Phase) bool { return p.Name == c.phase })
		if i < 0 || phases[i].Open != c.open {
			t.Errorf("%s: no phase %s that is open: %v, in %+v", c.scenario, c.phase, c.open, phases)
		}
	}
}

// A run whose time is up says what is so, not that nothing says why.
func TestWhyNot(t *testing.T) {
	for _, c := range []struct{ scenario, until, want string }{
		{"watch-wait", deleted, "it is deleted"}, // which it was
		{"plain", deleted, "it is ready, and nobody has deleted it"},
		{"plain", "completed", "it is ready, and its containers still run"},
	} {
		x := scenario.Named(t, c.scenario)
		s := sessionOf(x.Recording)
		s.until = allGoals[c.until]
		for _, o := range x.Observations {
			s.observe(o)
		}
		out := s.endOf("timeout")
		if c.want == "it is deleted" {
			if out.Name != "Deleted" {
				t.Errorf("%+v", out)
			}
		} else if out.Name != "Timeout" || !strings.HasSuffix(out.Message, c.want) {
			t.Errorf("%s until %s: %+v", c.scenario, c.until, out)
		}
	}
}

// While a run goes on, its status says in which phase it is and for how long.
func TestStatusNamesThePhase(t *testing.T) {
	x := scenario.Named(t, "gated")
	s := sessionOf(x.Recording)
	for _, o := range x.Observations {
		s.observe(o)
	}
	if got := s.status(s.trace.Phases(time.Time{})); !strings.Contains(got, ", in gated for 1") {
		t.Errorf("%q", got)
	}
}
