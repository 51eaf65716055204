package trace

// What a run should ask the cluster, because the answer would explain what is seen.

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// Questions returns what would help to know now.
func (t *Trace) Questions() []seq.Question {
	c := t.resolve().scene
	var all []seq.Question
	for _, s := range c.podStories() {
		if w := s.boundInSilence(); w != nil && t.now.Sub(w.received) >= silence*3/5 { // so that the answer is there in time
			all = append(all, seq.Question{About: "lease", Node: s.node})
			break
		}
	}
	if t.webhooks == nil && len(c.subject().admitted) > 0 {
		all = append(all, seq.Question{About: "webhooks", Node: ""})
	}
	return all
}
