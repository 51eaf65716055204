package trace

// Deletion by the garbage collector: finalizers, owners, and who has let go of what.

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// What becomes of what a deleted object owns: the API server adds a finalizer to it for all but background deletion,
// and the garbage collector takes that away once it has done its part
// (k8s.io/apiserver/pkg/registry/generic/registry/store.go and pkg/controller/garbagecollector, v1.37).
const (
	orphanFinalizer     = metav1.FinalizerOrphanDependents
	foregroundFinalizer = metav1.FinalizerDeleteDependents
)

// waits reports whether the object is to end, and the garbage collector has been asked by that finalizer to do
// something about what it owns.
func (s *story) waits(finalizer string) bool {
	return slices.ContainsFunc(s.revisions, func(w *write) bool {
		return w.object.GetDeletionTimestamp() != nil && slices.Contains(w.object.GetFinalizers(), finalizer)
	})
}

// orphans reports whether the object leaves behind what it owns.
func (s *story) orphans() bool { return s.orphaning[s.object.UID] }

// orphaning are the uids of the objects that leave behind what they own.
func (t *store) orphaning() map[string]bool {
	all := map[string]bool{}
	for uid, f := range t.objects {
		for _, r := range f.revisions {
			if r.object.GetDeletionTimestamp() != nil && slices.Contains(r.object.GetFinalizers(), orphanFinalizer) {
				all[uid] = true
			}
		}
	}
	return all
}

// released is the key of the write by which the object went, if it had that finalizer.
func (s *story) released(finalizer string) seq.Key {
	if !s.waits(finalizer) {
		return ""
	}
	return s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted }))
}

// collector attributes what only the garbage collector does: it takes away its own finalizers, and the references to an
// owner that leaves its objects behind.
func (s *story) collector(w *write) (actor, bool) {
	if w.was == nil {
		return actor{}, false
	}
	if e := w.entry(w.was); e != nil && !w.deleted && object.Client(e.Manager) != seq.ControllerManager {
		return actor{}, false
	}
	a := actor{name: garbageCollector, verb: "patch", certainty: seq.Inferred}
	switch f := w.collected(); f {
	case orphanFinalizer:
		a.because = "the finalizer " + f +
			" is gone, which the garbage collector takes away once nothing refers to the object any more"
		return a, true
	case foregroundFinalizer:
		a.because = "the finalizer " + f +
			" is gone, which the garbage collector takes away once what the object owned is gone"
		return a, true
	}
	if ref := w.lostOwner(); ref != nil {
		if s.orphaning[string(ref.UID)] {
			a.because = "the reference to its owner is gone, and " + ref.Kind + " " + ref.Name + " has the finalizer " +
				orphanFinalizer + ": the garbage collector has what it owned stay"
			return a, true
		}
	}
	return actor{}, false
}

// releaseCause is what the garbage collector must have seen before it let the object go: that the last of what it owned
// is gone, where it waited for that; nothing but its own answers where it had it stay.
func (s *story) releaseCause(w *write) *watchedWrite {
	children := s.children()
	if len(children) == 0 {
		return s.latest(w, (*write).endsLife)
	}
	if w.collected() != foregroundFinalizer {
		return nil
	}
	var last *watchedWrite
	for _, c := range children {
		n := len(c.revisions)
		if n == 0 || !c.last().deleted || !c.earlierThan(c.last(), s, w) {
			return nil // it may still come, and be the last
		}
		if last == nil || last.story.earlierThan(last.write, c, c.last()) {
			last = &watchedWrite{c, c.last()}
		}
	}
	return last
}
