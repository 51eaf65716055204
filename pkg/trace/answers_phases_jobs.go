package trace

// The phase in which a Job waits before it makes the next Pod.

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// backingOffJobs are the times from the end of a Job's Pod that failed, when it has no other that goes on, to its next.
func backingOffJobs(s *story, _ *result) (all []interval) {
	if s.deletionBegun() {
		return nil
	}
	pods := s.podsBelow()
	for _, p := range pods {
		job := p.owner()
		failed := p.firstRevision(func(w *write) bool { return w.pod.Status.Phase == corev1.PodFailed })
		if failed == 0 || p.createRevision() <= s.desiredRevision() || job == nil || job.object.Kind != "Job" {
			continue
		}
		var next *story
		goesOn := false
		for _, q := range pods {
			if q == p || q.owner() != job {
				continue
			}
			made, ended := q.createRevision(), q.firstRevision((*write).endsPod)
			goesOn = goesOn || made <= failed && (ended == 0 || ended > failed)
			if made > failed && (next == nil || made < next.createRevision()) {
				next = q
			}
		}
		switch {
		case goesOn:
		case next != nil:
			all = append(all, interval{beginKey: p.etcdKey(failed), endKey: next.etcdKey(next.createRevision())})
		default:
			all = append(all, interval{beginKey: p.etcdKey(failed), open: job.triesAgain()})
		}
	}
	return all
}

// endsPod reports whether by the write the Pod has ended, or is gone.
func (w *write) endsPod() bool {
	return w.deleted || w.pod.Status.Phase == corev1.PodFailed || w.pod.Status.Phase == corev1.PodSucceeded
}

// triesAgain reports whether a Job is to make another Pod after one that failed.
func (s *story) triesAgain() bool {
	if len(s.revisions) == 0 || s.deletionBegun() {
		return false
	}
	spec, is := object.Spec(s.last().object), object.Conditions(object.Status(s.last().object))
	for _, end := range []string{"Failed", "FailureTarget", "Complete", "SuccessCriteriaMet"} {
		if is[end] == "True" {
			return false
		}
	}
	limit, ok := spec["backoffLimit"].(int64)
	return spec["suspend"] != true && (!ok || int64(len(s.failedPods())) <= limit)
}

func (s *story) failedPods() []*story {
	return slices.DeleteFunc(slices.Clone(s.podsBelow()), func(p *story) bool {
		return p.firstRevision(func(w *write) bool { return w.pod.Status.Phase == corev1.PodFailed }) == 0
	})
}

// backOffExplained says who waits: the controller of a Job, or the kubelet.
func (s *story) backOffExplained() string {
	if len(backingOffJobs(s, nil)) > 0 {
		return "a Pod of the Job has failed; the Job controller waits out its back-off before it makes the next: 10 s, " +
			"doubling with each failure up to 10 min"
	}
	return "a container of a Pod has ended; the kubelet notices, and waits out its back-off before it starts it again"
}
