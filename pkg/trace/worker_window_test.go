package trace

import (
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// A call has ended before its Event is emitted, also where the kubelet's clock may be behind ours, and the Event says
// only when it was emitted at the earliest.
func TestCallsEndBeforeTheirEvents(t *testing.T) {
	emission := time.Date(2026, 11, 27, 13, 0, 33, 810_565_000, time.UTC)
	by := seq.Window{Earliest: emission, Latest: emission.Add(time.Second)}
	a := workerEvent{emitted: &emitted{eventRevision: &eventRevision{emission: emission}, count: 1}, second: by}
	if w := a.precedes(); w.Earliest.After(emission.Add(-time.Millisecond)) || !w.Latest.Equal(by.Latest) {
		t.Errorf("a call ended between %v and %v, its Event was emitted at %v or later", w.Earliest, w.Latest, emission)
	}
	if w := a.follows(); w != by {
		t.Errorf("a call began between %v and %v", w.Earliest, w.Latest)
	}
}
