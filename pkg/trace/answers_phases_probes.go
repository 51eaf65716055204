package trace

// Phases of a Pod in which the kubelet probes its containers, until they have started up and are ready.

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// startingUp are the times in which a startup probe has not succeeded yet: of a sidecar from its start, for the next
// container waits; of another container from when nothing else is to be started.
func startingUp(s *story, r *result) []interval {
	return s.probed(r, "startup", startupProbeOf,
		func(x life) seq.Key {
			if c, init := s.specOf(x.container); init && c.RestartPolicy != nil || x.attempt > 0 {
				return x.start.end
			}
			return s.lastStart()
		}, func(c *corev1.ContainerStatus) bool { return isTrue(c.Started) })
}

// probing are the times from when nothing else is to be started, and a container's startup probe has succeeded, until
// its readiness probe has.
func probing(s *story, r *result) []interval {
	return s.probed(r, "readiness", readinessProbeOf,
		func(x life) seq.Key {
			begin := s.lastStart()
			if x.attempt > 0 {
				begin = x.start.end
			}
			c, _ := s.specOf(x.container)
			if c.StartupProbe == nil {
				return begin
			}
			up := probeKey("startup", x.container, x.attempt)
			if a, b := r.step(s.ownKey(begin)), r.step(s.ownKey(up)); a != nil && b != nil && b.Best.Before(a.Best) {
				return begin
			}
			return up
		}, func(c *corev1.ContainerStatus) bool { return c.Ready })
}

// probed are the times, from begin on, in which a probe of a kind had not succeeded yet in a life of a container. One
// that ended before was awaited only if it ended for that.
func (s *story) probed(r *result, kind string, of func(*corev1.Container) *corev1.Probe, begin func(life) seq.Key,
	passed func(*corev1.ContainerStatus) bool) (all []interval) {
	for _, x := range s.lives {
		if c, _ := s.specOf(x.container); c == nil || of(c) == nil {
			continue
		}
		i := interval{begin(x), probeKey(kind, x.container, x.attempt), false}
		done := slices.ContainsFunc(s.revisions, func(w *write) bool {
			c := object.StatusOf(w.pod, x.container)
			return c != nil && int(c.RestartCount) == x.attempt && passed(c)
		})
		switch {
		case done:
		case x.exit == nil:
			i.open = s.newestLife(x) && !s.podEnded()
		case s.failedProbe(x, kind):
			i.endKey = exitKey(x.container, x.attempt)
		default:
			continue
		}
		b, e := r.step(s.ownKey(i.beginKey)), r.step(s.ownKey(i.endKey))
		if b != nil && e != nil && !e.Best.After(b.Best) { // it had succeeded before
			continue
		}
		all = append(all, i)
	}
	return all
}

// failedProbe reports whether the kubelet ended a life of a container since a probe of a kind had failed.
func (s *story) failedProbe(x life, kind string) bool {
	return s.stoppedFor(x, "failed "+kind+" probe")
}

// stoppedFor reports whether the kubelet said that it stops a life of a container, for that reason.
func (s *story) stoppedFor(x life, reason string) bool {
	return slices.ContainsFunc(s.events, func(e *emitted) bool {
		if e.container != x.container || e.event.Reason != "Killing" || !strings.Contains(e.event.Message, reason) {
			return false
		}
		attempt, ok := s.attemptAt(e)
		return ok && attempt == x.attempt
	})
}

// readying are the times from the last start of a container that the first Ready waited for, until it: of the
// containers that have not ended before.
func readying(s *story, _ *result) (all []interval) {
	ready, open := s.readyKey(), s.notReadyYet()
	first := s.lastStart()
	for _, x := range s.lives {
		rv, _ := parseRevision(x.exitEvidence.ResourceVersion)
		began, _ := parseRevision(x.evidence.ResourceVersion)
		stays := x.exit == nil || ready != "" && s.foundRevision() == nil && rv > s.readyRevision()
		c, _ := s.specOf(x.container)
		switch {
		case x.start.end == first && !stays:
			first = ""
		case c != nil && x.attempt > 0 && stays && (s.readyRevision() == 0 || began <= s.readyRevision()):
			all = append(all, interval{x.start.end, ready, open && s.newestLife(x)})
		}
	}
	if w := s.foundRevision(); w != nil && w.pod != nil { // of whose earlier lives there may be nothing but their number
		for c := range object.Statuses(w.pod) {
			if c.RestartCount > 0 && first == criKey("StartContainer", c.Name, 0).End() {
				first = ""
			}
		}
	}
	if first != "" {
		all = append(all, interval{first, ready, open})
	}
	return all
}

// probesExplained says what the kubelet waits for, and how often it asks: of the probe that asks least often.
func probesExplained(kind string, of func(*corev1.Container) *corev1.Probe) func(*story) string {
	return func(s *story) string {
		var slowest corev1.Probe
		container := ""
		for _, c := range s.ownContainers() {
			p := of(&c)
			if p != nil && p.PeriodSeconds+p.InitialDelaySeconds > slowest.PeriodSeconds+slowest.InitialDelaySeconds {
				slowest, container = *p, c.Name
			}
		}
		text := fmt.Sprintf("the %s probe has not succeeded yet: the kubelet asks container %s only every %d s "+
			"(periodSeconds)", kind, container, slowest.PeriodSeconds)
		if slowest.InitialDelaySeconds > 0 {
			text += fmt.Sprintf(", and not in its first %d s (initialDelaySeconds)", slowest.InitialDelaySeconds)
		}
		return text
	}
}

func startupProbeOf(c *corev1.Container) *corev1.Probe   { return c.StartupProbe }
func readinessProbeOf(c *corev1.Container) *corev1.Probe { return c.ReadinessProbe }
