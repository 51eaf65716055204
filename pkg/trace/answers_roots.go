package trace

// The objects that a run is about.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Roots are the objects that the run is about: the subject, and those that other requests of ours are about.
func (t *Trace) Roots() []seq.Object {
	var all []seq.Object
	for _, s := range t.resolve().scene.rootStories() {
		all = append(all, s.object)
	}
	return all
}

// RootRefused reports whether the API server did not take one of the roots.
func (t *Trace) RootRefused() bool {
	return slices.ContainsFunc(t.resolve().scene.rootStories(),
		func(s *story) bool { return s.state(len(s.revisions)).Refused != "" })
}
