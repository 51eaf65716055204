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

var (
	podReady   = podIs(func(p *corev1.Pod) bool { return object.Condition(p, corev1.PodReady) == corev1.ConditionTrue })
	podStarted = podIs(func(*corev1.Pod) bool { return true })
)

// counts are the numbers in the status of a workload whose children are Pods.
var counts = []statusCount{
	{"replicas", podStarted},
	{"active", podStarted},
	{"readyReplicas", podReady},
	{"availableReplicas", podReady},
	{"numberReady", podReady},
	{"numberAvailable", podReady},
	{"ready", podReady},
	{"succeeded", podIs(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })},
	{"failed", podIs(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })},
}

// countCause is the write of a child that a status must have counted: the n-th that became so, where a number rose to
// n. A Deployment, which counts by the status of its ReplicaSet, has seen the first that says the same.
func (s *story) countCause(w *write) *watchedWrite {
	children := s.children()
	switch {
	case s.object.Kind == "Deployment" && len(children) == 1:
		return children[0].firstSaying(w)
	case s.object.Kind == "CronJob" && len(children) == 1 &&
		object.Status(w.prevObject)["lastSuccessfulTime"] != object.Status(w.object)["lastSuccessfulTime"]:
		return children[0].lastBefore(w, func(o *write) bool { return object.State(o.object).Succeeded })
	}
	var last *watchedWrite
	was, is := object.Status(w.prevObject), object.Status(w.object)
	for _, n := range counts {
		now, ok := is[n.field].(int64)
		before, _ := was[n.field].(int64)
		if !ok || now <= before {
			continue
		}
		if d := s.nth(int(now), n, w); d != nil && (last == nil || last.story.earlierThan(last.write, d.story, d.write)) {
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

// nth is the write by which the n-th of the Pods became so, before w. As long as the Pods' watch may still bring an
// earlier one that is only certain if it is the last of all.
func (s *story) nth(n int, of statusCount, w *write) *watchedWrite {
	became := s.firstsCounted(of)
	if s.resource == "pods" || s.sharesPodCounter(s.resource) { // one counter
		i, _ := slices.BinarySearchFunc(became, w.rv,
			func(d watchedWrite, rv uint64) int { return cmp.Compare(d.write.rv, rv) })
		became = became[:i]
	} else {
		became = s.firstsBy(of, w)
	}
	caughtUp := func(p *story) bool { return len(p.revisions) > 0 && s.earlierThan(w, p, p.last()) }
	w.causeOpen = w.causeOpen || !slices.ContainsFunc(s.dependents, caughtUp)
	if n < 1 || n > len(became) || n < len(s.dependents) && w.causeOpen {
		return nil
	}
	return &became[n-1]
}

// firstsBy are the counted writes before w by when they reached us.
func (s *story) firstsBy(n statusCount, w *write) (became []watchedWrite) {
	for _, p := range s.children() {
		for _, o := range p.revisions {
			if p.isPod() && o.isOfRun() && p.earlierThan(o, s, w) && n.is(o) {
				became = append(became, watchedWrite{p, o})
				break
			}
		}
	}
	slices.SortFunc(became, func(a, b watchedWrite) int {
		if a.story.earlierThan(a.write, b.story, b.write) {
			return -1
		}
		return 1
	})
	return became
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
