package trace

// Symptoms of Pods that are to end, or have failed.

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// graceOverdue is how long after its grace period a Pod may still be there before that is worth a word: SIGKILL, the
// end of the sandbox and the volumes take about a second.
const graceOverdue = 5 * time.Second

// ending is what a Pod that is to be deleted waits for: its processes, then whoever owns its finalizers.
func ending(s *story, now time.Time) (finding, bool) {
	p := s.newest()
	if p.DeletionTimestamp == nil || s.isGone() {
		return finding{}, false
	}
	since, grace := s.toBeDeletedSince()
	left := since.Add(grace).Sub(now)
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.0f", d.Seconds()) }
	f := finding{by: seq.Kubelet, heldSince: since,
		replacements: []string{"{grace}", seconds(grace), "{left}", seconds(max(0, left)), "{over}", seconds(max(0, -left)),
			"{deleted}", s.deletedWords()}}
	first := s.firstDeleting()
	if f, ok := s.endsNowhere(f); ok && grace > 0 { // else nobody waits for a kubelet
		return f, true
	}
	if e, ok := s.newestEvent(seq.Runtime, func(e *emitted) bool { return e.event.Reason == "FailedKillPod" }); ok {
		e.heldSince, e.replacements = since, f.replacements
		return e, true
	}
	c := s.lastToEnd(p)
	switch {
	case now.Before(since.Add(usualEnd)): // that it was deleted is all there is to say
		return f, false
	case c != nil && left < -graceOverdue:
		f.reason, f.message = "GracePeriodOver", fmt.Sprintf("%s still runs by the newest status", c.Name)
	case c != nil:
		f.container, f.reason, f.message = c.Name, "Terminating", c.Name+" still runs"
		if spec := s.spec(c.Name); spec != nil && spec.Lifecycle != nil && spec.Lifecycle.PreStop != nil && s.hookMayRun(spec,
			since, now) {
			f.reason, f.message = "PreStop", c.Name+" runs its preStop hook: "+hookLabel(spec.Lifecycle.PreStop)
		}
	default:
		if x, ok := s.finalizers(); ok && s.containersEnded(p) {
			if ended := s.unbroken(s.containersEnded); ended != nil { // until then they held it
				x.since = instant.Later(x.since, s.receivedAt(ended))
				x.heldSince = instant.Later(x.heldSince, s.receivedAt(ended))
			}
			x.replacements = append(x.replacements, f.replacements...)
			return x, true
		}
		if !s.containersEnded(p) || left > -graceOverdue {
			return f, false
		}
		f.reason, f.message = "Terminating", "the containers have ended, and the Pod is still there"
		return findingOf(f, first, s.last(), "metadata.deletionTimestamp"), true
	}
	return findingOf(f, first, s.last(), "metadata.deletionTimestamp; containerStatuses: "+c.Name+" "+stateOf(c.State)),
		true
}

// usualEnd is within what a program ends that hears SIGTERM, and the Pod with it.
const usualEnd = 2 * time.Second

// deletedWords say who deleted the Pod, and why.
func (s *story) deletedWords() string {
	f, _ := s.deletion(s.firstDeleting())
	words := strings.Replace(f.message, "asked to delete it", "deleted the Pod", 1)
	if c := s.disruption(); c != nil {
		if by := disruptors[c.Reason]; by != "" {
			words = strings.Replace(words, "somebody", namedWho(by), 1)
		}
		words += " (" + c.Reason + ")"
	}
	return words
}

// goes is that somebody has asked to delete the Pod, which is still there.
func goes(s *story, _ time.Time) (finding, bool) {
	if !s.deletionBegun() {
		return finding{}, false
	}
	return s.deletionFinding(), true
}

// endsNowhere is that nobody is there to end the Pod's processes.
func (s *story) endsNowhere(f finding) (finding, bool) {
	node, known := s.lookedUp("Node", "", s.node)
	if known && node.Found == nil && s.node != "" {
		f.reason, f.message = "NodeLost", "there is no node "+s.node
		f = findingOf(f, s.firstDeleting(), s.last(), "metadata.deletionTimestamp")
		f.evidence = append(f.evidence, node.evidence())
		return f, true
	}
	if age, over, ok := s.leaseAge(); ok && over {
		f.reason = "NodeLost"
		f.message = fmt.Sprintf("when we asked, the kubelet of %s had renewed its lease %.0f s before", s.node, age.Seconds())
		return findingOf(f, s.firstDeleting(), s.last(), "metadata.deletionTimestamp"), true
	}
	return f, false
}

// lastToEnd is the container that the kubelet waits for: of those that are no sidecars the first that runs, then the
// sidecars, the last first.
func (s *story) lastToEnd(p *corev1.Pod) *corev1.ContainerStatus {
	for i := range p.Status.ContainerStatuses {
		if c := &p.Status.ContainerStatuses[i]; c.State.Running != nil {
			return c
		}
	}
	for i := len(p.Status.InitContainerStatuses) - 1; i >= 0; i-- {
		if c := &p.Status.InitContainerStatuses[i]; c.State.Running != nil {
			return c
		}
	}
	return nil
}

// hookMayRun reports whether a preStop hook may be what a container's end waits for. Of one that sleeps it is known how
// long it takes.
func (s *story) hookMayRun(c *corev1.Container, since, now time.Time) bool {
	if sleeps := s.hookSleeps(c); sleeps > 0 {
		return now.Before(since.Add(sleeps + time.Second))
	}
	return true
}

// containersEnded reports whether the kubelet has said that no container runs any more: it has asked for the final
// DELETE, which has no grace period, or all are terminated.
func (s *story) containersEnded(p *corev1.Pod) bool {
	if n := p.DeletionGracePeriodSeconds; n != nil && *n == 0 {
		return true
	}
	any := false
	for c := range statusesWithoutEphemeral(p) {
		if any = true; c.State.Terminated == nil {
			return false
		}
	}
	return any || p.Spec.NodeName == ""
}

// failure is the phase Failed: the Pod will never run again.
func failure(s *story, _ time.Time) (finding, bool) {
	first := s.unbroken(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if first == nil {
		return finding{}, false
	}
	p := s.newest()
	f := finding{by: s.reporter(), reason: p.Status.Reason, message: p.Status.Message,
		replacements: []string{"{who}", namedWho(s.reporter())}}
	for c := range statusesWithoutEphemeral(p) {
		if e := c.State.Terminated; f.reason == "" && e != nil && e.ExitCode != 0 {
			f.container, f.by, f.reason, f.message = c.Name, seq.Container(c.Name), cmp.Or(e.Reason, "Error"), c.Name+" "+
				stateOf(c.State)
			s.addEnd(&f, c, e)
		}
	}
	if c := s.disruption(); c != nil && f.reason == "" { // it is to be deleted next
		f.reason, f.message = c.Reason, c.Message
	}
	if d := p.Spec.ActiveDeadlineSeconds; d != nil {
		was := s.keptBy()
		if was != "" {
			was = "; by then it " + was
		}
		f.replacements = append(f.replacements, "{deadline}", fmt.Sprint(*d), "{was}", was)
	}
	return findingOf(f, first, s.last(), "status.phase is Failed"), true
}

// addEnd adds what is known of how a container ended: whose limit it was, what its exit code usually means, how the
// life is named that it was.
func (s *story) addEnd(f *finding, c *corev1.ContainerStatus, e *corev1.ContainerStateTerminated) {
	spec, _ := s.specOf(c.Name)
	previous := ""
	if c.State.Terminated == nil { // else its present life is the one that ended
		previous = " --previous"
	}
	own, pods := memoryLimits(s.newest(), spec)
	put := ""
	if s.limitFromRange(c.Name) {
		put = "; a LimitRange of the namespace put that limit there"
	}
	switch {
	case e.Reason != "OOMKilled":
	case own != "":
		f.message += ", by its limit of " + own
	case pods != "":
		f.message += ", by the Pod's limit of " + pods
	}
	if spec != nil && spec.RestartPolicy != nil && len(spec.RestartPolicyRules) > 0 {
		f.message += ", by its restart policy"
	}
	if e.ExitCode == 255 && e.FinishedAt.Sub(e.StartedAt.Time) <= time.Second {
		f.message += ", within a second of its start"
	}
	if e.Message != "" && !unstartable[e.Reason] {
		f.replacements = append(f.replacements, ifLeft, "")
	}
	killed, victim := "", "a process of container "+c.Name
	if e.ExitCode == 137 {
		victim = "container " + c.Name
		killed = "; it did not end on SIGTERM, so it was killed (137)"
	}
	f.replacements = append(f.replacements, "{code}", fmt.Sprint(e.ExitCode), "{meaning}", codeMeaning(e), "{limit}",
		cmp.Or(own, pods, "none"), "{podLimit}", pods, "{limitRange}", put, previousFlag, previous, "{killed}", killed,
		"{victim}", victim)
}

// memoryLimits are those of a container and of its Pod, or empty.
func memoryLimits(p *corev1.Pod, c *corev1.Container) (own, pods string) {
	if c != nil {
		if q, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
			own = q.String()
		}
	}
	if p.Spec.Resources != nil {
		if q, ok := p.Spec.Resources.Limits[corev1.ResourceMemory]; ok {
			pods = q.String()
		}
	}
	return own, pods
}

// limitRangerAnnotation is where the admission plugin LimitRanger notes what it has put into a Pod.
const limitRangerAnnotation = "kubernetes.io/limit-ranger"

func (s *story) limitFromRange(container string) bool {
	m := re(`memory limit for (?:init )?container ` + regexp.QuoteMeta(container) + `\b`)
	return m.MatchString(s.newest().Annotations[limitRangerAnnotation])
}

// codeMeaning is what an exit code usually means.
func codeMeaning(e *corev1.ContainerStateTerminated) string {
	switch code := e.ExitCode; {
	case code == 126:
		return " (what a shell says of a command that it may not execute)"
	case code == 127:
		return " (what a shell says of a command that is not there)"
	case code == 137:
		return " (SIGKILL; the runtime does not say that it was for memory)"
	case code == 139:
		return " (SIGSEGV: it accessed memory that is not its own)"
	case code == 143:
		return " (SIGTERM: something asked it to end)"
	case code == 255:
		return " (255: often that its program could not be executed, such as a script without #!)"
	case code > 128 && code < 160:
		return fmt.Sprintf(" (signal %d)", code-128)
	}
	return ""
}

// lastOfJob is a container that keeps the Pod of a Job from its end after others have ended well.
func lastOfJob(s *story, _ time.Time) (finding, bool) {
	p := s.newest()
	if o := s.owner(); o == nil && !ownedBy(p, "Job") || o != nil && o.object.Kind != "Job" || s.deletionBegun() {
		return finding{}, false
	}
	var runs, ended *corev1.ContainerStatus
	for i := range p.Status.ContainerStatuses {
		switch c := &p.Status.ContainerStatuses[i]; {
		case c.State.Running != nil && runs == nil:
			runs = c
		case c.State.Terminated != nil && c.State.Terminated.ExitCode == 0 && ended == nil:
			ended = c
		}
	}
	if runs == nil || ended == nil {
		return finding{}, false
	}
	f := finding{container: runs.Name, by: seq.Container(runs.Name), reason: "ContainerRuns",
		message:      fmt.Sprintf("%s has ended (%s), %s still runs", ended.Name, stateOf(ended.State), runs.Name),
		replacements: []string{"{ended}", ended.Name}}
	f.heldSince = s.toOurClock(seq.Kubelet, ended.State.Terminated.FinishedAt.Time)
	first := s.unbroken(func(p *corev1.Pod) bool {
		a, b := object.StatusOf(p, runs.Name), object.StatusOf(p, ended.Name)
		return a != nil && b != nil && a.State.Running != nil && b.State.Terminated != nil
	})
	f = findingOf(f, first, s.last(), "containerStatuses: "+runs.Name+" "+stateOf(runs.State))
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// ownedBy reports whether the object's controller is of that kind.
func ownedBy(p *corev1.Pod, kind string) bool {
	for _, o := range p.OwnerReferences {
		if o.Controller != nil && *o.Controller && o.Kind == kind {
			return true
		}
	}
	return false
}
