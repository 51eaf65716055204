package main

// How far a run has come, and what that is due to.

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

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
