package trace

// Phases of a Pod that come again: pulls, lives, back-off.

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// The phases of a Pod in which the kubelet waits before it does something again: what failed, or a container that
// ended.

// awaitingNextLife are the times from the end of a container's life to its next, where it has one or is to have one.
func awaitingNextLife(s *story, _ *result) (all []interval) {
	return s.pauses(func(life) bool { return true })
}

// backingOffLives are those of them in which the kubelet waits by intent.
func backingOffLives(s *story, _ *result) []interval { return s.pauses(s.backsOffAfter) }

// restartingLives are the others.
func restartingLives(s *story, _ *result) []interval {
	return s.pauses(func(r life) bool { return !s.backsOffAfter(r) })
}

func (s *story) pauses(after func(life) bool) (all []interval) {
	for _, r := range s.lives {
		c, _ := s.specOf(r.container)
		if c == nil || r.exit == nil || !after(r) {
			continue
		}
		open := s.newestLife(r) && !s.podEnded() && s.deletionRevision() == 0 && s.restarts(c, r.exit.ExitCode)
		all = append(all,
			interval{exitKey(r.container, r.attempt), criKey("CreateContainer", r.container, r.attempt+1), open})
	}
	return all
}

// backsOffAfter reports whether the Pod's status says that the kubelet waits before it starts the container again that
// has ended so, or has waited after an end before. Of a Pod that was only looked at an Event may be all that is left of
// that: the kubelet starts a container again at once after its first end only.
func (s *story) backsOffAfter(r life) bool {
	if s.foundRevision() != nil && r.attempt > 0 && slices.ContainsFunc(s.events, func(e *emitted) bool {
		return e.event.Reason == "BackOff" && e.container == r.container &&
			strings.Contains(e.event.Message, "restarting failed")
	}) {
		return true
	}
	return slices.ContainsFunc(s.revisions, func(w *write) bool {
		c := object.StatusOf(w.pod, r.container)
		return c != nil && int(c.RestartCount) <= r.attempt && c.State.Waiting != nil &&
			c.State.Waiting.Reason == "CrashLoopBackOff"
	})
}

// restarts reports whether the kubelet starts a container again that has ended so.
func (s *story) restarts(c *corev1.Container, code int32) bool {
	_, init := s.specOf(c.Name)
	switch policy := s.newest().Spec.RestartPolicy; {
	case c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways:
		return true
	case init || policy == corev1.RestartPolicyOnFailure:
		return code != 0 && policy != corev1.RestartPolicyNever
	case restartsByRule(c, code):
		return true
	default:
		return policy == corev1.RestartPolicyAlways
	}
}

// retries are the times from what failed before a container could be made to the next call for it.
func (s *story) retries(r *result) (all []interval) {
	if first, ok := s.firstTrouble(); ok {
		x := interval{beginKey: s.eventStep(first).Key, endKey: sandboxEnd,
			open: !s.podEnded() && !s.deletionBegun()}
		if worker := s.workerEvents; len(worker) > 0 {
			x.endKey = worker[0].beginKey()
		}
		all = append(all, x)
	}
	if begin, end, _ := s.retried(); begin != "" {
		all = append(all, interval{begin, end, !s.podEnded()})
	}
	failed := map[string]seq.Key{} // by container, the end of the call that failed last
	for _, a := range s.workerEvents {
		if begin := failed[a.container]; begin != "" {
			all = append(all, interval{beginKey: begin, endKey: a.beginKey()})
			delete(failed, a.container)
		}
		if a.action == pullFailed || a.action == createFailed || a.action == startFailed {
			failed[a.container] = a.key
		}
	}
	for _, c := range s.ownContainers() {
		if end := failed[c.Name]; end != "" {
			all = append(all, interval{beginKey: end, open: !s.podEnded()})
		}
	}
	return all
}

// ownContainers are those of the spec, init containers first.
func (s *story) ownContainers() []corev1.Container {
	if len(s.revisions) == 0 {
		return nil
	}
	return slices.Concat(s.newest().Spec.InitContainers, s.newest().Spec.Containers)
}

// retried is what failed before a container could be made, the call that then made it, or will, and what the kubelet
// said.
func (s *story) retried() (begin, end seq.Key, why string) {
	calls := map[*emitted]bool{}
	for _, a := range s.workerEvents {
		calls[a.emitted] = true
	}
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.event.Reason == "Failed" && e.container != "" && !calls[e] &&
			s.spec(e.container) != nil {
			return s.eventStep(e).Key, criKey("CreateContainer", e.container, 0), strings.TrimPrefix(e.event.Message, "Error: ")
		}
	}
	return "", "", ""
}

// firstTrouble is the first Event that says why there is no sandbox yet, before there was one.
func (s *story) firstTrouble() (*emitted, bool) {
	worker := s.workerEvents
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && sandboxWarnings[e.event.Reason] && e.container == "" &&
			(len(worker) == 0 || e.before(worker[0].emitted, s)) {
			return e, true
		}
	}
	return nil, false
}

func (s *story) retryExplained() string {
	_, _, why := s.retried()
	if e, ok := s.firstTrouble(); ok && why == "" {
		why = e.event.Message
	}
	if why == "" {
		for _, a := range s.workerEvents {
			if a.action == pullFailed || a.action == createFailed || a.action == startFailed {
				why = a.event.Message
				break
			}
		}
	}
	return "the kubelet waits before it tries again what has failed: " + why
}
