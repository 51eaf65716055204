package watch

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/test/forger"
)

// What a process calls itself stays on its line, in any shell.
func TestProcessesDoNotForgeLines(t *testing.T) {
	for _, separator := range forger.Separators {
		pid := forger.Run(t, fmt.Sprintf("x%s%d not-there", separator, forger.PID))
		out, err := exec.Command("sh", "-c", listProcesses).Output()
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, p := range readProcesses(string(out)) {
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
