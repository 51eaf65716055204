package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Each scenario beside the next one, at every width and detail.
func TestNoComparedLineIsWiderThanTheTerminal(t *testing.T) {
	var reports []render.Report
	var names []string
	for _, s := range scenario.All(t) {
		reports, names = append(reports, scenario.Report(scenario.Fold(s.Subject, s.Observations))), append(names, s.Name)
	}
	for i := range reports {
		j := (i + 1) % len(reports)
		c := render.Compare(reports[i], reports[j], [2]string{names[i], names[j]})
		for _, width := range []int{60, 80, 100, 140, 200} {
			for _, y := range []render.Style{{Detail: seq.Normal}, {Detail: seq.Full, Explain: true},
				{Detail: seq.Brief, ASCII: true}} {
				y.Width = width
				var b bytes.Buffer
				if err := render.CompareFormats["listing"](&b, c, y); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(b.String()) {
					line = strings.TrimSuffix(line, "\n")
					if w := runewidth.StringWidth(line); w > width || strings.HasSuffix(line, " ") {
						t.Errorf("%s and %s: %d wide at %d: %q", names[i], names[j], w, width, line)
					}
					if k := strings.IndexFunc(line, func(r rune) bool { return r > 126 }); y.ASCII && k >= 0 {
						t.Errorf("%s and %s: %q", names[i], names[j], line)
					}
				}
			}
		}
	}
}

// Mermaid draws no text of more than 50,000 characters: what a comparison has no room for is counted.
func TestCompareMermaidIsDrawable(t *testing.T) {
	var reports []render.Report
	for _, s := range []scenario.Scenario{repeated(t, 60), scenario.Named(t, "plain")} {
		reports = append(reports, scenario.Report(scenario.Fold(s.Subject, s.Observations)))
	}
	var b bytes.Buffer
	if err := render.CompareFormats["mermaid"](&b, render.Compare(reports[0], reports[1], [2]string{"a", "b"}),
		render.Style{Detail: seq.Full}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); len(text) > 50_000 || !strings.Contains(text, "more steps are left out") {
		t.Errorf("%d characters", len(text))
	} else if open, ends := strings.Count(text, "\n    opt ")+strings.Count(text, "\n    box "),
		strings.Count(text, "\n    end\n"); open != ends {
		t.Errorf("%d blocks, and %d ends", open, ends)
	}
}
