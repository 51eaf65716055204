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

// In the briefest picture a container that was stopped is so by a call, and by the failure of the probe that led to it.
func TestBriefExitsHaveTheirCause(t *testing.T) {
	stops := 0
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		failures, due := 0, 0
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			switch {
			case strings.HasPrefix(x.Label, "StopContainer ") && x.Kind == seq.RequestKind:
				if stops++; x.Detail != seq.Brief {
					t.Errorf("%s: %s is not drawn", s.Name, x.Label)
				}
				if strings.Contains(x.Evidence[0].Text, "failed liveness probe") {
					due++
				}
			case x.Rule.Name == "probe-failed" && strings.Contains(x.Label, "Liveness") && x.Detail == seq.Brief:
				failures++
			}
		}
		if failures < due {
			t.Errorf("%s: a failed probe ended %d lives, and %d failures are drawn", s.Name, due, failures)
		}
	}
	if stops == 0 {
		t.Error("nothing was stopped")
	}
}
