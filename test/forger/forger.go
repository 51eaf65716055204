// Package forger runs processes whose arguments look like the output of a command that lists processes.
package forger

import (
	"os/exec"
	"testing"
)

// PID is one that no process has: arguments make it up.
const PID = 424242

// Separators are what a shell may print as the end of a line.
var Separators = []string{"\n", `\n`}

// Run runs a process that has this argument until the test has ended, and returns its number.
func Run(t *testing.T, argument string) (pid int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read x", "sh", argument)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return cmd.Process.Pid
}
