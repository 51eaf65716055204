package render_test

import (
	"strings"
	"testing"
	"time"

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

// Durations stand below one another, however long the name of a phase is.
func TestBarsStandBelowEachOther(t *testing.T) {
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		columns := map[int]string{}
		for line := range strings.Lines(drawnAs(t, "listing", r, render.Style{Width: 120, Detail: seq.Normal})) {
			for _, p := range r.Phases {
				if rest, ok := strings.CutPrefix(line, "  "+p.Name+" "); ok && strings.ContainsAny(line, "█░") {
					columns[len(line)-len(strings.TrimLeft(rest, " "))] = line
				}
			}
		}
		if len(columns) > 1 {
			t.Errorf("%s: %v", s.Name, columns)
		}
	}
}

// What is hatched in the bar of a picture has its name beside it.
func TestLegendNamesTheFixedWait(t *testing.T) {
	s := scenario.Named(t, "plain")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	for _, format := range []string{"html", "svg"} {
		text := drawnAs(t, format, r, render.Style{Width: 120, Detail: seq.Normal})
		if !strings.Contains(text, "(432–456 ms), of it a fixed wait of 300 ms") {
			t.Errorf("-o %s does not say what is hatched", format)
		}
	}
}

// A grace period that was of no use is a wait; a wait is printed as it is known, not as a guess.
func TestWaitsAreAsKnown(t *testing.T) {
	for name, want := range map[string]string{
		"deadline":    "A fixed wait of 2.00 s in stop: a program that does not end when it is asked to",
		"liveness":    "A fixed wait of 2.00 s in stop: a program that does not end when it is asked to",
		"hook-fails":  "What removes it: a postStart hook that succeeds.",
		"crash":       "▾ restart         │ ≤ 0.463 s",
		"job-retries": "▾ back-off       │ ≈ 8000 ms (7589–8407 ms) in all",
	} {
		s := scenario.Named(t, name)
		tr := scenario.Fold(s.Subject, s.Observations)
		r := scenario.Report(tr)
		r.Phases, r.Waits = tr.Phases(time.Time{}), tr.Waits(time.Time{})
		format := "listing"
		if strings.HasPrefix(want, "▾") {
			format = "lanes"
		}
		text := drawnAs(t, format, r, render.Style{Width: 120, Detail: seq.Normal})
		want, is := strings.Join(strings.Fields(want), " "), strings.Join(strings.Fields(text), " ")
		if !strings.Contains(is, want) {
			t.Errorf("%s: no %q in\n%s", name, want, text)
		}
	}
	s := scenario.Named(t, "delete")
	for _, w := range scenario.Fold(s.Subject, s.Observations).Waits(time.Time{}) {
		if w.Phase == "stop" {
			t.Errorf("a program that ends by itself: %+v", w)
		}
	}
}

// A Pod that was found crash-looping was not getting ready in the lives of which only their number is kept.
func TestEarlierLivesAreNotKnown(t *testing.T) {
	s := scenario.Named(t, "show-crash")
	for _, p := range scenario.Fold(s.Subject, s.Observations).Phases(time.Time{}) {
		if p.Name == "ready" {
			t.Errorf("%+v", p)
		}
	}
}
