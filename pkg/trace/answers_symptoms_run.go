package trace

// Symptoms of containers that run, end or are started again.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

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

// steadyAfter is after how long a life the kubelet counts ends anew: its back-off begins with 10 s again (twice
// MaxContainerBackOff, in k8s.io/client-go/util/flowcontrol/backoff.go).
const steadyAfter = 10 * time.Minute

// stayedUp reports whether a life of a container that has ended was so long.
func (s *story) stayedUp(container string, attempt int) bool {
	return slices.ContainsFunc(s.lives, func(r life) bool {
		return r.container == container && r.attempt == attempt && r.exit != nil && ran(r.exit) >= steadyAfter
	})
}

// ran is how long a container ran, by the kubelet's whole seconds.
func ran(e *corev1.ContainerStateTerminated) time.Duration {
	return e.FinishedAt.Sub(e.StartedAt.Time)
}

// unstartable are the reasons of ends of programs that never began: the same will happen each time.
var unstartable = map[string]bool{"StartError": true, "ContainerCannotRun": true}

// crashing looks for a container that ended and that Kubernetes starts again, or will.
func crashing(s *story, now time.Time) (finding, bool) {
	p := s.newest()
	for c := range statusesWithoutEphemeral(p) {
		last, times := lastTermination(c)
		done := last != nil && last.ExitCode == 0 && (p.Spec.RestartPolicy != corev1.RestartPolicyAlways || isInit(p, c.Name))
		again := s.ownExec() != nil &&
			c.State.Running != nil // what it ended of was our command
		mended := c.State.Running != nil && c.Ready && times < deadEndAfter && !s.mayCrashYet() // one restart is no loop
		if last == nil || done || again || mended || c.State.Running != nil &&
			now.Sub(c.State.Running.StartedAt.Time) > mendedAfter {
			continue
		}
		f := finding{container: c.Name, by: seq.Container(c.Name), reason: cmp.Or(last.Reason, "Error"),
			mayMend: times < deadEndAfter && !(unstartable[last.Reason] && wrongProgram.MatchString(last.Message))}
		if w := c.State.Waiting; w != nil && !usualWaits[w.Reason] {
			f.reason = w.Reason
		}
		f.message = s.endedSoFar(c.Name, last, times)
		forGood := c.State.Terminated != nil && s.spec(c.Name) != nil && !s.restarts(s.spec(c.Name), last.ExitCode)
		s.addEnd(&f, c, last)
		killing := "ends container " + c.Name + " again and again"
		if times == 1 {
			killing = "has ended container " + c.Name
		}
		f.replacements = append(f.replacements, "{killing}", killing)
		ends := fmt.Sprintf("container %s ends with exit code %d%s each time it is started", c.Name, last.ExitCode,
			codeMeaning(last))
		others := s.otherEnds(c.Name, last)
		switch {
		case forGood:
			f.message = fmt.Sprintf("%s exited %d (%s)", c.Name, last.ExitCode, last.Reason)
			ends = fmt.Sprintf("container %s ended with exit code %d%s, and is not started again (restartPolicy); the Pod goes "+
				"on until its other containers have ended", c.Name, last.ExitCode, codeMeaning(last))
		case times == 1:
			ends = fmt.Sprintf("container %s ended with exit code %d%s; the kubelet starts it again", c.Name, last.ExitCode,
				codeMeaning(last))
		case len(others) > 0:
			ends = fmt.Sprintf("container %s ends each time it is started, the last time with exit code %d%s, at other times "+
				"with %s", c.Name, last.ExitCode, codeMeaning(last), strings.Join(others, ", "))
		}
		f.replacements = append(f.replacements, "{ends}", ends)
		if unstartable[last.Reason] { // else it is the container that left it, maybe with a secret in it
			f.message += ": " + strings.TrimSpace(last.Message)
		}
		first := s.unbroken(func(p *corev1.Pod) bool {
			o := object.StatusOf(p, c.Name)
			if o == nil {
				return false
			}
			e, _ := lastTermination(o)
			return e != nil && (o.State.Running == nil || !s.stayedUp(c.Name, int(o.RestartCount)))
		})
		return s.foundEnds(f, first, last), true
	}
	return finding{}, false
}

// foundEnds is a finding of a container that ends again and again: what the first revision says of its end, and what
// the last does.
func (s *story) foundEnds(f finding, first *write, last *corev1.ContainerStateTerminated) finding {
	text := func(e *corev1.ContainerStateTerminated) string {
		return "containerStatuses: " + f.container + " " + stateOf(corev1.ContainerState{Terminated: e})
	}
	f = findingOf(f, first, s.last(), text(last))
	if first != nil {
		if e, _ := lastTermination(object.StatusOf(first.pod, f.container)); e != nil {
			f.evidence[0].Text = text(e)
		}
	}
	return f
}

// endedSoFar is how a container ended, and how often it has.
func (s *story) endedSoFar(container string, last *corev1.ContainerStateTerminated, times int) string {
	if len(s.otherEnds(container, last)) > 0 {
		return fmt.Sprintf("%s ended %s so far, the last time with %d (%s)", container, timesWord(times), last.ExitCode,
			last.Reason)
	}
	return fmt.Sprintf("%s exited %d (%s), %s so far", container, last.ExitCode, last.Reason, timesWord(times))
}

// otherEnds are how lives of a container ended that ended otherwise than the last, each once, in order.
func (s *story) otherEnds(container string, last *corev1.ContainerStateTerminated) (all []string) {
	for _, r := range s.lives {
		if r.container != container || r.exit == nil || r.exit.ExitCode == last.ExitCode && r.exit.Reason == last.Reason {
			continue
		}
		if is := exitWords(r.exit); !slices.Contains(all, is) {
			all = append(all, is)
		}
	}
	return all
}

func timesWord(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func isInit(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(p.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name })
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

// runningHook is a container whose program has been started, and that does not count as running, because its postStart
// hook goes on.
func runningHook(s *story, _ time.Time) (finding, bool) {
	n := len(s.workerEvents)
	if n == 0 || s.workerEvents[n-1].action != containerStarted || s.podEnded() || s.deletionBegun() {
		return finding{}, false
	}
	a := s.workerEvents[n-1]
	spec, _ := s.specOf(a.container)
	c := object.StatusOf(s.newest(), a.container)
	if spec == nil || spec.Lifecycle == nil || spec.Lifecycle.PostStart == nil || c == nil || c.State.Waiting == nil {
		return finding{}, false
	}
	f := finding{container: a.container, by: seq.Container(a.container), reason: "PostStart",
		message: "postStart hook: " + hookLabel(spec.Lifecycle.PostStart), since: a.received,
		evidence: []seq.Evidence{a.evidence()}}
	if !a.at.IsZero() {
		f.since = a.at
	}
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// runningInit is an init container that has not ended, for which the others wait.
func runningInit(s *story, _ time.Time) (finding, bool) {
	p := s.newest()
	var inits []string
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
			inits = append(inits, c.Name)
		}
	}
	for i := range p.Status.InitContainerStatuses {
		c := &p.Status.InitContainerStatuses[i]
		at := slices.Index(inits, c.Name)
		if c.State.Running == nil || at < 0 || s.podEnded() || s.deletionBegun() {
			continue
		}
		goesOn := "starts the next"
		if at == len(inits)-1 {
			goesOn = "goes on"
		}
		f := finding{container: c.Name, by: seq.Container(c.Name), reason: "PodInitializing",
			message:      fmt.Sprintf("init container %s, %d of %d, runs and has not ended", c.Name, at+1, len(inits)),
			replacements: []string{"{th}", ordinal(at + 1), "{inits}", fmt.Sprint(len(inits)), "{goesOn}", goesOn}}
		first := s.unbroken(func(p *corev1.Pod) bool {
			o := object.StatusOf(p, c.Name)
			return o != nil && o.State.Running != nil && o.RestartCount == c.RestartCount
		})
		f = findingOf(f, first, s.last(), "initContainerStatuses: "+c.Name+" running")
		f.heldSince = s.toOurClock(seq.Kubelet, c.State.Running.StartedAt.Time)
		f.countsFrom = f.since.Add(silence)
		return f, true
	}
	return finding{}, false
}

func ordinal(n int) string {
	if n < 4 {
		return []string{"first", "second", "third"}[n-1]
	}
	return fmt.Sprintf("%dth", n)
}

// unready looks for a container that runs but has not passed a probe.
func unready(s *story, _ time.Time) (finding, bool) {
	if object.Condition(s.newest(), corev1.PodReady) == corev1.ConditionTrue {
		return finding{}, false
	}
	for c := range statusesWithoutEphemeral(s.newest()) {
		if c.State.Running == nil || c.Ready {
			continue
		}
		f, ok := s.newestEvent(seq.Container(c.Name),
			func(e *emitted) bool { return e.event.Reason == "Unhealthy" && e.container == c.Name })
		if ok {
			f.replacements = s.probeWords(c)
			return f, true
		}
	}
	return finding{}, false
}

// probeWords say of a container whose probe is awaited where it stands, and what waits for it.
func (s *story) probeWords(c *corev1.ContainerStatus) []string {
	spec, init := s.specOf(c.Name)
	rest := ""
	if init {
		rest = "; it is a sidecar, and no container after it is started before that"
	}
	probe, delay := "readiness", int32(0)
	if spec != nil && spec.StartupProbe != nil && !isTrue(c.Started) {
		probe, delay = "startup", spec.StartupProbe.InitialDelaySeconds
	} else if spec != nil && spec.ReadinessProbe != nil {
		delay = spec.ReadinessProbe.InitialDelaySeconds
	}
	return []string{"{rest}", rest, "{probe}", probe, "{delay}", fmt.Sprint(delay)}
}

// unprobed is a container that runs and is not ready, of whose probes nothing has been heard.
func unprobed(s *story, now time.Time) (finding, bool) {
	if s.podEnded() || s.deletionBegun() {
		return finding{}, false
	}
	for c := range statusesWithoutEphemeral(s.newest()) {
		spec, init := s.specOf(c.Name)
		if c.State.Running == nil || c.Ready || spec == nil || spec.StartupProbe == nil && spec.ReadinessProbe == nil ||
			init && spec.RestartPolicy == nil {
			continue
		}
		f := finding{container: c.Name, by: seq.Container(c.Name), reason: "Unprobed",
			message: c.Name + " runs, and is not ready", replacements: s.probeWords(c)}
		started := s.toOurClock(seq.Kubelet, c.State.Running.StartedAt.Time)
		delay := spec.ReadinessProbe
		if spec.StartupProbe != nil && !isTrue(c.Started) {
			delay = spec.StartupProbe
		}
		if delay != nil && now.Before(started.Add(time.Duration(delay.InitialDelaySeconds+1)*time.Second)) {
			f.message += fmt.Sprintf("; its probe has an initial delay of %d s", delay.InitialDelaySeconds)
		}
		first := s.unbroken(func(p *corev1.Pod) bool {
			o := object.StatusOf(p, c.Name)
			return o != nil && o.State.Running != nil && !o.Ready
		})
		f = findingOf(f, first, s.last(), "containerStatuses: "+c.Name+" running, not ready")
		f.heldSince = started
		f.countsFrom = f.since.Add(silence)
		return f, true
	}
	return finding{}, false
}

// gatedReadiness looks for a condition that the Pod's readiness waits for beyond its containers'.
func gatedReadiness(s *story, _ time.Time) (finding, bool) {
	if object.Condition(s.newest(), corev1.ContainersReady) != corev1.ConditionTrue {
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
