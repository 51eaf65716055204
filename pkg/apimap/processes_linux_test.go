package apimap_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/test/forger"
)

// What a process calls itself stays on its line of a look's output, in any shell.
func TestProcessesDoNotForgeLines(t *testing.T) {
	for _, separator := range forger.Separators {
		pid := forger.Run(t, fmt.Sprintf("x%sprocess %d 1 0 not-there%[1]s", separator, forger.PID))
		s := snapshotOf(podOf("", `, "containers": [{"name": "app"}]`, running("app")), nil)
		look := apimap.Looks(s)[0]
		out, err := exec.Command(look.Command[0], look.Command[1:]...).Output()
		if err != nil {
			t.Fatal(err)
		}
		s.Answers = append(s.Answers, look.Answer(string(out), nil))
		seen := false
		for _, p := range apimap.Derive(s).Processes[0].Processes {
			seen = seen || p.PID == pid && strings.Contains(p.Command, "not-there")
			if p.PID == forger.PID {
				t.Errorf("%q: a process has made up another", separator)
			}
		}
		if !seen {
			t.Errorf("%q: the process itself is not seen", separator)
		}
	}
}
