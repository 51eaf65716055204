package render_test

import (
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// In a terminal a bar says without colour whether something works, waits, or is not known.
func TestBarsTellWaits(t *testing.T) {
	s := scenario.Named(t, "registry-down")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	for _, y := range []render.Style{{Width: 120, Detail: seq.Normal}, {Width: 120, Detail: seq.Normal, ASCII: true}} {
		glyphs := map[string]string{"pull": "█", "retry": "░"}
		if y.ASCII {
			glyphs = map[string]string{"pull": "#", "retry": ":"}
		}
		text := drawnAs(t, "listing", r, y)
		for name, glyph := range glyphs {
			bar := ""
			for line := range strings.Lines(text) {
				if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
					bar = fields[len(fields)-1]
				}
			}
			if bar == "" || strings.Trim(bar, glyph) != "" {
				t.Errorf("%s is drawn as %q", name, bar)
			}
		}
		if legend := glyphs["pull"] + " works   " + glyphs["retry"] + " waits"; !strings.Contains(text, legend) {
			t.Errorf("no %q in\n%s", legend, text)
		}
	}
}
