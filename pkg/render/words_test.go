package render_test

import (
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// The diagram of a course has the words of one: what is done to which object, answers that carry the story, and why.
func TestCourseWords(t *testing.T) {
	for name, want := range map[string][]string{
		"plain":  {"scheduler->>+apiserver: bind Pod plain to node1", "apiserver-->>-scheduler: Pod plain is bound"},
		"docker": {"user->>+docker: create container web", "user->>+docker: start container web"},
		"scaled": {"change Deployment web: spec.replicas#61;1",
			"apiserver-->>deployment: watch: Deployment web: spec.replicas#61;1"},
		"delete": {"report Succeeded, app exited 0<br/>(Completed)\n",
			"apiserver-->>kubelet: watch: Pod graceful is to end"},
		"probes": {"kubelet->>p1: readiness probe TCP :8080 succeeds",
			"Note over kubelet: image busybox:1 is already present"},
		"deployment": {"apiserver-->>deployment: watch: Deployment web",
			"-->>-scheduler: Pod web-59cf69bb6f-xkrjp is bound\n"}, // the name is enough
	} {
		s := scenario.Named(t, name)
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		text := drawnAs(t, "mermaid", r, render.Style{Detail: seq.Brief})
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s: no %q in\n%s", name, words, text)
			}
		}
	}
}

// The answer to a write stands in the phase that waited for the write.
func TestAnswersStandWithTheirWrites(t *testing.T) {
	s := scenario.Named(t, "plain")
	for _, x := range render.FigureRows(scenario.Report(scenario.Fold(s.Subject, s.Observations)), seq.Brief) {
		if x.Rule.Name == "bound" && x.Phase != "schedule" {
			t.Errorf("%s stands in %q", x.Label, x.Phase)
		}
	}
}

// An eviction that was refused is in the briefest diagram, as failing: it is why the Pod is still there. Without phases
// diagrams are named by their messages.
func TestRefusedEvictionsAreDrawn(t *testing.T) {
	s := scenario.Named(t, "drained")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	r.Phases = nil
	text := drawnAs(t, "mermaid", r, render.Style{Width: 120, Detail: seq.Brief})
	if n := strings.Count(text, "-x+apiserver: evict Pod two-cc656cb99-ds5wf: refused"); n != 3 {
		t.Errorf("%d refused evictions", n)
	}
	for _, want := range []string{"apiserver: evict Pod two-cc656cb99-ds5wf\n", "## 1. messages 1 to 40\n",
		"429 Cannot evict pod as it would violate<br/>the pod's disruption budget."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
