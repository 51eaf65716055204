package trace

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The kubelet waits only for volumes that a container uses: one that none mounts costs no time.
func TestUsedVolumes(t *testing.T) {
	p := &corev1.PodSpec{Volumes: []corev1.Volume{{Name: "unused"}, {Name: "data"}, {Name: "disk"}, {Name: "setup"}},
		InitContainers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{{Name: "setup"}, {Name: "data"}}}},
		Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{{Name: "data"}},
			VolumeDevices: []corev1.VolumeDevice{{Name: "disk"}}}}}
	if got, want := usedVolumes(p), []string{"data", "disk", "setup"}; !slices.Equal(got, want) {
		t.Errorf("the kubelet waits for %v, want %v", got, want)
	}
}
