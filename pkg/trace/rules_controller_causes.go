package trace

// What a controller must have seen before each of its writes.

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// causeOf is the write that a controller must have seen before it made w, or nil where that cannot be told.
func (s *story) causeOf(w *write) *watchedWrite {
	if !w.causeSought {
		w.causeSought, w.causeOpen = true, false
		w.cause = s.findCause(w)
	}
	return w.cause
}

func (s *story) findCause(w *write) *watchedWrite {
	switch s.object.Kind {
	case "EndpointSlice":
		return s.endpointCause(w)
	case "PersistentVolumeClaim", "PersistentVolume":
		return nil
	}
	owner := s.owner()
	switch {
	case w.removedCollectorFinalizer() != "":
		w.causeOpen = true
		return s.releaseCause(w)
	case w.actor.name == garbageCollector && owner != nil:
		return owner.lastBefore(w, func(o *write) bool { return o.deleted || o.endsLife() })
	case owner != nil && w.actor.name == controllerOf(owner.object.Kind): // the owner's controller acts for the owner
		return owner.lastSpecChange(w)
	case w.actor.subresource == "status" && w.actor.name == controllerOf(s.object.Kind):
		return s.countCause(w)
	}
	return nil
}

func podIs(is func(*corev1.Pod) bool) func(*write) bool {
	return func(w *write) bool { return w.pod != nil && is(w.pod) }
}

func inPhase(phase corev1.PodPhase) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return p.Status.Phase == phase }
}

var (
	podReady = podIs(func(p *corev1.Pod) bool {
		return p.DeletionTimestamp == nil && object.Condition(p, corev1.PodReady) == corev1.ConditionTrue
	})
	podActive = podIs(func(p *corev1.Pod) bool {
		return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
	})
)

// counts are the numbers in the status of a workload whose children are Pods.
var counts = []statusCount{
	{field: "replicas", is: podActive},
	{field: "active", is: podActive},
	{field: "readyReplicas", is: podReady},
	{field: "availableReplicas", is: podReady},
	{field: "numberReady", is: podReady},
	{field: "numberAvailable", is: podReady},
	{field: "ready", is: podReady},
	{field: "succeeded", is: podIs(inPhase(corev1.PodSucceeded)), forGood: true},
	{field: "failed", is: podIs(inPhase(corev1.PodFailed)), forGood: true},
}

// countCause is the write of a child that a status must have counted: the one by which there were n, where a number has
// become n. A Deployment, which counts by the status of its ReplicaSet, has seen the first that says the same.
func (s *story) countCause(w *write) *watchedWrite {
	children := s.children()
	switch {
	case s.object.Kind == "Deployment" && len(children) == 1:
		return children[0].firstSaying(w)
	case s.object.Kind == "CronJob" && len(children) == 1 &&
		object.Status(w.prevObject)["lastSuccessfulTime"] != object.Status(w.object)["lastSuccessfulTime"]:
		return children[0].lastBefore(w, func(o *write) bool { return o.workloadState().Succeeded })
	}
	var last *watchedWrite
	was, is := object.Status(w.prevObject), object.Status(w.object)
	for _, n := range counts {
		now, _ := is[n.field].(int64)
		before, _ := was[n.field].(int64)
		if now == before {
			continue
		}
		d := s.changeTo(int(now), now > before, n, w)
		if d != nil && (last == nil || last.story.earlierThan(last.write, d.story, d.write)) {
			last = d
		}
	}
	if last == nil && w.prevObject != nil && was["observedGeneration"] == nil { // it saw the object itself
		return s.lastBefore(w, func(o *write) bool { return o.creates })
	}
	return last
}

// replicaCounts are what a Deployment's status has from those of its ReplicaSets.
var replicaCounts = []string{"replicas", "readyReplicas", "availableReplicas"}

// firstSaying is the first write of the object that has the numbers of a status above it.
func (s *story) firstSaying(above *write) *watchedWrite {
	for _, w := range s.revisions {
		same := w.isOfRun() && w.rv < above.rv
		for _, field := range replicaCounts {
			same = same && alike(object.Status(w.object)[field], object.Status(above.object)[field])
		}
		if same {
			return &watchedWrite{s, w}
		}
	}
	return nil
}

// alike reports whether two numbers of statuses are the same, however they were read.
func alike(a, b any) bool {
	x, integer := a.(int64)
	y, also := b.(int64)
	if integer && also {
		return x == y
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// changeTo is the write by which n of the Pods were so, before w, more than before or fewer: the first since what the
// controller had seen by its last status. The Pods' watch may still bring an earlier one, as long as it has brought
// none that came after w.
func (s *story) changeTo(n int, rose bool, of statusCount, w *write) *watchedWrite {
	changes, others := s.changesBefore(of, w)
	caughtUp := func(p *story) bool { return len(p.revisions) > 0 && s.earlierThan(w, p, p.last()) }
	w.causeOpen = w.causeOpen || !slices.ContainsFunc(s.dependents, caughtUp)
	seen := s.seenBefore(w)
	var found *watchedWrite
	for _, c := range slices.Backward(changes) {
		isNew := c.isOfRun() && (seen == nil || seen.earlierThan(seen.write, c.story, c.write))
		if !isNew && found != nil {
			break
		}
		if c.counts == rose && c.total == n-others {
			if found = &c.watchedWrite; !isNew {
				break
			}
		}
	}
	if found == nil || !found.isOfRun() {
		return nil
	}
	return found
}

// seenBefore is the last write of a Pod that the writer of a status is known to have seen by the status before.
func (s *story) seenBefore(w *write) *watchedWrite {
	for p := w.prevWrite; p != nil && p.isOfRun(); p = p.prevWrite {
		if p.actor.name != w.actor.name || p.actor.subresource != w.actor.subresource {
			continue
		}
		d := s.causeOf(p)
		w.causeOpen = w.causeOpen || p.causeOpen
		if d != nil && d.isPod() {
			return d
		}
	}
	return nil
}

// changesBefore are the changes of a count before w, by the store's counter or else by when they reached us, and how
// many others are counted that are no part of the run: the status says so from the beginning.
func (s *story) changesBefore(of statusCount, w *write) (changes []countedChange, others int) {
	f := &countedChanges{count: of, byPod: map[*story][]*write{}}
	if s.resource == "pods" || s.sharesPodCounter(s.resource) { // one counter
		f = s.changesOf(of)
		i, _ := slices.BinarySearchFunc(f.ordered, w.rv,
			func(c countedChange, rv uint64) int { return cmp.Compare(c.write.rv, rv) })
		changes = f.ordered[:i]
	} else {
		for _, p := range s.children() {
			f.add(p)
		}
		f.ordered = slices.DeleteFunc(f.ordered, func(c countedChange) bool { return !c.earlierThan(c.write, s, w) })
		f.sort(func(a, b watchedWrite) bool { return a.earlierThan(a.write, b.story, b.write) })
		changes = f.ordered
	}
	if first := s.revisions[0]; !first.isOfRun() {
		n, _ := object.Status(first.object)[of.field].(int64)
		others = max(0, int(n)-f.found)
	}
	return changes, others
}

// endpointCause is the write of a Pod that a change of an EndpointSlice tells of: one that has become ready, or has its
// address.
func (s *story) endpointCause(w *write) *watchedWrite {
	var before map[string]object.Endpoint
	if w.prevRevision != nil {
		before = w.prevRevision.endpoints()
	}
	var last *watchedWrite
	for address, e := range w.endpoints() {
		if old, there := before[address]; there && old.Ready == e.Ready {
			continue
		}
		w.causeOpen = w.causeOpen || s.byUID[e.Pod] == nil
		pod := s.byUID[e.Pod]
		if pod == nil {
			return nil
		}
		pod.namedBy = append(pod.namedBy, watchedWrite{s, w})
		found := false
		for _, o := range pod.revisions {
			if o.pod != nil && o.isOfRun() && pod.earlierThan(o, s, w) &&
				(e.Ready && podReady(o) || !e.Ready && o.pod.Status.PodIP == address) {
				if d := (&watchedWrite{pod, o}); last == nil || last.story.earlierThan(last.write, pod, o) {
					last = d
				}
				found = true
				break
			}
		}
		if !found { // it may still come, and be the last
			return nil
		}
	}
	return last
}

// releaseCause is what the garbage collector must have seen before it let the object go: that the last of what it owned
// is gone, where it waited for that; nothing but its own answers where it had it stay.
func (s *story) releaseCause(w *write) *watchedWrite {
	children := s.children()
	if len(children) == 0 {
		return s.lastBefore(w, (*write).endsLife)
	}
	if w.removedCollectorFinalizer() != foregroundFinalizer {
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

// lastSpecChange is the last write before another object's by which this one asked for something else than before.
func (s *story) lastSpecChange(before *write) *watchedWrite {
	for _, w := range slices.Backward(s.specChanges) {
		if w.rv < before.rv {
			return &watchedWrite{s, w}
		}
	}
	return nil
}
