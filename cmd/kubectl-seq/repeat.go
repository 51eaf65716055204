package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// repeatFlags are those of the verbs that create, to do so again and again.
type repeatFlags struct {
	repeat, warmup, parallel int
	objectives               []string
	given                    func(flag string) bool
}

// repeatOptions are what they mean.
type repeatOptions struct {
	runs       int // 0 where nothing is repeated
	warmup     int
	parallel   int // so many at once
	objectives []percentile.Objective
}

func (f *repeatFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&f.repeat, "repeat", 1, "do it so many times, delete what was made each time, and print percentiles")
	fs.IntVar(&f.warmup, "warmup", 0, "with --repeat: so many runs come before, and do not count")
	fs.IntVar(&f.parallel, "parallel", 1, "with --repeat: so many runs at once")
	fs.StringArrayVar(&f.objectives, "slo", nil,
		"with --repeat: an objective such as p99<5s; exit code 0 if it is kept, 2 if it is broken, 124 if more runs are "+
			"needed to tell; may be repeated")
	f.given = fs.Changed
}

// toOptions reads them; record is the file to which a single run would be recorded, or empty.
func (f *repeatFlags) toOptions(record string) (o repeatOptions, err error) {
	if !f.given("repeat") {
		for _, name := range []string{"warmup", "parallel", "slo"} {
			if f.given(name) {
				return o, hinted(fmt.Errorf("--%s needs --repeat", name), "add --repeat=N")
			}
		}
		return o, nil
	}
	for _, x := range []struct {
		name         string
		value, least int
	}{{"repeat", f.repeat, 1}, {"warmup", f.warmup, 0}, {"parallel", f.parallel, 1}} {
		if x.value < x.least {
			return o, fmt.Errorf("--%s=%d: must be %d or more", x.name, x.value, x.least)
		}
	}
	if record != "" {
		return o, hinted(errors.New("--record keeps one run, --repeat has many"), "-o json=FILE keeps what was measured")
	}
	for _, text := range f.objectives {
		objective, err := percentile.ParseObjective(text)
		if err != nil {
			return o, fmt.Errorf("--slo: %w", err)
		}
		o.objectives = append(o.objectives, objective)
	}
	o.runs, o.warmup, o.parallel = f.repeat, f.warmup, f.parallel
	return o, nil
}

// series does the same again and again.
type series struct {
	repeatOptions
	*followOptions
	name    string                // of what is started
	attempt func(number int) *run // the run of a number, from 1; it removes what it makes
	picture render.Series
	mu      sync.Mutex // guards picture, and what is written meanwhile
}

// measure does all runs, and writes what there is of them in the end, also after an interrupt or a failure.
func (s *series) measure(ctx context.Context) error {
	out := &outputs{style: s.style, sender: s.sender}
	if err := out.openFiles(s.targets[1:]); err != nil {
		return err
	}
	s.picture = render.Series{Name: s.name, Warmup: s.warmup, Asked: s.runs, Objectives: s.objectives}
	err := s.all(ctx)
	s.endProgress()
	slices.SortFunc(s.picture.Runs, func(a, b render.SeriesRun) int { return a.Number - b.Number })
	if len(s.picture.Runs) == 0 && err != nil {
		return errors.Join(err, out.discard())
	}
	for _, r := range s.picture.Runs {
		out.ended = append(out.ended, r.Report)
	}
	err = errors.Join(err, render.SeriesFormats[s.targets[0].format](s.Out, s.picture, s.style),
		out.write(func(w io.Writer, format string, y render.Style) error {
			return render.SeriesFormats[format](w, s.picture, y)
		}),
		out.send())
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return exitError(exitInterrupted)
	}
	return s.exit()
}

// exit is the exit code of a series that has come to its end.
func (s *series) exit() error {
	undecided := false
	for _, j := range s.picture.Judgements() {
		switch j.Verdict {
		case percentile.Broken:
			return exitError(exitStuck)
		case percentile.Undecided:
			undecided = true
		}
	}
	switch {
	case undecided:
		return exitError(exitTimeout)
	case len(s.objectives) == 0 && s.picture.Failed() > 0:
		return exitError(exitStuck)
	}
	return nil
}

// all does the runs, some at once: first those that warm up, then those that count. It stops at an interrupt, or where
// one could not even be made.
func (s *series) all(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.progress()
	s.several(ctx, 1, s.warmup, stop)
	s.several(ctx, s.warmup+1, s.warmup+s.runs, stop)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// several does the runs of these numbers.
func (s *series) several(ctx context.Context, first, last int, stop context.CancelCauseFunc) {
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range s.parallel {
		workers.Go(func() {
			for number := range numbers {
				if err := s.one(ctx, number); err != nil {
					stop(err)
				}
			}
		})
	}
	for number := first; number <= last && ctx.Err() == nil; number++ {
		select {
		case numbers <- number:
		case <-ctx.Done():
		}
	}
	close(numbers)
	workers.Wait()
}

// one does a run. The error is of one that came to no end that could be told, or left something behind.
func (s *series) one(ctx context.Context, number int) error {
	r := s.attempt(number)
	kept := &render.Report{}
	r.outputs = &outputs{style: s.style, kept: kept}
	err := besides(r.start(ctx))
	if kept.Outcome.Name == "Interrupted" || ctx.Err() != nil {
		return nil
	}
	if kept.Outcome.Name == "" || err != nil && kept.Outcome.ExitCode == exitReached {
		return err
	}
	if number <= s.warmup {
		return nil
	}
	run := render.SeriesRun{Number: number - s.warmup, Report: *kept}
	if x, ok := r.trace.Startup(); ok {
		run.Startup = &x
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.picture.Runs = append(s.picture.Runs, run)
	s.progressOf()
	return nil
}

// progress says how far the series has come: in a terminal in one line that is replaced, else in a line each time.
func (s *series) progress() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progressOf()
}

func (s *series) progressOf() {
	line := s.picture.Progress(s.style)
	if s.redraws() {
		fmt.Fprintf(s.ErrOut, "\r%s\x1b[K", line)
	} else {
		fmt.Fprintln(s.ErrOut, line)
	}
}

func (s *series) endProgress() {
	if s.redraws() {
		fmt.Fprint(s.ErrOut, "\r\x1b[K")
	}
}

// redraws reports whether a line can be replaced.
func (s *series) redraws() bool {
	f, ok := s.ErrOut.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
