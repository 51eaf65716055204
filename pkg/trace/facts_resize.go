package trace

// What the kubelet tells of resources that are changed while a Pod runs.

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// resize is what an Event of the kubelet says of a resize (pkg/kubelet/events/resize.go, v1.35).
type resize struct {
	Generation int64  `json:"generation"` // of the Pod, which asks for it
	Error      string `json:"error"`
}

// resizeOf is what an Event says of a resize; ok reports whether it is about one.
func resizeOf(e *emitted) (r resize, ok bool) {
	if e.emitter != seq.Kubelet || !strings.HasPrefix(e.event.Reason, "Resize") {
		return r, false
	}
	_, text, _ := strings.Cut(e.event.Message, ": ")
	return r, json.Unmarshal([]byte(text), &r) == nil && r.Generation > 0
}

// asksFor reports whether a revision asks something else of a kubelet that had the Pod already: metadata.generation
// counts these (pkg/registry/core/pod/strategy.go updatePodGeneration, v1.34).
func (w *write) asksFor() bool {
	return w.pod != nil && w.prevPod != nil && w.pod.Generation > w.prevPod.Generation && w.prevPod.Spec.NodeName != "" &&
		!w.endsLife()
}

// ofGeneration is the revision of the run that made the Pod of that generation, or nil.
func (s *story) ofGeneration(n int64) *write {
	for _, w := range s.revisions {
		if w.asksFor() && w.pod.Generation == n {
			return w
		}
	}
	return nil
}

// resized are the containers whose resources a revision changed, in order.
func (w *write) resized() (names []string) {
	if w == nil || w.prevPod == nil {
		return nil
	}
	for c := range object.Statuses(w.pod) {
		if !equality.Semantic.DeepEqual(resourcesOf(w.prevPod, c.Name), resourcesOf(w.pod, c.Name)) {
			names = append(names, c.Name)
		}
	}
	return names
}

func resourcesOf(p *corev1.Pod, container string) corev1.ResourceRequirements {
	return anyContainer(p, container).Resources
}
