package render_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// A row that is drawn for good while a run goes on is in its final place, whatever comes later: by default rows wait
// 3 s, and 6 s where records are read. -short takes one scenario of eight.
func TestFinalRowsStay(t *testing.T) {
	for i, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		if s.Until == "shown" || testing.Short() && i%8 != 0 { // the past is drawn once
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			patience := 3 * time.Second
			if slices.ContainsFunc(s.Observations, func(o seq.Observation) bool { return o.Span != nil || o.Audit != nil }) {
				patience = 6 * time.Second
			}
			var b bytes.Buffer
			live := render.NewLive("listing", render.Style{Width: 120, Detail: seq.Full}, &b, nil)
			tr := trace.New(s.Subject)
			look := func(o seq.Observation) {
				tr.Observe(o)
				r := scenario.Report(tr)
				if err := live.Update(r, tr.Settled(patience), ""); err != nil {
					t.Fatal(err)
				}
			}
			for _, o := range s.Observations {
				look(seq.Observation{Received: o.Received.Add(-1)}) // time has passed
				look(o)
			}
			r := scenario.Report(tr)
			if err := live.Finish(r); err != nil {
				t.Fatal(err)
			}
			zero := r.Run.Origin
			if !r.Run.AttachedAt.IsZero() {
				zero = r.Run.AttachedAt
			}
			rows, err := truth.ReadListing(b.String(), zero)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := truth.Match(rows, truth.Messages(r.Steps), "full", func(int) bool { return false }); err != nil {
				t.Error(err)
			}
		})
	}
}
