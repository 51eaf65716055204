package trace

// The table of the phases of a Pod.

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// podPhases are those of a run that is about a Pod.
var podPhases = []phase{
	{name: "absent", explain: "the object that the run waits for is not there yet", waits: true,
		intervals: func(s *story, r *result) []interval { return s.absence() }},
	{name: "admit", explain: "the API server authenticates, authorizes, admits, validates and stores the request",
		uninterrupted: true,
		intervals:     admitting},
	{name: "run", explain: "the containers run",
		intervals: func(s *story, _ *result) []interval {
			return s.livesOf(func(c *corev1.Container, init bool) bool { return !init })
		}},
	{name: "gated", explain: "schedulingGates keep the Pod from the scheduler until somebody removes them", waits: true,
		intervals: until((*story).storedKey, (*story).ungatedKey, (*story).wasGated)},
	{name: "schedule", explain: "from the stored Pod to the stored bind",
		intervals: until((*story).schedulableKey, (*story).boundKey,
			func(s *story) bool { return len(s.revisions) > 0 && s.node == "" })},
	{name: "pending", why: (*story).unscheduledExplained, waits: true, intervals: awaitingNode},
	{name: "volumes", explain: "the kubelet learns of the Pod and waits for its volumes",
		intervals: func(s *story, _ *result) []interval {
			if !s.sandboxTimed() {
				return nil
			}
			return []interval{{beginKey: s.assignedKey(), endKey: sandboxKey}}
		}},
	{name: "sandbox", why: (*story).sandboxExplained, intervals: func(s *story, _ *result) []interval {
		x := interval{s.assignedKey(), sandboxEnd, s.reporter() == seq.Kubelet && s.node != "" && !s.podEnded()}
		if s.sandboxTimed() {
			x.beginKey = sandboxKey
		} else if worker := s.workerEvents; len(worker) > 0 { // what the kubelet does first when there is a sandbox
			x.endKey = worker[0].beginKey()
			if _, queued := s.queuedToPull(worker[0]); queued {
				x.endKey = queueKey(worker[0])
			}
		}
		return []interval{x}
	}},
	{name: "retry", why: (*story).retryExplained, waits: true, intervals: (*story).retries},
	{name: "back-off",
		explain:   "a container has ended; the kubelet notices, and waits out its back-off before it starts it again",
		waits:     true,
		intervals: backingOffLives},
	{name: "restart", explain: "a container has ended; the kubelet notices, and starts it again", waits: true,
		intervals: restartingLives},
	{name: "queue", explain: "other pulls come first: by default the kubelet pulls one image at a time", waits: true,
		intervals: queueing},
	{name: "pull", explain: "the runtime fetches and unpacks the images",
		call: true, intervals: calling("PullImage")},
	{name: "create", explain: "the runtime prepares the containers' file systems",
		call: true, intervals: calling("CreateContainer")},
	{name: "start", explain: "the runtime has runc make and start the containers",
		call: true, intervals: calling("StartContainer")},
	{name: "init", explain: "the init containers run, one after the other, and the kubelet notices the end of each " +
		"before it goes on",
		intervals: (*story).initLives},
	{name: "hook", explain: "the next container waits until the postStart hook of the one before has ended",
		intervals: hooking},
	{name: "ready", explain: "from the last container's start, or the last probe's success, to the stored Ready",
		intervals: readying},
	{name: "create+start", explain: "more containers are made and started, of which Events were dropped: only the " +
		"status tells of them", inner: true, intervals: startedUntold},
	{name: "probing", why: probesExplained("readiness", readinessProbeOf), waits: true, inner: true, intervals: probing},
	{name: "startup", why: probesExplained("startup", startupProbeOf), waits: true, inner: true, intervals: startingUp},
	{name: "report", explain: reportExplained, intervals: func(s *story, _ *result) []interval {
		if s.deletionRevision() != 0 {
			return []interval{{beginKey: s.lastExit(), endKey: s.finishedKey()}}
		}
		return []interval{{beginKey: s.endOfAll(), endKey: s.finishedKey()}}
	}},
	{name: "others", explain: "what else the run made gets as far", intervals: othersOf((*story).readyKey)},
	{name: "stop", why: (*story).stopExplained, intervals: stopping},
	{name: "remove", explain: "the kubelet tears down sandbox and volumes, and has the object removed",
		intervals: func(s *story, _ *result) []interval {
			x := interval{beginKey: s.lastExit(),
				endKey: s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted })),
				open:   s.deletionRevision() != 0 && !s.runsStill()}
			if key := s.finishedKey(); key != "" && x.beginKey != "" {
				x.beginKey = key
			}
			if x.beginKey == "" && !s.runsStill() {
				x.beginKey = s.etcdKey(s.deletionRevision())
			}
			return []interval{x}
		}},
}

const reportExplained = "the kubelet notices that the last container has ended, and reports it"

// absence is the time in which a run waits for its object, which it knows not to be there: the creation came after.
func (s *story) absence() []interval {
	if !s.attached() || s.foundRevision() != nil {
		return nil
	}
	return []interval{{beginKey: s.firstListKey(), endKey: s.storedKey(), open: len(s.revisions) == 0}}
}

// othersOf is the time after the subject had got there, where the run is about other objects, too.
func othersOf(reached func(*story) seq.Key) func(*story, *result) []interval {
	return func(s *story, _ *result) []interval {
		if s != s.subject() || len(s.rootStories()) < 2 {
			return nil
		}
		return []interval{{beginKey: reached(s), open: true}}
	}
}

// firstListKey is our first request, by which the run began.
func (s *story) firstListKey() seq.Key {
	for _, q := range s.requests {
		if q.Verb == "list" && !q.Sent.IsZero() {
			return callKey(q)
		}
	}
	return ""
}

// admitting are the requests of ours that the run is about, each from when it was sent to its answer.
func admitting(s *story, _ *result) (all []interval) {
	ours := s.ownRequests
	if s == s.subject() {
		ours = s.requests
	}
	for _, q := range ours {
		if q.Acts() && (q.Verb == "create" || q.Verb == "delete") {
			all = append(all, interval{callKey(q), callKey(q).End(), q.Status == 0})
		}
	}
	return all
}

// wasGated reports whether the Pod had a scheduling gate at first.
func (s *story) wasGated() bool {
	return len(s.revisions) > 0 && len(s.revisions[0].pod.Spec.SchedulingGates) > 0
}

// ungatedKey is the write that took the last scheduling gate away, if there is one.
func (s *story) ungatedKey() seq.Key {
	if !s.wasGated() {
		return ""
	}
	return s.etcdKey(s.firstRevision(func(w *write) bool { return len(w.pod.Spec.SchedulingGates) == 0 }))
}

// schedulableKey is the write since which the scheduler may pick a node.
func (s *story) schedulableKey() seq.Key {
	if s.madeWithNode() {
		return ""
	}
	if s.wasGated() {
		return s.ungatedKey()
	}
	return s.storedKey()
}

// assignedKey is the write by which the Pod had its node: the bind, or its creation.
func (s *story) assignedKey() seq.Key {
	if s.madeWithNode() {
		return s.storedKey()
	}
	return s.boundKey()
}

// podEnded reports whether the Pod has ended: nothing in it goes on.
func (s *story) podEnded() bool {
	if n := len(s.revisions); n == 0 || s.revisions[n-1].deleted || !s.goneSince.IsZero() {
		return n > 0
	}
	phase := s.newest().Status.Phase
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

func (s *story) notReadyYet() bool {
	return len(s.revisions) > 0 && !s.podEnded() && s.deletionRevision() == 0 &&
		object.Condition(s.newest(), corev1.PodReady) != corev1.ConditionTrue
}

// endOfAll is the end of the container that ended last, once all have by themselves.
func (s *story) endOfAll() (key seq.Key) {
	if !s.podEnded() || s.deletionRevision() != 0 {
		return ""
	}
	var last *life
	for _, r := range s.lives {
		if c, _ := s.specOf(r.container); c == nil || r.exit == nil || !s.newestLife(r) {
			continue
		}
		if last == nil || last.exit.FinishedAt.Before(&r.exit.FinishedAt) {
			last = &r
		}
	}
	if last == nil {
		return ""
	}
	return exitKey(last.container, last.attempt)
}

// finishedKey is the write by which the Pod had come to its end by itself.
func (s *story) finishedKey() seq.Key {
	return s.etcdKey(s.firstRevision(func(w *write) bool {
		return w.pod.Status.Phase == corev1.PodSucceeded || w.pod.Status.Phase == corev1.PodFailed
	}))
}

// runsStill reports whether a container runs by the newest status.
func (s *story) runsStill() bool {
	if len(s.revisions) == 0 || s.last().deleted || !s.goneSince.IsZero() {
		return false
	}
	for c := range statusesWithoutEphemeral(s.newest()) {
		if c.State.Running != nil {
			return true
		}
	}
	return false
}

func (s *story) sandboxExplained() string {
	if s.sandboxTimed() {
		return "the runtime makes the sandbox, and the CNI plugins its network"
	}
	return "volumes, then the sandbox with its network; nothing a client sees divides it further"
}
