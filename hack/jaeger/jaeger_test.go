// Package jaeger holds the spans of a run against what Jaeger does to spans before it shows them: what fits together is
// left as it is.
package jaeger

import (
	"slices"
	"testing"
	"time"

	"github.com/jaegertracing/jaeger/cmd/query/app/querysvc/v2/adjuster"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Jaeger moves a span that it takes for one whose machine's clock was wrong, gives one whose id is that of another a
// new one, drops what is there twice, and notes that it did.
func TestJaegerMovesNothing(t *testing.T) {
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, one := range render.Traces(r, seq.Full) {
			before := spans(one)
			for _, a := range adjuster.StandardAdjusters(time.Hour) {
				a.Adjust(one)
			}
			after := spans(one)
			if len(after) != len(before) {
				t.Errorf("%s: %d spans of %d are left", s.Name, len(after), len(before))
			}
			for id, x := range after {
				if is := before[id]; x.start != is.start || x.end != is.end || x.parent != is.parent || x.links != is.links {
					t.Errorf("%s: %s was %+v, and is %+v", s.Name, id, is, x)
				}
				if x.warned {
					t.Errorf("%s: Jaeger warns of %s", s.Name, x.name)
				}
			}
		}
	}
}

// It does move what lies outside of its parent: the test can fail.
func TestJaegerMovesWhatDoesNotFit(t *testing.T) {
	s := scenario.Named(t, "plain")
	one := render.Traces(scenario.Report(scenario.Fold(s.Subject, s.Observations)), seq.Full)[0]
	root := one.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	const later = pcommon.Timestamp(time.Minute)
	root.SetStartTimestamp(root.StartTimestamp() + later)
	root.SetEndTimestamp(root.EndTimestamp() + later)
	before := spans(one)
	for _, a := range adjuster.StandardAdjusters(time.Hour) {
		a.Adjust(one)
	}
	moved := 0
	for id, x := range spans(one) {
		if x.start != before[id].start || x.warned {
			moved++
		}
	}
	if moved == 0 {
		t.Error("nothing was moved")
	}
}

// span is what is compared of one.
type span struct {
	name       string
	start, end pcommon.Timestamp
	parent     pcommon.SpanID
	links      int
	warned     bool
}

func spans(t ptrace.Traces) map[pcommon.SpanID]span {
	all := map[pcommon.SpanID]span{}
	for _, r := range t.ResourceSpans().All() {
		for _, scope := range r.ScopeSpans().All() {
			for _, s := range scope.Spans().All() {
				_, warned := s.Attributes().Get("@jaeger@warnings")
				all[s.SpanID()] = span{s.Name(), s.StartTimestamp(), s.EndTimestamp(), s.ParentSpanID(), s.Links().Len(), warned}
			}
		}
	}
	return all
}
