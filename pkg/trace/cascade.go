package trace

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// What becomes of what a deleted object owns: the API server adds a finalizer to it for all but background deletion, and
// the garbage collector takes that away once it has done its part (k8s.io/apiserver/pkg/registry/generic/registry/store.go
// and pkg/controller/garbagecollector, v1.37).
const (
	orphanFinalizer     = metav1.FinalizerOrphanDependents
	foregroundFinalizer = metav1.FinalizerDeleteDependents
)

// collected is the finalizer of the garbage collector that the write took away, or nothing. With the last finalizer goes
// the object.
func (w *write) collected() string {
	if w.was == nil || w.was.GetDeletionTimestamp() == nil {
		return ""
	}
	before := w.was.GetFinalizers()
	for _, f := range []string{orphanFinalizer, foregroundFinalizer} {
		last := w.deleted && len(before) == 1
		if slices.Contains(before, f) && (last || !w.deleted && !slices.Contains(w.object.GetFinalizers(), f)) {
			return f
		}
	}
	return ""
}

// waits reports whether the object is to end, and the garbage collector has been asked by that finalizer to do something
// about what it owns.
func (s *story) waits(finalizer string) bool {
	return slices.ContainsFunc(s.revisions, func(w *write) bool {
		return w.object.GetDeletionTimestamp() != nil && slices.Contains(w.object.GetFinalizers(), finalizer)
	})
}

// orphans reports whether the object leaves behind what it owns.
func (s *story) orphans() bool { return s.orphaning[s.object.UID] }

// orphaning are the uids of the objects that leave behind what they own.
func (t *Trace) orphaning() map[string]bool {
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
func (s *story) released(finalizer string) string {
	if !s.waits(finalizer) {
		return ""
	}
	return s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted }))
}

// lostOwner is the controller that the object no longer refers to since that write, or nil.
func (w *write) lostOwner() *metav1.OwnerReference {
	if w.was == nil || w.deleted {
		return nil
	}
	ref := metav1.GetControllerOf(w.was)
	if ref == nil || slices.ContainsFunc(w.object.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == ref.UID }) {
		return nil
	}
	return ref
}

// collector attributes what only the garbage collector does: it takes away its own finalizers, and the references to an
// owner that leaves its objects behind.
func (s *story) collector(w *write) (actor, bool) {
	if w.was == nil {
		return actor{}, false
	}
	if e := w.entry(w.was); e != nil && !w.deleted && client(e.Manager) != seq.ControllerManager {
		return actor{}, false
	}
	a := actor{name: garbageCollector, verb: "patch", certainty: seq.Inferred}
	switch f := w.collected(); f {
	case orphanFinalizer:
		a.because = "the finalizer " + f + " is gone, which the garbage collector takes away once nothing refers to the object any more"
		return a, true
	case foregroundFinalizer:
		a.because = "the finalizer " + f + " is gone, which the garbage collector takes away once what the object owned is gone"
		return a, true
	}
	if ref := w.lostOwner(); ref != nil {
		if s.orphaning[string(ref.UID)] {
			a.because = "the reference to its owner is gone, and " + ref.Kind + " " + ref.Name + " has the finalizer " + orphanFinalizer + ": the garbage collector has what it owned stay"
			return a, true
		}
	}
	return actor{}, false
}

var ruleCollectorWrite = rule{
	Rule: seq.Rule{
		Name:    "collector-write",
		Trigger: "a finalizer of the garbage collector is gone, or a reference to an owner that leaves its objects behind",
		Proves:  "only the garbage collector takes these away, unless somebody does so by hand; the audit log names it",
		Gist:    "The garbage collector has done its part, and lets the object go.",
		Explain: "Where what an object owns is to go first, or to stay, the API server only marks the object, with a " +
			"finalizer. The garbage collector sees to what it owns, then takes the finalizer away: with the last one " +
			"the object goes.",
		Doc: docs + "concepts/architecture/garbage-collection/#cascading-deletion",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, at: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: deriveCollectorWrite,
}

// deriveCollectorWrite are what the garbage collector changes before it lets an object go.
func deriveCollectorWrite(s *story, emit func(claim)) {
	controllerWrites(s, (*write).byCollector, emit)
}

func (w *write) byCollector() bool {
	return w.actor.name == garbageCollector && w.actor.verb != "delete"
}

// releaseCause is what the garbage collector must have seen before it let the object go: that the last of what it owned is
// gone, where it waited for that; nothing but its own answers where it had it stay.
func (s *story) releaseCause(w *write) *source {
	children := s.children()
	if len(children) == 0 {
		return s.latest(w, (*write).endsLife)
	}
	if w.collected() != foregroundFinalizer {
		return nil
	}
	var last *source
	for _, c := range children {
		n := len(c.revisions)
		if n == 0 || !c.last().deleted || !c.earlierThan(c.last(), s, w) {
			return nil // it may still come, and be the last
		}
		if last == nil || last.story.earlierThan(last.write, c, c.last()) {
			last = &source{c, c.last()}
		}
	}
	return last
}

// changedMetadata says what became of finalizers and owners.
func changedMetadata(was, cur metav1.Object) (words []string) {
	for _, f := range was.GetFinalizers() {
		if !slices.Contains(cur.GetFinalizers(), f) {
			words = append(words, "removes finalizer "+f)
		}
	}
	for _, f := range cur.GetFinalizers() {
		if !slices.Contains(was.GetFinalizers(), f) {
			words = append(words, "finalizer "+f)
		}
	}
	for _, o := range was.GetOwnerReferences() {
		if !slices.ContainsFunc(cur.GetOwnerReferences(), func(x metav1.OwnerReference) bool { return x.UID == o.UID }) {
			words = append(words, "no longer owned by "+o.Kind+" "+o.Name)
		}
	}
	return words
}
