// Package promql runs the queries of docs/cluster.md, with Prometheus' own engine, on what Collectors have exported.
package promql

import (
	"bytes"
	"context"
	"math"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/teststorage"
)

// TestQueries has what METRICS names, which test/collector has read from a Collector, be what Prometheus reads a minute
// after that began, when all was 0. Each query then has an answer.
func TestQueries(t *testing.T) {
	text, err := os.ReadFile(os.Getenv("METRICS"))
	if err != nil {
		t.Fatalf("set METRICS to what test/collector has written (make test does): %v", err)
	}
	page, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Unix(1_800_000_000, 0)
	db := teststorage.New(t)
	to := db.Appender(context.Background())
	for at, scale := range map[time.Time]float64{begun: 0, begun.Add(time.Minute): 1} {
		for _, s := range samples(t, text, at) {
			b := labels.NewScratchBuilder(len(s.Metric))
			for k, v := range s.Metric {
				b.Add(string(k), string(v))
			}
			b.Sort()
			if _, err := to.Append(0, b.Labels(), at.UnixMilli(), scale*float64(s.Value)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := to.Commit(); err != nil {
		t.Fatal(err)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	queries := regexp.MustCompile("(?s)```promql\n(.*?)\n```").FindAllSubmatch(page, -1)
	if len(queries) == 0 {
		t.Fatal("docs/cluster.md has no queries")
	}
	for _, q := range queries {
		query, err := engine.NewInstantQuery(t.Context(), db, nil, string(q[1]), begun.Add(time.Minute))
		if err != nil {
			t.Errorf("%s: %v", q[1], err)
			continue
		}
		answer, err := query.Exec(t.Context()).Vector()
		if err != nil || len(answer) == 0 {
			t.Errorf("%s: %d series, %v", q[1], len(answer), err)
		}
		for _, x := range answer {
			t.Log(x.Metric, x.F)
			if math.IsNaN(x.F) || x.F < 0 {
				t.Errorf("%s: %s is %g", q[1], x.Metric, x.F)
			}
		}
	}
}

// samples are what a page of metrics says.
func samples(t *testing.T, text []byte, at time.Time) model.Vector {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var all model.Vector
	for _, f := range families {
		some, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnix(at.Unix())}, f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}
