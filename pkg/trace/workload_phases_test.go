package trace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What a Deployment waits for while its Pod ends again and again is that Pod's back-off, to the end of the run.
func TestWorkloadsWaitForTheirPods(t *testing.T) {
	s := scenario.Named(t, "repeats-deployment")
	took := map[string]time.Duration{}
	total := time.Duration(0)
	for _, p := range scenario.Fold(s.Subject, s.Observations).Phases(s.End.At) {
		took[p.Name] = p.Took
		total += p.Took
	}
	if took[seq.Unknown] > total/100 {
		t.Errorf("%v of %v are not known", took[seq.Unknown], total)
	}
	if took["back-off"] < 8*total/10 {
		t.Errorf("%v of %v are back-off", took["back-off"], total)
	}
}

// A workload that a run finds has phases, too: it goes on until a Pod is lost, and then that Pod is replaced; of one
// that is not available, its Pods are waited for. So has a Pod that was found and is not ready.
func TestPhasesOfFoundWorkloads(t *testing.T) {
	for name, want := range map[string]string{
		"drained":          "run control pods report",
		"causes/stale-pod": "pods",
	} {
		s := scenario.Named(t, name)
		tr := scenario.Fold(s.Subject, s.Observations)
		var names []string
		for _, p := range tr.Phases(scenario.End(tr)) {
			if p.Name != seq.Unknown {
				names = append(names, p.Name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		for _, m := range tr.MembersInFull() {
			if m.State == (seq.State{}) || m.State.Ready || m.State.Deleted || m.State.Deleting {
				continue
			}
			if len(m.Phases) == 0 {
				t.Errorf("%s: nothing is told of what Pod %s waits for", name, m.Object.Name)
			}
		}
	}
}
