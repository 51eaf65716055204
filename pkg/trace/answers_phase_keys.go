package trace

// Keys of the steps at which the phases of a Pod begin and end.

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

func (s *story) createKey() seq.Key {
	if s.foundRevision() != nil {
		return s.pastCreate()
	}
	for _, w := range s.revisions {
		if w.creates {
			return s.writeKey(w)
		}
	}
	return ""
}

// deletionRevision is the revision by which the Pod was to end.
func (s *story) deletionRevision() uint64 {
	return s.firstRevision(func(w *write) bool { return w.endsLife() && !w.deleted })
}

// lastExit is the last end of a container that the deletion caused.
func (s *story) lastExit() (key seq.Key) {
	deletion := s.deletionRevision()
	if deletion == 0 {
		return ""
	}
	var last *life
	for _, r := range s.lives {
		rv, _ := parseRevision(r.exitEvidence.ResourceVersion)
		if r.exit == nil || rv <= deletion {
			continue
		}
		// Sidecars are stopped after the others, and come before them in the list.
		if last == nil || last.exit.FinishedAt.Before(&r.exit.FinishedAt) {
			last = &r
		}
	}
	if last != nil {
		key = exitKey(last.container, last.attempt)
	}
	return key
}

// storedKey, boundKey and readyKey are those of the etcd writes that made the object, gave the Pod its node, and had it
// ready first.
func (s *story) storedKey() seq.Key {
	if s.foundRevision() != nil {
		return storedKey(s.pastCreate())
	}
	return s.etcdKey(s.createRevision())
}

func (s *story) boundKey() seq.Key {
	if s.foundNode() != nil {
		return storedKey(s.pastBound())
	}
	if rv := s.bindRevision(); rv != 0 {
		return s.etcdKey(rv)
	}
	return hiddenBindKey // which there is, or not
}

func (s *story) readyKey() seq.Key {
	if w := s.foundRevision(); w != nil {
		for _, m := range s.pastWrites() {
			if m.makesTrue(corev1.PodReady) {
				return storedKey(m.key)
			}
		}
	}
	return s.etcdKey(s.readyRevision())
}

func (s *story) bindRevision() uint64 { return s.firstRevision((*write).isBind) }

func (s *story) readyRevision() uint64 {
	return s.firstRevision(func(w *write) bool { return object.Condition(w.pod, corev1.PodReady) == corev1.ConditionTrue })
}

// lastStart is the end of the last container start that the first Ready waited for.
func (s *story) lastStart() seq.Key {
	if len(s.revisions) == 0 {
		return ""
	}
	ready, key := s.readyRevision(), seq.Key("")
	for _, w := range s.revisions {
		if w.rv > ready {
			break
		}
		for _, c := range w.pod.Status.ContainerStatuses {
			if c.State.Running != nil {
				key = criKey("StartContainer", c.Name, int(c.RestartCount)).End()
			}
		}
	}
	for _, a := range s.workerEvents { // in the order of the actions, which the status does not have
		for _, c := range s.revisions[0].pod.Spec.Containers {
			if a.action == containerStarted && a.container == c.Name && a.attempt == 0 {
				key = a.key
			}
		}
	}
	return key
}
