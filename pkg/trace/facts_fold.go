package trace

// The store of all that was observed, each fact once.

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// store is all that has been observed, each fact once.
//
// What is derived of it is derived anew by versions: version grows with everything that is not known yet, and what
// changed by it is noted, for a whole run or for one object.
type store struct {
	version          uint64
	versionOfAll     uint64          // the version by which something became known that all may depend on
	versionOfMembers uint64          // the version by which something became known by which objects are part of the run
	changed          map[string]bool // uids of objects of which something became known since it was emptied
	// of these, those that were not known before, where nothing else says who is part of the run
	appeared []string
	asides   []string                // IDs of requests that became known meanwhile, see isAside
	lookedUp bool                    // lookups have been answered in another way meanwhile
	bounded  map[string]bool         // uids of objects of which all is to be read anew, as these, or nodes, say more
	named    map[string][]string     // by the uid of a Pod: the EndpointSlices that name it, or have named it
	naming   []string                // EndpointSlices that named another Pod, or one earlier, meanwhile
	owning   map[string]bool         // uids of objects that others say own them
	byName   map[seq.Object][]string // the uids of objects that have had a name

	drawn   seq.Drawn // see Draw
	redrawn uint64    // how often that has changed

	subject       seq.Object
	requests      map[string]*seq.Request
	objects       map[string]*facts     // by uid
	gaps          map[seq.Gap]time.Time // first received
	audits        map[string]*seq.Audit // by ID
	spans         map[string]*seq.Span  // by trace and ID
	losses        map[seq.Loss]int      // the count is left out of the key
	engineEvents  map[string]engineEvent
	runtimeEvents map[string]runtimeEvent
	leases        map[string]lease           // the newest, by node
	webhooks      *seq.Webhooks              // or nil
	runtimes      map[string]seq.Participant // by node, as far as it, or a container there, says
	lookups       map[lookupKey]lookup       // by what was asked for
	admission     admissionOf
	attachedAt    time.Time                   // see Attach
	listsPending  bool                        // an Attach said that lists are under way
	listsAnswered bool                        // one said that they are not, or not any more
	now           time.Time                   // the latest instant any observation has shown us
	lists         map[string]uint64           // by resource, the store's revision when we first listed it
	fields        map[string]*metav1.FieldsV1 // by their text, see sameFields
	latestPod     *corev1.Pod                 // that was observed, or nil
	latestEvent   *corev1.Event               // likewise
}

// facts is what is kept of one object: every revision once, every revision of its Events once.
type facts struct {
	revisions []*revision       // by number
	events    []*eventRevision  // by number and uid
	owners    map[string]bool   // uids of those that own it, or did
	goneSince time.Time         // since when we know that it is no longer there, where no watch told
	latest    metav1.Object     // of those that were observed, the last
	first     *revision         // the oldest, or nil
	last      *revision         // the newest, or nil
	endpoints map[string]uint64 // of an EndpointSlice: the first revision that named a Pod, by its uid
	orphans   bool              // it leaves behind what it owns, see orphanFinalizer
	newest    uint64            // of its revisions, and those of its Events
	received  time.Time         // the last time that one of them was
}

// came notes a revision, of the object or an Event.
func (f *facts) came(rv uint64, received time.Time) {
	f.newest = max(f.newest, rv)
	f.received = instant.Later(f.received, received)
}

// revisionAt is the place of a revision among those that were observed, or the place that it would have.
func (f *facts) revisionAt(rv uint64) (i int, known bool) {
	return slices.BinarySearchFunc(f.revisions, rv, func(r *revision, rv uint64) int { return cmp.Compare(r.rv, rv) })
}

// newOfAll notes something that all may depend on.
func (t *store) newOfAll() {
	t.version++
	t.versionOfAll = t.version
}

// newOf notes something about one object.
func (t *store) newOf(uid string) {
	t.version++
	t.changed[uid] = true
}

type eventKey struct {
	uid string
	rv  uint64
}

type revision struct {
	rv       uint64
	object   metav1.Object
	deleted  bool
	listed   bool      // it was there when we listed
	added    bool      // a watch said that it is new
	received time.Time // zero where it only came as the answer to our own create

	remembered
}

// remembered is what was found out about a revision. It takes long, and is asked again after every observation.
type remembered struct {
	changeFrom metav1.Object // that change tells the difference from
	change     string        // or nothing yet
	entryFrom  metav1.Object // that entry tells the difference from
	entryOf    *metav1.ManagedFieldsEntry
	parsed     *map[string]object.Endpoint // see endpoints
	sole       *soleWriter                 // see soleWriter
	state      *seq.State                  // see workloadState
	etcdKey    seq.Key                     // see etcdKeyOf
	writeKey   seq.Key                     // see there
}

type eventRevision struct {
	rv       uint64
	event    *corev1.Event
	received time.Time

	// What it says by itself, which is read once.
	emitter    seq.Participant
	container  string
	image      string    // that it names, or nothing
	count      int       // how often it has happened by this write
	emission   time.Time // see emissionTime
	text       string    // of it as evidence
	textWithAt string    // likewise, where the emission is known
	writeKey   seq.Key
	etcdKey    seq.Key
	noteKey    seq.Key // of the last emission
}

func newStore(subject seq.Object) store {
	return store{
		subject: subject, changed: map[string]bool{}, bounded: map[string]bool{},
		named: map[string][]string{}, owning: map[string]bool{},
		byName: map[seq.Object][]string{}, requests: map[string]*seq.Request{}, objects: map[string]*facts{},
		gaps:   map[seq.Gap]time.Time{},
		audits: map[string]*seq.Audit{}, spans: map[string]*seq.Span{}, losses: map[seq.Loss]int{},
		leases:        map[string]lease{},
		engineEvents:  map[string]engineEvent{},
		runtimeEvents: map[string]runtimeEvent{}, fields: map[string]*metav1.FieldsV1{}, lists: map[string]uint64{},
		runtimes: map[string]seq.Participant{}, lookups: map[lookupKey]lookup{},
	}
}

func (t *store) observe(o seq.Observation) {
	if o.Received.After(t.now) {
		t.now = o.Received
	}
	switch {
	case o.Request != nil:
		t.observeRequest(o.Request)
	case o.Change != nil && o.Change.ChangedObject() != nil && o.Change.Type == "GONE":
		t.observeGone(o.Change.ChangedObject(), o.Received)
	case o.Change != nil && o.Change.ChangedObject() != nil:
		t.observeObject(o.Change.ChangedObject(),
			revision{deleted: o.Change.Type == "DELETED", listed: o.Change.Type == "LISTED", added: o.Change.Type == "ADDED",
				received: o.Received})
	case o.Event != nil && o.Event.Event != nil && o.Event.Type != "DELETED":
		t.observeEvent(o.Event.Event, o.Received)
	case o.Gap != nil:
		if old, ok := t.gaps[*o.Gap]; !ok || o.Received.Before(old) {
			t.gaps[*o.Gap] = o.Received
			t.newOfAll()
		}
	case o.Audit != nil:
		t.observeAudit(o.Audit)
	case o.Span != nil:
		t.observeSpan(o.Span)
	case o.Engine != nil:
		t.observeEngine(o.Engine, o.Received)
	case o.Runtime != nil:
		t.observeRuntime(o.Runtime, o.Received)
	case o.Loss != nil:
		key := seq.Loss{Source: o.Loss.Source, What: o.Loss.What}
		t.losses[key] = max(t.losses[key], o.Loss.Count)
		t.newOfAll()
	case o.Lease != nil:
		is, was := lease{o.Lease, o.Received}, t.leases[o.Lease.Node]
		if was.Lease == nil || cmp.Or(is.Renewed.Compare(was.Renewed), cmp.Compare(is.Seconds, was.Seconds),
			is.at.Compare(was.at)) > 0 {
			t.leases[is.Node] = is
			t.version++ // no message depends on it
		}
	case o.Lookup != nil:
		t.observeLookup(o.Lookup, o.Received)
	case o.Node != nil:
		t.observeNode(*o.Node)
	case o.Attach != nil:
		t.observeAttach(*o.Attach, o.Received)
	case o.Webhooks != nil && (t.webhooks == nil || slices.Compare(o.Webhooks.Mutating, t.webhooks.Mutating) > 0):
		t.webhooks = o.Webhooks
		t.newOfAll()
	}
}

// lease is what the kubelet of a node renews.
type lease struct {
	*seq.Lease
	at time.Time // when it was answered last
}

func (t *store) observeNode(n seq.Node) {
	if old, known := t.runtimes[n.Name]; known && n.Runtime <= old { // one is as good as the other, in any order
		return
	}
	t.runtimes[n.Name] = n.Runtime
	t.version++
	for uid, f := range t.objects {
		if slices.ContainsFunc(f.revisions, func(r *revision) bool {
			p, ok := r.object.(*corev1.Pod)
			return ok && p.Spec.NodeName == n.Name
		}) {
			t.bounded[uid], t.changed[uid] = true, true
		}
	}
}

func (t *store) observeAttach(a seq.Attach, received time.Time) {
	looking, listed := t.listsPending || a.ListsPending, t.listsAnswered || !a.ListsPending
	if looking != t.listsPending || listed != t.listsAnswered || instant.Earlier(received, t.attachedAt) {
		t.listsPending, t.listsAnswered = looking, listed
		t.newOfAll()
	}
	if instant.Earlier(received, t.attachedAt) {
		t.attachedAt = received
	}
}

func (t *store) observeObject(m metav1.Object, how revision) {
	rv, ok := parseRevision(m.GetResourceVersion())
	_, isPod := m.(*corev1.Pod)
	if !ok || m.GetUID() == "" || t.isOtherOfSameName(seq.ObjectOf(m)) || seq.ObjectOf(m).Kind == "Pod" && !isPod {
		// of another group
		return
	}
	f := t.facts(string(m.GetUID()))
	f.came(rv, how.received)
	how.rv = rv
	if i, known := f.revisionAt(rv); known {
		old := f.revisions[i]
		how.object, how.remembered = old.object, old.remembered
		how.deleted, how.listed, how.added = how.deleted || old.deleted, how.listed || old.listed, how.added || old.added
		if !instant.Earlier(how.received, old.received) {
			how.received = old.received
		}
		if how == *old {
			return
		}
	} else {
		f.latest = t.sharingParts(m, f.latest)
		how.object = f.latest
	}
	t.addRevision(f, &how)
	if p, ok := how.object.(*corev1.Pod); ok && p.Spec.NodeName != "" {
		if name := runtimeOf(p); name != "" {
			t.observeNode(seq.Node{Name: p.Spec.NodeName, Runtime: name})
		}
	}
}

// isOtherOfSameName reports whether an object has the subject's name, but another uid than is asked for.
func (t *store) isOtherOfSameName(o seq.Object) bool {
	return t.subject.UID != "" && o.UID != t.subject.UID && o.Kind == t.subject.Kind &&
		o.Namespace == t.subject.Namespace && o.Name == t.subject.Name
}

// observeGone takes that an object which was asked for is no longer there.
func (t *store) observeGone(m metav1.Object, received time.Time) {
	if m.GetUID() == "" {
		return
	}
	if f := t.facts(string(m.GetUID())); instant.Earlier(received, f.goneSince) {
		f.goneSince = received
		if f.last == nil { // an owner that others refer to
			t.newOfAll()
			return
		}
		t.newOf(string(m.GetUID()))
	}
}

func (t *store) observeEvent(e *corev1.Event, received time.Time) {
	rv, ok := parseRevision(e.ResourceVersion)
	if !ok || e.InvolvedObject.UID == "" {
		return
	}
	f := t.facts(string(e.InvolvedObject.UID))
	f.came(rv, received)
	i, known := slices.BinarySearchFunc(f.events, e, func(r *eventRevision, e *corev1.Event) int {
		return cmp.Or(cmp.Compare(r.rv, rv), cmp.Compare(r.event.UID, e.UID))
	})
	if known && !instant.Earlier(received, f.events[i].received) {
		return
	}
	lean := t.sharingEvent(*e, f)
	if !known {
		f.events = slices.Insert(f.events, i, nil)
	}
	f.events[i] = readEvent(lean, rv, received)
	t.newOf(string(e.InvolvedObject.UID))
}

func (t *store) facts(uid string) *facts {
	f := t.objects[uid]
	if f == nil {
		f = &facts{owners: map[string]bool{}}
		t.objects[uid] = f
	}
	return f
}

// parseRevision reads a resourceVersion, which within one resource is a comparable decimal integer (promised since
// Kubernetes 1.35, true before).
func parseRevision(s string) (uint64, bool) {
	rv, err := strconv.ParseUint(s, 10, 64)
	return rv, err == nil && rv > 0
}
