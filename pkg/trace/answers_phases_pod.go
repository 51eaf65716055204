package trace

// The table of the phases of a Pod.

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// podPhases are those of a run that is about a Pod.
var podPhases = []phase{
	{name: "absent", explain: "the object that the run waits for is not there yet",
		intervals: func(s *story, r *result) []interval { return s.absence() }},
	{name: "admit", explain: "the API server authenticates, admits, validates and stores the request", uninterrupted: true,
		intervals: admitting},
	{name: "run", explain: "the containers run",
		intervals: func(s *story, _ *result) []interval {
			return s.livesOf(func(c *corev1.Container, init bool) bool { return !init })
		}},
	{name: "gated", explain: "schedulingGates keep the Pod from the scheduler until somebody removes them",
		intervals: until((*story).storedKey, (*story).ungatedKey, (*story).wasGated)},
	{name: "schedule", explain: "from the stored Pod to the stored bind",
		intervals: until((*story).schedulableKey, (*story).boundKey,
			func(s *story) bool { return len(s.revisions) > 0 && s.node == "" })},
	{name: "volumes", explain: "the kubelet learns of the Pod and waits for its volumes",
		intervals: func(s *story, _ *result) []interval {
			if !s.sandboxTimed() {
				return nil
			}
			return []interval{{beginKey: s.assignedKey(), endKey: sandboxKey}}
		}},
	{name: "sandbox", why: (*story).sandboxExplained, intervals: func(s *story, _ *result) []interval {
		x := interval{s.assignedKey(), sandboxKey.End(), s.reporter() == seq.Kubelet && s.node != "" && !s.podEnded()}
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
	{name: "retry", why: (*story).retryExplained, intervals: (*story).retries},
	{name: "back-off",
		explain:   "a container has ended; the kubelet notices, and waits out its back-off before it starts it again",
		intervals: awaitingNextLife},
	{name: "queue", explain: "the kubelet pulls one image at a time, and others come first", intervals: queueing},
	{name: "pull", explain: "the runtime fetches and unpacks the images", intervals: calling("PullImage")},
	{name: "create", explain: "the runtime prepares the containers' file systems", intervals: calling("CreateContainer")},
	{name: "start", explain: "the runtime has runc make and start the containers", intervals: calling("StartContainer")},
	{name: "init", explain: "the init containers run, one after the other, and the kubelet notices the end of each " +
		"before it goes on",
		intervals: (*story).initLives},
	{name: "startup", explain: "the next container waits until the startup probe of a sidecar succeeds",
		intervals: startingUp},
	{name: "hook", explain: "the next container waits until the postStart hook of the one before has ended",
		intervals: hooking},
	{name: "ready", explain: "from the last container's start to the stored Ready: probes, and the kubelet's report",
		intervals: until((*story).lastStart, (*story).readyKey, (*story).notReadyYet)},
	{name: "report", explain: reportExplained, intervals: between((*story).endOfAll, (*story).finishedKey)},
	{name: "others", explain: "what else the run made gets as far", intervals: othersOf((*story).readyKey)},
	{name: "stop", explain: "the kubelet learns of the deletion, and the containers end",
		intervals: until(func(s *story) seq.Key { return s.etcdKey(s.deletionRevision()) }, (*story).lastExit,
			func(s *story) bool { return s.deletionRevision() != 0 && s.runsStill() })},
	{name: "remove", explain: "the kubelet reports the end, tears down sandbox and volumes, and has the object removed",
		intervals: func(s *story, _ *result) []interval {
			x := interval{beginKey: s.lastExit(),
				endKey: s.etcdKey(s.firstRevision(func(w *write) bool { return w.deleted })),
				open:   s.deletionRevision() != 0 && !s.runsStill()}
			if x.beginKey == "" && !s.runsStill() {
				x.beginKey = s.etcdKey(s.deletionRevision())
			}
			return []interval{x}
		}},
}

// queueing are the waits of pulls for their turn.
func queueing(s *story, _ *result) (all []interval) {
	for _, a := range s.workerEvents {
		if _, queued := s.queuedToPull(a); queued {
			all = append(all, interval{beginKey: queueKey(a), endKey: a.key})
		}
	}
	return all
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

// calling are the calls of one RPC. Where nothing marks the start of one, it counts from what the kubelet had done for
// that container just before.
func calling(rpc string) func(*story, *result) []interval {
	prefix := "cri:" + rpc + ":"
	return func(s *story, r *result) (all []interval) {
		before := map[seq.Key]seq.Key{} // by call
		latest := map[string]seq.Key{}  // by container
		worker := s.workerEvents
		for i, a := range worker {
			if a.action == imagePresent && i > 0 && worker[i-1].action == containerStarted && a.attempt == 0 &&
				s.spec(a.container) != nil && s.goesOn(worker[i-1].container) {
				latest[a.container] = worker[i-1].key
				continue
			}
			if (a.action == containerCreated || a.action == containerStarted || a.action == createFailed ||
				a.action == startFailed) && latest[a.container] != "" {
				before[a.call] = latest[a.container]
			}
			latest[a.container] = a.key
			if a.action == containerStarted || a.action == createFailed || a.action == startFailed {
				// then it waits for something else
				delete(latest, a.container)
			}
		}
		for _, x := range r.stepsOf(s.object.UID) {
			text, ok := strings.CutPrefix(string(x.Key), s.prefix)
			own := seq.Key(text)
			if !ok || !strings.HasPrefix(text, prefix) || own.IsEnd() {
				continue
			}
			begin := own
			if before[own] != "" && !x.Sharp {
				begin = before[own]
			}
			all = append(all, interval{begin, own.End(), rpc == "PullImage" && !s.podEnded()})
		}
		return all
	}
}

// goesOn reports whether the kubelet makes the next container as soon as it has started this one.
func (s *story) goesOn(container string) bool {
	c, init := s.specOf(container)
	hooked := c != nil && c.Lifecycle != nil && c.Lifecycle.PostStart != nil
	return c != nil && !hooked && (!init || c.RestartPolicy != nil && c.StartupProbe == nil)
}

// livesOf are those of the containers that are of a kind.
func (s *story) livesOf(is func(c *corev1.Container, init bool) bool) (all []interval) {
	for _, r := range s.lives {
		if c, init := s.specOf(r.container); c != nil && is(c, init) {
			all = append(all,
				interval{criKey("StartContainer", r.container, r.attempt).End(), exitKey(r.container, r.attempt),
					r.exit == nil && !s.podEnded() && s.newestLife(r)})
		}
	}
	return all
}

// initLives are those of the init containers, with the time until the kubelet goes on.
func (s *story) initLives(*result) []interval {
	all := s.livesOf(func(c *corev1.Container, init bool) bool { return init && c.RestartPolicy == nil })
	worker := s.workerEvents
	for i := range all {
		call := all[i].beginKey.Begin()
		at := slices.IndexFunc(worker, func(a workerEvent) bool { return a.action == containerStarted && a.call == call })
		if at >= 0 && at+1 < len(worker) && worker[at+1].container != worker[at].container {
			all[i].endKey = worker[at+1].beginKey()
		}
	}
	return all
}

// specOf is a container's spec and whether it is an init container; ephemeral containers have none.
func (s *story) specOf(name string) (c *corev1.Container, init bool) {
	if len(s.revisions) == 0 {
		return nil, false
	}
	spec := s.newest().Spec
	for i := range spec.InitContainers {
		if spec.InitContainers[i].Name == name {
			return &spec.InitContainers[i], true
		}
	}
	return containerSpec(s.newest(), name), false
}

// podEnded reports whether the Pod has ended: nothing in it goes on.
func (s *story) podEnded() bool {
	if n := len(s.revisions); n == 0 || s.revisions[n-1].deleted || !s.goneSince.IsZero() {
		return n > 0
	}
	phase := s.newest().Status.Phase
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

// startingUp are the times from a sidecar's start to the success of its startup probe.
func startingUp(s *story, _ *result) (all []interval) {
	for _, r := range s.lives {
		if c, init := s.specOf(r.container); c != nil && init && c.RestartPolicy != nil && c.StartupProbe != nil {
			all = append(all,
				interval{criKey("StartContainer", r.container, r.attempt).End(), probeKey("startup", r.container, r.attempt),
					r.exit == nil && s.newestLife(r) && !s.podEnded() && !s.startedUp(r)})
		}
	}
	return all
}

// startedUp reports whether the status says that a container's startup probe has succeeded.
func (s *story) startedUp(r life) bool {
	c := object.StatusOf(s.newest(), r.container)
	return c != nil && int(c.RestartCount) == r.attempt && isTrue(c.Started)
}

// hooking are the times from the start of a container with a postStart hook to the next container's creation.
func hooking(s *story, _ *result) (all []interval) {
	worker := s.workerEvents
	for i, a := range worker {
		c, _ := s.specOf(a.container)
		if a.action != containerStarted || c == nil || c.Lifecycle == nil || c.Lifecycle.PostStart == nil {
			continue
		}
		x := interval{beginKey: a.key, open: !s.podEnded() && s.waitsForTurn()}
		for _, next := range worker[i+1:] {
			if next.container != a.container && (next.action == containerCreated || next.action == pullBegan) {
				x.endKey, x.open = next.call, false
				break
			}
		}
		all = append(all, x)
	}
	return all
}

// waitsForTurn reports whether a container has not been made yet because the kubelet has not come to it.
func (s *story) waitsForTurn() bool {
	return slices.ContainsFunc(s.newest().Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && usualWaits[c.State.Waiting.Reason] && c.RestartCount == 0
	})
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
