package render_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

var approximate = regexp.MustCompile(`≈ ([\d.]+) (ms|s) \((?:≤ |([\d.]+)(?: (ms|s))?–)?([\d.]+) (ms|s)\)`)

// What is likely stands within the bounds beside it, as they are printed.
func TestLikelyIsWithinItsBounds(t *testing.T) {
	inMs := func(number, unit string) float64 {
		f, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatal(err)
		}
		if unit == "s" {
			f *= 1000
		}
		return f
	}
	seen := 0
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		text := strings.Join(strings.Fields(drawnAs(t, "listing", r, render.Style{Width: 200, Detail: seq.Full})), " ")
		for _, m := range approximate.FindAllStringSubmatch(text, -1) {
			likely, most, least := inMs(m[1], m[2]), inMs(m[5], m[6]), 0.0
			if m[3] != "" {
				if m[4] == "" {
					m[4] = m[6]
				}
				least = inMs(m[3], m[4])
			}
			if seen++; likely < least || likely > most || m[3] == "" && !strings.Contains(m[0], "≤") {
				t.Errorf("%s: %s", s.Name, m[0])
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d were looked at", seen)
	}
}

// A line ends neither between a number and its unit nor after the sign before a number.
func TestLinesKeepUnits(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "plain", "probes", "crash") {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, format := range []string{"listing", "lanes"} {
			for width := 80; width < 130; width += 3 {
				for line := range strings.Lines(drawnAs(t, format, r, render.Style{Width: width, Detail: seq.Full})) {
					words := strings.Fields(strings.Trim(line, "│┃╌ \n"))
					if len(words) == 0 {
						continue
					}
					if last := words[len(words)-1]; strings.HasSuffix(last, "≤") || strings.HasSuffix(last, "≈") {
						t.Errorf("%s, %s, %d columns: %q", s.Name, format, width, line)
					}
					if first := words[0]; first == "ms" || first == "ms)" || first == "s" || first == "s)" {
						t.Errorf("%s, %s, %d columns: %q", s.Name, format, width, line)
					}
				}
			}
		}
	}
}
