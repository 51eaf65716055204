package render_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// What is printed says what the steps say: read back, each row is one step, in its place, with its certainty, its
// revision and a time that holds all of its window.
func TestListingReadBack(t *testing.T) {
	for _, s := range scenario.All(t) {
		t.Run(s.Name, func(t *testing.T) {
			r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
			messages := truth.Messages(r.Steps, r.Cycles)
			for _, i := range render.Proof(r) { // it is drawn in every detail
				messages[i].Detail = seq.Brief.String()
			}
			zero := r.Run.Origin
			if !r.Run.AttachedAt.IsZero() {
				zero = r.Run.AttachedAt
			}
			for _, detail := range []seq.Detail{seq.Brief, seq.Normal, seq.Full} {
				for _, width := range []int{70, 120, 240} {
					t.Run(fmt.Sprint(detail, width), func(t *testing.T) {
						var b bytes.Buffer
						if err := render.Formats["listing"].Write(&b, r, render.Style{Width: width, Detail: detail}); err != nil {
							t.Fatal(err)
						}
						rows, err := truth.ReadListing(b.String(), zero)
						if err != nil {
							t.Fatalf("%v in\n%s", err, b.String())
						}
						if _, err := truth.Match(rows, messages, detail.String(), func(int) bool { return false }); err != nil {
							t.Errorf("%v in\n%s", err, b.String())
						}
					})
				}
			}
		})
	}
}
