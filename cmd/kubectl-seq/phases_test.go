package main

import (
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What each phase took adds up to what the run took, no two of them overlap, and none took less than nothing or more than
// all: for every scenario, and for the same run cut short anywhere.
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
			for _, m := range s.trace.Members() {
				if m.Took > 0 {
					sumUp(t, m.Phases, m.Took)
				}
			}
			if out.Total > time.Millisecond && len(s.whole(out).Phases) == 0 && !s.ofCommand() && s.trace.State().Created {
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

func sumUp(t *testing.T, phases []trace.Phase, total time.Duration) {
	t.Helper()
	var sum time.Duration
	var last time.Time
	for i, p := range phases {
		sum += p.Best
		if p.Min < 0 || p.Min > p.Best || p.Best > p.Max {
			t.Errorf("%s took %v, between %v and %v", p.Name, p.Best, p.Min, p.Max)
		}
		if p.Name == trace.Unknown && i < len(phases)-1 {
			t.Errorf("%s comes before %s", p.Name, phases[i+1].Name)
		}
		if first := p.Parts[0].Likely.Earliest; p.Name != trace.Unknown {
			if first.Before(last) {
				t.Errorf("%s began before the phase above it", p.Name)
			}
			last = first
		}
		for k, part := range p.Parts {
			if part.Likely.Latest.Before(part.Likely.Earliest) {
				t.Errorf("part %d of %s ends before it begins", k, p.Name)
			}
			for j, q := range phases {
				for l, other := range q.Parts {
					if (i != j || k != l) && part.Likely.Earliest.Before(other.Likely.Latest) && other.Likely.Earliest.Before(part.Likely.Latest) {
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
