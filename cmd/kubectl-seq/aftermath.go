package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/term"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// executed is the goal of a command: that it has ended, and what it led to has, too.
const executed = "executed"

// aftermath runs a command and passes on what it writes while the sequence is drawn.
type aftermath struct {
	*execOptions
	run    *run
	output chan piece
	held   map[io.Writer][]byte // the line that has no end yet
	looked chan struct{}        // closed when the processes have been looked at again; nil before
}

// piece is some of what a command wrote.
type piece struct {
	to   io.Writer
	text []byte
}

func newAftermath(o *execOptions, r *run) *aftermath {
	return &aftermath{execOptions: o, run: r, output: make(chan piece), held: map[io.Writer][]byte{}}
}

// act runs the command. It ends with the context, as kubectl exec does; the command may then go on in the container.
func (a *aftermath) act(ctx context.Context) error {
	if a.processes {
		a.look(ctx)
	}
	c := a.command
	c.Stdout, c.Stderr = a.to(ctx, a.Out), a.to(ctx, a.ErrOut)
	if !render.Formats[a.targets[0].format].Live { // that is for programs
		c.Stdout = c.Stderr
	}
	return a.run.follower.Exec(ctx, a.subject, c)
}

// look has the container's processes observed. What prevents it is observed, too.
func (a *aftermath) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*pause)
	defer cancel()
	_ = a.run.follower.Processes(ctx, a.subject, a.command.Container)
}

// lookAgain does so once after a restart, and reports whether that is still under way.
func (a *aftermath) lookAgain(ctx context.Context) bool {
	if !a.processes || !a.run.trace.Aftermath().Back {
		return false
	}
	if a.looked == nil {
		a.looked = make(chan struct{})
		go func() {
			defer close(a.looked)
			a.look(ctx)
		}()
	}
	select {
	case <-a.looked:
		return false
	default:
		return true
	}
}

// to hands what is written to the loop that draws.
func (a *aftermath) to(ctx context.Context, w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		select {
		case a.output <- piece{w, bytes.Clone(p)}:
			return len(p), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// pass writes the lines that have an end.
func (a *aftermath) pass(p piece) error {
	text := append(a.held[p.to], p.text...)
	end := bytes.LastIndexByte(text, '\n') + 1
	a.held[p.to] = bytes.Clone(text[end:])
	if end == 0 {
		return nil
	}
	return a.write(p.to, string(text[:end]))
}

// rest writes what has none, and ends it.
func (a *aftermath) rest() (err error) {
	for _, w := range []io.Writer{a.Out, a.ErrOut} {
		if text := a.held[w]; len(text) > 0 {
			a.held[w] = nil
			err = errors.Join(err, a.write(w, string(text)+"\n"))
		}
	}
	return err
}

func (a *aftermath) write(w io.Writer, text string) error {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		text = render.Lines(text)
	}
	return a.run.out.print(w, text)
}

// killsFirst finds a command that signals process 1.
var killsFirst = regexp.MustCompile(`\bkill\s+(?:-\S+\s+(?:[A-Z]+\s+)?)*1\b`)

// decidedAfter names the outcome of a command that the observations tell, or none while it is open.
func (s *session) decidedAfter() (render.Outcome, bool) {
	a := s.trace.Aftermath()
	if !a.Ended {
		return render.Outcome{}, false
	}
	o := render.Outcome{}
	_, by, ok := s.trace.Reached(0, func(st trace.State) bool {
		switch {
		case st.Deleting:
		case st.Deleted:
			o = s.because(render.Outcome{Name: "Deleted", ExitCode: exitStuck})
		case st.Failed:
			o = s.because(render.Outcome{Name: "Failed", ExitCode: exitStuck})
		case st.Succeeded:
			o = render.Outcome{Name: "Succeeded"}
		}
		return o.Name != ""
	})
	ended := strings.Join(a.Left, ", ")
	switch {
	case ok:
	case a.Back:
		o, by, ok = render.Outcome{Name: "Ready", Message: "again, since the kubelet has started " + ended + " anew"}, a.By, true
	case a.Over:
		o, by, ok = render.Outcome{Name: "Exited", Message: ended + " has ended, and is not started again"}, a.By, true
	}
	if zero := s.trace.Run().Zero; ok && !zero.IsZero() {
		o.Total = by.Sub(zero)
	}
	return o, ok
}

// ofCommand reports whether the run is about a command.
func (s *session) ofCommand() bool { return s.until.name == allGoals[executed].name }

// quiet reports whether the command has ended, and no container has since.
func (s *session) quiet() bool {
	a := s.trace.Aftermath()
	return a.Ended && len(a.Left) == 0
}

// exited is the outcome where nothing followed.
func (s *session) exited() render.Outcome {
	e := s.trace.Aftermath().Exec
	o := render.Outcome{Name: "Exited", Total: e.Ended.Sub(s.trace.Run().Zero)}
	o.Message = fmt.Sprintf("no container ended in the %.1f s after it", s.trace.Now().Sub(e.Ended).Seconds())
	if killsFirst.MatchString(strings.Join(e.Command, " ")) {
		o.Message += "; process 1 of a container gets only signals that it has a handler for, and from inside not even SIGKILL"
	}
	return o
}

// withCommand gives the outcome the exit code of the command, unless that is 0.
func (s *session) withCommand(o render.Outcome) render.Outcome {
	if e := s.trace.Aftermath().Exec; e != nil && e.ExitCode != nil && *e.ExitCode != 0 {
		o.ExitCode = *e.ExitCode
	}
	return o
}

// statusAfter is what a run of a command waits for.
func (s *session) statusAfter() string {
	switch a := s.trace.Aftermath(); {
	case !a.Ended:
		return "the command runs"
	case len(a.Left) == 0:
		return "the command has ended; no container has"
	}
	return "not Ready again yet"
}
