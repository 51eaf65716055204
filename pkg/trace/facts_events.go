package trace

// Events: who emitted them and when, and what they are evidence of.

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// eventLag is the usual time from the commit of an Event's write to our receipt of it.
const eventLag = 1500 * time.Microsecond

// readEvent reads what a revision of an Event says by itself.
func readEvent(e *corev1.Event, rv uint64, received time.Time) *eventRevision {
	uid, revision := string(e.UID), strconv.FormatUint(rv, 10)
	r := &eventRevision{rv: rv, event: e, received: received, emitter: emitterOf(e), container: containerOf(e),
		image: imageIn(e.Message), count: occurrences(e), text: "Event " + e.Reason,
		writeKey: keyOf("write:events", uid, revision), etcdKey: keyOf("etcd:events", uid, revision)}
	r.noteKey = noteKey(uid, r.count)
	from := ""
	if r.emission, from = emissionTime(e); from != "" {
		r.textWithAt = r.text + ", emitted at the instant in " + from
	}
	return r
}

func (e *emitted) evidence() seq.Evidence {
	text := e.text
	switch {
	case !e.at.IsZero():
		text = e.textWithAt
	case e.count > 1:
		text += fmt.Sprintf(", %d times by then", e.count)
	}
	return seq.Evidence{Source: "events", Text: text, ResourceVersion: e.event.ResourceVersion, At: e.received}
}

// second is the window of an emission of which only the second is known, or its instant on a clock that may be behind
// ours, on our clock.
func (e *emitted) second(s *story) seq.Window {
	behind := s.clocks.Behind(e.emitter)
	if at := e.notBefore(s); !at.IsZero() {
		return seq.Window{Earliest: at, Latest: e.received}
	}
	said := cmp.Or(e.event.LastTimestamp.Time, e.event.EventTime.Time)
	if e.event.Series != nil {
		said = e.event.Series.LastObservedTime.Time
	}
	if said.IsZero() || s.clocks.Jumped(e.emitter) {
		return seq.Window{Latest: e.received}
	}
	said = said.Truncate(time.Second).Add(-s.clocks.Offset(e.emitter))
	if w := instant.Intersect(seq.Window{Earliest: said, Latest: said.Add(time.Second + behind)},
		seq.Window{Latest: e.received}); !w.Empty() {
		return w
	}
	return seq.Window{Latest: e.received}
}

// notBefore is when an Event was emitted at the earliest, and likely: by its emitter's clock, be that as ours or behind
// it. It is zero where only the second is known.
func (e *emitted) notBefore(s *story) time.Time {
	if e.at.IsZero() && e.count == 1 && s.clocks.Behind(e.emitter) > 0 {
		return e.emission
	}
	return e.at
}

// emitted is one write of an Event.
type emitted struct {
	*eventRevision
	count           int       // likewise, or 1 for the first
	at              time.Time // when it was emitted, on our clock; zero where only the second is known
	isFirstEmission bool      // the first of many that this write counts, as the name has kept it
}

// before reports whether an Event was emitted before another: their writes are in that order. The first emission of one
// that was found later, when it had happened again, has no write of its own, but its instant.
func (e *emitted) before(o *emitted, s *story) bool {
	switch {
	case e.event.UID == o.event.UID:
		return e.count < o.count
	case e.isFirstEmission:
		return e.at.Before(s.emittedBy(o))
	case o.isFirstEmission:
		return s.emittedBy(e).Before(o.at)
	}
	return e.rv < o.rv
}

func (e *emitted) object() seq.Object {
	return seq.Object{Kind: "Event", Namespace: e.event.Namespace, Name: e.event.Name, UID: string(e.event.UID)}
}

// deliveryLag is the usual time from the commit of a Pod's write to our receipt of it, measured on one machine.
const deliveryLag = 2500 * time.Microsecond

// emissionTime reads when an Event was emitted, on the emitter's clock, and says from where: client-go's recorders name
// an Event "<object>.<unix nanoseconds in hex>". Some clients use another suffix, and a name is only a claim, so it
// must agree with the Event's own times to the second. An Event with another name may have eventTime, in microseconds.
// The zero time means that there is neither.
func emissionTime(e *corev1.Event) (at time.Time, from string) {
	i := strings.LastIndexByte(e.Name, '.')
	ns, err := strconv.ParseInt(e.Name[i+1:], 16, 64)
	if i < 0 || err != nil {
		if e.EventTime.Nanosecond() == 0 { // it may be in whole seconds
			return time.Time{}, ""
		}
		return e.EventTime.UTC(), "its eventTime"
	}
	at = time.Unix(0, ns).UTC()
	said := e.EventTime.Time
	if said.IsZero() {
		said = e.FirstTimestamp.Time
	}
	if d := at.Sub(said); d < -time.Second || d > 2*time.Second {
		return time.Time{}, ""
	}
	return at, "its name"
}

// occurrences is how often the Event has happened by this revision of it.
func occurrences(e *corev1.Event) int {
	if e.Series != nil {
		return max(1, int(e.Series.Count))
	}
	return max(1, int(e.Count))
}

// emitterOf is the participant that emitted an Event, by the component's name.
func emitterOf(e *corev1.Event) seq.Participant {
	name := cmp.Or(e.ReportingController, e.Source.Component)
	if p, ok := object.Components[name]; ok {
		return p
	}
	if p := controllerBy(func(c controller) bool {
		return name != "" && name == cmp.Or(c.component, c.account)
	}); p != "" {
		return p
	}
	if m := instance.FindStringSubmatch(name); m != nil {
		name = m[1]
	}
	return seq.Participant(cmp.Or(name, string(seq.UnknownClient)))
}

// instance is the name of a provisioner of volumes in its Events: DRIVER_POD_UUID (controller/controller.go of
// sigs.k8s.io/sig-storage-lib-external-provisioner, v10). Each of its Pods acts for the same driver.
var instance = regexp.MustCompile(`^([^_]+)_.+_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// containerOf reads the container from fieldPath, such as spec.containers{app}.
func containerOf(e *corev1.Event) string {
	_, rest, ok := strings.Cut(e.InvolvedObject.FieldPath, "{")
	name, closed := strings.CutSuffix(rest, "}")
	if !ok || !closed {
		return ""
	}
	return name
}
