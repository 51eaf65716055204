package trace

// The sandboxes of a Pod beyond its first: one that is gone has the kubelet make another.

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// newSandbox is one that was made in the place of another.
type newSandbox struct {
	attempt int          // from 1
	changed *emitted     // the Event by which the kubelet said that it would end the one before
	first   *workerEvent // the first action in it that is known, or nil
	ready   *write       // the first revision by which it was up, or nil
	by      time.Time    // it was up by then; zero where nothing says that it is
}

func (x newSandbox) key() seq.Key { return criKey("RunPodSandbox", "", x.attempt) }

// readSandboxes reads Events SandboxChanged that came after a sandbox had been up, and has the kubelet's actions
// follow the sandbox that they are the first in.
func (s *story) readSandboxes() (all []newSandbox) {
	for _, e := range s.events {
		if e.emitter != seq.Kubelet || e.event.Reason != "SandboxChanged" || !s.hadSandbox(e) {
			continue
		}
		x := newSandbox{attempt: len(all) + 1, changed: e}
		for i := range s.workerEvents {
			if a := &s.workerEvents[i]; e.before(a.emitted, s) {
				a.sandbox, x.first, x.by = x.key(), a, s.emittedBy(a.emitted)
				break
			}
		}
		for _, w := range s.revisions {
			if w.rv > e.rv && object.Condition(w.pod, corev1.PodReadyToStartContainers) == corev1.ConditionTrue &&
				object.Condition(w.prevPod, corev1.PodReadyToStartContainers) == corev1.ConditionFalse {
				x.ready = w
				if x.by.IsZero() {
					x.by = w.received
				}
				break
			}
		}
		all = append(all, x)
	}
	if w := s.foundRevision(); w != nil && len(all) > 0 {
		last := &all[len(all)-1]
		up := s.secondOf(seq.Kubelet, conditionSince(w.pod, corev1.PodReadyToStartContainers)).Latest
		if last.by.IsZero() && up.After(s.emittedBy(last.changed)) {
			last.ready, last.by = w, up
		}
	}
	return all
}

// foundSandbox is the newest sandbox that is known to have been up when the Pod was found.
func (s *story) foundSandbox() (last newSandbox) {
	found := s.foundRevision()
	for _, x := range s.sandboxes {
		if !x.by.IsZero() && !x.by.After(found.received) {
			last = x
		}
	}
	return last
}

// hadSandbox reports whether the Pod is known to have had a sandbox before an Event.
func (s *story) hadSandbox(e *emitted) bool {
	for _, a := range s.workerEvents {
		if a.before(e, s) {
			return true
		}
	}
	for _, w := range s.revisions {
		if w.rv < e.rv && object.Condition(w.pod, corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
			return true
		}
	}
	return false
}
