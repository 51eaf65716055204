package trace_test

import (
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// fromSources are the causes that no cluster of ours can be brought to show: their messages are those of the sources
// of Kubernetes and of what it calls, and TestCausesByTheirTexts holds them.
var fromSources = map[string]string{
	"config":            "what the kubelet cannot put together for now, such as a ConfigMap while the API server is away",
	"create-late":       "a runtime that takes longer than two minutes to create a container",
	"etcd":              "other errors of etcd than that it is full: of one etcd nothing can be taken away",
	"run-failed":        "a runtime that takes longer than two minutes to start one, or breaks off",
	"too-many-requests": "a single request is always taken, however few a priority level may take",
	"sandbox-late": "the kubelet gives the runtime 4 min for a sandbox, and all Pods of the node would have to wait " +
		"with it",
	"no-nodes": "the only node of the cluster would have to go, and with it what runs there",
	"cgroup":   "the runtime would have to be configured for another cgroup driver than the kubelet, and started anew",
}

// A cause that no run shows may be one that nobody ever meets, or that is never found: each has a scenario of its name,
// recorded on a real cluster, that ends with it.
func TestEveryCauseHasAScenario(t *testing.T) {
	byName := map[string]scenario.Scenario{}
	for _, s := range scenario.Causes(t) {
		byName[s.Name] = s
	}
	for _, s := range scenario.All(t) { // those of an engine are made with the others
		if strings.HasPrefix(s.Name, "docker-") {
			byName[s.Name] = s
		}
	}
	if len(fromSources) > 10 {
		t.Errorf("%d causes have no scenario", len(fromSources))
	}
	known := map[string]bool{}
	for _, c := range trace.Causes() {
		known[c.Name] = true
		s, ok := byName[c.Name]
		if !ok {
			if fromSources[c.Name] == "" {
				t.Errorf("no scenario ends with %s: see \"Add a cause\" in CONTRIBUTING.md", c.Name)
			}
			continue
		}
		o, ok := scenario.Fold(s.Subject, s.Observations).Obstacle()
		if !ok || o.Name != c.Name {
			t.Errorf("%s ends with %q", c.Name, o.Name)
		}
	}
	for name := range fromSources {
		if _, ok := byName[name]; ok || !known[name] {
			t.Errorf("%s is listed without need", name)
		}
	}
}
