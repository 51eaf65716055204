package trace

// Phases of a Pod's containers: the calls of the runtime, and what the kubelet waits for between them.

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// queueing are the waits of pulls for their turn.
func queueing(s *story, _ *result) (all []interval) {
	for _, a := range s.workerEvents {
		if _, queued := s.queuedToPull(a); queued {
			all = append(all, interval{beginKey: queueKey(a), endKey: a.key})
		}
	}
	return all
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
				s.spec(a.container) != nil && worker[i-1].container != a.container && s.goesOn(worker[i-1].container) {
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

// startedUntold is the time from the last start of a container of which an Event tells to the last of which only the
// status does, where Events were dropped.
func startedUntold(s *story, r *result) []interval {
	begin, end := s.lastStart(), seq.Key("")
	last := r.step(s.ownKey(begin))
	if last == nil || len(s.workerEvents) == 0 || s.droppedStarts() == 0 {
		return nil
	}
	for _, x := range s.lives {
		told := slices.ContainsFunc(s.workerEvents, func(a workerEvent) bool {
			return a.action == containerStarted && a.container == x.container && a.attempt == x.attempt
		})
		e := r.step(s.ownKey(x.start.end))
		if !told && x.attempt == 0 && s.spec(x.container) != nil && e != nil && e.Best.After(last.Best) {
			last, end = e, x.start.end
		}
	}
	return []interval{{beginKey: begin, endKey: end}}
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
