package render_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// otlpOf is what a report is written as, read by what the collector reads such files with.
func otlpOf(t *testing.T, r render.Report, detail seq.Detail) (all []ptrace.Traces) {
	t.Helper()
	var b bytes.Buffer
	if err := render.OTLP(&b, r, render.Style{Detail: detail}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		read, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces([]byte(line))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, read)
	}
	return all
}

// exported is one span, and whose it is.
type exported struct {
	ptrace.Span
	service string
}

// attribute is one of a span or resource, or empty.
func attribute(all pcommon.Map, name string) string {
	if v, ok := all.Get(name); ok {
		return v.AsString()
	}
	return ""
}

func spansOf(t ptrace.Traces) (all []exported) {
	for _, r := range t.ResourceSpans().All() {
		service := attribute(r.Resource().Attributes(), "service.name")
		for _, scope := range r.ScopeSpans().All() {
			for _, s := range scope.Spans().All() {
				all = append(all, exported{s, service})
			}
		}
	}
	return all
}

// Whatever was recorded: each trace is a tree under one root, ids are unique, nothing begins before or ends after what
// it is below, or ends when it begins, a parent is no longer than what is below it, and a link leads to the root of
// another trace.
func TestOTLPOfEveryScenario(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
			all := otlpOf(t, r, detail)
			if detail == seq.Full {
				checkAllAreThere(t, s.Name, r, all)
			}
			for _, problem := range otlpProblems(all) {
				t.Errorf("%s, --detail=%s: %s", s.Name, detail, problem)
			}
			var again bytes.Buffer
			first := new(bytes.Buffer)
			for _, b := range []*bytes.Buffer{first, &again} {
				if err := render.OTLP(b, r, render.Style{Detail: detail}); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(first.Bytes(), again.Bytes()) {
				t.Errorf("%s: it is different each time", s.Name)
			}
		}
	}
}

// otlpProblems are what is wrong with traces.
func otlpProblems(all []ptrace.Traces) (problems []string) {
	problem := func(format string, words ...any) { problems = append(problems, fmt.Sprintf(format, words...)) }
	traces, roots := map[pcommon.TraceID]bool{}, map[pcommon.TraceID]pcommon.SpanID{}
	for _, one := range all {
		spans := spansOf(one)
		byID, below := map[pcommon.SpanID]exported{}, map[pcommon.SpanID][]exported{}
		for _, s := range spans {
			if _, ok := byID[s.SpanID()]; ok || s.SpanID().IsEmpty() {
				problem("the id of %s, %s, is of another, too", s.Name(), s.SpanID())
			}
			byID[s.SpanID()] = s
			below[s.ParentSpanID()] = append(below[s.ParentSpanID()], s)
			if s.TraceID() != spans[0].TraceID() {
				problem("%s is of trace %s, not of %s", s.Name(), s.TraceID(), spans[0].TraceID())
			}
			if s.EndTimestamp() <= s.StartTimestamp() || s.StartTimestamp() == 0 || s.Name() == "" || s.service == "" {
				problem("%q of %q from %v to %v", s.Name(), s.service, s.StartTimestamp(), s.EndTimestamp())
			}
			if s.Events().Len() > 0 {
				problem("%s has span events", s.Name())
			}
		}
		root := spans[0]
		if traces[root.TraceID()] || len(below[root.ParentSpanID()]) != 1 {
			problem("trace %s is there twice, or has no single root", root.TraceID())
		}
		traces[root.TraceID()], roots[root.TraceID()] = true, root.SpanID()
		for _, s := range spans[1:] {
			if p, ok := byID[s.ParentSpanID()]; !ok || s.StartTimestamp() < p.StartTimestamp() ||
				s.EndTimestamp() > p.EndTimestamp() {
				problem("%s is not within its parent %s", s.Name(), p.Name())
			}
			if s.Links().Len() > 0 {
				problem("%s has links", s.Name())
			}
		}
		if children := below[root.SpanID()]; len(children) > 0 {
			begin, end := children[0].StartTimestamp(), children[0].EndTimestamp()
			for _, c := range children {
				begin, end = min(begin, c.StartTimestamp()), max(end, c.EndTimestamp())
			}
			if root.StartTimestamp() != begin || root.EndTimestamp() != end {
				problem("the run is not the union of what is below it")
			}
		}
		of := map[string]bool{}
		for _, r := range one.ResourceSpans().All() {
			a := r.Resource().Attributes()
			id := attribute(a, "service.name") + " on " + attribute(a, "k8s.node.name")
			if of[id] {
				problem("two resources are %s", id)
			}
			of[id] = true
		}
	}
	if len(all) > 0 {
		for _, l := range spansOf(all[0])[0].Links().All() {
			if l.TraceID() == spansOf(all[0])[0].TraceID() || roots[l.TraceID()] != l.SpanID() {
				problem("a link leads nowhere")
			}
		}
		if n := spansOf(all[0])[0].Links().Len(); n != len(all)-1 {
			problem("%d links to %d other traces", n, len(all)-1)
		}
	}
	return problems
}

// checkAllAreThere holds the spans against the steps: each of them, or the call that it answers, is in one of them.
func checkAllAreThere(t *testing.T, name string, r render.Report, all []ptrace.Traces) {
	t.Helper()
	n, want := 0, 0
	for _, one := range all {
		for _, s := range spansOf(one) {
			if attribute(s.Attributes(), "seq.rule") != "" {
				n++
			}
		}
	}
	calls := map[seq.Key]bool{}
	for _, s := range r.Steps {
		switch {
		case s.Best.IsZero() && s.Window == seq.Window{}:
		case s.Kind == seq.ResponseKind && calls[s.Call]:
		default:
			want++
		}
		if s.Kind == seq.RequestKind {
			calls[s.Call] = true
		}
	}
	if n != want {
		t.Errorf("%s: %d spans for %d messages", name, n, want)
	}
}

// What a span says: who does it, to whom, below which phase, how it is known.
func TestOTLPOfAStart(t *testing.T) {
	s := scenario.Named(t, "plain")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	spans := spansOf(otlpOf(t, r, seq.Normal)[0])
	named := func(prefix string) exported {
		i := slices.IndexFunc(spans, func(x exported) bool { return strings.HasPrefix(x.Name(), prefix) })
		if i < 0 {
			t.Fatalf("there is no %s", prefix)
		}
		return spans[i]
	}
	run, phase, call := spans[0], named("create"), named("CreateContainer")
	if run.Name() != "Pod default/plain" || phase.ParentSpanID() != run.SpanID() || call.ParentSpanID() != phase.SpanID() {
		t.Errorf("%s, %s, %s are not below each other", run.Name(), phase.Name(), call.Name())
	}
	if call.service != "kubelet" || call.Kind() != ptrace.SpanKindClient ||
		call.EndTimestamp() == call.StartTimestamp()+1 {
		t.Errorf("%s of %s, a %s", call.Name(), call.service, call.Kind())
	}
	for name, want := range map[string]string{"service.peer.name": "containerd", "k8s.namespace.name": "default",
		"k8s.pod.name": "plain", "k8s.pod.uid": r.Run.Subject.UID, "k8s.container.name": "app", "seq.certainty": "observed"} {
		if got := attribute(call.Attributes(), name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	write := named("PATCH pods/status: Running")
	if attribute(write.Attributes(), "seq.revision") == "" || write.EndTimestamp() != write.StartTimestamp()+1 {
		t.Errorf("%s at revision %s takes some time", write.Name(), attribute(write.Attributes(), "seq.revision"))
	}
}

// A series has a trace of each run, the same as that run alone; below one span of somebody else all have ids of their
// own.
func TestOTLPOfASeries(t *testing.T) {
	series := seriesOf(t, "", "plain", "init")
	for _, parent := range []string{"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"} {
		ids, want := map[pcommon.SpanID]bool{}, ""
		for i := range series.Runs {
			series.Runs[i].Report.TraceParent = parent
			var b strings.Builder
			if err := render.OTLP(&b, series.Runs[i].Report, render.Style{Detail: seq.Normal}); err != nil {
				t.Fatal(err)
			}
			want += b.String()
			for _, s := range spansOf(otlpOf(t, series.Runs[i].Report, seq.Normal)[0]) {
				if ids[s.SpanID()] {
					t.Errorf("%s has an id of another run", s.Name())
				}
				ids[s.SpanID()] = true
			}
		}
		if got := drawSeries(t, "otlp", series, render.Style{Detail: seq.Normal}); got != want {
			t.Errorf("a series is not its runs:\n%s\nwant\n%s", got, want)
		}
	}
}

// Of a workload whose Pods alone have been seen, the run lasts as long as they do. A Pod that failed is told as such.
func TestOTLPOfPodsAlone(t *testing.T) {
	s := scenario.Named(t, "deployment")
	r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
	pods := map[string]bool{}
	for i, m := range r.Members {
		pods[m.Object.UID] = true
		r.Members[i].State.Failed = i == 0
	}
	r.Steps = slices.DeleteFunc(slices.Clone(r.Steps), func(s *seq.Step) bool { return !pods[s.About] })
	r.Phases = nil
	all := otlpOf(t, r, seq.Normal)
	for _, problem := range otlpProblems(all) {
		t.Error(problem)
	}
	if len(all) != 3 {
		t.Fatalf("%d traces", len(all))
	}
	run := spansOf(all[0])[0]
	for i, one := range all[1:] {
		pod := spansOf(one)[0]
		if pod.StartTimestamp() < run.StartTimestamp() || pod.EndTimestamp() > run.EndTimestamp() {
			t.Errorf("%s is not within the run", pod.Name())
		}
		if failed := pod.Status().Code() == ptrace.StatusCodeError; failed != (i == 0) {
			t.Errorf("%s: %s", pod.Name(), pod.Status().Code())
		}
	}
}
