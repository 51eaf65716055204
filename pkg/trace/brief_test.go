package trace_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// brief are the steps of the briefest picture of a scenario.
func brief(s scenario.Scenario) (all []*seq.Step) {
	for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
		if x.Detail == seq.Brief {
			all = append(all, x)
		}
	}
	return all
}

// In the briefest picture somebody asks for each write to etcd that is drawn.
func TestBriefWritesAreAskedFor(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		asked := map[string]bool{} // by revision
		requests := map[seq.Key]bool{}
		for _, x := range brief(s) {
			if x.To == seq.APIServer && x.Kind == seq.RequestKind {
				requests[x.Key], asked[x.ResourceVersion] = true, true
			}
			if x.To == seq.Etcd && !asked[x.ResourceVersion] && !slices.ContainsFunc(x.After, func(k seq.Key) bool {
				return requests[k] // of a request that makes several revisions
			}) {
				t.Errorf("%s: nobody asks for %s, revision %s", s.Name, x.Label, x.ResourceVersion)
			}
		}
	}
}

// A container that somebody had stopped does not end without that in the briefest picture.
func TestBriefExitsHaveTheirCause(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		var stopped *seq.Step
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			switch {
			case strings.HasPrefix(x.Label, "StopContainer ") && x.Kind == seq.RequestKind:
				if stopped = x; x.Detail != seq.Brief {
					t.Errorf("%s: %s is not drawn", s.Name, x.Label)
				}
			case x.Rule.Name == "probe-failed" && stopped == nil:
				if !slices.ContainsFunc(brief(s), func(y *seq.Step) bool {
					return y.Rule == x.Rule && y.Container == x.Container
				}) {
					t.Errorf("%s: no failure of a probe is drawn", s.Name)
				}
			}
		}
	}
}
