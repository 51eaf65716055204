package trace

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// Steps returns the messages in the order in which they happened. They are shared: not to be changed.
func (t *Trace) Steps() []seq.Step { return t.resolve().steps }

func (t *Trace) resolve() *result {
	if t.result == nil {
		t.result = t.derive()
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
				r.derive(s, func(c graph.Claim) { g.Add(i, r.complete(s.placed(c))) })
			}
		}
	}
	return &result{steps: c.told(g.Resolve()), scene: c}
}

// told leaves out what had happened before the story began: an object that was there already has a past.
func (c *scene) told(steps []seq.Step) []seq.Step {
	begin := c.begins()
	begun := slices.ContainsFunc(c.requests, (*seq.Request).Acts)
	if begun && begin.IsZero() || c.attached() {
		return steps
	}
	kept := map[string]bool{}
	steps = slices.DeleteFunc(steps, func(x seq.Step) bool {
		past := !begun || !x.Window.Latest.IsZero() && x.Window.Latest.Before(begin)
		kept[x.Key] = !past || x.Rule == &ruleOwnRead.Rule || x.Rule == &ruleGap.Rule || x.Rule == &ruleProcess.Rule
		return !kept[x.Key]
	})
	for i := range steps {
		steps[i].After = slices.DeleteFunc(steps[i].After, func(key string) bool { return !kept[key] })
	}
	return steps
}
