package trace_test

import (
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What was measured of a message is found by what it is as by the words for that.
func TestAccuracyIsThatOfMeasuredAs(t *testing.T) {
	measured := 0
	for _, s := range scenario.All(t) {
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			found, want := trace.AccuracyOf(x)
			if found != want {
				t.Errorf("%s: %s: %v instead of %v", s.Name, trace.MeasuredAs(x), found, want)
			}
			if want.Samples > 0 {
				measured++
			}
		}
	}
	if measured == 0 {
		t.Error("none of the messages was measured")
	}
}
