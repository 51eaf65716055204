package trace

// The table of the phases of a workload.

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// workloadPhases are those of a run that is about no Pod: what controllers do before there are Pods, what the Pods
// take, and what it takes until the subject says so.
var workloadPhases = []phase{
	{name: "absent", explain: "the object that the run waits for is not there yet", waits: true,
		intervals: func(s *story, _ *result) []interval { return s.absence() }},
	{name: "admit", explain: "the API server authenticates, authorizes, admits, validates and stores the request",
		uninterrupted: true,
		intervals:     admitting},
	{name: "control",
		explain:   "controllers learn of what is asked for, and make it, level by level, until the first Pod is stored",
		intervals: until((*story).desiredKey, (*story).firstPod, (*story).makesPods)},
	{name: "pods", why: (*story).podsExplained,
		intervals: until(func(s *story) seq.Key {
			if s.foundShort() {
				return s.firstListKey()
			}
			return s.firstPod()
		}, (*story).lastPod, func(s *story) bool { return s.availableRevision() == 0 && !s.deletionBegun() })},
	{name: "report", explain: "controllers learn of that, and report it, level by level",
		intervals: func(s *story, _ *result) []interval {
			if s.minReady() > 0 {
				return nil
			}
			return []interval{{beginKey: s.lastPod(), endKey: s.etcdKey(s.availableRevision())}}
		}},
	{name: "min-ready",
		explain: "the last Pod is ready, and counts as available only once it has been so for minReadySeconds", waits: true,
		intervals: func(s *story, _ *result) []interval {
			if s.minReady() == 0 {
				return nil
			}
			return []interval{{s.lastReadyPod(), s.etcdKey(s.availableRevision()),
				s.availableRevision() == 0 && !s.deletionBegun()}}
		}},
	{name: "run", explain: "the Pods run: the object has got where it was to get", behind: true,
		intervals: (*story).availability},
	{name: "back-off", why: (*story).backOffExplained, waits: true,
		intervals: func(s *story, r *result) []interval {
			return slices.Concat(inPods(backingOffLives)(s, r), backingOffJobs(s, r))
		}},
	{name: "restart", explain: "a container of a Pod has ended; the kubelet notices, and starts it again", waits: true,
		intervals: inPods(restartingLives)},
	{name: "pending", explain: "the scheduler has found no node for a Pod, and waits for a change before it tries " +
		"again", waits: true, intervals: inPods(awaitingNode)},
	{name: "bind", explain: "from the stored claim to the volume that is bound to it",
		intervals: until(func(s *story) seq.Key {
			if s.object.Kind != "PersistentVolumeClaim" {
				return ""
			}
			return s.desiredKey()
		}, func(s *story) seq.Key { return s.etcdKey(s.availableRevision()) },
			func(s *story) bool { return s.availableRevision() == 0 && !s.deletionBegun() })},
	{name: "schedule", explain: "a CronJob makes no Job before the time in its schedule", waits: true,
		intervals: func(s *story, _ *result) []interval {
			if s.object.Kind != "CronJob" {
				return nil
			}
			key := s.firstChild()
			return []interval{{s.desiredKey(), key, key == "" && !s.deletionBegun()}}
		}},
	{name: "suspended",
		explain: "spec.suspend, or spec.paused, is true: controllers do nothing until somebody sets it to false", waits: true,
		intervals: (*story).suspensions},
	{name: "others", explain: "what else the run made gets as far",
		intervals: othersOf(func(s *story) seq.Key { return s.etcdKey(s.availableRevision()) })},
	{name: "remove", explain: "the object is to go, and stays until those who hold it by finalizers let it",
		intervals: until((*story).heldEndKey,
			func(s *story) seq.Key { return s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted })) },
			func(s *story) bool { return s.heldEndKey() != "" && !s.isGone() })},
	{name: "cascade",
		explain: "the garbage collector finds, level by level, what the deleted object owned, and deletes it",
		intervals: between(func(s *story) seq.Key { return s.etcdKey(s.firstRevision((*write).endsLife)) },
			func(s *story) seq.Key { return s.lastOfPods((*write).endsLife) })},
	{name: "end", explain: "the kubelets stop the containers, and have the Pods removed",
		intervals: until(func(s *story) seq.Key { return s.lastOfPods((*write).endsLife) }, func(s *story) seq.Key {
			return s.lastOfPods(func(w *write) bool { return w.deleted })
		}, func(*story) bool { return true })},
	{name: "release",
		explain: "the garbage collector finds, level by level, that nothing is left of what the object owned, and lets it go",
		intervals: until(func(s *story) seq.Key { return s.lastOfPods(func(w *write) bool { return w.deleted }) },
			func(s *story) seq.Key { return s.releaseKey(foregroundFinalizer) },
			func(s *story) bool { return s.awaitsCollector(foregroundFinalizer) })},
	{name: "orphan",
		explain: "the garbage collector takes away the reference to the object from what it owned, and lets it go",
		intervals: until(func(s *story) seq.Key { return s.etcdKey(s.firstRevision((*write).endsLife)) },
			func(s *story) seq.Key { return s.releaseKey(orphanFinalizer) },
			func(s *story) bool { return s.awaitsCollector(orphanFinalizer) })},
}

// availability is the time in which the object was available: since it was so first, and, of one that was so when the
// run looked, until something else was asked for, or one of its Pods was to end. Its Pods are to go on.
func (s *story) availability(*result) (all []interval) {
	if len(s.podsBelow()) == 0 || !s.goesOnForever() {
		return nil
	}
	if w := s.foundRevision(); w != nil && w.workloadState().Available && !w.endsLife() {
		all = append(all, interval{s.firstListKey(), s.desiredKey(), s.desiredKey() == "" && !s.deletionBegun()})
	}
	if key := s.etcdKey(s.availableRevision()); key != "" {
		all = append(all, interval{key, s.etcdKey(s.firstRevision((*write).endsLife)), !s.deletionBegun()})
	}
	return all
}

func (s *story) podsExplained() string {
	if s.foundShort() {
		return "the object was not available when the run began to look: Pods of it have to be ready, or to end"
	}
	return "from the first stored Pod to the last that had to be ready, or to end"
}

// foundShort reports whether the object was not available when the run looked, and has asked for nothing else since.
func (s *story) foundShort() bool {
	w := s.foundRevision()
	return w != nil && len(s.podsBelow()) > 0 && s.desiredRevision() == 0 && !w.workloadState().Available && !w.endsLife()
}

// inPods are intervals of the object's Pods, those made since it asked for what the run follows.
func inPods(intervals func(*story, *result) []interval) func(*story, *result) []interval {
	return func(s *story, r *result) (all []interval) {
		if s.deletionBegun() {
			return nil
		}
		for _, p := range s.podsBelow() {
			if p.createRevision() <= s.desiredRevision() && !s.foundShort() {
				continue
			}
			for _, x := range intervals(p, r) {
				all = append(all, interval{p.ownKey(x.beginKey), p.ownKey(x.endKey), x.open})
			}
		}
		return all
	}
}

// heldEndKey is the write by which the object was to go, if finalizers of others than the garbage collector held it.
func (s *story) heldEndKey() seq.Key {
	for _, w := range s.revisions {
		if w.endsLife() && !w.deleted && slices.ContainsFunc(w.object.GetFinalizers(),
			func(f string) bool { return f != foregroundFinalizer && f != orphanFinalizer }) {
			return s.etcdKeyOf(w)
		}
	}
	return ""
}

// makesPods reports whether Pods are still to come of the object.
func (s *story) makesPods() bool {
	is := func(k seq.ObjectKind) bool { return k.Kind == s.object.Kind && k.MakesPods }
	return slices.ContainsFunc(seq.ObjectKinds, is) && s.availableRevision() == 0 && !s.deletionBegun()
}

// desiredRevision is the one by which the object asked for what the run follows: its creation, or the first change of
// what it asks for since the run looked, or else the one by which the first of its Pods was to end, which another
// has to replace. It is 0 where there was none.
func (s *story) desiredRevision() uint64 {
	if rv := s.createRevision(); rv != 0 {
		return rv
	}
	if len(s.specChanges) > 0 && !s.deletionBegun() {
		return s.specChanges[0].rv
	}
	rv, _ := s.lost()
	return rv
}

// lost is the write by which the first Pod of an object was to end that was there when the run looked.
func (s *story) lost() (least uint64, key seq.Key) {
	if s.foundRevision() == nil || s.deletionBegun() || !s.goesOnForever() {
		return 0, ""
	}
	for _, p := range s.podsBelow() {
		if rv := p.firstRevision((*write).endsLife); rv != 0 && (least == 0 || rv < least) {
			least, key = rv, p.etcdKey(rv)
		}
	}
	return least, key
}

// goesOnForever reports whether the Pods of the object are not to end by themselves.
func (s *story) goesOnForever() bool { return s.object.Kind != "Job" && s.object.Kind != "CronJob" }

func (s *story) desiredKey() seq.Key {
	if rv, key := s.lost(); rv == s.desiredRevision() {
		return key
	}
	return s.etcdKey(s.desiredRevision())
}

// suspensions are the times in which the object was told to do nothing.
func (s *story) suspensions(*result) (all []interval) {
	since := seq.Key("")
	for _, w := range s.revisions {
		u, ok := w.object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		spec := object.Field(u, "spec")
		held := spec["suspend"] == true || spec["paused"] == true
		switch {
		case held && since == "" && w.isOfRun():
			since = s.etcdKey(w.rv)
		case held && since == "" && w == s.foundRevision(): // it was so before
			since = s.firstListKey()
		case !held && since != "":
			all, since = append(all, interval{beginKey: since, endKey: s.etcdKey(w.rv)}), ""
		}
	}
	if since != "" {
		all = append(all, interval{beginKey: since, open: !s.deletionBegun()})
	}
	return all
}

// minReady is for how long a Pod has to be ready before it counts, in seconds.
func (s *story) minReady() int64 {
	if len(s.revisions) == 0 {
		return 0
	}
	u, ok := s.last().object.(*unstructured.Unstructured)
	if !ok {
		return 0
	}
	n, _ := object.Field(u, "spec")["minReadySeconds"].(int64)
	return n
}

// firstChild is the key of the write that made the first object that this one controls.
func (s *story) firstChild() seq.Key {
	least, key := uint64(0), seq.Key("")
	for _, o := range s.children() {
		if rv := o.createRevision(); rv != 0 && (least == 0 || rv < least) {
			least, key = rv, o.etcdKey(rv)
		}
	}
	return key
}

// lastOfPods is the key of the write by which the last of its Pods became so, if the object itself is gone.
func (s *story) lastOfPods(is func(*write) bool) (key seq.Key) {
	if !s.deletionBegun() {
		return ""
	}
	last := uint64(0)
	for _, p := range s.podsBelow() {
		rv := p.firstRevision(is)
		if rv == 0 {
			return ""
		}
		if rv > last {
			last, key = rv, p.etcdKey(rv)
		}
	}
	return key
}

// availableRevision is the one by which the object was first available since it was asked for what the run follows.
func (s *story) availableRevision() uint64 {
	asked := s.desiredRevision()
	if asked == 0 && !s.foundShort() {
		return 0
	}
	return s.firstRevision(func(w *write) bool { return w.rv >= asked && w.workloadState().Available })
}

// firstPod is the key of the write that made the first Pod since then.
func (s *story) firstPod() seq.Key {
	asked := s.desiredRevision()
	least, key := uint64(0), seq.Key("")
	for _, p := range s.podsBelow() {
		if rv := p.createRevision(); asked != 0 && rv > asked && (least == 0 || rv < least) {
			least, key = rv, p.etcdKey(rv)
		}
	}
	return key
}

// lastPod is the key of the last write by which a Pod became what the object waited for, once it is available.
func (s *story) lastPod() seq.Key {
	if s.availableRevision() == 0 && s.minReady() == 0 {
		return ""
	}
	return s.lastReadyPod()
}

// lastReadyPod is that write, if every Pod that was made since then has become so.
func (s *story) lastReadyPod() seq.Key {
	asked, end := s.desiredRevision(), s.availableRevision()
	last, key := uint64(0), seq.Key("")
	for _, p := range s.podsBelow() {
		rv := p.firstRevision(func(w *write) bool { return podReady(w) || w.pod.Status.Phase == "Succeeded" })
		if s.object.Kind == "Job" || s.object.Kind == "CronJob" {
			rv = p.firstRevision(func(w *write) bool { return w.pod.Status.Phase == "Succeeded" })
		}
		switch {
		case p.createRevision() <= asked:
		case rv == 0 && end == 0:
			return ""
		case rv > last && (end == 0 || rv < end):
			last, key = rv, p.etcdKey(rv)
		}
	}
	return key
}
