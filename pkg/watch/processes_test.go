package watch

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// What a process calls itself stays on its line, in any shell.
func TestProcessesDoNotForgeLines(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the command reads /proc")
	}
	for _, separator := range []string{"\n", `\n`} {
		const forged = 424242
		victim := exec.Command("sh", "-c", "read x", "sh", fmt.Sprintf("x%s%d not-there", separator, forged))
		in, err := victim.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); victim.Wait() })
		out, err := exec.Command("sh", "-c", listProcesses).Output()
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, p := range readProcesses(string(out)) {
			seen = seen || p.PID == victim.Process.Pid && strings.Contains(p.Command, "not-there")
			if p.PID == forged {
				t.Errorf("%q: a process has made up another", separator)
			}
		}
		if !seen {
			t.Errorf("%q: the process itself is not seen", separator)
		}
	}
}
