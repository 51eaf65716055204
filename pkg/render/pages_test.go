package render_test

import (
	"io"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Every recording can be drawn in every format at every detail, also where nothing is left of what repeats.
func TestEveryRecordingInEveryFormat(t *testing.T) {
	for _, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		for name, format := range render.Formats {
			for detail := seq.Brief; detail <= seq.Full; detail++ {
				if err := format.Write(io.Discard, r, render.Style{Detail: detail, Width: 100}); err != nil {
					t.Errorf("%s as %s: %v", s.Name, name, err)
				}
			}
		}
	}
}
