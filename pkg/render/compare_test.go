package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// Mermaid draws no text of more than 50,000 characters, and nobody reads a picture of hundreds of messages: of many
// there is a diagram of each phase, and what one has no room for is counted.
func TestCompareMermaidIsDrawable(t *testing.T) {
	many, plain := repeated(t, 60), scenario.Named(t, "plain")
	reports := []render.Report{scenario.Report(scenario.Fold(many.Subject, many.Observations)),
		scenario.Report(scenario.Fold(plain.Subject, plain.Observations))}
	text := comparedMermaid(t, reports[0], reports[1], seq.Full)
	all := strings.Split(text, "```mermaid\n")[1:]
	if len(all) < 5 {
		t.Errorf("%d diagrams", len(all))
	}
	for _, d := range all {
		d, _, _ = strings.Cut(d, "```")
		if n := strings.Count(d, ">>") + strings.Count(d, "-x"); n > 40 || len(d) > 50_000 {
			t.Errorf("%d messages, %d characters", n, len(d))
		}
		open, ends := 0, 0
		for line := range strings.Lines(d) {
			switch word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word {
			case "opt", "box", "rect":
				open++
			case "end":
				ends++
			}
		}
		if open != ends {
			t.Errorf("%d blocks, and %d ends", open, ends)
		}
	}
}

// Each message of two runs stands in the phase in which the runs have it. What one run divides further than the other
// is one phase.
func TestCompareMermaidHasPhases(t *testing.T) {
	plain, evidence := scenario.Named(t, "plain"), scenario.Named(t, "evidence")
	text := comparedMermaid(t, scenario.Report(scenario.Fold(plain.Subject, plain.Observations)),
		scenario.Report(scenario.Fold(evidence.Subject, evidence.Observations)), seq.Brief)
	want := map[string]string{"POST pods (plain)": "admit", "RunPodSandbox": "volumes+sandbox", "PullImage": "pull",
		"CreateContainer": "create", "StartContainer": "start"}
	phase, of := "", map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, note, ok := strings.Cut(line, "Note left of kubectl: "); ok {
			phase, _, _ = strings.Cut(note, "<br/>")
		}
		if line == "end" {
			phase = ""
		}
		for call := range want {
			if strings.Contains(line, ": "+call) {
				of[call] = phase
			}
		}
	}
	if d := cmp.Diff(want, of); d != "" {
		t.Error(d)
	}
	if strings.Contains(text, "rect rgba(120,144,156") {
		t.Error("a phase has no colour of its own")
	}
}

func comparedMermaid(t *testing.T, a, b render.Report, detail seq.Detail) string {
	t.Helper()
	var out bytes.Buffer
	if err := render.CompareFormats["mermaid"](&out, render.Compare(a, b, [2]string{"a", "b"}),
		render.Style{Detail: detail}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
