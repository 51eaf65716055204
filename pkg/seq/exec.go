package seq

import (
	"regexp"
	"strings"
	"time"
)

// Exec is a command that a request of ours had run in a container. It is observed when the request has been sent, when
// its connection has been switched to a protocol of streams, when the first output comes, and when the command has
// ended. What the command wrote is only counted.
type Exec struct {
	Container      string   `json:"container"`
	Command        []string `json:"command"`
	ListsProcesses bool     `json:"looks,omitempty"` // it only looks at the container's processes
	// of the streams, as both sides agreed on it, such as websocket v5.channel.k8s.io
	Protocol string    `json:"protocol,omitempty"`
	Output   time.Time `json:"output,omitzero"`  // when the first of the command's output reached us
	Stdout   int       `json:"stdout,omitempty"` // bytes that reached us
	Stderr   int       `json:"stderr,omitempty"`
	Ended    time.Time `json:"ended,omitzero"` // when the streams had ended and all output had been passed on
	// ExitCode is the command's, as the last stream tells it; nil where there is none.
	ExitCode  *int      `json:"exitCode,omitempty"`
	Error     string    `json:"error,omitempty"` // why there is none
	Processes []Process `json:"processes,omitempty"`
}

// Process is a process of a container, as a command that looks found it there.
type Process struct {
	PID     int    `json:"pid"` // in the container
	Command string `json:"command"`
}

// killsFirst finds a command that signals process 1.
var killsFirst = regexp.MustCompile(`\bkill\s+(?:-\S+\s+(?:[A-Z]+\s+)?)*1\b`)

// Unheard says why a command that was to end its container may not have, or nothing (pid_namespaces(7)).
func (e *Exec) Unheard() string {
	if !killsFirst.MatchString(strings.Join(e.Command, " ")) {
		return ""
	}
	return "process 1 of a container gets only signals that it has a handler for, and from inside not even SIGKILL"
}

// CommandLine is the command in one line of at most 40 characters.
func (e *Exec) CommandLine() string {
	const room = 40
	text := strings.Join(e.Command, " ")
	if letters := []rune(text); len(letters) > room {
		return string(letters[:room-1]) + "…"
	}
	return text
}

// ExecFailure is why a command of ours was not run, or nothing.
func (q *Request) ExecFailure() string {
	switch {
	case q.Exec == nil:
		return ""
	case q.Status >= 300 || q.Status == 0 && q.Message != "":
		return q.Message
	}
	return q.Exec.Error
}
