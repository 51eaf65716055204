package render

import (
	"io"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Series is the same start, again and again.
type Series struct {
	Name        string // of what was started
	Warmup      int    // so many runs came before, and do not count
	Asked       int    // so many were asked for
	Runs        []SeriesRun
	Objectives  []percentile.Objective
	Interrupted bool // it ended before all had run
}

// SeriesRun is one of them.
type SeriesRun struct {
	Number  int // from 1
	Report  Report
	Startup *seq.Startup // nil where it is no Pod, or has not started
}

// failed reports whether it did not get where it was to.
func (r SeriesRun) failed() bool { return r.Report.Outcome.ExitCode != 0 }

// measure is one thing that all runs are measured by.
type measure struct {
	name    string
	explain string
	samples []percentile.Sample
}

// percents are the percentiles that are told; the last is the longest run.
var percents = []float64{50, 90, 99, 100}

// The names of the measures that are no phases.
const (
	startupMeasure = "pod-startup"
	totalMeasure   = "total"
)

// measures are what the runs are measured by: the indicator of Kubernetes' objectives, where it applies to all, all
// that each took, and its phases, in the order in which they come.
func (s Series) measures() (all []measure) {
	if s.notIncluded() == "" {
		all = append(all, s.measure(startupMeasure,
			"until a watch says that all containers have been started, without pulls and init containers: the indicator "+
				"of Kubernetes' own objectives", SeriesRun.startup))
	}
	all = append(all, s.measure(totalMeasure, "from the request until what was asked for was certainly there",
		func(r SeriesRun) (percentile.Sample, bool) {
			d := r.Report.Outcome.Total
			return percentile.Sample{Min: d, Max: d, Likely: d}, !r.failed()
		}))
	for _, p := range s.phases() {
		all = append(all, s.measure(p.Name, p.Explain,
			func(r SeriesRun) (percentile.Sample, bool) { return r.phase(p.Name) }))
	}
	return all
}

// measure is one of those: of a run of which it cannot be told, it counts as longer than any.
func (s Series) measure(name, explain string, of func(SeriesRun) (percentile.Sample, bool)) measure {
	m := measure{name: name, explain: explain}
	for _, r := range s.Runs {
		x, ok := of(r)
		x.Run, x.Failed = r.Number, !ok
		m.samples = append(m.samples, x)
	}
	return m
}

func (r SeriesRun) startup() (percentile.Sample, bool) {
	if r.Startup == nil || r.failed() {
		return percentile.Sample{}, false
	}
	return percentile.Sample{Min: r.Startup.Min, Max: r.Startup.Max, Likely: r.Startup.Took}, true
}

// phase is what a run spent in a phase: nothing where it did not have it. One that failed may not have come to it, or
// past it.
func (r SeriesRun) phase(name string) (x percentile.Sample, known bool) {
	for _, p := range r.Report.Phases {
		if p.Name == name {
			return percentile.Sample{Min: p.Min, Max: p.Max, Likely: p.Took}, !p.Open || !r.failed()
		}
	}
	return x, !r.failed()
}

// phases are those of all runs, each once: in the order of the run that has most, then those that only others have.
func (s Series) phases() (all []seq.Phase) {
	had := map[string]bool{}
	add := func(r Report) {
		for _, p := range r.Phases {
			if !had[p.Name] {
				had[p.Name] = true
				all = append(all, p)
			}
		}
	}
	most := 0
	for i, r := range s.Runs {
		if !r.failed() && len(r.Report.Phases) > len(s.Runs[most].Report.Phases) {
			most = i
		}
	}
	add(s.Runs[most].Report)
	for _, r := range s.Runs {
		add(r.Report)
	}
	return all
}

// notIncluded is why the indicator of Kubernetes' objectives is not told, or nothing.
func (s Series) notIncluded() string {
	why := "it is about single Pods"
	if len(s.Runs) > 0 && s.Runs[0].Report.Run.Subject.Kind == "Pod" {
		why = "in no run all containers were started"
	}
	for _, r := range s.Runs {
		switch {
		case r.Startup != nil && r.Startup.NotIncluded != "":
			return r.Startup.NotIncluded
		case r.Startup != nil:
			why = ""
		}
	}
	return why
}

// Samples are what objectives are judged by: the indicator, where it is told, else all that each run took.
func (s Series) Samples() []percentile.Sample { return s.measures()[0].samples }

// Judgements are what the runs say of the objectives.
func (s Series) Judgements() (all []percentile.Judgement) {
	for _, o := range s.Objectives {
		all = append(all, percentile.Judge(o, s.Samples()))
	}
	return all
}

// run is the one of a number.
func (s Series) run(number int) SeriesRun {
	for _, r := range s.Runs {
		if r.Number == number {
			return r
		}
	}
	return SeriesRun{}
}

// typicalAndSlowest are the numbers of the median and of the longest run that did not fail.
func (s Series) typicalAndSlowest() (typical, slowest int, ok bool) {
	if len(s.Runs) == 0 {
		return 0, 0, false
	}
	var reached []percentile.Sample
	for _, x := range s.Samples() {
		if !x.Failed {
			reached = append(reached, x)
		}
	}
	if len(reached) < 2 {
		return 0, 0, false
	}
	typical, slowest = percentile.Of(reached, 50).Run, percentile.Of(reached, 100).Run
	return typical, slowest, typical != slowest
}

// byTimestamp is what comes out for the start where it is taken to begin with the Pod's creationTimestamp, as who reads
// only objects has to; none where no run tells.
func (s Series) byTimestamp() (m measure, ok bool) {
	m = s.measure("by creationTimestamp", "", func(r SeriesRun) (percentile.Sample, bool) {
		if r.Startup == nil {
			return percentile.Sample{}, false
		}
		d := r.Startup.ByTimestamp()
		ok = true
		return percentile.Sample{Min: d, Max: d, Likely: d}, true
	})
	return m, ok
}

// SeriesFormats has every format of a series by its name.
var SeriesFormats = map[string]func(io.Writer, Series, Style) error{
	"listing":    seriesListing,
	"html":       seriesHTML,
	"json":       func(w io.Writer, s Series, _ Style) error { return seriesJSON(w, s) },
	"perfdata":   func(w io.Writer, s Series, _ Style) error { return perfdata(w, s) },
	"bench":      func(w io.Writer, s Series, _ Style) error { return benchmarks(w, s) },
	"otlp":       seriesOTLP,
	"prometheus": func(w io.Writer, s Series, _ Style) error { return prometheus(w, s) },
}
