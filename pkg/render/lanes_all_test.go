package render_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

var laneWidths = []int{80, 90, 100, 120, 160, 200}

// In terminals of every width each row of each scenario is whole: no line is longer than the terminal, every word that
// is to be said is there, but for those of labels that have more than they have room for, and each lane has its title.
func TestLanesOfEveryScenario(t *testing.T) {
	drawn := 0
	for i, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		if testing.Short() && i%8 != 0 {
			continue
		}
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, width := range laneWidths {
			for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
				titles, lanes, rows, ok := render.LaneRows(r, render.Style{Width: width, Detail: detail})
				if !ok {
					t.Errorf("%s: %d lanes have no room in %d columns", s.Name, lanes, width)
					continue
				}
				drawn++
				wide(t, s.Name, width, titles)
				for _, row := range rows {
					wide(t, s.Name, width, row.Lines)
					if row.Whole {
						said(t, s.Name, width, row)
					}
				}
			}
		}
	}
	if drawn == 0 {
		t.Error("nothing was drawn")
	}
}

// wide fails where a line is longer than the terminal.
func wide(t *testing.T, name string, width int, lines []string) {
	t.Helper()
	for _, l := range lines {
		if w := runewidth.StringWidth(l); w > width {
			t.Errorf("%s: %d wide at %d: %q", name, w, width, l)
		}
	}
}

// said fails where a word of a label is not in the lines of its row.
func said(t *testing.T, name string, width int, row render.LaneRow) {
	t.Helper()
	text := squashed(strings.Join(row.Lines, ""))
	for word := range strings.FieldsSeq(row.Label) {
		if !strings.Contains(text, squashed(word)) {
			t.Errorf("%s at %d: no %q of %q in\n%s", name, width, word, row.Label, strings.Join(row.Lines, "\n"))
		}
	}
}

// squashed leaves out blanks and what arrows and lifelines are drawn with.
func squashed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("│┃─╌▶▷◀◁◆✗●○", r) {
			return -1
		}
		return r
	}, s)
}

// No title runs into the next, and each is there with all its words where the lanes are wide enough.
func TestLaneTitlesAreApart(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "plain", "deployment", "statefulset", "cronjob", "mutated-evidence", "init") {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for width := 100; width <= 220; width += 7 {
			titles, lanes, _, ok := render.LaneRows(r, render.Style{Width: width, Detail: seq.Normal})
			if !ok {
				continue
			}
			last := titles[len(titles)-1]
			if n := len(strings.Fields(last)); n < lanes {
				t.Errorf("%s at %d: %d of %d titles in %q", s.Name, width, n, lanes, last)
			}
			if strings.Contains(strings.Join(titles, ""), "…") && (width-25)/lanes > 10 {
				t.Errorf("%s at %d: a title is cut:\n%s", s.Name, width, strings.Join(titles, "\n"))
			}
		}
	}
}

// The phases of a picture stand above the first of their rows, in order of time.
func TestLanesHavePhases(t *testing.T) {
	s := scenario.Named(t, "plain")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
		var b strings.Builder
		if err := render.Formats["lanes"].Write(&b, r, render.Style{Width: 140, Detail: detail}); err != nil {
			t.Fatal(err)
		}
		var names []string
		for line := range strings.Lines(b.String()) {
			if name, ok := strings.CutPrefix(line, "▾ "); ok {
				names = append(names, strings.Fields(name)[0])
			}
		}
		if got := strings.Join(names, " "); got != "admit schedule sandbox pull create start ready" {
			t.Errorf("--detail=%s: %s", detail, got)
		}
	}
}

// The runtime of a workload's Pods stands to the right of their kubelet, and the Pods' containers have their names.
func TestLanesOfWorkloads(t *testing.T) {
	s := scenario.Named(t, "deployment")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	want := "kubectl, apiserver, etcd, endpointslice controller, deployment controller, replicaset controller, " +
		"scheduler, kubelet, containerd, runc, tm7b6/app, xkrjp/app"
	if got := strings.Join(render.FigureLanes(r, seq.Normal), ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.Pods = "first"
	want = strings.ReplaceAll(want, "tm7b6/app, xkrjp/app", "app")
	if got := strings.Join(render.FigureLanes(r, seq.Normal), ", "); got != want {
		t.Errorf("--pods=first: got  %s\nwant %s", got, want)
	}
}

// Other clients stand beside kubectl.
func TestOtherClientsStandBesideKubectl(t *testing.T) {
	s := scenario.Named(t, "image-set")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	lanes := render.FigureLanes(r, seq.Full)
	if got := strings.Join(lanes[:4], " "); got != "kubectl kubectl-create kubectl-set apiserver" {
		t.Errorf("%q", lanes)
	}
}
