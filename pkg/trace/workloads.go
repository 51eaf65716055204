package trace

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// Roots are the objects that the run is about: the subject, and those that other requests of ours are about.
func (t *Trace) Roots() []seq.Object {
	var all []seq.Object
	for _, s := range t.resolve().scene.roots() {
		all = append(all, s.object)
	}
	return all
}

// roots are the stories of what our requests are about, the subject's first.
func (c *scene) roots() []*story {
	var all []*story
	for _, s := range c.stories {
		if s == c.subject() || len(s.own) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// Refused reports whether the API server did not take one of the roots.
func (t *Trace) Refused() bool {
	return slices.ContainsFunc(t.resolve().scene.roots(), func(s *story) bool { return s.state(len(s.revisions)).Refused != "" })
}

// pods are the stories of Pods.
func (c *scene) pods() (all []*story) {
	for _, s := range c.stories {
		if s.isPod() {
			all = append(all, s)
		}
	}
	return all
}

// Members are the Pods of a run that is about something else, in the order in which they were made.
func (t *Trace) Members() []seq.Member {
	r := t.resolve()
	if r.members == nil && !r.scene.subject().isPod() {
		for _, s := range r.scene.stories {
			if s.isPod() {
				r.members = append(r.members, r.member(s))
			}
		}
	}
	return r.members
}

func (r *result) member(s *story) seq.Member {
	m := seq.Member{Object: s.object, Node: s.node, State: s.state(len(s.revisions))}
	if o := s.owner(); o != nil {
		m.Owner = o.object
	}
	if made := r.step(s.key(s.storedKey())); made != nil {
		m.Created = made.Best
		done := s.firstRevision(func(w *write) bool {
			return object.Condition(w.pod, corev1.PodReady) == corev1.ConditionTrue || w.pod.Status.Phase == corev1.PodSucceeded
		})
		if ready := r.step(s.etcdKey(done)); ready != nil && done != 0 && s.found() == nil {
			m.Took = ready.Best.Sub(made.Best)
			m.Phases = r.phases(s, frame{made.Best, ready.Best, true})
		}
	}
	return m
}
