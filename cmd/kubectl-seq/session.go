package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
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

// drawBeside is draw while the terminal is somebody else's.
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

// decided names the outcome that the observations tell, or none while it is open.
func (s *session) decided() (render.Outcome, bool) {
	if !s.begun {
		return render.Outcome{}, false
	}
	if s.trace.RootRefused() {
		return s.because(render.Outcome{Name: "Refused", ExitCode: exitFailed, Total: s.elapsed()}), true
	}
	var out render.Outcome
	all := true
	for i := range s.trace.Roots() {
		o, ok := s.decidedOf(i)
		switch {
		case ok && o.ExitCode != exitReached: // one that will not get there decides for all
			return o, true
		case !ok:
			all = false
		case i == 0:
			out = o
		}
		out.Total = max(out.Total, o.Total)
	}
	return out, all
}

// decidedOf names the outcome for one of the objects that the run is about.
func (s *session) decidedOf(root int) (render.Outcome, bool) {
	switch {
	case s.ofCommand():
		return s.decidedAfter()
	case s.ofContainer():
		return s.decidedContainer()
	}
	var o render.Outcome
	_, by, ok := s.trace.Reached(root, func(st seq.State) bool {
		switch {
		case s.until.name == allGoals[shown].name:
			if o = (render.Outcome{Name: s.nameOf(s.trace.State())}); !st.Ready && !st.Succeeded {
				o = s.because(o)
			}
		case s.until.name == "Available" && st.Succeeded:
			o = render.Outcome{Name: "Succeeded", Message: st.Remark}
		case s.until.reached(st):
			o = render.Outcome{Name: s.until.name, Message: st.Remark}
			if st.Deleted && !s.attached.IsZero() { // nobody knows yet who asked for that
				o = s.because(o)
			}
		case s.until.name == allGoals[deleted].name: // nothing else ends it
		default:
			o = s.over(st)
		}
		return o.Name != ""
	})
	if zero := s.zero(); ok && !zero.IsZero() && s.until.name != allGoals[shown].name {
		o.Total = max(0, by.Sub(zero))
	}
	return o, ok
}

// over is the outcome of an object that has come to its end, or none. How one ends that is to go is told when it is
// gone.
func (s *session) over(st seq.State) render.Outcome {
	switch {
	case st.Deleting:
	case st.Deleted:
		return s.because(render.Outcome{Name: "Deleted", ExitCode: exitStuck})
	case st.Failed:
		return s.because(render.Outcome{Name: "Failed", ExitCode: exitStuck})
	case st.Succeeded:
		return render.Outcome{Name: "Succeeded"}
	}
	return render.Outcome{}
}

// nameOf is how an object is called that has come so far.
func (s *session) nameOf(st seq.State) string {
	_, held := s.trace.Obstacle()
	for _, x := range []struct {
		is   bool
		name string
	}{{st.Deleted, "Deleted"}, {st.Deleting, "Deleting"}, {st.Failed, "Failed"}, {st.Succeeded, "Succeeded"}, {st.Ready,
		"Ready"}, {held, "Stuck"}, {st.Available, "Available"}, {st.Running, "Running"}, {st.Scheduled, "Scheduled"}} {
		if x.is {
			return x.name
		}
	}
	return "Created"
}

// because adds what the outcome is due to, where anything says so.
func (s *session) because(out render.Outcome) render.Outcome {
	if o, ok := s.trace.Obstacle(); ok {
		for i := range o.NextSteps {
			o.NextSteps[i].Command = seq.WithFlags(o.NextSteps[i].Command, s.flags)
		}
		out.Obstacle, out.Reason, out.Message = &o, o.Reason, o.Message
	}
	return out
}

// deadEnd reports whether nothing that Kubernetes does by itself will get the Pod further. What held the Pod before a
// command was run in it is no business of that.
func (s *session) deadEnd() bool {
	if s.ofCommand() && s.quiet() {
		return false
	}
	o, ok := s.trace.Obstacle()
	return ok && o.DeadEnd
}

// end is the outcome of a run that is over. Where a command was run, its exit code counts first.
func (s *session) end(reason recording.Reason) render.Outcome { return s.withCommand(s.endOf(reason)) }

// endOf is what the observations tell, else what ended the run.
func (s *session) endOf(reason recording.Reason) render.Outcome {
	o, ok := s.decided()
	if ok {
		return o
	}
	o = s.because(render.Outcome{Total: s.elapsed()})
	switch {
	case (reason == recording.Quiet || reason == recording.Timeout) && s.quiet():
		return s.exited()
	case reason == recording.Interrupt:
		o.Name, o.ExitCode = "Interrupted", exitInterrupted
	case (reason == recording.Timeout || reason == recording.DeadEnd) && o.Obstacle != nil:
		o.Name, o.ExitCode = "Stuck", exitStuck
	case reason == recording.Timeout:
		o.Name, o.ExitCode, o.Message = "Timeout", exitTimeout, "not "+s.goal()+": "+s.whyNot()
	case reason == recording.Unobservable:
		o.Name, o.ExitCode, o.Message = "Unseen", exitFailed, "it is made, but you may neither watch, list nor get it: "+
			"nothing more can be seen of it"
	default:
		o.Name, o.ExitCode, o.Message = "Incomplete", exitFailed, "the recording ends before it was "+s.until.name
	}
	return o
}

// goal is what the object is to be. A Job, or what makes one, is never Available: it succeeds.
func (s *session) goal() string {
	if kind := s.trace.Run().Subject.Kind; s.until.name == "Available" && (kind == "Job" || kind == "CronJob") {
		return "Succeeded"
	}
	return s.until.name
}

// whyNot says why the goal was not reached where nothing holds the object.
func (s *session) whyNot() string {
	st := s.trace.State()
	is := "it is " + strings.ToLower(s.nameOf(st))
	if st.Succeeded || st.Failed {
		is = "it has " + strings.ToLower(s.nameOf(st))
	}
	switch {
	case !st.Created:
		return "it is not there"
	case s.until.name == allGoals[deleted].name && !st.Deleting && !st.Deleted:
		return is + ", and nobody has deleted it"
	case s.until.name == allGoals["completed"].name && (st.Running || st.Ready):
		return is + ", and its containers still run"
	}
	for _, p := range s.trace.Phases(time.Time{}) {
		if p.Open {
			return fmt.Sprintf("in %s for %.1f s: %s", p.Name, p.Lately().Seconds(), p.Explain)
		}
	}
	return "nothing says why"
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
