package trace

// Who removed an object for good.

import (
	batchv1 "k8s.io/api/batch/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// disruptors are who ends a Pod by the reason that condition DisruptionTarget gives: they set it, and then delete the
// Pod (pkg/scheduler/framework/preemption, pkg/controller/tainteviction, pkg/controller/podgc, v1.37).
var disruptors = map[string]seq.Participant{
	"PreemptionByScheduler":  seq.Scheduler,
	"DeletionByTaintManager": seq.Controller("taint-eviction"),
	"DeletionByPodGC":        seq.Controller("pod-garbage-collector"),
}

// disruptor says who deleted a Pod that says why it is disrupted.
func disruptor(w *write) actor {
	reason := disruptionOf(w.prevPod)
	return actor{disruptors[reason], "delete", "", seq.Inferred,
		"condition DisruptionTarget, " + reason + ": who sets that deletes the Pod next"}
}

// deleter says who removed the object for good. A bound Pod whose grace period had begun is removed by its kubelet once
// its containers are gone; any other goes within the request of whoever asked, or took away the last finalizer.
func deleter(w *write) actor {
	switch {
	case w.removesLastFinalizer() && w.untracksAtEnd():
		return actor{seq.Controller("job"), "patch", "", seq.Inferred, "only the finalizer " +
			batchv1.JobTrackingFinalizer + " held it, which the job controller takes away from a Pod that it has counted"}
	case w.removesLastFinalizer():
		return actor{seq.UnknownClient, "", "", seq.Observed,
			"it was to go once its finalizers were gone; nothing in it says who took the last away"}
	case w.endsLife() && disruptors[disruptionOf(w.prevPod)] != "":
		return disruptor(w)
	case w.forces():
		return actor{seq.UnknownClient, "delete", "", seq.Inferred,
			"a container still ran by the status, and the kubelet asks for this only when it has reported the end of all"}
	}
	if w.pod != nil && w.pod.Spec.NodeName != "" && w.prevPod != nil && w.prevPod.DeletionTimestamp != nil &&
		len(w.prevPod.Finalizers) == 0 {
		who, because := reporterOf(w.pod), "the Pod was bound and its grace period had begun: its kubelet ends it"
		if who != seq.Kubelet {
			because = "the Pod was bound and its grace period had begun: who reports for its node ends it"
		}
		return actor{who, "delete", "", seq.Inferred, because}
	}
	return actor{seq.UnknownClient, "delete", "", seq.Inferred, "the object is gone; nothing in it says who asked"}
}

// forces reports whether the write ends the grace period of a Pod, or the Pod, while a container runs by its status.
// Its kubelet does that only after it has said that none does (canBeDeleted in pkg/kubelet/status/status_manager.go,
// v1.37).
func (w *write) forces() bool {
	if w.prevPod == nil || w.prevPod.DeletionTimestamp == nil || reporterOf(w.prevPod) != seq.Kubelet {
		return false
	}
	for c := range object.Statuses(w.prevPod) {
		if c.State.Running != nil {
			return true
		}
	}
	return false
}
