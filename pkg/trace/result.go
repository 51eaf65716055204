package trace

// result is everything that follows from the facts.
type result struct {
	steps   []Step
	scene   *scene
	byKey   map[string]*Step   // see step
	byStory map[string][]*Step // see about
	members []Member           // see Members
}

// about are the steps of one object's story, in order.
func (r *result) about(uid string) []*Step {
	if r.byStory == nil {
		r.byStory = map[string][]*Step{}
		for i := range r.steps {
			x := &r.steps[i]
			r.byStory[x.About] = append(r.byStory[x.About], x)
		}
	}
	return r.byStory[uid]
}

// step is the step with that key, or nil.
func (r *result) step(key string) *Step {
	if r.byKey == nil {
		r.byKey = make(map[string]*Step, len(r.steps))
		for i := range r.steps {
			r.byKey[r.steps[i].Key] = &r.steps[i]
		}
	}
	return r.byKey[key]
}
