package watch

import (
	"context"
	"strconv"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// listProcesses prints a line for each process of the container but for the shell that runs it: its number and its
// command.
const listProcesses = `for p in /proc/[0-9]*; do n=${p#/proc/}; [ "$n" = $$ ] || printf '%s\n' "$n $(tr '\0\n' '  ' <$p/cmdline)"; done 2>/dev/null`

// Processes has the processes of a container observed, by a command that reads its /proc and needs a shell.
func (f *Follower) Processes(ctx context.Context, pod seq.Object, container string) error {
	return f.Exec(ctx, pod, Command{Container: container, Args: []string{"sh", "-c", listProcesses}, ListsProcesses: true})
}

// readProcesses reads what listProcesses printed. Threads of the kernel have no command.
func readProcesses(text string) (all []seq.Process) {
	for line := range strings.Lines(text) {
		number, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(number); err == nil && strings.TrimSpace(command) != "" {
			all = append(all, seq.Process{PID: pid, Command: strings.TrimSpace(command)})
		}
	}
	return all
}
