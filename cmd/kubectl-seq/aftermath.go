package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// executed is the goal of a command: that it has ended, and what it led to has, too.
const executed = "executed"

// aftermath runs a command and passes on what it writes while the sequence is drawn.
type aftermath struct {
	*execOptions
	*passed
	looked chan struct{} // closed when the processes have been looked at again; nil before
}

func newAftermath(o *execOptions, r *run) *aftermath {
	r.passed = newPassed(r)
	r.passed.taken = o.tty != nil
	return &aftermath{execOptions: o, passed: r.passed}
}

// act runs the command. It ends with the context, as kubectl exec does; the command may then go on in the container.
func (a *aftermath) act(ctx context.Context) error {
	if a.processes {
		a.look(ctx)
	}
	c := a.command
	if a.tty == nil {
		c.Stdout, c.Stderr = a.to(ctx, &a.streams[0]), a.to(ctx, &a.streams[1])
		return a.run.follower.Exec(ctx, a.subject, c)
	}
	ctx, ended := context.WithCancel(ctx)
	defer ended()
	out := &lastLine{to: a.streams[0].to}
	c.Stdout, c.Terminal = out, a.tty.sizes(ctx)
	run := func() error { return errors.Join(a.run.follower.Exec(ctx, a.subject, c), out.end()) }
	if c.Stdin == nil {
		return run()
	}
	return a.tty.lend(run)
}

// look has the container's processes observed. What prevents it is observed, too.
func (a *aftermath) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*pause)
	defer cancel()
	_ = a.run.follower.Processes(ctx, a.subject, a.command.Container)
}

// lookAgain does so once after a restart, and reports whether that is still under way.
func (a *aftermath) lookAgain(ctx context.Context) bool {
	if !a.processes || !a.run.trace.Aftermath().Recovered {
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

// decidedAfter names the outcome of a command that the observations tell, or none while it is open.
func (s *session) decidedAfter() (render.Outcome, bool) {
	a := s.trace.Aftermath()
	if !a.CommandEnded {
		return render.Outcome{}, false
	}
	o := render.Outcome{}
	_, by, ok := s.trace.Reached(0, func(st seq.State) bool {
		o = s.over(st)
		return o.Name != ""
	})
	ended := strings.Join(a.EndedContainers, ", ")
	switch {
	case ok:
	case a.Recovered:
		o, by, ok = render.Outcome{Name: "Ready",
			Message: "again, since the kubelet has started " + ended + " anew"}, a.ReachedBy, true
	case a.EndedForGood:
		o, by, ok = render.Outcome{Name: "Exited", Message: ended + " has ended, and is not started again"}, a.ReachedBy, true
	}
	if zero := s.trace.Run().Origin; ok && !zero.IsZero() {
		o.Total = by.Sub(zero)
	}
	return o, ok
}

// ofCommand reports whether the run is about a command.
func (s *session) ofCommand() bool { return s.until.name == allGoals[executed].name }

// quiet reports whether the command has ended, and no container has since.
func (s *session) quiet() bool {
	a := s.trace.Aftermath()
	return a.CommandEnded && len(a.EndedContainers) == 0
}

// exited is the outcome where nothing followed.
func (s *session) exited() render.Outcome {
	e := s.trace.Aftermath().Exec
	o := render.Outcome{Name: "Exited", Total: e.Ended.Sub(s.trace.Run().Origin)}
	if !s.trace.State().Created {
		o.Message = "what became of container " + e.Container + " could not be seen"
		return o
	}
	o.Message = fmt.Sprintf("container %s did not end in the %.1f s after it", e.Container,
		s.trace.Now().Sub(e.Ended).Seconds())
	if e.ExitCode != nil && *e.ExitCode != 0 {
		o.Message = fmt.Sprintf("the command with %d; %s", *e.ExitCode, o.Message)
	}
	if why := e.Unheard(); why != "" {
		o.Message += "; " + why
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
	case !a.CommandEnded:
		return "the command runs"
	case len(a.EndedContainers) == 0:
		return "the command has ended; its container has not"
	}
	return "not Ready again yet"
}
