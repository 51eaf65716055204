package trace

// Symptoms of a Pod's containers and of what comes before them.

import (
	"cmp"
	"fmt"
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
		for _, r := range reasons {
			if c.State.Waiting != nil && c.State.Waiting.Reason == r {
				return true
			}
		}
		return false
	}
	return func(s *story, _ time.Time) (finding, bool) {
		if len(s.revisions) == 0 {
			return finding{}, false
		}
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
			return findingOf(f, first, s.last(), "containerStatuses: "+c.Name+" waits: "+c.State.Waiting.Reason), true
		}
		return finding{}, false
	}
}

// lastTermination is how a container ended last, and how often it has, as far as its status tells.
func lastTermination(c *corev1.ContainerStatus) (last *corev1.ContainerStateTerminated, times int) {
	if c.State.Terminated != nil {
		return c.State.Terminated, int(c.RestartCount) + 1
	}
	return c.LastTerminationState.Terminated, lastStateAttempt(c) + 1
}

// mendedAfter is how long a container has to run to be taken for mended, and deadEndAfter is after how many ends it is
// taken not to mend itself: the kubelet's first back-offs are 10 and 20 s.
const (
	mendedAfter  = 10 * time.Second
	deadEndAfter = 3
)

// unstartable are the reasons of ends of programs that never began: the same will happen each time.
var unstartable = map[string]bool{"StartError": true, "ContainerCannotRun": true}

// crashing looks for a container that ended and that Kubernetes starts again, or will.
func crashing(s *story, now time.Time) (finding, bool) {
	if len(s.revisions) == 0 {
		return finding{}, false
	}
	p := s.newest()
	for c := range statusesWithoutEphemeral(p) {
		last, times := lastTermination(c)
		done := last != nil && last.ExitCode == 0 && (p.Spec.RestartPolicy != corev1.RestartPolicyAlways || isInit(p, c.Name))
		again := s.ownExec() != nil && c.State.Running != nil // what it ended of was our command
		if last == nil || done || again || c.State.Running != nil && now.Sub(c.State.Running.StartedAt.Time) > mendedAfter {
			continue
		}
		f := finding{container: c.Name, by: seq.Container(c.Name), reason: cmp.Or(last.Reason, "Error"),
			mayMend: times < deadEndAfter && !(unstartable[last.Reason] && wrongProgram.MatchString(last.Message))}
		if w := c.State.Waiting; w != nil && !usualWaits[w.Reason] {
			f.reason = w.Reason
		}
		f.message = fmt.Sprintf("%s exited %d (%s), %s", c.Name, last.ExitCode, last.Reason, repeated(times))
		if unstartable[last.Reason] { // else it is the container that left it, maybe with a secret in it
			f.message += ": " + strings.TrimSpace(last.Message)
		}
		f.replacements = endWords(last)
		first := s.unbroken(func(p *corev1.Pod) bool {
			o := object.StatusOf(p, c.Name)
			if o == nil {
				return false
			}
			e, _ := lastTermination(o)
			return e != nil
		})
		f = findingOf(f, first, s.last(), "containerStatuses: "+c.Name+" "+stateOf(corev1.ContainerState{Terminated: last}))
		return f, true
	}
	return finding{}, false
}

func repeated(times int) string {
	if times == 1 {
		return "once so far"
	}
	return fmt.Sprintf("%d times so far", times)
}

func isInit(p *corev1.Pod, name string) bool {
	for _, c := range p.Spec.InitContainers {
		if c.Name == name {
			return true
		}
	}
	return false
}

// killedFor is what the kubelet says when it ends a container that it will start again.
var killedFor = re(`failed (liveness|startup) probe|FailedPostStartHook`)

// killed looks for a container that the kubelet ended because of a probe or hook, and that ends again and again.
func killed(s *story, now time.Time) (finding, bool) {
	f, ok := crashing(s, now)
	if !ok {
		return f, false
	}
	for _, e := range s.events {
		if e.container == f.container && e.event.Reason == "Killing" && killedFor.MatchString(e.event.Message) {
			f.message = e.event.Message + "; " + f.message
			f.evidence = append(f.evidence, e.evidence())
			return f, true
		}
	}
	return f, false
}

// warned looks for the newest of them, of a Pod whose containers the kubelet has not begun yet. Only one that keeps
// coming is held against the Pod: the kubelet says once what it mends a second later.
func warned(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || len(s.workerEvents) > 0 || len(s.lives) > 0 ||
		object.Condition(s.newest(), corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
		return finding{}, false
	}
	newest, ok := s.newestEvent(seq.Kubelet, func(e *emitted) bool { return sandboxWarnings[e.event.Reason] })
	if !ok {
		return newest, false
	}
	f, _ := s.newestEvent(seq.Kubelet, func(e *emitted) bool { return e.event.Reason == newest.reason })
	f.mayMend = f.evidence[len(f.evidence)-1].At.Sub(f.evidence[0].At) < missingGrace/2
	return f, true
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
		} else {
			f.evidence = append(f.evidence[:1], e.evidence())
		}
		f.container, f.reason, f.message = e.container, e.event.Reason, e.event.Message
	}
	return f, ok
}

// unready looks for a container that runs but has not passed a probe.
func unready(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || object.Condition(s.newest(), corev1.PodReady) == corev1.ConditionTrue {
		return finding{}, false
	}
	for c := range statusesWithoutEphemeral(s.newest()) {
		if c.State.Running == nil || c.Ready {
			continue
		}
		f, ok := s.newestEvent(seq.Container(c.Name),
			func(e *emitted) bool { return e.event.Reason == "Unhealthy" && e.container == c.Name })
		if ok {
			return f, true
		}
	}
	return finding{}, false
}

// gatedReadiness looks for a condition that the Pod's readiness waits for beyond its containers'.
func gatedReadiness(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || object.Condition(s.newest(), corev1.ContainersReady) != corev1.ConditionTrue {
		return finding{}, false
	}
	for _, g := range s.newest().Spec.ReadinessGates {
		if object.Condition(s.newest(), g.ConditionType) != corev1.ConditionTrue {
			first := s.unbroken(func(p *corev1.Pod) bool {
				return object.Condition(p, corev1.ContainersReady) == corev1.ConditionTrue &&
					object.Condition(p, g.ConditionType) != corev1.ConditionTrue
			})
			f := finding{by: seq.UnknownClient, reason: "ReadinessGatesNotReady",
				message:      "condition " + string(g.ConditionType) + " is not True",
				replacements: []string{"{gate}", string(g.ConditionType)}}
			return findingOf(f, first, s.last(), "spec.readinessGates"), true
		}
	}
	return finding{}, false
}
