package trace

// What a run should ask the cluster, because the answer would explain what is seen.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Questions returns what would help to know now.
func (t *Trace) Questions() []seq.Question {
	c := t.resolve().scene
	var all []seq.Question
	for _, s := range c.podStories() {
		if w := s.boundInSilence(); w != nil && t.now.Sub(w.received) >= silence*3/5 { // so that the answer is there in time
			all = append(all, seq.Question{Kind: "lease", Node: s.node})
			break
		}
	}
	for _, s := range c.podStories() {
		if _, known := t.runtimes[s.node]; !known && s.awaitsRuntime(t.now) {
			all = append(all, seq.Question{Kind: "node", Node: s.node})
			break
		}
	}
	for _, s := range c.rootStories() {
		all = append(all, t.missingOwners(s)...)
	}
	if t.webhooks == nil && len(c.subject().admitted) > 0 {
		all = append(all, seq.Question{Kind: "webhooks", Node: ""})
	}
	return all
}

// missingOwners asks for the owners that an object refers to and that nothing has shown: what refers to nothing is
// deleted.
func (t *Trace) missingOwners(s *story) (all []seq.Question) {
	if len(s.revisions) == 0 || s.deletionBegun() || s.attached() {
		return nil
	}
	for _, ref := range s.last().object.GetOwnerReferences() {
		if t.objects[string(ref.UID)] == nil {
			all = append(all, seq.Question{Kind: "owner", APIVersion: ref.APIVersion,
				Owner: seq.Object{Kind: ref.Kind, Namespace: s.object.Namespace, Name: ref.Name, UID: string(ref.UID)}})
		}
	}
	return all
}

// prompt is within what a node brings up a Pod whose image it has: then a container says what its runtime is.
const prompt = 300 * time.Millisecond

// awaitsRuntime reports whether a Pod has waited for its first container for longer than usual.
func (s *story) awaitsRuntime(now time.Time) bool {
	for _, w := range s.revisions {
		if w.pod.Spec.NodeName != "" {
			return s.reporter() == seq.Kubelet && !s.podEnded() && now.Sub(w.received) >= prompt
		}
	}
	return false
}
