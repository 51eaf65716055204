package trace_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What reaches a container from outside has an arrow, inferred, in its place.
func TestHooksAndSignalsAreDrawn(t *testing.T) {
	for _, c := range []struct{ scenario, label, after, before string }{
		{"hooks", "postStart hook: exec sleep 0.7", "StartContainer first returns", "CreateContainer second"},
		{"delete", "SIGTERM, or the stop signal of its image", "StopContainer app", "exits with 0"},
		{"delete-hook", "SIGTERM, or the stop signal of its image", "preStop hook: exec sleep 2", "exits with 0"},
	} {
		s := scenario.Named(t, c.scenario)
		steps := scenario.Fold(s.Subject, s.Observations).Steps()
		at := func(label string) int {
			return slices.IndexFunc(steps, func(x *seq.Step) bool { return x.Label == label })
		}
		i := at(c.label)
		if i < 0 || at(c.after) > i || i > at(c.before) {
			t.Errorf("%s: %q is at %d, between %d and %d", c.scenario, c.label, i, at(c.after), at(c.before))
			continue
		}
		if x := steps[i]; x.Certainty != seq.Inferred || !strings.HasPrefix(string(x.To), "container/") {
			t.Errorf("%s: %s → %s, %s", c.scenario, x.From, x.To, x.Certainty)
		}
	}
}
