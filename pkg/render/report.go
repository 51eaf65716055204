package render

// What a run has to say, as everything here draws it.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Report is everything one run has to say.
type Report struct {
	Context  string    // of the kubeconfig
	Recorded time.Time // when, if this is not now
	// the W3C's traceparent of the span below which the run belongs; empty for none
	TraceParent string
	Run         seq.Run
	Steps       []*seq.Step
	Phases      []seq.Phase
	Waits       []seq.Wait
	Members     []seq.Member // the Pods of a run that is about something else
	Cycles      []seq.Cycle  // what repeats
	Pods        Selection    // which of them are drawn
	Origin      string       // what the request is called that times count from, where it is known beforehand
	Outcome     Outcome
	// what tells of that which holds the subject while the run goes on; then the outcome's obstacle has it
	Held []seq.Evidence
	// where Steps has only some, or Pods was changed: all steps of the run, and those of the column of a listing
	whole, listing []*seq.Step
}

// every is all steps of the run, also those that are not drawn.
func (r Report) every() []*seq.Step {
	if r.whole != nil {
		return r.whole
	}
	return r.Steps
}

// column is the steps of the column of a listing: those of the Pod that it draws, and of what is no Pod.
func (r Report) column() []*seq.Step {
	if r.listing != nil {
		return r.listing
	}
	one, some := r.one()
	if !some {
		return r.every()
	}
	return r.without(one)
}

// looks reports whether the run does nothing but look, so that its times are times of the day.
func (r Report) looks() bool { return !r.Run.AttachedAt.IsZero() }

// origin is what times are relative to, or the day of those that are not.
func (r Report) origin() time.Time {
	if r.looks() {
		return r.Run.AttachedAt
	}
	return r.Run.Origin
}

// Outcome is how the run ended. It is empty while it goes on.
type Outcome struct {
	// Ready, Scheduled, Running, Succeeded, Failed, Stuck, Timeout, Interrupted, Refused, Deleted, Unseen, Incomplete
	Name     string
	Reason   string
	Message  string
	ExitCode int
	Total    time.Duration // from the request that made the Pod to the instant that decided the outcome
	Obstacle *seq.Obstacle // what it is due to, or nil
}
