package recording_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Any text is a recording or an error; what is read can be folded, and written again.
func FuzzRead(f *testing.F) {
	for _, s := range scenario.All(f) {
		lines := bytes.SplitAfter(s.File("recording.jsonl").Data, []byte("\n"))
		f.Add(string(bytes.Join(lines[:min(len(lines), 8)], nil)) + `{"type":"end","at":7,"reason":"timeout"}`)
	}
	f.Add("{}\n{")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := recording.Read(strings.NewReader(text))
		if err != nil && !errors.Is(err, recording.ErrCut) {
			return
		}
		w, err := recording.NewWriter(io.Discard, r.Header)
		if err != nil {
			return // a time that JSON cannot hold
		}
		tr := trace.New(r.Subject)
		for _, o := range r.Observations {
			tr.Observe(o)
			_ = w.Write(o) // likewise
		}
		tr.Steps()
		tr.Phases(time.Time{})
		tr.State()
		tr.Obstacle()
		_ = w.End(time.Unix(0, 0), "")
	})
}
