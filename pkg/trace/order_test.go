package trace_test

import (
	"slices"
	"strings"
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

// What is done only because the Pod asks for it follows the write that asked, and proves no less.
func TestActsFollowWhatAskedForThem(t *testing.T) {
	for name, c := range map[string]struct{ write, act string }{
		"image-set":        {"PATCH pods: spec.containers[app].image=127", "StopContainer app"},
		"debugged":         {"PATCH pods/ephemeralcontainers: ", "PullImage 127"},
		"debugged-present": {"PATCH pods/ephemeralcontainers: ", "CreateContainer look"},
		"deadline-set":     {"PATCH pods: spec.activeDeadlineSeconds", "StopContainer app"},
		"resize-restart":   {"PATCH pods/resize: ", "StopContainer app"},
		"resized-twice":    {"PATCH pods/resize: ", "ResizeDeferred: app"},
		"ungated":          {"write pods: removes spec.schedulingGates", "picks node1"},
	} {
		s := scenario.Named(t, name)
		byKey, written := map[seq.Key]*seq.Step{}, seq.Key("")
		var follows func(*seq.Step) bool
		follows = func(x *seq.Step) bool {
			return x.Key == written || slices.ContainsFunc(x.After, func(k seq.Key) bool { return follows(byKey[k]) })
		}
		acted := false
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			if byKey[x.Key] = x; strings.HasPrefix(x.Label, c.write) {
				written = x.Key
			}
			acted = acted || written != "" && strings.HasPrefix(x.Label, c.act) && follows(x)
		}
		if !acted {
			t.Errorf("%s: nothing proves that %q follows %q", name, c.act, c.write)
		}
	}
}

// The sources of a run on one machine put nothing at times that exclude each other.
func TestNothingIsContradicted(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			if x.Conflict {
				t.Errorf("%s: %s → %s %s", s.Name, x.From, x.To, x.Label)
			}
		}
	}
}

// A call that stops a container, fails and is made again is not told at two instants.
func TestStopsAreTriedAgain(t *testing.T) {
	s := scenario.Named(t, "deleted")
	var again seq.Observation
	for _, o := range s.Observations {
		if o.Event != nil && o.Event.Event.Reason == "Killing" {
			again = o
		}
	}
	e := again.Event.Event.DeepCopy()
	e.Count, e.ResourceVersion = 2, e.ResourceVersion+"1"
	e.LastTimestamp.Time = e.FirstTimestamp.Add(4 * time.Second)
	again.Received = again.Received.Add(4 * time.Second)
	again.Event = &seq.EventChange{Type: "MODIFIED", Event: e}
	calls := 0
	for _, x := range scenario.Fold(s.Subject, append(slices.Clone(s.Observations), again)).Steps() {
		if x.Conflict {
			t.Errorf("%s: its sources contradict each other", x.Label)
		}
		if x.Kind == seq.RequestKind && strings.HasPrefix(x.Label, "StopContainer") {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("%d calls stop the container", calls)
	}
}
