package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
)

// loop is a run while observations come.
type loop struct {
	*run
	following context.Context // ends what is asked beyond the run's own request
	acting    <-chan error    // what came of that request; closed after it
	timeout   <-chan time.Time
	enough    <-chan time.Time // set once the outcome is decided, or the time is up
	quiet     <-chan time.Time // set once a command has ended
	caughtUp  <-chan struct{}  // while Events that may be late are asked for
	again     bool             // they have been asked for once more
	output    <-chan piece     // of a command
	reason    recording.Reason // why it ends before its goal
}

// follow takes observations until the outcome is decided and what is certainly on its way has come, then draws the end.
// What it asks beyond that ends with the second context.
func (r *run) follow(ctx, following context.Context, acting <-chan error) error {
	l := &loop{run: r, following: following, acting: acting}
	if r.passed != nil {
		l.output = r.passed.output
	}
	if r.aftermath == nil {
		l.limit()
	}
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		if done, err := l.wait(ctx, tick.C); done || err != nil {
			return err
		}
		begun := time.Now()
		if r.pace.early(begun) {
			continue
		}
		if done, err := l.judge(); done || err != nil {
			return err
		}
		draw := r.draw
		if r.passed != nil && r.passed.taken && !r.acted {
			draw = r.drawBeside
		}
		if err := draw(); err != nil {
			return err
		}
		r.pace.looked(begun, time.Now())
	}
}

// limit has the time count from now on.
func (l *loop) limit() {
	if l.run.timeout > 0 {
		l.timeout = time.After(l.run.timeout)
	}
}

// wait takes the next thing that happens, and reports whether that was the end.
func (l *loop) wait(ctx context.Context, tick <-chan time.Time) (done bool, err error) {
	select {
	case o := <-l.source.Observations():
		return false, errors.Join(l.take(o), l.drain())
	case o := <-l.records.observations:
		return false, errors.Join(l.take(o), l.drain())
	case p := <-l.output:
		return false, l.passed.pass(p)
	case err, ok := <-l.acting:
		if !ok {
			l.acting = nil
			return false, nil
		}
		return l.hasActed(ctx, err)
	case <-tick:
		l.tick(now())
		l.questions = true
	case <-l.pace.due:
	case <-l.caughtUp:
		l.caughtUp = nil
		return false, l.drain()
	case <-l.quiet:
		if len(l.trace.Aftermath().EndedContainers) == 0 && l.reason == "" {
			l.reason, l.enough = recording.Quiet, time.After(l.records.drain)
		}
	case <-l.timeout:
		if l.reason = recording.Timeout; l.enough == nil {
			l.enough = time.After(l.records.drain)
		}
	case <-l.enough:
		if l.reason != "" || l.again || !l.trace.EventsPending() {
			return true, l.ended(l.reason)
		}
		l.again = true
		l.caughtUp, l.enough = l.source.CatchUp(l.following), time.After(pause)
	case <-ctx.Done():
		return true, l.ended(recording.Interrupt)
	}
	return false, nil
}

// hasActed goes on after the run's own request.
func (l *loop) hasActed(ctx context.Context, failed error) (done bool, err error) {
	l.acted = true
	if l.aftermath != nil {
		l.limit()
		l.quiet = time.After(l.aftermath.wait)
		if err := l.passed.rest(); err != nil { // before the picture goes on
			return true, err
		}
	}
	drained := l.drain()
	if failed != nil && ctx.Err() == nil { // an interrupt is told as such
		return true, errors.Join(drained, l.refused(failed))
	}
	if l.once && drained == nil && !l.trace.State().Created {
		return true, hinted(fmt.Errorf("%s %q is not in the list that you may read", l.subject.Kind, l.subject.Name),
			cmp.Or(strings.Join(l.trace.Run().Unseen, "; "), "it may be gone by now"))
	}
	return false, drained
}

// judge looks at what is known by now, and reports whether that was the end.
func (l *loop) judge() (done bool, err error) {
	if l.questions {
		l.questions = false
		for _, q := range l.trace.Questions() {
			l.source.Ask(l.following, q)
		}
	}
	if l.trace.Unobservable() && l.acted && l.reason == "" {
		return true, l.ended(recording.Unobservable)
	}
	if (l.reason == recording.Timeout || l.reason == recording.Quiet) && l.records.whole(l.trace) {
		return true, l.ended(l.reason)
	}
	if l.aftermath != nil &&
		(l.aftermath.lookAgain(l.following) || l.reason == recording.Quiet && len(l.trace.Aftermath().EndedContainers) > 0) {
		l.reason, l.enough = "", nil
		return false, nil
	}
	patience := max(min(l.followOptions.settle, time.Second), l.records.drain)
	if _, ok := l.decided(); ok && l.acted {
		if l.enough == nil {
			l.enough = time.After(patience)
			if !l.once {
				l.caughtUp = l.source.CatchUp(l.following)
			}
		}
		if l.caughtUp == nil && !l.trace.EventsPending() && l.records.whole(l.trace) && !l.source.Asking() {
			return true, l.ended("")
		}
		return false, nil
	}
	switch dead := !l.waitAnyway && l.acted && l.deadEnd(); {
	case dead && l.reason == "":
		l.reason, l.enough = recording.DeadEnd, time.After(patience)
	case !dead && l.reason == recording.DeadEnd: // somebody mended it meanwhile
		l.reason, l.enough = "", nil
	case !dead && l.reason == "": // nor is it decided any more
		l.enough, l.caughtUp = nil, nil
	}
	return false, nil
}
