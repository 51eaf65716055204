package trace_test

import (
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
