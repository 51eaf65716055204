package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// session folds what is observed, be it now or in a recording, and draws it.
type session struct {
	trace    *trace.Trace
	pods     render.Selection // which are drawn, where there are several
	out      *outputs
	context  string   // of the kubeconfig
	flags    []string // that say which cluster, for commands to try
	until    goal
	settle   time.Duration
	image    string    // of the Pod that is asked for, until there is one
	recorded time.Time // when, if this is not now
	// of what the run is part of, in the form of the W3C; or empty
	traceParent string
	begun       bool      // the request that the run is about has been sent, or there is none
	attached    time.Time // since when a run that only looks does so
	finished    bool      // its end has been drawn
}

// refresh is how often a picture is drawn anew while nothing happens.
const refresh = 100 * time.Millisecond

func (s *session) observe(o seq.Observation) {
	s.begun = s.begun || o.Attach != nil || o.Request != nil && o.Request.Acts()
	if o.Attach != nil && s.attached.IsZero() {
		s.attached = o.Received
	}
	s.trace.Observe(o)
}

// tick says that time has passed.
func (s *session) tick(now time.Time) { s.trace.Observe(seq.Observation{Received: now}) }

func (s *session) draw() error {
	r, settled, status := s.going()
	return errors.Join(s.out.update(r, settled, status), s.show(r, settled, status))
}

// show has browsers see it, if it is time for that.
func (s *session) show(r render.Report, settled int, status string) error {
	if !s.out.served.due() {
		return nil
	}
	begun := time.Now()
	r.Members = s.trace.MembersInFull()
	return s.out.served.update(begun, r, settled, status)
}

// drawBeside is draw where there is no terminal, or while that is somebody else's.
func (s *session) drawBeside() error {
	if !s.out.served.due() {
		return nil
	}
	r, settled, status := s.going()
	return s.show(r, settled, status)
}

// going is what there is to draw of a run that goes on, and how many of its steps will not change any more.
func (s *session) going() (r render.Report, settled int, status string) {
	s.trace.Draw(s.drawn())
	r = s.report()
	o, held := s.trace.Obstacle()
	if held && len(o.Evidence) > 0 {
		r.Held = o.Evidence[:1] // the last is another each time
	}
	status = s.status(r.Phases)
	if held {
		status += heldBy(o)
	}
	return r, s.trace.Settled(s.settle), status
}

// drawn are the Pods that are drawn while the run goes on. Browsers have them all.
func (s *session) drawn() seq.Drawn {
	if s.pods == "all" || s.out != nil && s.out.served != nil {
		return seq.Drawn{}
	}
	return seq.Drawn{Some: true, First: s.pods != "slowest"} // which is the slowest the end tells
}

// drawEnd has all be derived that the outputs have of the Pods in the end, with that outcome.
func (s *session) drawEnd(o render.Outcome) {
	if s.out == nil || s.out.haveAllPods() {
		s.trace.Draw(seq.Drawn{})
		return
	}
	s.trace.Draw(s.drawn())
	for all := []string(nil); ; {
		r := s.report()
		r.Outcome = o
		known := len(all)
		for _, uid := range r.ToldPods() { // how long each took is known a little better once all of it is derived
			if !slices.Contains(all, uid) {
				all = append(all, uid)
			}
		}
		if len(all) == known {
			return
		}
		s.trace.Draw(seq.Drawn{Some: true, Pods: all})
	}
}

func (s *session) report() render.Report {
	run := s.trace.Run()
	if run.Image == "" {
		run.Image = s.image
	}
	return render.Report{Context: s.context, Recorded: s.recorded, TraceParent: s.traceParent,
		Run: run, Steps: s.trace.Steps(),
		Phases: s.trace.Phases(time.Time{}), Members: s.trace.Members(), Cycles: s.trace.Cycles(), Pods: s.pods,
		Origin: s.until.origin}
}

func (s *session) status(phases []seq.Phase) string {
	waits := "not " + s.until.name + " yet"
	if !s.attached.IsZero() {
		waits = strings.ToLower(waits)
	}
	if s.ofCommand() {
		waits = s.statusAfter()
	}
	line := fmt.Sprintf("%.1f s, %s", s.elapsed().Seconds(), waits)
	for _, p := range phases {
		if p.Open {
			line += fmt.Sprintf(", in %s for %.1f s", p.Name, p.Lately().Seconds())
		}
	}
	return line
}

func heldBy(o seq.Obstacle) string {
	digits := 1
	if o.HeldWholeSeconds {
		digits = 0
	}
	return fmt.Sprintf(": %s, held by %s for %.*f s: %s", o.Reason, o.By, digits, o.Held.Seconds(), o.Explain)
}

// elapsed is the time since the request that the run is about, or since it looks.
func (s *session) elapsed() time.Duration {
	if zero := s.zero(); !zero.IsZero() {
		return s.trace.Now().Sub(zero)
	}
	return 0
}

func (s *session) zero() time.Time {
	if !s.attached.IsZero() {
		return s.attached
	}
	return s.trace.Run().Origin
}

func (s *session) whole(o render.Outcome) render.Report {
	s.drawEnd(o)
	r := s.report()
	var end time.Time
	if o.Total > 0 {
		end = s.zero().Add(o.Total)
	}
	r.Phases, r.Waits, r.Members, r.Outcome = s.trace.Phases(end), s.trace.Waits(end), s.trace.MembersInFull(), o
	for i := range r.Waits {
		r.Waits[i].Remedy = seq.WithFlags(r.Waits[i].Remedy, s.flags)
	}
	return r
}

// close ends the outputs of a session that failed before its finish: the picture and the files get what there is, if
// there is anything. A session that has been finished has nothing open any more.
func (s *session) close(failed error) error {
	if s.finished {
		return nil
	}
	if !s.begun {
		return s.out.discard()
	}
	o := s.because(render.Outcome{Name: "Incomplete", ExitCode: exitFailed, Total: s.elapsed()})
	if failed != nil {
		o.Message = failed.Error()
	}
	r := s.whole(o)
	return errors.Join(s.out.update(r, len(r.Steps), ""), s.out.writeFiles(r))
}

// finish draws the end and returns the exit code as an error, if it is not 0.
func (s *session) finish(o render.Outcome) error {
	s.finished = true
	if err := s.out.finish(s.whole(o)); err != nil {
		return err
	}
	if o.ExitCode != exitReached {
		return exitError(o.ExitCode)
	}
	return nil
}
