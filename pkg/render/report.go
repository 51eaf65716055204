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
