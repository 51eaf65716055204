package trace

// The fold: facts by rules into steps.

import (
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// Trace folds observations about one object and what comes of it. The zero value is not usable; see New. It is not safe
// for concurrent use.
type Trace struct {
	store
	result *result // see resolve
}

// New starts the fold for the object of that kind, namespace and name, such as a Pod. If subject has no UID, the one
// that an observed create request made is followed; without one, the newest that has had the name. Every object that
// comes of it is followed too, and so is what other requests of ours make.
func New(subject seq.Object) *Trace { return &Trace{store: newStore(subject)} }

// Observe takes one observation. Order and repetition do not matter; what is not about the subject is ignored, and so
// is what makes no sense: a server or a file can say anything.
func (t *Trace) Observe(o seq.Observation) { t.observe(o) }

// Now is the latest instant any observation has shown us, on our own clock.
func (t *Trace) Now() time.Time { return t.now }

// Steps returns the messages in the order in which they happened. They are shared: not to be changed, and valid until
// the next call of Observe.
func (t *Trace) Steps() []*seq.Step { return t.resolve().graph.Steps() }

// resolve is what follows from all that has been observed by now.
func (t *Trace) resolve() *result {
	switch r := t.result; {
	case r != nil && r.version == t.version:
		return r
	case r == nil || r.version < t.versionOfAll || !r.update(&t.store):
		t.result = t.derive()
	}
	t.result.version = t.version
	clear(t.changed)
	clear(t.bounded)
	t.appeared, t.naming, t.asides, t.lookedUp = t.appeared[:0], t.naming[:0], t.asides[:0], false
	return t.result
}

// derive derives everything anew.
func (t *Trace) derive() *result {
	c := t.scene()
	r := &result{scene: c, deriving: t.version, entryOf: map[*story]*storyEntry{},
		requests: make(map[string]*requestSection, len(c.requests))}
	r.graph = graph.New(c.hides(), r.within, func(about string) {
		if e := r.entryOf[c.byUID[about]]; e != nil {
			r.touch(e)
		}
	})
	u := update{result: r, store: &t.store}
	for _, s := range c.stories {
		u.enter(s)
	}
	u.redraw()
	for _, s := range c.stories {
		u.derive(s, &stale{all: true})
	}
	u.deriveRequests()
	r.delay = r.measureDelay()
	r.graph.Resolve()
	return r
}

// hides says which messages had happened before the story began: an object that was there already has a past.
func (c *scene) hides() func(*seq.Step) bool {
	begin := c.begins()
	begun := slices.ContainsFunc(c.requests, (*seq.Request).Acts)
	if begun && begin.IsZero() || c.attached() {
		return nil
	}
	return func(x *seq.Step) bool {
		past := !begun || !x.Window.Latest.IsZero() && x.Window.Latest.Before(begin)
		return past && x.Rule != &ruleOwnRead.Rule && x.Rule != &ruleGap.Rule && x.Rule != &ruleProcess.Rule
	}
}

// result is everything that follows from the facts.
type result struct {
	version  uint64 // of the facts
	deriving uint64 // the version to be
	scene    *scene
	graph    *graph.Graph
	entries  []*storyEntry // of the stories, in their order
	entryOf  map[*story]*storyEntry
	pods     []*storyEntry // of these, those of Pods
	first    *storyEntry   // of these, see redraw
	redrawn  uint64        // see there
	allDrawn bool
	grouped  []*group                   // see groups
	requests map[string]*requestSection // by ID
	claiming claiming
	members  []seq.Member  // of the Pods, see Members
	blocks   []stepTimes   // of the steps, see firstOpen
	delay    time.Duration // see measureDelay
	emitters []seq.Participant
	all      outlineOfAll // see outlineOfAll
	run      seq.Run      // see Run
	runAt    uint64       // the version of that; 0 for none
	holding  holding      // see Obstacle
}

// stepsOf are the steps of one object's story, in order.
func (r *result) stepsOf(uid string) []*seq.Step { return r.graph.StepsAbout(uid) }

// step is the step with that key, or nil.
func (r *result) step(key seq.Key) *seq.Step { return r.graph.Step(key) }
