package trace

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// result is everything that follows from the facts.
type result struct {
	steps   []seq.Step
	scene   *scene
	byKey   map[string]*seq.Step   // see step
	byStory map[string][]*seq.Step // see about
	members []seq.Member           // see Members
}

// about are the steps of one object's story, in order.
func (r *result) about(uid string) []*seq.Step {
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
func (r *result) step(key string) *seq.Step {
	if r.byKey == nil {
		r.byKey = make(map[string]*seq.Step, len(r.steps))
		for i := range r.steps {
			r.byKey[r.steps[i].Key] = &r.steps[i]
		}
	}
	return r.byKey[key]
}
