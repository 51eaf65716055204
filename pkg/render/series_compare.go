package render

// Two series beside each other.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
)

// KeptSeries is a series as its JSON has it.
type KeptSeries struct {
	head     jsonSeries
	measures []measure
}

// IsSeries reports whether a line is the first of a series in JSON.
func IsSeries(line []byte) bool {
	var x struct{ Type string }
	return json.Unmarshal(line, &x) == nil && x.Type == "series"
}

// ReadSeries reads a series that was written as JSON. It is an error where it has no runs.
func ReadSeries(r io.Reader) (*KeptSeries, error) {
	s := &KeptSeries{}
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := s.add(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if len(s.measures) == 0 {
		return nil, fmt.Errorf("there is no run in it")
	}
	return s, nil
}

func (s *KeptSeries) add(line []byte) error {
	var x struct{ Type string }
	if err := json.Unmarshal(line, &x); err != nil {
		return err
	}
	switch x.Type {
	case "series":
		return json.Unmarshal(line, &s.head)
	case "percentiles":
		var p jsonPercentiles
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		i := slices.IndexFunc(s.measures, func(m measure) bool { return m.name == p.Measure })
		if i >= 0 { // in the order in which the series had them
			m := s.measures[i]
			s.measures = append(slices.Delete(s.measures, i, i+1), m)
		}
	case "measured":
		var run jsonMeasured
		if err := json.Unmarshal(line, &run); err != nil {
			return err
		}
		s.addRun(run)
	}
	return nil
}

// addRun takes what a run took; of a measure that it does not have it is not known, and that counts as longest.
func (s *KeptSeries) addRun(run jsonMeasured) {
	runs := 0
	if len(s.measures) > 0 {
		runs = len(s.measures[0].samples)
	}
	had := map[string]bool{}
	for _, took := range run.Measures {
		i := slices.IndexFunc(s.measures, func(m measure) bool { return m.name == took.Name })
		if i < 0 {
			m := measure{name: took.Name}
			for n := range runs {
				m.samples = append(m.samples, percentile.Sample{Run: n + 1, Failed: true})
			}
			s.measures, i = append(s.measures, m), len(s.measures)
		}
		had[took.Name] = true
		s.measures[i].samples = append(s.measures[i].samples, percentile.Sample{Run: run.Run, Min: inNanoseconds(took.Min),
			Max: inNanoseconds(took.Max), Likely: inNanoseconds(took.Seconds)})
	}
	for i := range s.measures {
		if !had[s.measures[i].name] {
			s.measures[i].samples = append(s.measures[i].samples, percentile.Sample{Run: run.Run, Failed: true})
		}
	}
}

// inNanoseconds is a number of seconds as JSON has it.
func inNanoseconds(seconds float64) time.Duration { return time.Duration(seconds * 1e9) }

// seriesDifference is a percentile of a measure in two series.
type seriesDifference struct {
	measure string
	sides   [2]percentile.Value
}

// longer is the side whose percentile is larger for all runs to come, in 95 of 100 such measurements at the least.
func (d seriesDifference) longer() (compare.Side, bool) {
	for _, s := range compare.Sides {
		low, high := d.sides[s].AtLeast, d.sides[s.Other()].AtMost
		if low != nil && high != nil && *low > *high {
			return s, true
		}
	}
	return 0, false
}

// KeptComparison is two series, and the percentiles of the measures that both have.
type KeptComparison struct {
	Series      [2]*KeptSeries
	Names       [2]string // of the files they came from
	differences []seriesDifference
}

// CompareSeries compares two series.
func CompareSeries(a, b *KeptSeries, names [2]string) KeptComparison {
	c := KeptComparison{Series: [2]*KeptSeries{a, b}, Names: names}
	for _, m := range a.measures {
		i := slices.IndexFunc(b.measures, func(o measure) bool { return o.name == m.name })
		if i < 0 {
			continue
		}
		for _, percent := range percents[:len(percents)-1] {
			c.differences = append(c.differences, seriesDifference{m.name,
				[2]percentile.Value{percentile.Of(m.samples, percent), percentile.Of(b.measures[i].samples, percent)}})
		}
	}
	return c
}

// KeptFormats has every format of a comparison of series by its name.
var KeptFormats = map[string]func(io.Writer, KeptComparison, Style) error{
	"listing": keptListing,
	"json":    func(w io.Writer, c KeptComparison, _ Style) error { return keptJSON(w, c) },
}

func keptListing(w io.Writer, c KeptComparison, y Style) error {
	var out []string
	for s, x := range c.Series {
		about := fmt.Sprintf("%s: %s, %s, %d failed  %s", c.Names[s], x.head.Name, countOf(x.head.Runs, "run"),
			x.head.Failed, x.head.Server)
		out = append(out, y.paint(sideColours[s], compare.Side(s).String())+"  "+Plain(about))
	}
	out = append(out, "", y.paint(dim, strings.TrimRight(fit("", 21)+fit("A", 20)+fit("B", 20), " ")))
	for _, d := range c.differences {
		text := "not known"
		side, ok := d.longer()
		if ok {
			text = y.paint(sideColours[side], side.String()+" longer")
		}
		out = append(out, fit(Plain(d.measure), 12)+" "+fit(percentName(d.sides[0].Percent), 7)+" "+
			fit(y.percentile(d.sides[0]), 19)+" "+fit(y.percentile(d.sides[1]), 19)+" "+text)
	}
	legend := "A or B longer: the percentile of all such runs is larger there, in 95 of 100 such measurements; not " +
		"known: these are too few runs, or they do not differ by enough."
	out = append(append(out, ""), wrap(legend, y.width()-1)...)
	for i := range out {
		out[i] = y.ascii(out[i])
	}
	_, err := io.WriteString(w, strings.Join(out, "\n")+"\n")
	return err
}

type jsonKeptComparison struct {
	Type       string                 `json:"type"`
	APIVersion string                 `json:"apiVersion"` // seq/v1alpha1
	Series     jsonSides[jsonKeptSet] `json:"series"`     // the two
}

type jsonKeptSet struct {
	File   string `json:"file"`   // as it was given
	Name   string `json:"name"`   // of what was started
	Runs   int    `json:"runs"`   // so many there were
	Failed int    `json:"failed"` // so many of them did not get there
}

// jsonDifference is a percentile of a measure in both.
type jsonDifference struct {
	Type    string         `json:"type"`
	Measure string         `json:"measure"` // pod-startup, total, or a phase
	A       jsonPercentile `json:"a"`       // in the first series
	B       jsonPercentile `json:"b"`       // in the second
	// a or b, where the percentile of all such runs is larger, in 95 of 100 measurements; empty where that is not known
	Longer string `json:"longer"`
}

func keptJSON(w io.Writer, c KeptComparison) error {
	head := jsonKeptComparison{Type: "series-comparison", APIVersion: "seq/v1alpha1"}
	for s, x := range c.Series {
		set := &jsonKeptSet{c.Names[s], x.head.Name, x.head.Runs, x.head.Failed}
		if compare.Side(s) == compare.A {
			head.Series.A = set
		} else {
			head.Series.B = set
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return err
	}
	for _, d := range c.differences {
		j := jsonDifference{Type: "difference", Measure: d.measure, A: jsonOfPercentile(d.sides[0]),
			B: jsonOfPercentile(d.sides[1])}
		if side, ok := d.longer(); ok {
			j.Longer = strings.ToLower(side.String())
		}
		if err := enc.Encode(j); err != nil {
			return err
		}
	}
	return nil
}
