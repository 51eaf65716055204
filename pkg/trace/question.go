package trace

// Question is something that a cluster can be asked when it would explain what is seen, and not before: most runs need
// none.
type Question struct {
	About string // what is asked for: "lease" of a node, or "webhooks" for Pods
	Node  string
}

// Questions returns what would help to know now.
func (t *Trace) Questions() []Question {
	c := t.resolve().scene
	var all []Question
	for _, s := range c.pods() {
		if w := s.boundInSilence(); w != nil && t.now.Sub(w.received) >= silence*3/5 { // so that the answer is there in time
			all = append(all, Question{"lease", s.node})
			break
		}
	}
	if t.webhooks == nil && len(c.subject().admitted) > 0 {
		all = append(all, Question{"webhooks", ""})
	}
	return all
}
