package trace

// What the kubelet does to a container, and the revision of the Pod that asked for that.

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// namedImage finds the image that the kubelet names in an Event, or in the message of a container that waits
// (pkg/kubelet/images/image_manager.go, v1.37).
var namedImage = regexp.MustCompile(`[Ii]mage "([^"]+)"`)

// imageIn is the image that a message of the kubelet names, or nothing.
func imageIn(message string) string {
	if !strings.Contains(message, `mage "`) { // most name none
		return ""
	}
	if m := namedImage.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

// anyContainer is the container of that name as the Pod asks for it, also an ephemeral one. It is empty where there is
// none.
func anyContainer(p *corev1.Pod, name string) corev1.Container {
	if c := containerSpec(p, name); c != nil {
		return *c
	}
	for _, e := range p.Spec.EphemeralContainers {
		if e.Name == name {
			return corev1.Container(e.EphemeralContainerCommon)
		}
	}
	return corev1.Container{}
}

// readAsked finds which image an Event of the worker is about, and the revision that asked for that: the first since
// the one that had asked for what the worker told before of that container.
func (s *story) readAsked(a *workerEvent, before workerEvent) {
	a.image, a.asked = a.emitted.image, before.asked
	if a.image == "" {
		a.image = before.image
		return
	}
	for _, w := range s.revisions {
		if w.rv < a.rv && (before.asked == nil || w.rv >= before.asked.rv) && !a.isFirstEmission &&
			anyContainer(w.pod, a.container).Image == a.image {
			a.asked = w
			return
		}
	}
}

// askedKey is that of the delivery of a revision to the kubelet, which acted on it; nothing where it knew of that with
// the Pod, or before the run.
func (s *story) askedKey(w *write) seq.Key {
	if w == nil || w.creates || !w.isOfRun() {
		return ""
	}
	return deliverKubelet + seq.Key(":"+w.pod.ResourceVersion)
}

// askedToStop is the revision for which the kubelet stops a container by its Event Killing, or nil: the first since the
// container's start that asks for something else, or the one that set the Pod's deadline
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go and pkg/kubelet/active_deadline.go, v1.37).
func (s *story) askedToStop(e *emitted) *write {
	if len(s.revisions) == 0 {
		return nil
	}
	image, was := "", s.revisions[0]
	for _, a := range s.workerEvents {
		if a.container == e.container && a.rv < e.rv {
			image, was = a.image, cmp.Or(a.asked, s.revisions[0])
		}
	}
	image = cmp.Or(image, anyContainer(was.pod, e.container).Image)
	resources := anyContainer(was.pod, e.container).Resources
	isFor := func(what string) bool { return strings.Contains(e.event.Message, what) }
	byDeadline := isFor("Stopping container ") && s.endedByDeadline(e)
	if isFor("resize requires restart") {
		if w := s.askedToResize(e); w != nil {
			return w
		}
	}
	for _, w := range s.revisions {
		if w.rv < was.rv || w.rv >= e.rv {
			continue
		}
		is := anyContainer(w.pod, e.container)
		if isFor("definition changed") && is.Image != image ||
			isFor("resize requires restart") && !equality.Semantic.DeepEqual(is.Resources, resources) ||
			byDeadline && w.pod.Spec.ActiveDeadlineSeconds != nil {
			return w
		}
	}
	return nil
}

// askedToResize is the revision for which the kubelet had said that it begins a resize, the last before that Event, or
// nil: kubelets before v1.35 do not say so.
func (s *story) askedToResize(by *emitted) (w *write) {
	for _, e := range s.events {
		if r, ok := resizeOf(e); ok && e.event.Reason == "ResizeStarted" && e.rv < by.rv {
			w = s.ofGeneration(r.Generation)
		}
	}
	return w
}

// endedByDeadline reports whether the kubelet had said, by that Event, that it ends the Pod for its
// activeDeadlineSeconds.
func (s *story) endedByDeadline(by *emitted) bool {
	return slices.ContainsFunc(s.events, func(e *emitted) bool {
		return e.emitter == seq.Kubelet && e.event.Reason == "DeadlineExceeded" && e.rv < by.rv
	})
}
