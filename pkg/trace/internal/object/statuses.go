package object

import (
	"iter"

	corev1 "k8s.io/api/core/v1"
)

// StatusOf is the status of a container, whatever its kind, or nil.
func StatusOf(p *corev1.Pod, container string) *corev1.ContainerStatus {
	for c := range Statuses(p) {
		if c.Name == container {
			return c
		}
	}
	return nil
}

// Statuses yields the statuses of init, regular and ephemeral containers, in this order.
func Statuses(p *corev1.Pod) iter.Seq[*corev1.ContainerStatus] {
	return Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses)
}

// Condition is the status of a condition of a Pod, or nothing; the Pod may be nil.
func Condition(p *corev1.Pod, t corev1.PodConditionType) corev1.ConditionStatus {
	if p != nil {
		for _, c := range p.Status.Conditions {
			if c.Type == t {
				return c.Status
			}
		}
	}
	return ""
}

// Concat yields the statuses of several lists.
func Concat(lists ...[]corev1.ContainerStatus) iter.Seq[*corev1.ContainerStatus] {
	return func(yield func(*corev1.ContainerStatus) bool) {
		for _, all := range lists {
			for i := range all {
				if !yield(&all[i]) {
					return
				}
			}
		}
	}
}
