package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// A long message is said again where another came between, and only counted where none did; short ones are said again.
func TestLongMessagesAreSaidOnce(t *testing.T) {
	long := func(what string) string { return "FailedMount: " + strings.Repeat("volume ", 10) + what }
	var steps []*seq.Step
	for i, label := range []string{long("a"), long("a"), "Pulled: again", "Pulled: again", long("a"), long("b"),
		long("a")} {
		steps = append(steps, &seq.Step{Key: seq.Key(rune('a' + i)), From: seq.Kubelet, To: seq.Kubelet, Label: label,
			Kind: seq.NoteKind, Detail: seq.Brief, Rule: &seq.Rule{}})
	}
	report := sample()
	want := []string{"a", "as before, 2 times now", "again", "again", "as before, 3 times now", "b", "a"}
	for _, atOnce := range []bool{true, false} {
		var out bytes.Buffer
		l := NewLive("listing", Style{Detail: seq.Normal, Width: 200}, &out, nil)
		if !atOnce {
			for n := range steps {
				report.Steps = steps[:n+1]
				if err := l.Update(report, n, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		report.Steps = steps
		if err := l.Finish(report); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")[2:]
		for i, w := range want {
			if !strings.HasSuffix(strings.TrimRight(strings.TrimRight(lines[i], "○● "), " "), w) {
				t.Errorf("at once: %v; row %d is %q, want %q", atOnce, i, lines[i], w)
			}
		}
	}
}
