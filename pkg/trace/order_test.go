package trace_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// No step stands before one that is certain to have come before it.
func TestWindowsAreInOrder(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		t.Run(s.Name, func(t *testing.T) {
			var latestStart time.Time
			var of *seq.Step
			for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
				if of != nil && !x.Window.Latest.IsZero() && x.Window.Latest.Before(latestStart) {
					t.Errorf("%s %s, by %v, stands after %s %s, not before %v", x.Key, x.Label, x.Window.Latest, of.Key, of.Label,
						latestStart)
				}
				if x.Window.Earliest.After(latestStart) {
					latestStart, of = x.Window.Earliest, x
				}
			}
		})
	}
}
