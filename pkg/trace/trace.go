package trace

// The fold: facts by rules into steps.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// Trace folds observations about one object and what comes of it. The zero value is not usable; see New. It is not safe
// for concurrent use.
type Trace struct {
	store
	result  *result // of the facts by that version, or nil
	derived uint64
}

// New starts the fold for the object of that kind, namespace and name, such as a Pod. If subject has no UID, the one
// that an observed create request made is followed; without one, the newest that has had the name. Every object that
// comes of it is followed too, and so is what other requests of ours make.
func New(subject seq.Object) *Trace { return &Trace{store: newStore(subject)} }

// Observe takes one observation. Order and repetition do not matter; what is not about the subject is ignored, and so
// is what makes no sense: a server or a file can say anything.
func (t *Trace) Observe(o seq.Observation) { t.observe(o) }

// Steps returns the messages in the order in which they happened. They are shared: not to be changed, and valid until
// the next call of Observe.
func (t *Trace) Steps() []*seq.Step { return t.resolve().graph.Steps() }

func (t *Trace) resolve() *result {
	if t.result == nil || t.derived != t.version {
		t.result, t.derived = t.derive(), t.version
	}
	return t.result
}

func (t *Trace) derive() *result {
	c := t.scene()
	r := &result{scene: c}
	r.graph = graph.New(c.hides(), nil)
	for n, s := range c.stories {
		var claims []graph.Ranked
		for i, x := range rules {
			emit := func(c graph.Claim) {
				claims = append(claims, graph.Ranked{Rank: i, Claim: x.complete(s.qualify(c))})
			}
			switch {
			case !x.applies(s):
			case x.deriveWrite != nil:
				for _, w := range s.revisions {
					x.deriveWrite(s, w, emit)
				}
			case x.deriveEvent != nil:
				for _, e := range s.events {
					x.deriveEvent(s, e, emit)
				}
			default:
				x.derive(s, emit)
			}
		}
		r.graph.Set(&graph.Section{Order: graph.Order{Root: n + 1}}, claims)
	}
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
	graph   *graph.Graph
	scene   *scene
	members []seq.Member // see Members
}

// stepsOf are the steps of one object's story, in order.
func (r *result) stepsOf(uid string) []*seq.Step { return r.graph.About(uid) }

// step is the step with that key, or nil.
func (r *result) step(key seq.Key) *seq.Step { return r.graph.Step(key) }
