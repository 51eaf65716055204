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
	result  *result // of the facts by that version, or nil
	derived uint64
	graph   graph.Graph // its memory is used again
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

// Steps returns the messages in the order in which they happened. They are shared: not to be changed.
func (t *Trace) Steps() []seq.Step { return t.resolve().steps }

func (t *Trace) resolve() *result {
	if t.result == nil || t.derived != t.version {
		t.result, t.derived = t.derive(), t.version
	}
	return t.result
}

func (t *Trace) derive() *result {
	c := t.scene()
	g := &t.graph
	g.Reset()
	for i, r := range rules {
		for _, s := range c.stories {
			if r.applies(s) {
				r.derive(s, func(c graph.Claim) { g.Add(i, r.complete(s.qualify(c))) })
			}
		}
	}
	return &result{steps: c.withoutPast(g.Resolve()), scene: c}
}

// withoutPast leaves out what had happened before the story began: an object that was there already has a past.
func (c *scene) withoutPast(steps []seq.Step) []seq.Step {
	begin := c.begins()
	begun := slices.ContainsFunc(c.requests, (*seq.Request).Acts)
	if begun && begin.IsZero() || c.attached() {
		return steps
	}
	kept := map[seq.Key]bool{}
	steps = slices.DeleteFunc(steps, func(x seq.Step) bool {
		past := !begun || !x.Window.Latest.IsZero() && x.Window.Latest.Before(begin)
		kept[x.Key] = !past || x.Rule == &ruleOwnRead.Rule || x.Rule == &ruleGap.Rule || x.Rule == &ruleProcess.Rule
		return !kept[x.Key]
	})
	for i := range steps {
		steps[i].After = slices.DeleteFunc(steps[i].After, func(key seq.Key) bool { return !kept[key] })
	}
	return steps
}

// result is everything that follows from the facts.
type result struct {
	steps   []seq.Step
	scene   *scene
	byKey   map[seq.Key]*seq.Step  // see step
	byStory map[string][]*seq.Step // see about
	members []seq.Member           // see Members
}

// about are the steps of one object's story, in order.
func (r *result) stepsOf(uid string) []*seq.Step {
	if r.byStory == nil {
		r.byStory = map[string][]*seq.Step{}
		for i := range r.steps {
			x := &r.steps[i]
			r.byStory[x.About] = append(r.byStory[x.About], x)
		}
	}
	return r.byStory[uid]
}

// step is the step with that key, or nil.
func (r *result) step(key seq.Key) *seq.Step {
	if r.byKey == nil {
		r.byKey = make(map[seq.Key]*seq.Step, len(r.steps))
		for i := range r.steps {
			r.byKey[r.steps[i].Key] = &r.steps[i]
		}
	}
	return r.byKey[key]
}
