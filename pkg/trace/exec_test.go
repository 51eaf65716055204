package trace_test

import (
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func TestUnheard(t *testing.T) {
	for text, want := range map[string]bool{"kill 1": true, "kill -9 1": true, "sh -c kill -s TERM 1": true,
		"kill 12": false, "skill 1": false, "echo 1": false} {
		if e := (seq.Exec{Command: strings.Fields(text)}); (e.Unheard() != "") != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}
