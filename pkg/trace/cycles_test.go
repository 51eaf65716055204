package trace_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What repeats is told by what it is about: which, of which container, and how often.
func TestCycles(t *testing.T) {
	for name, want := range map[string][]string{
		"repeats-crash":      {"restart app 8"},
		"repeats-deployment": {"restart app 7"},
		"repeats-two":        {"restart app 4", "restart web 4"},
		"repeats-pull":       {"pull app 6"},
		"repeats-schedule":   {"schedule  25"},
		"repeats-refused":    {"refused  17"},
		"repeats-sandbox":    {"sandbox  19"},
		"repeats-probe":      {"probe app 25"},
		"missing-configmap":  {"create app 2"},
		"sandbox-changed":    {"restart app 2", "sandbox-again  2"},
		"plain":              nil,
		"image-set":          nil, // started again since the spec asks for another image
		"resize-restart":     nil,
	} {
		s := scenario.Named(t, name)
		var is []string
		for _, c := range scenario.Fold(s.Subject, s.Observations).Cycles() {
			within := c.Name == "trouble" || c.Name == "probe" && name != "repeats-probe"
			if n := len(c.Turns); n > 1 && !within {
				is = append(is, fmt.Sprintf("%s %s %d", c.Name, c.Container, c.Turns[n-1].Number))
			}
		}
		if d := cmp.Diff(want, is); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// Each turn of a container that is started again is one of its lives, however the rows of two of them interleave; and
// no message is of two turns of one cycle.
func TestTurnsAreLives(t *testing.T) {
	s := scenario.Named(t, "repeats-two")
	for _, c := range scenario.Fold(s.Subject, s.Observations).Cycles() {
		seen := map[seq.Key]bool{}
		for _, turn := range c.Turns {
			for _, key := range turn.Steps {
				if seen[key] {
					t.Errorf("%s %s: %s is of two turns", c.Name, c.Container, key)
				}
				seen[key] = true
			}
			if c.Name != "restart" {
				continue
			}
			for n := range len(c.Turns) {
				for _, what := range []string{"cri:CreateContainer", "cri:StartContainer", "exit"} {
					key := seq.Key(fmt.Sprintf("%s:%s:%d", what, c.Container, n))
					if slices.Contains(turn.Steps, key) != (n+1 == turn.Number) && !(what == "exit" && n+1 == turn.Number) {
						t.Errorf("%s %s, turn %d: %s", c.Name, c.Container, turn.Number, key)
					}
				}
			}
		}
	}
}
