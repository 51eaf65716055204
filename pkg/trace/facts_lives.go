package trace

// The lives of containers, as the status and Events tell of them.

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// life is one life of a container, as the status shows it.
type life struct {
	container    string
	attempt      int
	create       callKeys
	start        callKeys
	evidence     seq.Evidence
	exit         *corev1.ContainerStateTerminated
	exitEvidence seq.Evidence
}

// seeLife takes the state of a life of a container that a revision says.
func (s *story) seeLife(w *write, c *corev1.ContainerStatus, attempt int, state corev1.ContainerState) {
	if state.Running == nil && !began(state.Terminated) || attempt < 0 {
		return
	}
	i := slices.IndexFunc(s.lives, func(r life) bool { return r.container == c.Name && r.attempt == attempt })
	if i >= 0 && (state.Terminated == nil || s.lives[i].exit != nil) {
		return
	}
	e := seq.Evidence{Source: "watch", Text: "containerStatuses: " + c.Name + " " + stateOf(state),
		ResourceVersion: w.pod.ResourceVersion, At: w.received}
	if i < 0 {
		i = len(s.lives)
		s.lives = append(s.lives, life{container: c.Name, attempt: attempt, evidence: e,
			create: callOf("CreateContainer", c.Name, attempt), start: callOf("StartContainer", c.Name, attempt)})
	}
	if state.Terminated != nil {
		s.lives[i].exit, s.lives[i].exitEvidence = state.Terminated, e
	}
}

// seeLives takes what a revision says of the lives of containers.
func (s *story) seeLives(w *write) {
	for c := range object.Statuses(w.pod) {
		s.seeLife(w, c, lastStateAttempt(c), c.LastTerminationState)
		s.seeLife(w, c, int(c.RestartCount), c.State)
	}
}

// exitWords are the exit code of a container, and why it ended where the code does not say so.
func exitWords(e *corev1.ContainerStateTerminated) string {
	switch e.Reason {
	case "", "Completed", "Error":
		return fmt.Sprint(e.ExitCode)
	}
	return fmt.Sprintf("%d (%s)", e.ExitCode, e.Reason)
}

// awaitedBySidecar are the containers whose end the stop of a sidecar waits for, as long as there is grace: those that
// are none, and the sidecars that come after it (pkg/kubelet/kuberuntime/kuberuntime_termination_order.go, v1.37).
func (s *story) awaitedBySidecar(name string) map[string]bool {
	awaited, later := map[string]bool{}, false
	for _, c := range s.newest().Spec.InitContainers {
		awaited[c.Name] = later && c.RestartPolicy != nil
		later = later || c.Name == name
	}
	for _, c := range s.newest().Spec.Containers {
		awaited[c.Name] = true
	}
	return awaited
}

// newestLife reports whether no later life of the container is known.
func (s *story) newestLife(r life) bool {
	return !slices.ContainsFunc(s.lives, func(o life) bool { return o.container == r.container && o.attempt > r.attempt })
}

// attemptAt is which life of its container an Event is about: the latest that had been started, by the status or by its
// Event. What was written in what order decides, but of what was found: that has the last write of each Event only.
func (s *story) attemptAt(e *emitted) (life int, ok bool) {
	by, found := s.emittedBy(e), s.wasListed(e)
	for _, w := range s.revisions {
		c := object.StatusOf(w.pod, e.container)
		if c == nil || c.State.Running == nil {
			continue
		}
		started := s.toOurClock(seq.Kubelet, c.State.Running.StartedAt.Time)
		if found && !started.After(by) || !found && w.rv < e.rv {
			life, ok = int(c.RestartCount), true
		}
	}
	for _, a := range s.workerEvents {
		started := a.at
		if started.IsZero() {
			started = a.second.Earliest
		}
		if a.action == containerStarted && a.container == e.container &&
			(found && !started.After(by) || !found && a.rv < e.rv) {
			life, ok = a.attempt, true
		}
	}
	return life, ok
}

// lastStateAttempt is which life of the container lastState is about: the one before, or, while it waits for its next,
// its latest.
func lastStateAttempt(c *corev1.ContainerStatus) int {
	if t := c.LastTerminationState.Terminated; t != nil && t.ContainerID != "" && t.ContainerID == c.ContainerID {
		return int(c.RestartCount)
	}
	return int(c.RestartCount) - 1
}

// began reports whether a container that has ended had begun: one whose program could not be started has ended too, but
// was started at the beginning of Unix time.
func began(t *corev1.ContainerStateTerminated) bool { return t != nil && t.StartedAt.Unix() > 0 }

// livesBeforeEvents is how many lives a container had before the first that an Event tells of, which live an hour and
// count together what is alike.
func (s *story) livesBeforeEvents(container string, worker []workerEvent) int {
	w := s.foundRevision()
	if w == nil {
		return 0
	}
	last, seen := (*workerEvent)(nil), 0
	counted := map[string]int{}
	for i := range worker {
		a := &worker[i]
		if a.container != container || a.action != containerStarted && a.action != startFailed || !s.wasListed(a.emitted) {
			continue
		}
		uid := string(a.event.UID)
		seen += max(1, a.count-counted[uid])
		counted[uid], last = a.count, a
	}
	c := object.StatusOf(w.pod, container)
	if last == nil || c == nil {
		return 0
	}
	life := int(c.RestartCount)
	switch t := c.LastTerminationState.Terminated; {
	case c.State.Running != nil && emittedNear(last, c.State.Running.StartedAt),
		c.State.Terminated != nil && emittedNear(last, c.State.Terminated.StartedAt):
	case t != nil && emittedNear(last, t.StartedAt):
		life = lastStateAttempt(c)
	default: // its last Event was dropped, as of many alike: what they count is all there is
		return 0
	}
	return max(0, life-seen+1)
}

// emittedNear reports whether an Event was last emitted within two seconds of a start.
func emittedNear(a *workerEvent, t metav1.Time) bool {
	at := cmp.Or(a.event.LastTimestamp.Time, a.at, a.event.EventTime.Time)
	return at.Sub(t.Time).Abs() <= 2*time.Second
}

// livesBefore is how many lives each container has had by the first revision, of a Pod that was there before.
func (s *story) livesBefore() map[string]int {
	had := map[string]int{}
	if len(s.revisions) == 0 || s.revisions[0].creates || s.begins().IsZero() && !s.isAdopted() {
		return had
	}
	for c := range object.Statuses(s.revisions[0].pod) {
		had[c.Name] = lastStateAttempt(c) + 1
		if c.State.Running != nil || c.State.Terminated != nil {
			had[c.Name] = int(c.RestartCount) + 1
		}
	}
	return had
}

// isAdopted reports whether the Pod was there before a controller of the run took it into its care.
func (s *story) isAdopted() bool { return s.isPod() && s.joinedRevision > 0 }

// startedBefore is the key of the end of StartContainer of the container before this one: the kubelet starts those of a
// Pod one after the other, in the order of the spec (SyncPod in pkg/kubelet/kuberuntime, v1.37). It is nothing unless
// both have their first life, and the seconds of their starts agree with that.
func (s *story) startedBefore(r life) seq.Key {
	spec := s.newest().Spec.Containers
	i := slices.IndexFunc(spec, func(c corev1.Container) bool { return c.Name == r.container })
	if i < 1 || r.attempt != 0 {
		return ""
	}
	first := func(name string) (at metav1.Time) {
		if c := object.StatusOf(s.newest(), name); c != nil && c.RestartCount == 0 {
			if c.State.Running != nil {
				at = c.State.Running.StartedAt
			} else if began(c.State.Terminated) {
				at = c.State.Terminated.StartedAt
			}
		}
		return at
	}
	before, at := first(spec[i-1].Name), first(r.container)
	if before.IsZero() || at.IsZero() || at.Before(&before) {
		return ""
	}
	return criKey("StartContainer", spec[i-1].Name, 0).End()
}

// eventBurst is how many Events about one object a client sends; beyond, it drops all but one in five minutes
// (defaultSpamBurst in client-go/tools/record/events_cache.go).
const eventBurst = 25

// capped are the Events by which their client had sent as many about the object as it may in a row: it drops most of
// those that follow.
func (s *story) capped() map[*emitted]bool {
	all, sent, counts := map[*emitted]bool{}, map[seq.Participant]int{}, map[string]int{} // by client, by Event
	for _, e := range s.events {
		uid := string(e.event.UID)
		sent[e.emitter] += max(0, e.count-counts[uid])
		counts[uid] = max(counts[uid], e.count)
		if sent[e.emitter] >= eventBurst {
			all[e] = true
		}
	}
	return all
}

// droppedStarts is how many starts of containers have no Event, though the kubelet has sent as many as it may.
func (s *story) droppedStarts() (n int) {
	if s.attached() { // those of old starts are gone anyway
		return 0
	}
	sent := map[string]int{} // by Event
	for _, e := range s.events {
		if e.emitter == seq.Kubelet {
			sent[string(e.event.UID)] = max(sent[string(e.event.UID)], e.count)
		}
	}
	all := 0
	for _, count := range sent {
		all += count
	}
	if all < eventBurst {
		return 0
	}
	for _, r := range s.lives {
		if !slices.ContainsFunc(s.workerEvents, func(a workerEvent) bool {
			return a.action == containerStarted && a.container == r.container && a.attempt == r.attempt
		}) {
			n++
		}
	}
	return n
}

// livedBeforeAdoption reports whether a container had its life before a controller of the run adopted the Pod.
func (s *story) livedBeforeAdoption(r life) bool {
	return s.isAdopted() && r.attempt < s.livesBefore()[r.container]
}

// containerStart is one container start, by the key of the call.
type containerStart struct {
	call         seq.Key
	attempt      int
	step         seq.Step
	began, ended time.Time // of the call, about; zero where that is not known
}

// after is the instant by which that share of the call had passed, or zero.
func (r containerStart) after(share float64) time.Time {
	if r.began.IsZero() || !r.ended.After(r.began) {
		return time.Time{}
	}
	return r.began.Add(time.Duration(share * float64(r.ended.Sub(r.began))))
}

// starts are the container starts that an Event or the status tells of, once each.
func (s *story) starts() []containerStart {
	var all []containerStart
	add := func(call seq.Key, container string, attempt int, e seq.Evidence, began, ended time.Time) {
		if !slices.ContainsFunc(all, func(o containerStart) bool { return o.call == call }) {
			all = append(all,
				containerStart{call, attempt,
					seq.Step{Container: container, Object: s.object, Node: s.node, ClockOf: seq.Kubelet,
						Evidence: []seq.Evidence{e}}, began, ended})
		}
	}
	for _, a := range s.workerEvents {
		if a.action == containerStarted {
			add(a.call, a.container, a.attempt, a.evidence(), a.previousAt, a.at)
		}
	}
	for _, r := range s.lives {
		if !s.livedBeforeAdoption(r) {
			add(r.start.begin, r.container, r.attempt, r.evidence, time.Time{}, time.Time{})
		}
	}
	return all
}

// hasTrouble reports whether anything of a Pod went wrong, or came again: a Warning, another life of a container,
// another sandbox.
func (s *story) hasTrouble() bool {
	again := func(l life) bool { return l.attempt > 0 || l.exit != nil && l.exit.ExitCode != 0 }
	return len(s.sandboxes) > 0 || slices.ContainsFunc(s.lives, again) ||
		slices.ContainsFunc(s.events, func(e *emitted) bool { return e.event.Type == corev1.EventTypeWarning })
}
