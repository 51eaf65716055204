package trace

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// story is one Pod's facts, sorted and read: what the rules look at.
type story struct {
	object     Object
	requests   []*Request // by the time they started
	revisions  []*write   // by revision
	events     []*emitted // by the order of their writes
	gaps       []gap
	comparable bool // Events and Pods share one revision counter
	clocks     clocks
	runtime    Participant
	node       string
	acts       []act // see worker
	containers []ran // see ran
	records    records
	cri        []criCall
	losses     []Loss
	gone       time.Time // see podFacts
	admitted   []string  // what admission changed
	lease      *Lease
	leaseAt    time.Time
	webhooks   *Webhooks

	contradictions []string // what one source denies that another led to
}

// write is one revision of the Pod and what it changed.
type write struct {
	*revision
	prev  *corev1.Pod // nil for the first revision we know
	first bool        // the revision that made the Pod
	own   *Request    // our own request, if it is the one
	actor actor
	since time.Time // it was committed no earlier, by managedFields' whole seconds; zero where they do not tell
}

// emitted is one write of an Event.
type emitted struct {
	*eventRevision
	emitter   Participant
	container string
	count     int       // how often it has happened by this write
	at        time.Time // when it was emitted, on our clock; zero where only the second is known
}

type gap struct {
	Gap
	at time.Time
}

func (t *Trace) story() *story {
	s := &story{object: t.subject, runtime: Runtime, comparable: t.comparable(), lease: t.lease, leaseAt: t.leaseAt, webhooks: t.webhooks}
	for _, id := range slices.Sorted(maps.Keys(t.requests)) {
		s.requests = append(s.requests, t.requests[id])
	}
	slices.SortStableFunc(s.requests, func(a, b *Request) int { return a.Started.Compare(b.Started) })
	s.admitted = t.admitted(s.ownCreate())
	for g, at := range t.gaps {
		s.gaps = append(s.gaps, gap{g, at})
	}
	slices.SortFunc(s.gaps, func(a, b gap) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.Resource+a.From+a.To+a.Reason, b.Resource+b.From+b.To+b.Reason))
	})
	for key, n := range t.losses {
		key.Count = n
		s.losses = append(s.losses, key)
	}
	slices.SortFunc(s.losses, func(a, b Loss) int { return cmp.Compare(a.Source+a.What, b.Source+b.What) })
	f := t.pods[t.subjectUID()]
	if f == nil {
		return s
	}
	s.object.UID, s.gone = t.subjectUID(), f.gone
	for _, rv := range slices.Sorted(maps.Keys(f.revisions)) {
		s.addRevision(f.revisions[rv])
	}
	events := slices.Collect(maps.Values(f.events))
	if !s.begins().IsZero() { // those from before are no part of it
		events = slices.DeleteFunc(events, func(e *eventRevision) bool { return e.rv <= t.lists["events"] })
	}
	s.addEvents(events)
	s.records = t.readRecords(s.object.UID)
	s.joinRevisions()
	s.attribute()
	s.compareClocks()
	s.clocks.settle(s.roundTrip())
	for _, e := range s.events {
		switch {
		case s.clocks.jumped(e.emitter):
			e.at = time.Time{}
		case !e.at.IsZero():
			e.at = s.on(e.emitter, e.at)
		}
	}
	s.cri = s.readCRI()
	s.acts, s.containers = s.readWorker(), s.readStatuses()
	return s
}

// newest is the last revision that is known. There must be one.
func (s *story) newest() *corev1.Pod { return s.revisions[len(s.revisions)-1].pod }

func (s *story) addRevision(r *revision) {
	w := &write{revision: r}
	if n := len(s.revisions); n > 0 {
		w.prev = s.revisions[n-1].pod
	} else {
		// A Pod is bound, scheduled and patched by later writes only; one that shows none of this is as it was made.
		w.first = r.pod.Spec.NodeName == "" && len(r.pod.Status.Conditions) == 0
	}
	for _, q := range s.requests {
		answered := q.ResourceVersion == r.pod.ResourceVersion && q.Pod != nil && q.Pod.UID == r.pod.UID
		// The watch can deliver what our request made before the request is answered.
		underway := q.Status == 0
		switch {
		case q.Verb == "create" && (answered || underway && w.first && w.prev == nil):
			w.own, w.first = q, true
		case q.Verb == "delete" && q.Status < 300 && w.endsLife() && (answered || underway || w.deleted || noGrace(w.pod)):
			w.own = q
		case q.Verb == "delete" && w.deleted && w.prev != nil && noGrace(w.prev) && (answered || s.last().own == q): // the second revision of one DELETE
			w.own = q
		}
	}
	w.actor = writer(w)
	if e := changedEntry(w.prev, r.pod); e != nil && e.Time != nil {
		if ahead, ok := s.serverAhead(); ok {
			w.since = e.Time.Add(-ahead)
		}
	}
	s.revisions = append(s.revisions, w)
	s.node = cmp.Or(r.pod.Spec.NodeName, s.node)
	for c := range allStatuses(r.pod) {
		if name, _, ok := strings.Cut(c.ContainerID, "://"); ok && name != "" {
			s.runtime = Participant(name)
		}
	}
}

func (s *story) addEvents(all []*eventRevision) {
	zero := s.zero()
	for _, r := range all {
		e := &emitted{eventRevision: r, emitter: emitterOf(r.event), container: containerOf(r.event), count: occurrences(r.event)}
		if e.at = emissionTime(r.event); e.count == 1 && !e.at.IsZero() {
			s.clocks.event(e.emitter, e.at, zero, r.received)
		} else {
			e.at = time.Time{}
		}
		s.events = append(s.events, e)
	}
	slices.SortFunc(s.events, func(a, b *emitted) int {
		return cmp.Or(cmp.Compare(a.rv, b.rv), cmp.Compare(a.event.UID, b.event.UID))
	})
	// A kubelet writes its Events in the order in which they happened, so its clock goes back only when it is set.
	last := map[Participant]time.Time{}
	for _, e := range s.events {
		if e.emitter == Kubelet && !e.at.IsZero() && e.at.Before(last[e.emitter].Add(-apart)) {
			s.clocks.of(e.emitter).Jumped = true
		}
		last[e.emitter] = later(last[e.emitter], e.at)
	}
}

// roundTrip is how long our own requests took at least.
func (s *story) roundTrip() (least time.Duration) {
	for _, q := range s.requests {
		if d := q.FirstByte.Sub(q.Sent); !q.Sent.IsZero() && !q.FirstByte.IsZero() && d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// serverAhead bounds how far the API server's clock is ahead of ours, by the whole seconds of its Date headers.
func (s *story) serverAhead() (bound time.Duration, ok bool) {
	for _, r := range s.requests {
		if r.ServerDate.IsZero() || r.Sent.IsZero() {
			continue
		}
		if b := r.ServerDate.Add(time.Second).Sub(r.Sent); !ok || b < bound {
			bound, ok = b, true
		}
	}
	return bound, ok
}

// zero is when we sent the request that the run is about, or the zero time. Nothing that is told can have come before.
func (s *story) zero() time.Time {
	for _, r := range s.requests {
		if r.acts() {
			return r.Sent
		}
	}
	return time.Time{}
}

// begins is when the story of a Pod begins that was there before: with the request that ends it; else the zero time.
func (s *story) begins() time.Time {
	for _, r := range s.requests {
		if r.Verb == "delete" {
			return r.Sent
		}
	}
	return time.Time{}
}

// told leaves out what had happened before the story began: a Pod that was there already has a past.
func (s *story) told(steps []Step) []Step {
	begin := s.begins()
	begun := slices.ContainsFunc(s.requests, (*Request).acts)
	if begun && begin.IsZero() {
		return steps
	}
	kept := map[string]bool{}
	steps = slices.DeleteFunc(steps, func(x Step) bool {
		past := !begun || !x.Window.Latest.IsZero() && x.Window.Latest.Before(begin)
		kept[x.Key] = !past || x.Rule == "own-read" || x.Rule == "gap"
		return !kept[x.Key]
	})
	for i := range steps {
		steps[i].After = slices.DeleteFunc(steps[i].After, func(key string) bool { return !kept[key] })
	}
	return steps
}

// endsLife reports whether the write is what a DELETE does: it sets the time of the end, or removes the Pod at once.
func (w *write) endsLife() bool {
	return w.prev != nil && w.prev.DeletionTimestamp == nil && (w.pod.DeletionTimestamp != nil || w.deleted)
}

// emissionTime reads the emitter's clock from the Event's name: client-go's recorders name an Event
// "<object>.<unix nanoseconds in hex>". Some clients use another suffix, and a name is only a claim, so it must agree
// with the Event's own times to the second. The zero time means that there is no such time.
func emissionTime(e *corev1.Event) time.Time {
	i := strings.LastIndexByte(e.Name, '.')
	ns, err := strconv.ParseInt(e.Name[i+1:], 16, 64)
	if i < 0 || err != nil {
		return time.Time{}
	}
	at := time.Unix(0, ns).UTC()
	said := e.EventTime.Time
	if said.IsZero() {
		said = e.FirstTimestamp.Time
	}
	if d := at.Sub(said); d < -time.Second || d > 2*time.Second {
		return time.Time{}
	}
	return at
}

// occurrences is how often the Event has happened by this revision of it.
func occurrences(e *corev1.Event) int {
	if e.Series != nil {
		return max(1, int(e.Series.Count))
	}
	return max(1, int(e.Count))
}

// emitterOf is the participant that emitted an Event, by the component's name.
func emitterOf(e *corev1.Event) Participant {
	name := cmp.Or(e.ReportingController, e.Source.Component)
	if p, ok := components[name]; ok {
		return p
	}
	return Participant(cmp.Or(name, string(UnknownClient)))
}

// containerOf reads the container from fieldPath, such as spec.containers{app}.
func containerOf(e *corev1.Event) string {
	_, rest, ok := strings.Cut(e.InvolvedObject.FieldPath, "{")
	name, closed := strings.CutSuffix(rest, "}")
	if !ok || !closed {
		return ""
	}
	return name
}

// allStatuses yields the statuses of init, regular and ephemeral containers, in this order.
func allStatuses(p *corev1.Pod) iter.Seq[*corev1.ContainerStatus] {
	return func(yield func(*corev1.ContainerStatus) bool) {
		for _, all := range [...][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses} {
			for i := range all {
				if !yield(&all[i]) {
					return
				}
			}
		}
	}
}

func condition(p *corev1.Pod, t corev1.PodConditionType) corev1.ConditionStatus {
	if p != nil {
		for _, c := range p.Status.Conditions {
			if c.Type == t {
				return c.Status
			}
		}
	}
	return ""
}
