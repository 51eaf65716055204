package trace

// Symptoms of what comes before a container's program runs: sandbox, volumes, images, creation.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// waitingFor looks for a container whose status has one of these reasons to wait. The message is the newest that a
// reason other than a back-off gave.
func waitingFor(by seq.Participant, reasons ...string) func(*story, time.Time) (finding, bool) {
	is := func(c *corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && slices.Contains(reasons, c.State.Waiting.Reason)
	}
	return func(s *story, _ time.Time) (finding, bool) {
		for c := range statusesWithoutEphemeral(s.newest()) {
			if !is(c) {
				continue
			}
			f := finding{container: c.Name, by: by, reason: c.State.Waiting.Reason, message: c.State.Waiting.Message}
			first := s.unbroken(func(p *corev1.Pod) bool {
				o := object.StatusOf(p, c.Name)
				if o == nil || !is(o) {
					return false
				}
				if strings.HasSuffix(f.reason, "BackOff") && (f.message == c.State.Waiting.Message) &&
					!strings.HasSuffix(o.State.Waiting.Reason, "BackOff") {
					f.message = o.State.Waiting.Message
				}
				return true
			})
			f.replacements = s.imageWords(c.Name, f.message)
			if e, ok := s.newestEvent(by,
				func(e *emitted) bool { return e.event.Reason == "FailedToRetrieveImagePullSecret" }); ok {
				f.message += "; " + e.message
			}
			return findingOf(f, first, s.last(), "containerStatuses: "+c.Name+" waits: "+c.State.Waiting.Reason), true
		}
		return finding{}, false
	}
}

// imageWords says which image a message is about: a container's, or that of an image volume, for which containers wait
// with the same words.
func (s *story) imageWords(container, message string) []string {
	image := s.imageAbout(container, message)
	for _, v := range s.newest().Spec.Volumes {
		if v.Image != nil && v.Image.Reference != "" && strings.Contains(message, v.Image.Reference) &&
			(image == "" || !strings.Contains(message, `"`+image+`"`)) {
			return []string{"{image}", v.Image.Reference, "{ofVolume}", " (the image of volume " + v.Name + ")", "{registry}",
				registryOf(v.Image.Reference)}
		}
	}
	return []string{"{image}", image, "{ofVolume}", "", "{registry}", registryOf(image)}
}

// imageAbout is the image of a container that a message is about: it may ask for another one by now.
func (s *story) imageAbout(container, message string) string {
	for _, w := range slices.Backward(s.revisions) {
		if w.pod == nil || container == "" {
			break
		}
		if image := imageOf(containerSpec(w.pod, container)); image != "" && strings.Contains(message, image+`"`) {
			return image
		}
	}
	return imageOf(s.spec(container))
}

// registryOf is the host of an image's registry.
func registryOf(image string) string {
	host, _, found := strings.Cut(image, "/")
	if found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return host
	}
	return "docker.io"
}

// warned looks for the newest of them, of a Pod whose containers the kubelet has not begun yet. Only one that keeps
// coming is held against the Pod: the kubelet says once what it mends a second later.
func warned(s *story, _ time.Time) (finding, bool) {
	if len(s.workerEvents) > 0 || len(s.lives) > 0 ||
		object.Condition(s.newest(), corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
		return finding{}, false
	}
	newest, ok := s.newestEvent(seq.Kubelet, func(e *emitted) bool { return sandboxWarnings[e.event.Reason] })
	if !ok {
		return newest, false
	}
	reason := newest.reason
	if strings.HasSuffix(newest.message, " not registered") { // as the kubelet stops before that while there is no network
		if n, ok := s.newestEvent(seq.Kubelet, isNetworkNotReady); ok {
			reason = n.reason
		}
	}
	f, _ := s.newestEvent(seq.Kubelet, func(e *emitted) bool { return e.event.Reason == reason })
	f.mayMend = f.evidence[len(f.evidence)-1].At.Sub(f.evidence[0].At) < missingGrace/2
	class := ""
	if c := s.newest().Spec.RuntimeClassName; c != nil {
		class = *c
	}
	f.replacements = []string{"{runtimeClass}", class, "{length}", fmt.Sprint(len(s.object.Name)),
		"{limits}", limits(s.newest()), "{signer}", signers(s.newest())}
	return f, true
}

func isNetworkNotReady(e *emitted) bool { return e.event.Reason == "NetworkNotReady" }

// limits are words for the limits of a Pod's containers, and for its own.
func limits(p *corev1.Pod) string {
	var words []string
	add := func(who string, r *corev1.ResourceRequirements) {
		if r == nil {
			return
		}
		if q, ok := r.Limits[corev1.ResourceMemory]; ok {
			words = append(words, q.String()+" of "+who)
		}
	}
	add("the Pod", p.Spec.Resources)
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		add("container "+c.Name, &c.Resources)
	}
	return strings.Join(words, ", ")
}

// signers are the names of those who are to issue certificates for a Pod.
func signers(p *corev1.Pod) string {
	var names []string
	for _, v := range p.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.PodCertificate != nil {
				names = append(names, source.PodCertificate.SignerName)
			}
		}
	}
	return strings.Join(names, ", ")
}

// newestEvent makes a finding of the newest Event of a kind, since the first of that kind.
func (s *story) newestEvent(by seq.Participant, is func(*emitted) bool) (f finding, ok bool) {
	for _, e := range s.events {
		if !is(e) {
			continue
		}
		if !ok {
			f, ok = finding{by: by, since: e.received, evidence: []seq.Evidence{e.evidence()}}, true
			if !e.at.IsZero() {
				f.since = e.at
			}
			f.heldSince = f.since
			if first := e.event.FirstTimestamp; !first.IsZero() && s.wasListed(e) {
				f.heldSince = s.toOurClock(e.emitter, first.Time)
			}
		} else {
			f.evidence = append(f.evidence[:1], e.evidence())
		}
		f.container, f.reason, f.message = e.container, e.event.Reason, e.event.Message
	}
	return f, ok
}

// inSandbox is the revision since which a kubelet is at work at a Pod of which no container has begun and no sandbox is
// known, or nil.
func (s *story) inSandbox() *write {
	p := s.newest()
	if p.Spec.NodeName == "" || s.reporter() != seq.Kubelet || s.podEnded() || s.deletionBegun() ||
		len(s.workerEvents) > 0 || len(s.lives) > 0 ||
		object.Condition(p, corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
		return nil
	}
	return s.unbroken(func(p *corev1.Pod) bool { return p.Status.StartTime != nil })
}

// slowSandbox is that the kubelet is at work at volumes and sandbox for long, and says nothing.
func slowSandbox(s *story, _ time.Time) (finding, bool) {
	first := s.inSandbox()
	if first == nil {
		return finding{}, false
	}
	f := findingOf(finding{by: seq.Kubelet, reason: "ContainerCreating",
		message: "no Event of the kubelet, and condition PodReadyToStartContainers is not True"}, first, s.last(),
		"containerStatuses: ContainerCreating")
	f.countsFrom = f.since.Add(patience)
	return f, true
}

// pulling is an image that the runtime is at for long.
func pulling(s *story, _ time.Time) (finding, bool) {
	if n := len(s.workerEvents); n == 0 || s.workerEvents[n-1].action != pullBegan || s.podEnded() || s.deletionBegun() {
		return finding{}, false
	}
	a := s.workerEvents[len(s.workerEvents)-1]
	f := finding{container: a.container, by: seq.Runtime, reason: a.event.Reason, message: a.event.Message,
		since:    a.received,
		evidence: []seq.Evidence{a.evidence()}, replacements: s.imageWords(a.container, a.event.Message)}
	if !a.at.IsZero() {
		f.since = a.at
	}
	f.countsFrom = f.since.Add(patience)
	return f, true
}
