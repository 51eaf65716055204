package render_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Which Pods are drawn is a matter of the picture: JSON has all, and the summary counts all.
func TestSelection(t *testing.T) {
	s := scenario.Named(t, "deployment")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	if len(r.Members) != 2 {
		t.Fatalf("%d Pods", len(r.Members))
	}
	slowest := r.Members[0].Object.Name
	if r.Members[1].Took > r.Members[0].Took {
		slowest = r.Members[1].Object.Name
	}
	for pods, drawn := range map[render.Selection][]string{"all": {r.Members[0].Object.Name, r.Members[1].Object.Name},
		"first": {r.Members[0].Object.Name}, "slowest": {slowest}} {
		r.Pods = pods
		for _, format := range []string{"listing", "lanes", "mermaid", "html"} {
			var b bytes.Buffer
			if err := render.Formats[format].Write(&b, r, render.Style{Width: 240, Detail: seq.Normal}); err != nil {
				t.Fatal(err)
			}
			want := len(drawn)
			if format == "html" { // what the page chooses from, and the listing for those without scripts
				want += 2
			}
			if n := strings.Count(b.String(), "picks node1"); n != want {
				t.Errorf("--pods=%s -o %s draws %d Pods", pods, format, n)
			}
			for _, name := range drawn {
				if !strings.Contains(b.String(), name) {
					t.Errorf("--pods=%s -o %s: no %s", pods, format, name)
				}
			}
		}
		var b bytes.Buffer
		if err := render.JSON(&b, r); err != nil || strings.Count(b.String(), `"type":"pod"`) != 2 ||
			strings.Count(b.String(), `"label":"picks node1"`) != 2 {
			t.Errorf("--pods=%s -o json does not have both Pods: %v", pods, err)
		}
	}
}

// Whatever is drawn while the run goes on is, in the end, what would have been drawn at once.
func TestSelectionLive(t *testing.T) {
	s := scenario.Named(t, "deployment")
	for _, pods := range []render.Selection{"all", "first", "slowest"} {
		var live, atOnce bytes.Buffer
		style := render.Style{Width: 120, Detail: seq.Normal}
		l := render.NewLive("listing", style, &live, nil)
		tr := trace.New(s.Subject)
		var r render.Report
		for _, o := range s.Observations {
			tr.Observe(o)
			r = scenario.Report(tr)
			r.Pods = pods
			running := r
			running.Outcome = render.Outcome{}
			if err := l.Update(running, tr.Settled(time.Second), ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Finish(r); err != nil {
			t.Fatal(err)
		}
		if err := render.Formats["listing"].Write(&atOnce, r, style); err != nil {
			t.Fatal(err)
		}
		if live.String() != atOnce.String() {
			t.Errorf("--pods=%s: live\n%s\nat once\n%s", pods, live.String(), atOnce.String())
		}
	}
}

// A listing of the first Pod is the same, while the run goes on and in the end, be the others drawn or only counted.
func TestSelectionCounted(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		if len(scenario.Fold(s.Subject, s.Observations).Members()) < 2 {
			continue
		}
		for _, pods := range []render.Selection{"first", "slowest"} {
			counted := listed(t, s, pods, seq.Drawn{Some: true, First: pods == "first"})
			if all := listed(t, s, pods, seq.Drawn{}); counted != all {
				t.Errorf("%s --pods=%s (-drawn +counted):\n%s", s.Name, pods,
					cmp.Diff(strings.Split(all, "\n"), strings.Split(counted, "\n")))
			}
		}
	}
}

// listed is the listing of a run that is looked at now and then. In the end all that it tells of Pods is derived. It is
// so patient that nothing comes late: nothing waits for what is late of a Pod that is not drawn.
func listed(t *testing.T, s scenario.Scenario, pods render.Selection, drawn seq.Drawn) string {
	var b bytes.Buffer
	live := render.NewLive("listing", render.Style{Width: 120, Detail: seq.Normal}, &b, nil)
	tr := trace.New(s.Subject)
	tr.Draw(drawn)
	for i, o := range s.Observations {
		if tr.Observe(o); i%4 > 0 {
			continue
		}
		r := render.Report{Run: tr.Run(), Steps: tr.Steps(), Phases: tr.Phases(time.Time{}), Members: tr.Members(),
			Cycles: tr.Cycles(), Pods: pods}
		if err := live.Update(r, tr.Settled(10*time.Second), ""); err != nil {
			t.Fatal(err)
		}
	}
	r := scenario.Report(tr)
	if r.Pods = pods; drawn.Some {
		tr.Draw(seq.Drawn{Some: true, Pods: r.ToldPods()})
		r = scenario.Report(tr)
		r.Pods = pods
	}
	if err := live.Finish(r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
