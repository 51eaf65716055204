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

// In the briefest picture what led to each step stands, too: what a watch brought, a probe, a hook, an image that was
// there. It is enough that the first of what repeats does.
func TestBriefStepsHaveTheirCauses(t *testing.T) {
	causes := []string{"controller-delivery", "change-delivery", "deletion-delivery", "kubelet-delivery",
		"scheduler-delivery", "probe", "pre-stop", "image-present"}
	drawn := map[string]int{}
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		steps := map[seq.Key]*seq.Step{}
		made := map[string]bool{} // containers that had been before
		for _, x := range scenario.Fold(s.Subject, s.Observations).Steps() {
			steps[x.Key] = x
			if x.Detail > seq.Brief {
				continue
			}
			drawn[x.Rule.Name]++
			for _, k := range x.After {
				cause := steps[k]
				if cause != nil && cause.Detail > seq.Brief && slices.Contains(causes, cause.Rule.Name) &&
					!(cause.Rule.Name == "image-present" && made[x.About+x.Container]) {
					t.Errorf("%s: %s is drawn, and not %s, by which it came about", s.Name, x.Label, cause.Label)
				}
			}
			if strings.HasPrefix(x.Label, "CreateContainer ") || strings.HasPrefix(x.Label, "exits ") {
				made[x.About+x.Container] = true
			}
		}
	}
	for _, name := range causes {
		if drawn[name] == 0 {
			t.Errorf("no %s is drawn", name)
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
