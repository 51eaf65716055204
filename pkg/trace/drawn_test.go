package trace_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// firstPod is what --pods=first draws.
var firstPod = seq.Drawn{Some: true, First: true}

// folded is a fold of which these Pods are drawn.
func folded(subject seq.Object, drawn seq.Drawn, all []seq.Observation) *trace.Trace {
	t := trace.New(subject)
	t.Draw(drawn)
	for _, o := range all {
		t.Observe(o)
	}
	return t
}

// mostOff is by how much the likeliest instant of a message may be another where a Pod is only counted: an Event that
// is known by its receipt is likeliest to have been written after the writes that the store had taken before, whose
// likeliest instants the kubelet's calls move.
const mostOff = 5 * time.Millisecond

// What is drawn, and what is told otherwise, does not depend on whether the other Pods are drawn or only counted. What
// is drawn later is as if it always had been.
func TestCounted(t *testing.T) {
	steps, fewer, moved, counted := 0, 0, 0, 0
	for _, s := range append(scenario.All(t), scenario.Causes(t)...) {
		observed := slices.DeleteFunc(slices.Clone(s.Observations), // with these every Pod is drawn
			func(o seq.Observation) bool { return o.Audit != nil || o.Span != nil })
		full := scenario.Fold(s.Subject, observed)
		pods := full.Members()
		if len(pods) < 2 {
			continue
		}
		few := folded(s.Subject, firstPod, observed)
		if a, b := toldOfAll(full), toldOfAll(few); a != b {
			t.Errorf("%s: it is told\n%s\nand, where the first Pod is drawn,\n%s", s.Name, a, b)
		}
		a, b := drawnSteps(full, pods[1:]), drawnSteps(few, pods[1:])
		if len(a) != len(b) {
			t.Errorf("%s: %d messages, and %d where the first Pod is drawn", s.Name, len(a), len(b))
			continue
		}
		steps, fewer = steps+len(full.Steps()), fewer+len(full.Steps())-len(few.Steps())
		for i, x := range a {
			y := b[i]
			switch {
			case x.Key != y.Key || x.Window != y.Window || x.Label != y.Label || x.Certainty != y.Certainty:
				t.Errorf("%s: message %d, %q in %v, is %q in %v", s.Name, i, x.Label, x.Window, y.Label, y.Window)
			case !x.Best.Equal(y.Best):
				moved++
				if off := x.Best.Sub(y.Best).Abs(); off > mostOff {
					t.Errorf("%s: %s is likeliest %v off", s.Name, x.Label, off)
				}
			}
			counted++
		}
		want := told(full)
		if few.Draw(seq.Drawn{}); told(few) != want {
			t.Errorf("%s: drawn in the end, it is told otherwise than if it had been from the beginning", s.Name)
		}
		if full.Draw(firstPod); told(full) != told(folded(s.Subject, firstPod, observed)) {
			t.Errorf("%s: counted in the end, it is told otherwise than if it had been from the beginning", s.Name)
		}
	}
	t.Logf("%d of %d messages are not derived; of %d that are drawn, %d have another likeliest instant", fewer, steps,
		counted, moved)
	if fewer < steps/20 {
		t.Errorf("only %d of %d messages are not derived", fewer, steps)
	}
}

// toldOfAll is what is told of the run as a whole.
func toldOfAll(tr *trace.Trace) string {
	o, held := tr.Obstacle()
	text, err := json.MarshalIndent([]any{tr.Run(), tr.State(), o, held, tr.Members(), tr.Phases(time.Time{}),
		tr.EventsPending(), tr.Questions(), tr.Cycles()}, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// drawnSteps are those that are about none of these Pods.
func drawnSteps(tr *trace.Trace, others []seq.Member) (all []*seq.Step) {
	left := map[string]bool{}
	for _, m := range others {
		left[m.Object.UID] = true
	}
	for _, x := range tr.Steps() {
		if !left[x.About] {
			all = append(all, x)
		}
	}
	return all
}
