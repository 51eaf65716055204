package trace

import (
	"iter"
	corev1 "k8s.io/api/core/v1"
)

func statusOf(p *corev1.Pod, container string) *corev1.ContainerStatus {
	for c := range allStatuses(p) {
		if c.Name == container {
			return c
		}
	}
	return nil
}

// troubled are the reasons of Warning Events about what comes before a Pod's containers.
var troubled = map[string]bool{"FailedMount": true, "FailedAttachVolume": true, "FailedMapVolume": true, "FailedCreatePodSandBox": true}

// allStatuses yields the statuses of init, regular and ephemeral containers, in this order.
func allStatuses(p *corev1.Pod) iter.Seq[*corev1.ContainerStatus] {
	return statuses(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses)
}

func condition(p *corev1.Pod, t corev1.PodConditionType) corev1.ConditionStatus {
	if p != nil {
		for _, c := range p.Status.Conditions {
			if c.Type == t {
				return c.Status
			}
		}
	}
	return ""
}

func statuses(lists ...[]corev1.ContainerStatus) iter.Seq[*corev1.ContainerStatus] {
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
