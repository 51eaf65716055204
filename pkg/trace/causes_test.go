package trace_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
	"device-taint": "the driver of a device would have to taint it while a Pod uses it",
	"no-nodes":     "the only node of the cluster would have to go, and with it what runs there",
	"cgroup":       "the runtime would have to be configured for another cgroup driver than the kubelet, and started anew",
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

// A device's taint is told apart from a node that has gone; both are from controllers.
func TestDeviceTaint(t *testing.T) {
	s := causeNamed(t, "gc")
	tr := trace.New(s.Subject)
	for _, o := range s.Observations {
		if c := o.Change; c != nil && c.Pod != nil {
			change, pod := *c, c.Pod.DeepCopy()
			for i := range pod.Status.Conditions {
				if pod.Status.Conditions[i].Reason == "DeletionByPodGC" {
					pod.Status.Conditions[i].Reason = "DeletionByDeviceTaintManager"
				}
			}
			change.Pod, o.Change = pod, &change
		}
		tr.Observe(o)
	}
	if o, ok := tr.Obstacle(); !ok || o.Name != "device-taint" {
		t.Errorf("%s: %s", o.Name, o.Explain)
	}
}

// A StatefulSet that recreates its Pods deletes one of an older template by itself.
func TestStalePodOfRecreate(t *testing.T) {
	s := causeNamed(t, "stale-pod")
	tr := trace.New(s.Subject)
	for _, o := range s.Observations {
		if c := o.Change; c != nil && c.Object != nil && c.Object.GetKind() == "StatefulSet" {
			change, set := *c, c.Object.DeepCopy()
			if err := unstructured.SetNestedField(set.Object, "Recreate", "spec", "updateStrategy", "type"); err != nil {
				t.Fatal(err)
			}
			change.Object, o.Change = set, &change
		}
		tr.Observe(o)
	}
	if o, _ := tr.Obstacle(); o.Name == "stale-pod" {
		t.Error(o.Explain)
	}
}

// causeNamed is the scenario that ends with that cause.
func causeNamed(t *testing.T, name string) scenario.Scenario {
	all := scenario.Causes(t)
	return all[slices.IndexFunc(all, func(s scenario.Scenario) bool { return s.Name == name })]
}

// Each command that a cause gives is run by the script that makes that cause on a cluster: `next` has a pattern for
// what each of them prints.
func TestEveryCommandIsRun(t *testing.T) {
	pattern := regexp.MustCompile(`'(?:[^']|'')*'|[^\s']+`)
	for _, s := range scenario.Causes(t) {
		script, err := os.ReadFile(filepath.Join("../../test/causes/testdata", s.Name+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		o, _ := scenario.Fold(s.Subject, s.Observations).Obstacle()
		commands := 0
		for _, n := range o.NextSteps {
			if n.Command != "" {
				commands++
			}
		}
		for line := range strings.Lines(string(script)) {
			args, ok := strings.CutPrefix(line, "next")
			if ok && len(pattern.FindAllString(args, -1)) != commands {
				t.Errorf("%s (%s): there are %d commands: %q; its script has %q", s.Name, o.Name, commands, o.NextSteps,
					strings.TrimSpace(line))
			}
		}
	}
}
