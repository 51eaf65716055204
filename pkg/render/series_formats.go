package render

// A series in the formats of other tools.

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
)

// perfdata writes what clusterloader2 writes, and perf-dash reads: percentiles in milliseconds, the likeliest of each.
// A percentile that is a run that failed is left out.
func perfdata(w io.Writer, s Series) error {
	type item struct {
		Data   map[string]float64 `json:"data"`
		Unit   string             `json:"unit"`
		Labels map[string]string  `json:"labels"`
	}
	out := struct {
		Version string            `json:"version"`
		Items   []item            `json:"dataItems"`
		Labels  map[string]string `json:"labels,omitempty"`
	}{Version: "1.0", Items: []item{}, Labels: map[string]string{}}
	if len(s.Runs) > 0 {
		for _, m := range s.measures() {
			i := item{Data: map[string]float64{}, Unit: "ms", Labels: map[string]string{"Metric": metricName(m.name)}}
			for _, percent := range percents {
				if v := percentile.Of(m.samples, percent); !v.Failed {
					i.Data[fmt.Sprintf("Perc%v", percent)] = ms(v.Likely)
				}
			}
			out.Items = append(out.Items, i)
		}
		out.Labels["runs"], out.Labels["failed"] = fmt.Sprint(len(s.Runs)), fmt.Sprint(s.Failed())
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// metricName is the name of a measure as clusterloader2 has them: its own is pod_startup.
func metricName(measure string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '+' {
			return '_'
		}
		return r
	}, measure)
}

// Failed is how many runs did not get there.
func (s Series) Failed() (n int) {
	for _, r := range s.Runs {
		if r.failed() {
			n++
		}
	}
	return n
}

// benchmarks writes the format of Go's benchmarks, one line a run, which benchstat compares. It knows no run that
// failed: these are counted in a line of their own.
func benchmarks(w io.Writer, s Series) error {
	var b strings.Builder
	for _, r := range s.Runs[:min(1, len(s.Runs))] {
		fmt.Fprintf(&b, "server: %s\nimage: %s\n", oneWord(r.Report.Run.Server), oneWord(r.Report.Run.Image))
	}
	fmt.Fprintf(&b, "runs: %d\nfailed: %d\n", len(s.Runs), s.Failed())
	if len(s.Runs) > 0 {
		measures := s.measures()
		for i, r := range s.Runs {
			if r.failed() {
				continue
			}
			fmt.Fprintf(&b, "BenchmarkStart/%s 1 %d ns/op", oneWord(s.Name), measures[0].samples[i].Likely.Nanoseconds())
			for _, m := range measures[1:] {
				fmt.Fprintf(&b, " %d %s-ns", m.samples[i].Likely.Nanoseconds(), metricName(m.name))
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// oneWord is a text without what separates words.
func oneWord(text string) string { return strings.Join(strings.Fields(Plain(text)), "_") }

// prometheus writes Prometheus' text format: the likeliest value of each percentile, and its bounds.
func prometheus(w io.Writer, s Series) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# HELP kubectl_seq_runs Runs of the series.\n# TYPE kubectl_seq_runs gauge\nkubectl_seq_runs %d\n",
		len(s.Runs))
	fmt.Fprintf(&b, "# HELP kubectl_seq_runs_failed Runs that did not get there.\n# TYPE kubectl_seq_runs_failed gauge\n"+
		"kubectl_seq_runs_failed %d\n", s.Failed())
	var measures []measure
	if len(s.Runs) > 0 {
		measures = s.measures()
	}
	for _, x := range []struct {
		name, help string
		of         func(percentile.Value) (seconds float64, known bool)
	}{
		{"kubectl_seq_start_seconds", "Percentiles of what a start took: the likeliest run; +Inf where that failed.",
			func(v percentile.Value) (float64, bool) { return v.Likely.Seconds(), !v.Failed }},
		{"kubectl_seq_start_min_seconds", "Their lower bounds.",
			func(v percentile.Value) (float64, bool) { return v.Min.Seconds(), !v.Failed }},
		{"kubectl_seq_start_max_seconds", "Their upper bounds; +Inf where that run may have failed.",
			func(v percentile.Value) (float64, bool) { return v.Max.Seconds(), !v.Failed && !v.MayFail }},
	} {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %[1]s gauge\n", x.name, x.help)
		for _, m := range measures {
			for _, percent := range percents {
				value := "+Inf"
				if seconds, known := x.of(percentile.Of(m.samples, percent)); known {
					value = fmt.Sprint(seconds)
				}
				fmt.Fprintf(&b, "%s{measure=%q,quantile=\"%v\"} %s\n", x.name, metricName(m.name), percent/100, value)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
