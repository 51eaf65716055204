package render_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

var (
	likelySeconds = regexp.MustCompile(`(?m)^≈([\d.]+)s `)
	unitOf        = regexp.MustCompile(`\d(?: (ms|s)\b|[hms]\b)`)
)

// A column has one unit: times are in milliseconds below 10 s, and what phases took is all in milliseconds, or all in
// seconds.
func TestColumnsHaveOneUnit(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		text := drawnAs(t, "listing", r, render.Style{Width: 200, Detail: seq.Normal})
		for _, m := range likelySeconds.FindAllStringSubmatch(text, -1) {
			if f, err := strconv.ParseFloat(m[1], 64); err != nil || f < 9.9 {
				t.Errorf("%s: %q stands between milliseconds", s.Name, m[0])
			}
		}
		for _, picture := range []string{text, drawnAs(t, "svg", r, render.Style{Detail: seq.Normal})} {
			units := map[string]string{}
			for _, p := range r.Phases {
				took := regexp.MustCompile(`(?m)(?:^  |>)` + regexp.QuoteMeta(p.Name) + ` +([≈≤\d][^█░·<,]*)`)
				for _, m := range took.FindAllStringSubmatch(picture, -1) {
					for _, unit := range unitOf.FindAllStringSubmatch(m[1], -1) {
						if unit[1] != "" { // and not 2m30s
							units[unit[1]] = m[0]
						}
					}
				}
			}
			if len(units) > 1 {
				t.Errorf("%s: phases took %v", s.Name, units)
			}
		}
	}
}

// A step has the same time, to the digit, in the listing and on the page, which draws more steps.
func TestTimesAreTheSameInAllPictures(t *testing.T) {
	compared := 0
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		zero := r.Run.Origin
		if !r.Run.AttachedAt.IsZero() {
			zero = r.Run.AttachedAt
		}
		for _, pods := range []render.Selection{"all", "first"} {
			r.Pods = pods
			rows, err := truth.ReadListing(drawnAs(t, "listing", r, render.Style{Width: 300, Detail: seq.Normal}), zero)
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			times := map[string]map[string]bool{} // by label
			for _, x := range stepsOfPage(t, r) {
				label := strings.Join(strings.Fields(x.Label), "")
				if times[label] == nil {
					times[label] = map[string]bool{}
				}
				times[label][x.Time] = true
			}
			for _, row := range rows {
				if of := times[strings.Join(strings.Fields(row.Label), "")]; of != nil {
					if compared++; !of[row.Time] {
						t.Errorf("%s --pods=%s: %s %s is at %v on the page", s.Name, pods, row.Time, row.Label, of)
					}
				}
			}
		}
	}
	if compared < 3000 {
		t.Errorf("only %d were compared", compared)
	}
}

// stepsOfPage are the steps of the page of a report.
func stepsOfPage(t *testing.T, r render.Report) []struct{ Label, Time string } {
	t.Helper()
	_, data, _ := strings.Cut(drawnAs(t, "html", r, render.Style{Detail: seq.Normal}), `id="report">`)
	data, _, _ = strings.Cut(data, "</script>")
	var page struct {
		Steps []struct{ Label, Time string }
	}
	if err := json.Unmarshal([]byte(data), &page); err != nil {
		t.Fatal(err)
	}
	return page.Steps
}

// Where the bounds of phases do not add up to the run, the listing, the page and the picture say so, and what all took.
func TestBoundsDoNotAddUp(t *testing.T) {
	for name, want := range map[string]string{
		"show-crash": "together 42.3 s: a bound is of one phase alone, so the bounds do not add up",
		"delete":     "together 2332 ms: a bound is of one phase alone, so the bounds do not add up",
		"spans":      "",
	} {
		s := scenario.Named(t, name)
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, format := range []string{"listing", "html", "svg"} {
			text := drawnAs(t, format, r, render.Style{Width: 120, Detail: seq.Normal})
			if want != "" && !strings.Contains(text, want) || want == "" && strings.Contains(text, "not add up") {
				t.Errorf("%s, %s: no %q", name, format, want)
			}
		}
	}
}

// A reader is told why not each write has an arrow to etcd; in full detail each has.
func TestArrowsToEtcdAreExplained(t *testing.T) {
	s := scenario.Named(t, "plain")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	const want = "Each revision is a write to etcd. The arrows of 2 are not drawn: --detail"
	for _, format := range []string{"listing", "lanes", "mermaid", "svg"} {
		if text := drawnAs(t, format, r, render.Style{Width: 160, Detail: seq.Normal}); !strings.Contains(text, want) {
			t.Errorf("%s: no %q", format, want)
		}
		text := drawnAs(t, format, r, render.Style{Width: 160, Detail: seq.Full})
		if strings.Contains(text, "are not drawn:") {
			t.Errorf("%s, --detail=full: arrows are said to be missing", format)
		}
	}
	page := drawnAs(t, "html", r, render.Style{Detail: seq.Normal})
	if !strings.Contains(page, "less than full detail has only") {
		t.Error("the legend of the page does not explain the arrows to etcd")
	}
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		text := drawnAs(t, "listing", r, render.Style{Width: 160, Detail: seq.Full})
		if strings.Contains(text, "Each revision is") {
			t.Errorf("%s: a write has no arrow to etcd in full detail", s.Name)
		}
	}
}
