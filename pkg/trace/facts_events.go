package trace

// Events: when they were emitted and what they are evidence of.

import (
	"fmt"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// eventLag is the usual time from the commit of an Event's write to our receipt of it.
const eventLag = 1500 * time.Microsecond

func (e *emitted) evidence() seq.Evidence {
	detail := "Event " + e.event.Reason
	switch {
	case !e.at.IsZero():
		detail += ", emitted at the instant in its name"
	case e.count > 1:
		detail += fmt.Sprintf(", %d times by then", e.count)
	}
	return seq.Evidence{Source: "events", Detail: detail, ResourceVersion: e.event.ResourceVersion, At: e.received}
}

// second is the window of an emission of which only the second is known, on our clock.
func (e *emitted) second(s *story) seq.Window {
	said := e.event.LastTimestamp.Time
	if e.event.Series != nil {
		said = e.event.Series.LastObservedTime.Time
	}
	if said.IsZero() || s.clocks.Jumped(e.emitter) {
		return seq.Window{Latest: e.received}
	}
	said = said.Truncate(time.Second).Add(-s.clocks.Offset(e.emitter))
	if w := instant.Intersect(seq.Window{Earliest: said, Latest: said.Add(time.Second)},
		seq.Window{Latest: e.received}); !w.Empty() {
		return w
	}
	return seq.Window{Latest: e.received}
}

// emitted is one write of an Event.
type emitted struct {
	*eventRevision
	emitter         seq.Participant
	container       string
	count           int       // how often it has happened by this write
	at              time.Time // when it was emitted, on our clock; zero where only the second is known
	isFirstEmission bool      // the first of many that this write counts, as the name has kept it
}

func (e *emitted) object() seq.Object {
	return seq.Object{Kind: "Event", Namespace: e.event.Namespace, Name: e.event.Name, UID: string(e.event.UID)}
}

// deliveryLag is the usual time from the commit of a Pod's write to our receipt of it, measured on one machine.
const deliveryLag = 2500 * time.Microsecond
