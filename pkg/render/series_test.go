package render_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// seriesOf is a series of recorded runs; of those named with a !, as if they had failed.
func seriesOf(t testing.TB, objective string, names ...string) render.Series {
	s := render.Series{Name: "web", Asked: len(names), Warmup: 1}
	if objective != "" {
		o, err := percentile.ParseObjective(objective)
		if err != nil {
			t.Fatal(err)
		}
		s.Objectives = append(s.Objectives, o)
	}
	for i, name := range names {
		name, failed := strings.CutPrefix(name, "!")
		x := scenario.Named(t, name)
		tr := scenario.Fold(x.Subject, x.Observations)
		r := render.SeriesRun{Number: i + 1, Report: scenario.Report(tr)}
		if failed {
			r.Report.Outcome.Name, r.Report.Outcome.ExitCode = "Stuck", 2
		} else {
			r.Report.Outcome.Name, r.Report.Outcome.ExitCode = "Ready", 0
		}
		for _, p := range r.Report.Phases {
			r.Report.Outcome.Total += p.Took
		}
		if startup, ok := tr.Startup(); ok {
			r.Startup = &startup
		}
		s.Runs = append(s.Runs, r)
	}
	return s
}

func drawSeries(t testing.TB, format string, s render.Series, y render.Style) string {
	var b bytes.Buffer
	if err := render.SeriesFormats[format](&b, s, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSeriesSaysWhatItKnows(t *testing.T) {
	y := render.Style{Detail: seq.Normal, Width: 120}
	for _, c := range []struct {
		objective    string
		names        []string
		says, hushes []string
	}{
		{"p50<1ms", []string{"plain", "startup", "hooks", "sidecar", "crash"}, []string{
			"web: 5 runs, after 1 to warm up", "p50<1ms: broken: 5 of 5 runs missed it.", "p99 of 5 runs is the slowest",
			"A  run", "the median", "the slowest", "pod-startup", "creationTimestamp"}, []string{"failed: 1"}},
		{"p90<1h", []string{"plain", "startup", "!plain"}, []string{
			"failed: 1 run (run 3): Stuck", "p90<1h: not decided: 1 of 3 runs missed it; with 46 runs"}, nil},
		{"", []string{"!no-such-tag"}, []string{"is not told: in no run all containers were started"}, []string{"single"}},
		{"", []string{"deployment"}, []string{"is not told: it is about single Pods", "total"},
			[]string{"creationTimestamp", "the median"}},
		{"", []string{"scheduled-eventtime"}, []string{"is not told: it could not be scheduled at first"}, nil},
		{"", nil, []string{"web: 0 runs"}, []string{"p50"}},
	} {
		text := drawSeries(t, "listing", seriesOf(t, c.objective, c.names...), y)
		for _, words := range c.says {
			if !strings.Contains(text, words) {
				t.Errorf("%v: does not say %q:\n%s", c.names, words, text)
			}
		}
		for _, words := range c.hushes {
			if strings.Contains(text, words) {
				t.Errorf("%v: says %q:\n%s", c.names, words, text)
			}
		}
	}
}

// The table fits a terminal, also one without Unicode.
func TestSeriesFits(t *testing.T) {
	s := seriesOf(t, "p90<1h", "plain", "init", "!plain", "hooks")
	for _, width := range []int{60, 80, 120, 200} {
		for _, ascii := range []bool{false, true} {
			text := drawSeries(t, "listing", s, render.Style{Detail: seq.Normal, Width: width, ASCII: ascii})
			for line := range strings.Lines(text) {
				if line = strings.TrimSuffix(line, "\n"); runewidth.StringWidth(line) > width {
					t.Errorf("%d cells in %d: %s", runewidth.StringWidth(line), width, line)
				}
				if ascii && strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
					t.Errorf("not ASCII: %s", line)
				}
			}
		}
	}
}

// What runs are named does not leave its line, or its format.
func TestSeriesWithHostileNames(t *testing.T) {
	s := seriesOf(t, "", "plain", "startup")
	s.Name = "a b\n\x1b[31m\"c"
	for format := range render.SeriesFormats {
		text := drawSeries(t, format, s, render.Style{Detail: seq.Normal, Width: 120})
		if strings.Contains(text, "\x1b") || strings.Contains(text, "a b\n") {
			t.Errorf("%s: %q", format, text[:min(200, len(text))])
		}
	}
}

// Each line is one of Go's benchmark format: a key and its value, or a result.
func TestSeriesAsBenchmarks(t *testing.T) {
	is := regexp.MustCompile(`^([a-z][^\sA-Z]*: \S+|Benchmark\S+ 1( \d+ [^\s]+)+)$`)
	results := 0
	for line := range strings.Lines(drawSeries(t, "bench", seriesOf(t, "", "plain", "init", "!plain"), render.Style{})) {
		if line = strings.TrimSuffix(line, "\n"); !is.MatchString(line) {
			t.Errorf("%q", line)
		}
		if strings.HasPrefix(line, "Benchmark") {
			results++
		}
	}
	if results != 2 {
		t.Errorf("%d results of two runs that got there", results)
	}
}

func TestSeriesAsPerfdata(t *testing.T) {
	var is struct {
		Version string
		Items   []struct {
			Data   map[string]float64
			Unit   string
			Labels map[string]string
		} `json:"dataItems"`
	}
	text := drawSeries(t, "perfdata", seriesOf(t, "", "plain", "startup", "!plain"), render.Style{})
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		t.Fatal(err)
	}
	if is.Version != "1.0" || len(is.Items) < 5 || is.Items[0].Labels["Metric"] != "pod_startup" ||
		is.Items[0].Unit != "ms" || is.Items[0].Data["Perc50"] < 100 || is.Items[0].Data["Perc99"] != 0 {
		t.Errorf("%+v", is)
	}
}

// A run that failed is longer than any bound.
func TestSeriesForPrometheus(t *testing.T) {
	text := drawSeries(t, "prometheus", seriesOf(t, "", "plain", "startup", "!plain"), render.Style{})
	for _, line := range []string{`kubectl_seq_start_seconds{measure="pod_startup",quantile="0.99"} +Inf`,
		"kubectl_seq_runs_failed 1", "# TYPE kubectl_seq_start_seconds gauge"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	is := regexp.MustCompile(`^(# (HELP|TYPE) \w+ .+|\w+(\{measure="[^"]*",quantile="[\d.]+"\})? (\+Inf|[\d.e+-]+))$`)
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); !is.MatchString(line) {
			t.Errorf("%q", line)
		}
	}
}

// keptOf is a series of these runs, each so many times, as its JSON gives it back.
func keptOf(t testing.TB, times int, names ...string) *render.KeptSeries {
	var all []string
	for range times {
		all = append(all, names...)
	}
	text := drawSeries(t, "json", seriesOf(t, "", all...), render.Style{})
	kept, err := render.ReadSeries(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func comparedSeries(t testing.TB) render.KeptComparison {
	return render.CompareSeries(keptOf(t, 10, "plain"), keptOf(t, 10, "hooks"), [2]string{"before.json", "after.json"})
}

// Ten starts of half a second each are certainly shorter than ten of nearly two seconds, but nothing is said of what
// neither has enough runs for.
func TestTwoSeries(t *testing.T) {
	y := render.Style{Detail: seq.Normal, Width: 100}
	var b bytes.Buffer
	if err := render.KeptFormats["listing"](&b, comparedSeries(t), y); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`A  before.json: web, 10 runs, 0 failed`, `pod-startup +p50 .* B longer`,
		`pod-startup +p99 .* not known`} {
		if !regexp.MustCompile(want).MatchString(b.String()) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	b.Reset()
	same := keptOf(t, 10, "plain")
	if err := render.KeptFormats["listing"](&b, render.CompareSeries(same, same, [2]string{"a", "b"}), y); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), " longer\n") {
		t.Errorf("a series differs from itself:\n%s", b.String())
	}
}

func TestWhatIsNoSeries(t *testing.T) {
	for _, text := range []string{"", "{}", "no JSON", `{"type":"series"}`, `{"type":"measured","run":"one"}`} {
		if _, err := render.ReadSeries(strings.NewReader(text)); err == nil {
			t.Errorf("%q is taken for a series", text)
		}
	}
}

func FuzzSeries(f *testing.F) {
	f.Add(`{"type":"series","runs":1}
{"type":"measured","run":1,"measures":[{"name":"total","seconds":1,"min":1,"max":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		kept, err := render.ReadSeries(strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := render.KeptFormats["listing"](&b, render.CompareSeries(kept, kept, [2]string{"a", "b"}),
			render.Style{Width: 100}); err != nil {
			t.Fatal(err)
		}
	})
}
