package trace

// The scene: all stories of a run and what they share.

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// scene is everything that is observed of one run, sorted: what the stories of its objects have in common.
type scene struct {
	requests   []*seq.Request // by the time they started
	reads      []read
	gaps       []gap
	comparable map[string]bool // by resource: its revisions are of the same counter as those of Pods
	losses     []seq.Loss
	leases     map[string]lease // by node, see store
	webhooks   *seq.Webhooks
	missing    map[string]bool            // the uids of owners that are not there, and were never seen
	runtimes   map[string]seq.Participant // by node, see store
	lookups    map[lookupKey]lookup       // see store
	attachedAt time.Time                  // see Attach
	orphaning  map[string]bool            // see there
	eventsAt   uint64                     // the revision of the list of Events, or 0
	listing    bool                       // lists of what is there are still to come
	calls      calls
	recorded   []recordedRequest
	members    members
	stories    []*story          // of the members, in their order
	roots      []*story          // see rootStories
	byUID      map[string]*story // those of objects that are there
}

type gap struct {
	seq.Gap
	at time.Time
}

func (t *store) scene() *scene {
	c := &scene{leases: t.leases, webhooks: t.webhooks, runtimes: t.runtimes, lookups: t.lookups,
		attachedAt: t.attachedAt,
		orphaning:  t.orphaning(), listing: t.listsPending && !t.listsAnswered,
		missing: map[string]bool{}, byUID: map[string]*story{}}
	for uid, f := range t.objects {
		if f.last == nil && !f.goneSince.IsZero() {
			c.missing[uid] = true
		}
	}
	c.readLists(t)
	c.requests = t.sortedRequests()
	c.reads = readReads(c.requests)
	for g, at := range t.gaps {
		c.gaps = append(c.gaps, gap{g, at})
	}
	slices.SortFunc(c.gaps, func(a, b gap) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.Resource+a.FromRevision+a.ToRevision+a.Reason,
			b.Resource+b.FromRevision+b.ToRevision+b.Reason))
	})
	for key, n := range t.losses {
		key.Count = n
		c.losses = append(c.losses, key)
	}
	slices.SortFunc(c.losses, func(a, b seq.Loss) int { return cmp.Compare(a.Source+a.What, b.Source+b.What) })
	c.calls = t.readCalls()
	c.recorded = c.recordedRequests()
	c.members = t.members(c.requests)
	for i := range c.members.objects {
		c.stories = append(c.stories, t.newStory(c, i))
	}
	c.relate()
	for _, s := range c.stories {
		s.attributeEnds()
	}
	return c
}

// readLists reads what the first lists say of the store's revisions.
func (c *scene) readLists(t *store) {
	c.eventsAt, c.comparable = t.lists["events"], make(map[string]bool, len(t.lists))
	for resource := range t.lists {
		c.comparable[resource] = t.comparable(resource)
	}
}

// comparable reports whether a resource and Pods share one revision counter, that is one etcd: two lists made back to
// back showed revisions a few writes apart.
func (t *store) comparable(resource string) bool {
	pods, its := t.lists["pods"], t.lists[resource]
	return pods > 0 && its >= pods && its-pods < 100
}

// attached reports whether the run only looks.
func (c *scene) attached() bool { return !c.attachedAt.IsZero() }

// subject is the story that the run is about.
func (c *scene) subject() *story { return c.stories[0] }

// rootObjects are the objects that requests of ours are about, the subject first.
func (t *store) rootObjects(requests []*seq.Request) []seq.Object {
	all := []seq.Object{t.identified(t.subject, requests)}
	for _, q := range requests {
		if o := t.identified(q.Object, requests); q.Acts() && o.Kind != "" && !slices.ContainsFunc(all, o.Same) {
			all = append(all, o)
		}
	}
	return all
}

// identified adds the uid: the one our own request made, else the newest of that name. Where our own request was
// refused there is none, whatever else has the name.
func (t *store) identified(o seq.Object, requests []*seq.Request) seq.Object {
	if o.UID != "" {
		return o
	}
	refused, underway := false, false
	for _, r := range requests {
		switch {
		case r.Docker != nil && r.Docker.ID != "" && r.Object.Same(o):
			o.UID = r.Docker.ID
			return o
		case r.Verb != "create" || r.Object.Kind != "" && !r.Object.Same(o):
		case r.AnswerObject() != nil && seq.ObjectOf(r.AnswerObject()).Same(o):
			o.UID = string(r.AnswerObject().GetUID())
			return o
		case r.Status == 0:
			underway = true
		default:
			refused = true
		}
	}
	if refused && !underway {
		return o
	}
	newest := uint64(0)
	for _, uid := range slices.Sorted(slices.Values(t.byName[seq.Object{Kind: o.Kind, Namespace: o.Namespace,
		Name: o.Name}])) {
		f := t.objects[uid]
		for _, r := range f.revisions {
			if (newest == 0 || r.rv > newest != !t.attachedAt.IsZero()) && !(underway && r.listed) {
				// who waits for one takes the first
				o.UID, newest = uid, r.rv
			}
		}
	}
	return o
}

// sortedRequests are ours, in the order in which they were begun.
func (t *store) sortedRequests() (all []*seq.Request) {
	for _, id := range slices.Sorted(maps.Keys(t.requests)) {
		all = append(all, t.requests[id])
	}
	slices.SortStableFunc(all, func(a, b *seq.Request) int { return a.Started.Compare(b.Started) })
	return all
}

// newStory begins the story of the i-th member, which may not be there.
func (t *store) newStory(c *scene, i int) *story {
	o := c.members.objects[i]
	s := &story{scene: c, object: o, joinedRevision: c.members.since[o.UID], resource: object.Resource(o.Kind),
		order: storyOrder{uid: o.UID}, reading: reading{runtime: seq.Runtime}}
	if i < c.members.roots {
		s.order.root = i + 1
	}
	if i > 0 {
		s.prefix = o.UID + "/"
	}
	for _, q := range c.requests {
		if q.Acts() && (q.Object.Kind == "" || q.Object.Same(o)) {
			s.ownRequests = append(s.ownRequests, q)
		}
	}
	if i == 0 {
		s.admitted = t.admitted(s.ownCreate())
	}
	if s.isContainer() {
		t.readContainer(s)
	}
	if f := t.objects[o.UID]; f != nil && o.UID != "" {
		s.order.oldestRevision = f.oldestRevision()
		c.byUID[o.UID] = s
		t.readObject(s, f)
	}
	return s
}

// sharesPodCounter reports whether a resource's revisions are of the counter of Pods.
func (c *scene) sharesPodCounter(resource string) bool {
	return resource == "pods" || c.comparable[resource]
}

// zero is when we sent the request that the run is about, or the zero time. Nothing that is told can have come before.
func (c *scene) zero() time.Time {
	if r := c.act(); r != nil {
		return r.Sent
	}
	return time.Time{}
}

// act is the request that the run is about, the first of several; nil where it only looks.
func (c *scene) act() *seq.Request {
	if i := slices.IndexFunc(c.requests, (*seq.Request).Acts); i >= 0 {
		return c.requests[i]
	}
	return nil
}

// begins is when the story of an object begins that was there before: with the request that ends it, or that runs a
// command in it; else the zero time.
func (c *scene) begins() time.Time {
	for _, r := range c.requests {
		if r.ActsOnExisting() {
			return r.Sent
		}
	}
	return time.Time{}
}

// roundTrip is how long our own requests took at least.
func (c *scene) roundTrip() (least time.Duration) {
	for _, q := range c.requests {
		if d := q.FirstByte.Sub(q.Sent); !q.Sent.IsZero() && !q.FirstByte.IsZero() && d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// usualDelay is how long what is observed may be under way without being late: as long as a request of ours takes, and,
// of Events that are asked for again and again, until they are asked for next.
func (c *scene) usualDelay() time.Duration {
	delay := c.roundTrip()
	for _, g := range c.gaps {
		if g.Resource == "events" {
			delay = max(delay, c.roundTrip()+g.Every)
		}
	}
	return delay
}

// serverAhead bounds how far the API server's clock is ahead of ours, by the whole seconds of its Date headers.
func (c *scene) serverAhead() (bound time.Duration, ok bool) {
	for _, r := range c.requests {
		if r.ServerDate.IsZero() || r.Sent.IsZero() {
			continue
		}
		if b := r.ServerDate.Add(time.Second).Sub(r.Sent); !ok || b < bound {
			bound, ok = b, true
		}
	}
	return bound, ok
}

// globalKeyPrefixes are what the keys begin with that say themselves which object they are about.
var globalKeyPrefixes = []string{"etcd:", "write:", "call:", "event:", "request:", "watch:", "past:"}

// ownKey is a key as one of the object's own, unless it says itself which object it is about.
func (s *story) ownKey(k seq.Key) seq.Key {
	if k == "" || slices.ContainsFunc(globalKeyPrefixes, func(p string) bool { return strings.HasPrefix(string(k), p) }) {
		return k
	}
	return seq.Key(s.prefix) + k
}

// rootStories are the stories of what our requests are about, the subject's first.
func (c *scene) rootStories() []*story {
	if len(c.roots) == 0 {
		for _, s := range c.stories {
			if s == c.subject() || len(s.ownRequests) > 0 {
				c.roots = append(c.roots, s)
			}
		}
	}
	return c.roots
}

// podStories are the stories of Pods.
func (c *scene) podStories() (all []*story) {
	for _, s := range c.stories {
		if s.isPod() {
			all = append(all, s)
		}
	}
	return all
}
