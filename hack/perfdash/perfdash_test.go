// Package perfdash holds -o perfdata against the types with which perf-dash reads it.
package perfdash

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/kubernetes/test/e2e/perftype"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// perf-dash's parseResponsivenessData (kubernetes/perf-tests, perfdash/parser.go, which is no module that can be had)
// unmarshals a file as perftype.PerfData, and takes all items of the version of the first file. Its page plots the data
// of items whose labels are the same as one series, so that they must have the same unit and the same keys.
func TestPerfDashReadsIt(t *testing.T) {
	for _, names := range [][]string{{"plain", "startup"}, {"init", "plain", "many"}} {
		s := render.Series{Name: "web", Asked: len(names)}
		for i, name := range names {
			x := scenario.Named(t, name)
			tr := scenario.Fold(x.Subject, x.Observations)
			r := render.SeriesRun{Number: i + 1, Report: scenario.Report(tr)}
			r.Report.Outcome = render.Outcome{Name: "Ready"}
			for _, p := range r.Report.Phases {
				r.Report.Outcome.Total += p.Took
			}
			if startup, ok := tr.Startup(); ok {
				r.Startup = &startup
			}
			s.Runs = append(s.Runs, r)
		}
		var text bytes.Buffer
		if err := render.SeriesFormats["perfdata"](&text, s, render.Style{}); err != nil {
			t.Fatal(err)
		}
		var data perftype.PerfData
		read := json.NewDecoder(&text)
		read.DisallowUnknownFields() // of which perf-dash would show nothing
		if err := read.Decode(&data); err != nil {
			t.Fatal(err)
		}
		if data.Version != "1.0" || len(data.DataItems) < 5 {
			t.Errorf("version %q, %d items", data.Version, len(data.DataItems))
		}
		metrics := map[string]bool{}
		for _, item := range data.DataItems {
			metric := item.Labels["Metric"]
			keys := strings.Join(slices.Sorted(maps.Keys(item.Data)), " ")
			if metric == "" || metrics[metric] || item.Unit != "ms" || keys != "Perc100 Perc50 Perc90 Perc99" ||
				item.Data["Perc50"] > item.Data["Perc90"] || item.Data["Perc90"] > item.Data["Perc99"] {
				t.Errorf("%+v", item)
			}
			metrics[metric] = true
		}
		if !metrics["pod_startup"] {
			t.Errorf("of %q pod_startup is not told, only %v", names, metrics)
		}
	}
}
