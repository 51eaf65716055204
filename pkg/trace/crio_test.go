package trace_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// No CRI-O was run: these are recordings of containerd, changed to what the source of CRI-O v1.34.0 would have had them
// say.

// onCRIO has the containers' ids name CRI-O, and its spans carry no ids: each is named by the function that made it.
func onCRIO(all []seq.Observation, change func(*corev1.Pod)) []seq.Observation {
	var out []seq.Observation
	for _, o := range all {
		if o.Change != nil && o.Change.Pod != nil {
			c := *o.Change
			c.Pod = c.Pod.DeepCopy()
			for i := range c.Pod.Status.ContainerStatuses {
				id := &c.Pod.Status.ContainerStatuses[i].ContainerID
				*id = strings.Replace(*id, "containerd", "cri-o", 1)
			}
			if change != nil {
				change(c.Pod)
			}
			o.Change = &c
		}
		if o.Span != nil && o.Span.Service == "containerd" {
			x := *o.Span
			x.Service, x.Attributes = "crio", nil
			if !strings.HasPrefix(x.Name, "runtime.v1.") {
				x.Name = "github.com/cri-o/cri-o/server.(*Server)." + x.Name
			}
			o.Span = &x
		}
		out = append(out, o)
	}
	return out
}

// at is where a request with that label is among the steps.
func at(steps []*seq.Step, label string) int {
	return slices.IndexFunc(steps, func(x *seq.Step) bool { return x.Kind == seq.RequestKind && x.Label == label })
}

// CRI-O has the OCI runtime create a container within CreateContainer, and containerd within StartContainer. Which OCI
// runtime that is, nothing says: since CRI-O 1.31 it is crun by default.
func TestWhereTheContainerIsMade(t *testing.T) {
	for _, name := range []string{"plain", "evidence"} {
		s := scenario.Named(t, name)
		steps := scenario.Fold(s.Subject, s.Observations).Steps()
		if at(steps, "create") < at(steps, "StartContainer app") || at(steps, "StartContainer app") < 0 {
			t.Errorf("%s: containerd's runc create comes before StartContainer", name)
		}
		steps = scenario.Fold(s.Subject, onCRIO(s.Observations, nil)).Steps()
		made, started := at(steps, "CreateContainer app"), at(steps, "StartContainer app")
		create, start := at(steps, "create"), at(steps, "start")
		if made < 0 || create < made || started < create || start < started {
			t.Fatalf("%s: CreateContainer %d, create %d, StartContainer %d, start %d", name, made, create, started, start)
		}
		for _, i := range []int{create, start} {
			if x := steps[i]; x.From != "cri-o" || x.To != "OCI runtime" || x.Certainty != seq.Inferred {
				t.Errorf("%s: %s %s → %s %s", name, x.Certainty, x.From, x.To, x.Label)
			}
		}
		for _, x := range steps {
			if x.From == seq.Containerd || x.To == seq.Containerd || x.From == seq.Runc || x.To == seq.Runc {
				t.Errorf("%s: %s → %s %s", name, x.From, x.To, x.Label)
			}
		}
	}
}

// What the OCI runtime cannot create fails CreateContainer, with an error that names it so (CreateContainer in
// internal/oci/runtime_oci.go).
func TestContainerThatCRIOCannotMake(t *testing.T) {
	s := scenario.Named(t, "create-error")
	const message = `container create failed: time="…" level=error msg="runc create failed: no such profile"`
	all := onCRIO(s.Observations, func(p *corev1.Pod) {
		for i := range p.Status.ContainerStatuses {
			if w := p.Status.ContainerStatuses[i].State.Waiting; w != nil && w.Reason == "CreateContainerError" {
				w.Message = message
			}
		}
	})
	all = append([]seq.Observation{{Received: all[0].Received, Node: &seq.Node{Name: "node1", Runtime: "cri-o"}}}, all...)
	for i, o := range all {
		if o.Event != nil && strings.HasPrefix(o.Event.Event.Message, "Error: failed to create containerd container") {
			e := *o.Event
			e.Event = e.Event.DeepCopy()
			e.Event.Message = "Error: " + message
			all[i].Event = &e
		}
	}
	steps := scenario.Fold(s.Subject, all).Steps()
	made, create := at(steps, "CreateContainer app"), at(steps, "create")
	if made < 0 || create < made || steps[create].To != "OCI runtime" || steps[create].From != "cri-o" {
		t.Fatalf("CreateContainer %d, create %d", made, create)
	}
	if !slices.ContainsFunc(steps, func(x *seq.Step) bool { return x.Failed && x.Call == steps[create].Call }) {
		t.Error("create does not fail")
	}
}
