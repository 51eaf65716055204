package render

// A run as OpenTelemetry traces: which spans there are, and how long each is. otlp_span.go says what is written of one.

import (
	"cmp"
	"io"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// OTLP writes the report as OTLP JSON lines, as the OpenTelemetry Collector's file exporter writes them: each trace is
// one ExportTraceServiceRequest on a line of its own.
func OTLP(w io.Writer, r Report, y Style) error {
	for _, t := range Traces(r, y.Detail) {
		line, err := ptraceotlp.NewExportRequestFromTraces(t).MarshalJSON()
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// seriesOTLP writes the traces of each run.
func seriesOTLP(w io.Writer, s Series, y Style) error {
	for _, r := range s.Runs {
		if err := OTLP(w, r.Report, y); err != nil {
			return err
		}
	}
	return nil
}

// Traces are the report as OpenTelemetry traces: that of the run, and one of each Pod of a workload, whatever Pods are
// drawn. Steps of more detail than asked for are left out. A trace has the run, below it the stretches of its phases,
// and below them what stands in each; ids are hashes of what does not change when the run is told again.
func Traces(r Report, detail seq.Detail) (all []ptrace.Traces) {
	main, members := r.traceOf(nil), map[string]bool{}
	for _, m := range r.Members {
		members[m.Object.UID] = true
	}
	main.add(detail, members)
	alone := main.root.empty() // of a workload, only Pods have been seen
	for i := range r.Members {
		pod := r.of(&r.Members[i]).traceOf(&r.Members[i])
		if pod.add(detail, nil); pod.root.empty() {
			continue
		}
		main.links = append(main.links, pod.context)
		if alone {
			main.root.cover(pod.root.start, pod.root.end)
		}
		all = append(all, pod.write())
	}
	if main.root.empty() {
		return nil
	}
	return append([]ptrace.Traces{main.write()}, all...)
}

// otlpTrace is one trace.
type otlpTrace struct {
	Report
	context seq.TraceContext
	subject seq.Object
	root    *otlpSpan
	links   []seq.TraceContext // traces of Pods
}

// RunKey is that of the span of the whole run, see [seq.TraceContext].
const RunKey seq.Key = "run"

// traceOf is the trace of the run, or of one Pod of it.
func (r Report) traceOf(m *seq.Member) *otlpTrace {
	o, parent := r.Run.Subject, r.TraceParent
	id := cmp.Or(r.Run.Request, o.UID, o.String())
	if m != nil {
		o, parent, id = m.Object, "", cmp.Or(m.Object.UID, m.Object.String())
		r.Outcome.Name = outcomeOf(m.State)
	}
	return &otlpTrace{Report: r, context: seq.NewTraceContext(parent, id), subject: o, root: &otlpSpan{key: RunKey}}
}

// outcomeOf is how far a Pod of a workload has come, in the words of a run's outcome; empty where it is on its way.
func outcomeOf(st seq.State) string {
	switch {
	case st.Failed:
		return "Failed"
	case st.Succeeded:
		return "Succeeded"
	case st.Deleted:
		return "Deleted"
	case st.Ready:
		return "Ready"
	}
	return ""
}

// otlpSpan is one span: the run, a stretch of a phase, or a message with its answer.
type otlpSpan struct {
	key        seq.Key
	start, end time.Time
	phase      *phasePart // or nil
	step       *seq.Step  // or nil
	answer     *seq.Step  // to that, or nil
	below      []*otlpSpan
}

func (s *otlpSpan) empty() bool { return s.start.IsZero() }

// add makes the spans, without the steps about some objects.
func (t *otlpTrace) add(detail seq.Detail, without map[string]bool) {
	parts := t.parts()
	in := t.partOfSteps(parts)
	stretches, count := make([]*otlpSpan, len(parts)), map[string]int{}
	for k := range parts {
		p := &parts[k]
		name := t.Phases[p.phase].Name
		count[name]++
		stretches[k] = &otlpSpan{phase: p, key: seq.Key("phase:" + name + ":" + strconv.Itoa(count[name]))}
		stretches[k].cover(p.Likely.Earliest, p.Likely.Latest)
	}
	answers := map[seq.Key]*seq.Step{}
	for _, s := range t.Steps {
		if s.Kind == seq.ResponseKind {
			answers[s.Call] = s
		}
	}
	asked := map[seq.Key]bool{}
	for _, s := range t.Steps {
		if without[s.About] || s.Detail > detail || s.Kind == seq.ResponseKind && asked[s.Call] {
			continue
		}
		x := &otlpSpan{key: s.Key, step: s}
		x.cover(instantOf(s), instantOf(s))
		if s.Kind == seq.RequestKind && s.Call != "" {
			asked[s.Call] = true
			if x.answer = answers[s.Call]; x.answer != nil {
				x.cover(time.Time{}, instantOf(x.answer))
			}
		}
		above := t.root
		if k, ok := in[s.Key]; ok && (isIn(in, x.answer, k) || !x.end.After(parts[k].Likely.Latest)) {
			above = stretches[k]
		}
		if x.last(); !x.empty() {
			above.below = append(above.below, x)
		}
	}
	for _, s := range stretches {
		s.last()
		for _, x := range s.below {
			s.cover(x.start, x.end)
		}
		if !s.empty() {
			t.root.below = append(t.root.below, s)
		}
	}
	for _, x := range t.root.below {
		t.root.cover(x.start, x.end)
	}
}

// isIn reports whether an answer stands in a part, too; one that there is not does.
func isIn(in map[seq.Key]int, answer *seq.Step, part int) bool {
	if answer == nil {
		return true
	}
	k, ok := in[answer.Key]
	return ok && k == part
}

// instantOf is the likeliest instant of a step, or a bound where there is none.
func instantOf(s *seq.Step) time.Time {
	for _, at := range []time.Time{s.Best, s.Window.Latest, s.Window.Earliest} {
		if !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

// last has an instant last as short as can be: Jaeger takes a span that does not end after its start for a mistake,
// which it mends and warns of.
func (s *otlpSpan) last() {
	if !s.empty() && !s.end.After(s.start) {
		s.end = s.start.Add(1)
	}
}

// cover has the span last from the one to the other, at least. What OTLP has no number for is no instant.
func (s *otlpSpan) cover(from, to time.Time) {
	for _, at := range []time.Time{from, to} {
		if y := at.UTC().Year(); y < 1970 || y > 2261 {
			continue
		}
		if s.start.IsZero() || at.Before(s.start) {
			s.start = at
		}
		if at.After(s.end) {
			s.end = at
		}
	}
}
