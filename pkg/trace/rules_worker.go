package trace

// What an Event of the kubelet tells of the call that it is about.

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// adjacent bounds how long before or after its call an Event is emitted. Measured: p50 0.1 ms, at most 1.6 ms in 51
// starts, 0.2 s with three times more work than the node has cores.
const adjacent = 500 * time.Millisecond

// follows is the window of a call that begins right after the emission, precedes of one that ended right before it.
func (a workerEvent) follows() seq.Window {
	return a.orItsSecond(seq.Window{Earliest: a.at, Latest: a.at.Add(adjacent)})
}

func (a workerEvent) precedes() seq.Window {
	if w := a.second; a.at.IsZero() && !w.Earliest.IsZero() && w.Earliest.Equal(a.emission) { // by a clock behind ours
		return seq.Window{Earliest: w.Earliest.Add(-adjacent), Latest: w.Latest}
	}
	return a.orItsSecond(seq.Window{Earliest: instant.Later(a.at.Add(-adjacent), a.previousAt), Latest: a.at})
}

func (a workerEvent) orItsSecond(w seq.Window) seq.Window {
	if a.at.IsZero() {
		return a.second
	}
	return w
}

// causes is what came before in the worker: the action before, and at first the sandbox; and the revision that asked
// for it.
func (a workerEvent) causes(s *story) []seq.Key {
	return []seq.Key{cmp.Or(a.previousKey, sandboxEnd), deliverKubelet, a.previousExit, a.sandbox.End(),
		s.askedKey(a.asked)}
}

func (a workerEvent) claim(s *story, w seq.Window) graph.Claim {
	c := graph.Claim{Step: seq.Step{Container: a.container, Object: s.object, Window: w, ClockOf: seq.Kubelet,
		Evidence: []seq.Evidence{a.evidence()}}, Follows: a.causes(s)}
	if !a.at.IsZero() {
		c.Best, c.Sharp, c.Precision = a.at, true, time.Millisecond
	} else {
		c.Best = s.usuallyEmitted(a.emitted)
	}
	return c
}

// passedProbe is one probe that must have succeeded.
type passedProbe struct {
	kind, container, text string
	attempt               int
	probe                 *corev1.Probe
	started               metav1.Time // of its container, in whole seconds of the node's clock
}

func (w *write) probesPassed() []passedProbe {
	was := map[string]*corev1.ContainerStatus{}
	if w.prevPod != nil {
		for c := range object.Statuses(w.prevPod) {
			was[c.Name] = c
		}
	}
	var all []passedProbe
	for c := range object.Statuses(w.pod) {
		spec, o := containerSpec(w.pod, c.Name), cmp.Or(was[c.Name], &corev1.ContainerStatus{})
		if spec == nil || c.State.Running == nil {
			continue
		}
		again := c.RestartCount != o.RestartCount
		passed := func(kind, turned string, p *corev1.Probe) {
			all = append(all, passedProbe{kind, c.Name, "containerStatuses: " + c.Name + " " + turned, int(c.RestartCount), p,
				c.State.Running.StartedAt})
		}
		if p := spec.StartupProbe; p != nil && isTrue(c.Started) && (again || !isTrue(o.Started)) {
			passed("startup", "started", p)
		}
		if p := spec.ReadinessProbe; p != nil && c.Ready && (again || !o.Ready) {
			passed("readiness", "ready", p)
		}
	}
	return all
}

// probeLabel says how a probe asks.
func probeLabel(p *corev1.Probe) string {
	switch h := p.ProbeHandler; {
	case h.HTTPGet != nil:
		return "GET :" + h.HTTPGet.Port.String() + h.HTTPGet.Path
	case h.TCPSocket != nil:
		return "TCP :" + h.TCPSocket.Port.String()
	case h.GRPC != nil:
		return fmt.Sprintf("gRPC :%d", h.GRPC.Port)
	case h.Exec != nil:
		return "exec"
	}
	return ""
}

// failure is what the error of a call says.
func (a workerEvent) failure() string { return strings.TrimPrefix(a.event.Message, "Error: ") }
