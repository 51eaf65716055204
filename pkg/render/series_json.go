package render

import (
	"encoding/json"
	"io"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// jsonSeries is the same start, again and again.
type jsonSeries struct {
	Type       string `json:"type"`
	APIVersion string `json:"apiVersion"`      // seq/v1alpha1
	Name       string `json:"name"`            // of what was started
	Server     string `json:"server"`          // version of the API server
	Image      string `json:"image,omitempty"` // of the first container
	Asked      int    `json:"asked"`           // so many runs were asked for
	Runs       int    `json:"runs"`            // so many there were
	Failed     int    `json:"failed"`          // so many of them did not get there
	Warmup     int    `json:"warmup"`          // so many came before, and do not count
	// why the indicator of Kubernetes' own objectives is not among the measures; empty where it is
	NotIncluded string `json:"notIncluded,omitempty"`
}

// jsonMeasured is one run of a series.
type jsonMeasured struct {
	Type     string     `json:"type"`
	Run      int        `json:"run"`      // its number, from 1
	Subject  seq.Object `json:"subject"`  // what the run is about
	Started  *time.Time `json:"started"`  // when its request was sent
	Outcome  string     `json:"outcome"`  // how it ended
	Failed   bool       `json:"failed"`   // it did not get there: it counts as longer than all that did
	Measures []jsonTook `json:"measures"` // pod-startup, total, and its phases
	// what is left out of pod-startup: the time to pull images and to run init containers
	Subtracted []jsonTook `json:"subtracted,omitempty"`
	// from the Pod's creationTimestamp, in whole seconds, until a watch said that it has started, in seconds
	ByTimestamp *float64 `json:"byTimestamp,omitempty"`
}

type jsonTook struct {
	Name    string  `json:"name"`    // pod-startup, total, or a phase
	Seconds float64 `json:"seconds"` // the likeliest
	Min     float64 `json:"min"`     // the least that is proved, in seconds
	Max     float64 `json:"max"`     // the most that is proved, in seconds
}

// jsonPercentiles are those of one measure.
type jsonPercentiles struct {
	Type        string           `json:"type"`
	Measure     string           `json:"measure"`     // pod-startup, total, or a phase
	Percentiles []jsonPercentile `json:"percentiles"` // p50, p90, p99, and the slowest
}

type jsonPercentile struct {
	Percent float64 `json:"percent"` // 100 is the slowest run
	Run     int     `json:"run"`     // the run that it likely is
	Failed  bool    `json:"failed"`  // that run failed
	// the same in seconds, as it is known: null where a run failed
	Seconds *float64 `json:"seconds"`
	Min     *float64 `json:"min"` // the least that is proved, in seconds
	Max     *float64 `json:"max"` // the most that is proved, in seconds; null where that run may have failed
	// the percentile of all such runs is no less, and no more, in 95 of 100 measurements; null where these are too few
	AtLeast *float64 `json:"atLeast"`
	AtMost  *float64 `json:"atMost"` // see atLeast
}

// jsonVerdict is what the runs say of an objective.
type jsonVerdict struct {
	Type      string             `json:"type"`
	Objective string             `json:"objective"` // as it was given
	Measure   string             `json:"measure"`   // that it was judged by
	Verdict   percentile.Verdict `json:"verdict"`   // right in 95 of 100 measurements at the least
	Runs      int                `json:"runs"`      // so many it was judged by
	Missed    int                `json:"missed"`    // so many runs certainly missed the limit, or failed
	MayMiss   int                `json:"mayMiss"`   // so many more may have
	// with so many runs it would be kept, if no more of them missed it; 0 where it is decided
	Decisive int `json:"decisive"`
}

// seriesJSON writes one document for the series, one for each run, one for the percentiles of each measure, and one for
// each objective.
func seriesJSON(w io.Writer, s Series) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	head := jsonSeries{Type: "series", APIVersion: "seq/v1alpha1", Name: s.Name, Asked: s.Asked, Runs: len(s.Runs),
		Warmup: s.Warmup, NotIncluded: s.notIncluded()}
	for _, r := range s.Runs {
		if head.Server, head.Image = r.Report.Run.Server, r.Report.Run.Image; r.failed() {
			head.Failed++
		}
	}
	documents := []any{head}
	if len(s.Runs) > 0 {
		documents = append(documents, s.documents()...)
	}
	for _, d := range documents {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

func (s Series) documents() (all []any) {
	measures := s.measures()
	for i, r := range s.Runs {
		j := jsonMeasured{Type: "measured", Run: r.Number, Subject: r.Report.Run.Subject,
			Started: instant(r.Report.Run.Origin), Outcome: r.Report.Outcome.Name, Failed: r.failed(), Measures: []jsonTook{}}
		for _, m := range measures {
			if x := m.samples[i]; !x.Failed {
				j.Measures = append(j.Measures, jsonTook{m.name, x.Likely.Seconds(), x.Min.Seconds(), x.Max.Seconds()})
			}
		}
		if r.Startup != nil {
			for _, p := range r.Startup.Subtracted {
				j.Subtracted = append(j.Subtracted, jsonTook{p.Name, p.Took.Seconds(), p.Min.Seconds(), p.Max.Seconds()})
			}
			j.ByTimestamp = new(r.Startup.ByTimestamp().Seconds())
		}
		all = append(all, j)
	}
	for _, m := range measures {
		j := jsonPercentiles{Type: "percentiles", Measure: m.name}
		for _, percent := range percents {
			j.Percentiles = append(j.Percentiles, jsonOfPercentile(percentile.Of(m.samples, percent)))
		}
		all = append(all, j)
	}
	for _, x := range s.Judgements() {
		all = append(all, jsonVerdict{"verdict", x.Text, measures[0].name, x.Verdict, x.Runs, x.Missed, x.MayMiss,
			x.Decisive})
	}
	return all
}

func jsonOfPercentile(v percentile.Value) jsonPercentile {
	j := jsonPercentile{Percent: v.Percent, Run: v.Run, Failed: v.Failed}
	if !v.Failed {
		j.Seconds, j.Min = new(v.Likely.Seconds()), new(v.Min.Seconds())
		if !v.MayFail {
			j.Max = new(v.Max.Seconds())
		}
	}
	if v.AtLeast != nil {
		j.AtLeast = new(v.AtLeast.Seconds())
	}
	if v.AtMost != nil {
		j.AtMost = new(v.AtMost.Seconds())
	}
	return j
}
