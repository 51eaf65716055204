package seqreceiver

// The start of one Pod: when it is over, and what is sent of it.

import (
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// mostObserved is how many revisions of a Pod and its Events are looked at: ten times those of a start. One that never
// gets there would have ever more.
const mostObserved = 200

// A Pod that had most likely begun so long before it was seen was not followed in time, as when nobody led. Then its
// phases are not those of our looks, but the likeliest of what has happened. What nothing but our look bounds, as the
// last write of its status, is still said to be nearly as late as that: after missedAfter, that is worth a mark.
const (
	lateAfter   = 100 * time.Millisecond
	missedAfter = time.Second
)

// start is a Pod in flight.
type start struct {
	trace    *trace.Trace
	object   seq.Object
	mark     mark
	last     *corev1.Pod // its newest revision
	node     string      // on which it is, once that is known
	lists    int         // of its source, the last that had it
	observed int
	changed  bool      // since it was looked at
	decided  time.Time // since when it is known how it ended
	stuck    bool      // a log record has told that it is held
	missed   bool      // its times are less certain, see missedAfter
}

// mark is where to watch from to see a Pod's start once more.
type mark struct {
	source *source
	after  string    // the revision before the one that made the Pod; empty where it was there before
	seen   time.Time // when it was first seen
}

// newStart begins to follow a Pod; pends says that Events of before may still come.
func newStart(p *corev1.Pod, from *source, seen time.Time, pends bool) *start {
	o := seq.Object{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: string(p.UID)}
	s := &start{trace: trace.New(o), object: o, mark: mark{source: from, seen: seen}}
	s.trace.Observe(seq.Observation{Received: seen, Attach: &seq.Attach{ListsPending: pends}})
	return s
}

func (s *start) observe(o seq.Observation) {
	if o.Change != nil && o.Change.Pod != nil || o.Event != nil {
		s.observed++
	}
	if o.Change != nil && o.Change.Pod != nil {
		s.last = o.Change.Pod
	}
	s.changed = true
	s.trace.Observe(o)
}

// outcome is how the start ended, or nothing while it goes on.
func (s *start) outcome() (o render.Outcome, ok bool) {
	_, by, ok := s.trace.Reached(0, func(st seq.State) bool {
		switch {
		case st.Ready:
			o = render.Outcome{Name: "Ready", Message: st.Remark}
		case st.Deleting: // how it ends is told when it is gone
		case st.Deleted:
			o = s.because(render.Outcome{Name: "Deleted", ExitCode: 2})
		case st.Failed:
			o = s.because(render.Outcome{Name: "Failed", ExitCode: 2})
		case st.Succeeded:
			o = render.Outcome{Name: "Succeeded"}
		}
		return o.Name != ""
	})
	if ok {
		o.Total = max(0, by.Sub(s.mark.seen))
	}
	return o, ok
}

// because adds what the outcome is due to, where anything says so.
func (s *start) because(out render.Outcome) render.Outcome {
	if o, ok := s.trace.Obstacle(); ok {
		out.Obstacle, out.Reason, out.Message = &o, o.Reason, o.Message
	}
	return out
}

// over reports how the start ended, once all that may be late has come.
func (s *start) over(now time.Time, settle time.Duration) (render.Outcome, bool) {
	s.changed = false
	s.trace.Observe(seq.Observation{Received: now})
	o, ok := s.outcome()
	if !ok {
		s.decided = time.Time{}
		if s.observed < mostObserved {
			return o, false
		}
		o = s.because(render.Outcome{Name: "Incomplete", ExitCode: 1, Total: max(0, s.trace.Now().Sub(s.mark.seen))})
		if o.Obstacle != nil {
			o.Name, o.ExitCode = "Stuck", 2
		}
		return o, true
	}
	if s.decided.IsZero() {
		s.decided = now
	}
	if now.Sub(s.decided) > 2*settle {
		return o, true
	}
	return o, s.trace.Settled(settle) == len(s.trace.Steps()) && !s.trace.EventsPending()
}

// isStuck reports, once, that something has held the start for so long, or will for ever.
func (s *start) isStuck(after time.Duration) (seq.Obstacle, bool) {
	if s.stuck || !s.decided.IsZero() {
		return seq.Obstacle{}, false
	}
	o, ok := s.trace.Obstacle()
	s.stuck = ok && (o.DeadEnd || o.Held >= after)
	return o, s.stuck
}

// report is all there is to say of the start.
func (s *start) report(o render.Outcome) render.Report {
	var end time.Time
	if o.Total > 0 {
		end = s.mark.seen.Add(o.Total)
	}
	if begun, ended := s.likely(); o.ExitCode == 0 && !begun.IsZero() && s.mark.seen.Sub(begun) > lateAfter {
		s.missed = s.mark.seen.Sub(begun) > missedAfter
		s.trace.Observe(seq.Observation{Received: begun, Attach: &seq.Attach{}})
		end, o.Total = ended, ended.Sub(begun)
	}
	return render.Report{Run: s.trace.Run(), Steps: s.trace.Steps(), Phases: s.trace.Phases(end), Outcome: o}
}

// markMissed says of the run and of its phases that they were not followed, so that no histogram need have them.
func markMissed(t ptrace.Traces) {
	for _, x := range t.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		x.Attributes().PutBool("seq.missed", true)
	}
}

// likely is when the first of what is known of the start has happened most likely, and the last.
func (s *start) likely() (first, last time.Time) {
	for _, x := range s.trace.Steps() {
		if x.Best.IsZero() || x.Detail > seq.Normal {
			continue
		}
		if first.IsZero() || x.Best.Before(first) {
			first = x.Best
		}
		if x.Best.After(last) {
			last = x.Best
		}
	}
	return first, last
}

// took is how long the start took, most likely.
func took(r render.Report) (d time.Duration) {
	for _, p := range r.Phases {
		d += p.Took
	}
	return d
}
