package trace

// The story of one object: its facts, sorted and read.

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/clock"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// story is one object's facts, sorted and read: what the rules look at. Much of it is empty unless the object is a Pod.
type story struct {
	*scene
	object         seq.Object
	joinedRevision uint64     // the revision by which it became part of the run; 0 where it always was
	order          storyOrder // among the stories
	resource       string     // as in RBAC
	prefix         string     // of the keys that are the object's own
	ownRequests    []*seq.Request
	admitted       []string    // what admission changed
	engine         engineFacts // where it is a container of an engine
	reading
	owners
}

// storyOrder is the place of a story in the run: those of what our requests are about come first, then the others as
// their objects were first seen.
type storyOrder struct {
	root           int    // from 1; 0 for the others
	oldestRevision uint64 // revision
	uid            string
}

func (a storyOrder) compare(b storyOrder) int {
	switch {
	case a.root == 0 && b.root != 0:
		return 1
	case b.root == 0 && a.root != 0:
		return -1
	}
	return cmp.Or(cmp.Compare(a.root, b.root), cmp.Compare(a.oldestRevision, b.oldestRevision),
		cmp.Compare(a.uid, b.uid))
}

// reading is what is read of the facts of an object, anew whenever there are others.
type reading struct {
	revisions      []*write   // by revision
	events         []*emitted // by the order of their writes
	specChanges    []*write   // of the revisions, those by which it asked for something else than before
	clocks         clock.Clocks
	runtime        seq.Participant
	node           string
	workerEvents   []workerEvent // see orderedWorkerEvents
	sandboxes      []newSandbox  // beyond the first
	lives          []life        // see seeLife
	records        records
	criCalls       []criCall
	execRecords    []execSpans
	goneSince      time.Time       // see facts
	reporterRead   seq.Participant // see reporter
	pastWritesRead []*pastWrite    // see pastWrites
	contradictions []string        // what one source denies that another led to
}

// eventsOf are the Events about an object, without those from before where the run tells nothing of that.
func (t *store) eventsOf(s *story, f *facts) []*eventRevision {
	events := f.events
	if !s.begins().IsZero() || !s.attached() {
		for len(events) > 0 && events[0].rv <= t.lists["events"] {
			events = events[1:]
		}
	}
	return events
}

// readObject reads the facts of an object.
func (t *store) readObject(s *story, f *facts) {
	s.goneSince = f.goneSince
	s.revisions = make([]*write, 0, len(f.revisions))
	for _, r := range f.revisions {
		if seq.ObjectOf(r.object).Kind == s.object.Kind { // else it is garbage
			s.addRevision(r)
		}
	}
	s.addEvents(t.eventsOf(s, f))
	s.attributeBind()
	s.records = s.calls.recordsOf(s)
	s.joinRevisions()
	s.attributeWrites()
	for _, w := range s.revisions {
		w.actorRead = w.actor
	}
	s.compareClocks()
	if s.attached() {
		s.compareServer()
	}
	s.clocks.Settle(s.usualDelay())
	for _, e := range s.events {
		switch {
		case s.clocks.Jumped(e.emitter), s.clocks.Behind(e.emitter) > 0:
			e.at = time.Time{}
		case !e.at.IsZero():
			e.at = s.toOurClock(e.emitter, e.at)
		}
	}
	for _, w := range s.revisions {
		s.addSpecChange(w)
	}
	if s.isPod() {
		s.criCalls = s.readCRI()
		for _, x := range s.readExecs() {
			if s.execRecords = append(s.execRecords, x); x.cri.client != nil {
				s.criCalls = append(s.criCalls, x.cri)
			}
		}
		s.workerEvents = s.readWorker()
		s.sandboxes = s.readSandboxes()
		if s.reporter() == seq.Kubelet {
			for _, w := range s.revisions {
				s.seeLives(w)
			}
		}
	}
}

// asksAnew reports whether the object asks for something else since that write, or for the first time.
func (w *write) asksAnew() bool {
	return w.creates || w.prevObject != nil && w.object.GetGeneration() != w.prevObject.GetGeneration()
}

func (s *story) addSpecChange(w *write) {
	if w.isOfRun() && w.asksAnew() {
		s.specChanges = append(s.specChanges, w)
	}
}

func (s *story) isPod() bool { return s.object.Kind == "Pod" }

// reporter is who says what becomes of the Pod on its node. What is not a kubelet runs nothing.
func (s *story) reporter() seq.Participant {
	if s.reporterRead == "" {
		s.reporterRead = seq.Kubelet
		if s.isPod() && len(s.revisions) > 0 {
			s.reporterRead = reporterOf(s.newest())
		}
	}
	return s.reporterRead
}

// newest is the last revision that is known. There must be one.
func (s *story) newest() *corev1.Pod { return s.revisions[len(s.revisions)-1].pod }

func (s *story) addRevision(r *revision) {
	w := &write{revision: r, beforeJoining: r.rv < s.joinedRevision}
	w.pod, _ = r.object.(*corev1.Pod)
	if n := len(s.revisions); n > 0 {
		w.prevWrite = s.revisions[n-1]
		w.prevRevision, w.prevObject, w.prevPod = w.prevWrite.revision, w.prevWrite.object, w.prevWrite.pod
	} else if w.pod != nil {
		// A Pod is bound, scheduled and patched by later writes only; one that shows none of this is as it was made.
		w.creates = w.pod.Spec.NodeName == "" && len(w.pod.Status.Conditions) == 0 && !(s.attached() && r.listed)
	} else {
		w.creates = r.added
	}
	for _, q := range s.ownRequests {
		m := q.AnswerObject()
		answered := m != nil && m.GetResourceVersion() == r.object.GetResourceVersion() && m.GetUID() == r.object.GetUID()
		// The watch can deliver what our request made before the request is answered.
		underway := q.Status == 0
		switch {
		case q.Verb == "create" && (answered || underway && w.creates && w.prevObject == nil):
			w.ownRequest, w.creates = q, true
		case q.Verb == "delete" && q.Status < 300 && w.endsLife() && (answered || underway || w.deleted || noGrace(w.pod)),
			q.Verb == "delete" && w.shortensGrace() && answered:
			w.ownRequest = q
		case q.Verb == "delete" && w.deleted && w.prevPod != nil && noGrace(w.prevPod) &&
			(answered || s.last().ownRequest == q):
			// the second revision of one DELETE
			w.ownRequest = q
		}
	}
	w.actor = s.writer(w)
	w.notBefore, w.notAfter = s.writtenWithin(w), instant.Sooner(r.received, s.notAfter(r.rv, s.resource, s.object.UID))
	if w.prevWrite != nil {
		w.prevWrite.nextWrite = w
	}
	s.revisions = append(s.revisions, w)
	if w.pod == nil {
		return
	}
	s.node = cmp.Or(w.pod.Spec.NodeName, s.node)
	s.runtime = cmp.Or(runtimeOf(w.pod), s.runtimes[s.node], s.runtime)
}

// runtimeOf is the runtime by which a Pod's containers are known, or nothing.
func runtimeOf(p *corev1.Pod) (name seq.Participant) {
	for c := range object.Statuses(p) {
		if scheme, _, ok := strings.Cut(c.ContainerID, "://"); ok && scheme != "" {
			name = seq.Participant(scheme)
		}
	}
	return name
}

// writtenWithin is the latest of what bounds the commit of a write from below: the seconds that the API server or the
// client stamped it with, and our own reads that did not have it yet.
func (s *story) writtenWithin(w *write) time.Time {
	since := s.notBefore(w.rv, s.resource, s.object.UID)
	ahead, known := s.serverAhead()
	stamped := func(at time.Time) {
		if known {
			since = instant.Later(since, at.Add(-ahead))
		}
	}
	if e := w.entry(w.prevObject); e != nil && e.Time != nil {
		stamped(e.Time.Time)
	}
	if w.ownRequest != nil {
		return since
	}
	if at := w.object.GetDeletionTimestamp(); at != nil && w.endsLife() { // stamped within the request
		grace := time.Duration(0)
		if n := w.object.GetDeletionGracePeriodSeconds(); n != nil {
			grace = time.Duration(*n) * time.Second
		}
		stamped(at.Add(-grace))
	}
	if w.creates {
		since = instant.Later(since, s.absent())
		if at := w.object.GetCreationTimestamp(); !at.IsZero() { // likewise
			stamped(at.Time)
		}
	}
	return since
}

func (s *story) addEvents(all []*eventRevision) {
	zero := s.zero()
	read := make([]emitted, len(all))
	s.events = make([]*emitted, len(all))
	for i, r := range all {
		e := &read[i]
		e.eventRevision, e.count = r, r.count
		if e.count == 1 && !e.emission.IsZero() {
			e.at = e.emission
			s.clocks.SampleEvent(e.emitter, e.at, zero, r.received)
		}
		s.events[i] = e
	}
	if s.attached() {
		s.events = append(s.events, s.firstEmissions()...)
	}
	slices.SortFunc(s.events, func(a, b *emitted) int {
		return cmp.Or(cmp.Compare(a.rv, b.rv), cmp.Compare(a.event.UID, b.event.UID), cmp.Compare(a.count, b.count))
	})
	// A kubelet writes its Events in the order in which they happened, so its clock goes back only when it is set.
	last := map[seq.Participant]time.Time{}
	for _, e := range s.events {
		if e.isFirstEmission {
			continue
		}
		if e.emitter == seq.Kubelet && !e.at.IsZero() && e.at.Before(last[e.emitter].Add(-clock.UnrelatedGap)) {
			s.clocks.Of(e.emitter).Jumped = true
		}
		last[e.emitter] = instant.Later(last[e.emitter], e.at)
	}
}

// firstEmissions are those of the Events that were found when they had happened more than once.
func (s *story) firstEmissions() (all []*emitted) {
	least := map[string]*emitted{}
	for _, e := range s.events {
		if uid := string(e.event.UID); least[uid] == nil || e.rv < least[uid].rv {
			least[uid] = e
		}
	}
	for _, e := range least {
		if e.count > 1 && !e.emission.IsZero() {
			first := *e
			first.count, first.at, first.isFirstEmission = 1, e.emission, true
			all = append(all, &first)
		}
	}
	return all
}

// statusesWithoutEphemeral are those of the containers that decide what becomes of the Pod: all but the ephemeral ones,
// which somebody put in to look.
func statusesWithoutEphemeral(p *corev1.Pod) iter.Seq[*corev1.ContainerStatus] {
	return object.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}

// last is the newest write that is known. There must be one.
func (r *reading) last() *write { return r.revisions[len(r.revisions)-1] }

func (s *story) createRevision() uint64 {
	return s.firstRevision(func(w *write) bool { return w.creates })
}

func (s *story) firstRevision(is func(*write) bool) uint64 {
	for _, w := range s.revisions {
		if is(w) {
			return w.rv
		}
	}
	return 0
}

// madeWithNode reports whether the Pod was made with its node, so that no scheduler had to do with it.
func (s *story) madeWithNode() bool {
	return len(s.revisions) > 0 && s.revisions[0].pod.Spec.NodeName != "" && s.foundNode() == nil
}

// workloadState is the state of an object that is no Pod.
func (r *revision) workloadState() seq.State {
	if r.state == nil {
		st := object.State(r.object)
		r.state = &st
	}
	return *r.state
}

// slice are the endpoints of an EndpointSlice, and nothing of any other object.
func (r *revision) slice() map[string]object.Endpoint {
	if u, ok := r.object.(*unstructured.Unstructured); ok && u.GetKind() == "EndpointSlice" {
		return r.endpoints()
	}
	return nil
}

// endpoints are those of an EndpointSlice by this revision.
func (r *revision) endpoints() map[string]object.Endpoint {
	if r.parsed == nil {
		all := map[string]object.Endpoint{}
		if u, ok := r.object.(*unstructured.Unstructured); ok {
			all = object.Endpoints(u)
		}
		r.parsed = &all
	}
	return *r.parsed
}
