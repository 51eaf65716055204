package trace

// How long a Pod took to start, as the service level objectives of Kubernetes have it.

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// leftOut are the phases that the indicator does not count: the time to pull images, which a kubelet may do one at a
// time, and to run init containers.
var leftOut = []string{"queue", "pull", "init"}

// Startup returns how long the subject took to start, if it is a Pod, its creation was seen, and all its containers
// have been started.
func (t *Trace) Startup() (x seq.Startup, ok bool) {
	r := t.resolve()
	s := r.scene.subject()
	if !s.isPod() || s.foundRevision() != nil {
		return x, false
	}
	made := r.step(s.ownKey(s.storedKey()))
	n := slices.IndexFunc(s.revisions, func(w *write) bool { return !w.received.IsZero() && hasStarted(w.pod) })
	if made == nil || n < 0 || made.Window.Earliest.IsZero() || made.Window.Latest.IsZero() {
		return x, false
	}
	x.Created, x.Observed = made.Window, s.revisions[n].received
	x.Stamped = s.revisions[0].pod.CreationTimestamp.Time
	x.Min, x.Max, x.Took = x.Observed.Sub(x.Created.Latest), x.Observed.Sub(x.Created.Earliest), x.Observed.Sub(made.Best)
	for _, p := range r.phases(s, timeRange{start: s.zero(), end: x.Observed}) {
		if slices.Contains(leftOut, p.Name) {
			x.Subtracted = append(x.Subtracted, p)
			x.Min, x.Max, x.Took = x.Min-p.Max, x.Max-p.Min, x.Took-p.Took
		}
	}
	x.Min = max(0, x.Min)
	x.Took = min(max(x.Took, x.Min), x.Max)
	x.NotIncluded = s.notOfObjective()
	return x, true
}

// hasStarted reports whether the status says that all containers have been started, be it that they have ended again.
func hasStarted(p *corev1.Pod) bool {
	return p.Status.Phase != corev1.PodPending && allRan(p)
}

// notOfObjective is why the objective, which is about schedulable and stateless Pods, does not count this one.
func (s *story) notOfObjective() string {
	for _, v := range s.newest().Spec.Volumes {
		if v.Secret == nil && v.ConfigMap == nil && v.DownwardAPI == nil && v.EmptyDir == nil && v.Projected == nil {
			return "volume " + v.Name + " makes it a stateful Pod"
		}
	}
	for _, e := range s.events {
		if e.event.Reason == "FailedScheduling" {
			return "it could not be scheduled at first"
		}
	}
	return ""
}
