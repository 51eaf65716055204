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
			finalRowsStay(t, s, "all", seq.Full, patience)
			if tr := scenario.Fold(s.Subject, s.Observations); len(tr.Cycles()) > 0 {
				finalRowsStay(t, s, "all", seq.Normal, patience)
			}
			if tr := scenario.Fold(s.Subject, s.Observations); len(tr.Members()) > 1 {
				finalRowsStay(t, s, "first", seq.Full, patience)
			}
		})
	}
}

func finalRowsStay(t *testing.T, s scenario.Scenario, pods render.Selection, detail seq.Detail,
	patience time.Duration) {
	var b bytes.Buffer
	live := render.NewLive("listing", render.Style{Width: 120, Detail: detail}, &b, nil)
	tr := trace.New(s.Subject)
	tr.Draw(seq.Drawn{Some: pods == "first", First: true})
	report := func() render.Report {
		r := scenario.Report(tr)
		r.Pods = pods
		return r
	}
	look := func(o seq.Observation) {
		tr.Observe(o)
		r := report()
		if err := live.Update(r, tr.Settled(patience), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range s.Observations {
		look(seq.Observation{Received: o.Received.Add(-1)}) // time has passed
		look(o)
	}
	r := report()
	r.Outcome = render.Outcome{}
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
	drawn := slices.DeleteFunc(slices.Clone(r.Steps), func(x *seq.Step) bool {
		return pods == "first" &&
			slices.ContainsFunc(r.Members[1:], func(m seq.Member) bool { return m.Object.UID == x.About })
	})
	messages := truth.Messages(drawn, r.Cycles)
	if _, err := truth.Match(rows, messages, detail.String(), func(int) bool { return false }); err != nil {
		t.Errorf("--pods=%s --detail=%s: %v", pods, detail, err)
	}
}

// Of a listing that is drawn at once no printed instant is before one above it.
func TestTimesNeverDecrease(t *testing.T) {
	for i, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		if testing.Short() && i%8 != 0 {
			continue
		}
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for _, detail := range []seq.Detail{seq.Normal, seq.Full} {
			var b bytes.Buffer
			if err := render.Formats["listing"].Write(&b, r, render.Style{Width: 120, Detail: detail}); err != nil {
				t.Fatal(err)
			}
			zero := r.Run.Origin
			if !r.Run.AttachedAt.IsZero() {
				zero = r.Run.AttachedAt
			}
			rows, err := truth.ReadListing(b.String(), zero)
			if err == nil {
				err = truth.InOrder(rows)
			}
			if err != nil {
				t.Errorf("%s, --detail=%s: %v", s.Name, detail, err)
			}
		}
	}
}
