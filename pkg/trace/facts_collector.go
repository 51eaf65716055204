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

// awaitsCollector reports whether the object is to end, and the garbage collector has been asked by that finalizer to
// do something about what it owns.
func (r *reading) awaitsCollector(finalizer string) bool {
	return slices.ContainsFunc(r.revisions, func(w *write) bool {
		return w.object.GetDeletionTimestamp() != nil && slices.Contains(w.object.GetFinalizers(), finalizer)
	})
}

// orphans reports whether the object leaves behind what it owns.
func (s *story) orphans() bool { return s.orphaning[s.object.UID] }

// orphaning are the uids of the objects that leave behind what they own.
func (t *store) orphaning() map[string]bool {
	all := map[string]bool{}
	for uid, f := range t.objects {
		if f.orphans {
			all[uid] = true
		}
	}
	return all
}

// releaseKey is the key of the write by which the object went, if it had that finalizer.
func (s *story) releaseKey(finalizer string) seq.Key {
	if !s.awaitsCollector(finalizer) {
		return ""
	}
	return s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted }))
}

// collectorActor attributes what only the garbage collector does: it takes away its own finalizers, and the references
// to an owner that leaves its objects behind.
func (s *story) collectorActor(w *write) (actor, bool) {
	if w.prevObject == nil || w.removedCollectorFinalizer() == "" && w.lostOwner() == nil {
		return actor{}, false
	}
	if e := w.entry(w.prevObject); e != nil && !w.deleted && object.Client(e.Manager) != seq.ControllerManager {
		return actor{}, false
	}
	a := actor{name: garbageCollector, verb: "patch", certainty: seq.Inferred}
	switch f := w.removedCollectorFinalizer(); f {
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
		a.name = seq.ControllerManager
		a.because = "the reference to its owner is gone: the controller of " + ref.Kind + " " + ref.Name +
			" lets go of what its selector does not match any more, and the garbage collector of what is to stay"
		return a, true
	}
	return actor{}, false
}
