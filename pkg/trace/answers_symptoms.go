package trace

// Symptoms of a Pod as a whole: refusal, deletion, failure, no node, no kubelet.

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// refusedWrite is our own request to create the object or to delete it, where it was refused, or nil.
func (s *story) refusedWrite() *seq.Request {
	for _, q := range s.ownRequests {
		if q.Status >= 300 && (q.Verb == "delete" || q.Verb == "create" && q.Exec == nil && len(s.revisions) == 0) {
			return q
		}
	}
	return nil
}

// refusal is that a request of our own was refused.
func refusal(s *story, _ time.Time) (finding, bool) {
	q := s.refusedWrite()
	if q == nil {
		return finding{}, false
	}
	e := seq.Evidence{Source: "http", Text: fmt.Sprintf("the answer to our own request: %d %s", q.Status, q.StatusText),
		At: q.FirstByte}
	return finding{by: seq.APIServer, reason: cmp.Or(q.StatusText, "refused"), message: q.Message, since: q.FirstByte,
		evidence: []seq.Evidence{e}}, true
}

// deletion is that somebody asked to delete the Pod, whether it is gone yet or not.
func deletion(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 {
		return finding{}, false
	}
	going := func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil }
	first := s.unbroken(going)
	if (s.last().deleted || !s.goneSince.IsZero()) && first == nil {
		first = s.last()
	}
	if first == nil {
		return finding{}, false
	}
	who, because := s.deletedBy(first)
	f := finding{by: who, reason: "Deleted", message: "somebody asked to delete it"}
	if who != seq.UnknownClient {
		f.message = namedWho(who) + " asked to delete it"
	}
	if who == garbageCollector {
		f.message += ": " + because
	}
	for _, c := range s.newest().Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			f.reason, f.message = c.Reason, c.Message
		}
	}
	return findingOf(f, first, s.last(), because), true
}

// deletedBy is who asked for a deletion, and how that is known: the audit log is believed where it has the request.
func (s *story) deletedBy(w *write) (who seq.Participant, because string) {
	last := w.lastOfRequest()
	if last == nil || w.ownRequest != nil {
		return w.actor.name, w.actor.because
	}
	if c := s.records.callOf[last.rv]; c != nil && c.audit != nil {
		if p, ok := c.actor(); ok {
			return p, c.auditEvidence().Text
		}
	}
	return last.actor.name, last.actor.because
}

// namedWho is a participant in a sentence.
func namedWho(p seq.Participant) string {
	if name, ok := strings.CutPrefix(string(p), string(seq.ControllerManager)+"/"); ok {
		return "the " + strings.ReplaceAll(name, "-", " ") + " controller"
	}
	switch p {
	case seq.Scheduler, seq.Kubelet, seq.ControllerManager:
		return "the " + string(p)
	}
	return string(p)
}

// failure is the phase Failed: the Pod will never run again.
func failure(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 {
		return finding{}, false
	}
	first := s.unbroken(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if first == nil {
		return finding{}, false
	}
	p := s.newest()
	f := finding{by: seq.Kubelet, reason: p.Status.Reason, message: p.Status.Message}
	for c := range statusesWithoutEphemeral(p) {
		if e := c.State.Terminated; f.reason == "" && e != nil && e.ExitCode != 0 {
			f.container, f.by, f.reason, f.message = c.Name, seq.Container(c.Name), cmp.Or(e.Reason, "Error"), c.Name+" "+
				stateOf(c.State)
			f.replacements = endWords(e)
		}
	}
	if d := p.Spec.ActiveDeadlineSeconds; d != nil {
		f.replacements = append(f.replacements, "{deadline}", fmt.Sprint(*d))
	}
	return findingOf(f, first, s.last(), "status.phase is Failed"), true
}

func endWords(e *corev1.ContainerStateTerminated) []string {
	return []string{"{code}", fmt.Sprint(e.ExitCode)}
}

// unscheduled is a Pod without a node of which the scheduler, or a gate, says why.
func unscheduled(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || s.newest().Spec.NodeName != "" {
		return finding{}, false
	}
	reasonOf := func(p *corev1.Pod) *corev1.PodCondition {
		for i, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				return &p.Status.Conditions[i]
			}
		}
		return nil
	}
	c := reasonOf(s.newest())
	if c == nil {
		return finding{}, false
	}
	first := s.unbroken(func(p *corev1.Pod) bool { o := reasonOf(p); return o != nil && o.Reason == c.Reason })
	var gates []string
	for _, g := range s.newest().Spec.SchedulingGates {
		gates = append(gates, g.Name)
	}
	f := finding{by: scheduler(s.newest()), mayMend: s.roomIsMade(), reason: c.Reason, message: c.Message,
		replacements: []string{"{gates}", strings.Join(gates, ", ")}}
	f = findingOf(f, first, s.last(), "condition PodScheduled is False: "+c.Reason)
	for _, e := range s.events {
		if e.event.Reason == "FailedScheduling" {
			f.evidence = append(f.evidence, e.evidence())
			break
		}
	}
	return f, true
}

// roomIsMade reports whether somebody is at work for the Pod: the scheduler evicts others, or an autoscaler adds a
// node.
func (s *story) roomIsMade() bool {
	for _, e := range s.events {
		if e.event.Reason == "TriggeredScaleUp" || e.event.Reason == "Nominated" {
			return true
		}
	}
	return s.newest().Status.NominatedNodeName != ""
}

// silence is how long a component may take before that is worth a word: the slowest start measured took a tenth of it.
const silence = 5 * time.Second

// noScheduler is a Pod that no scheduler has said anything of.
func noScheduler(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || s.newest().Spec.NodeName != "" || object.Condition(s.newest(), corev1.PodScheduled) != "" {
		return finding{}, false
	}
	for _, e := range s.events {
		if e.emitter == scheduler(s.newest()) {
			return finding{}, false
		}
	}
	f := finding{by: scheduler(s.newest()), reason: "Pending",
		message:      "no binding, no status and no Event of a scheduler",
		replacements: []string{"{scheduler}", s.newest().Spec.SchedulerName}}
	f = findingOf(f, s.revisions[0], s.last(), "spec.nodeName is empty, and there is no condition PodScheduled")
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// silentKubelet is a bound Pod that its kubelet has not touched.
func silentKubelet(s *story, now time.Time) (finding, bool) {
	bound := s.boundInSilence()
	if bound == nil {
		return finding{}, false
	}
	f := findingOf(finding{by: seq.Kubelet, reason: "Pending",
		message: "no status and no Event of the kubelet of " + s.node, mayMend: true}, bound, bound,
		"spec.nodeName is "+s.node+", and nothing came of it")
	if l := s.lease; l != nil && l.Node == s.node {
		since := s.leaseAt.Sub(l.Renewed.Add(-s.clocks.Offset(seq.Kubelet)))
		f.message += fmt.Sprintf("; when we asked, it had renewed its lease %.0f s before", since.Seconds())
		f.mayMend = since < time.Duration(l.Seconds)*time.Second || now.Sub(s.leaseAt) > 2*silence
		f.evidence = append(f.evidence,
			seq.Evidence{Source: "http", Text: fmt.Sprintf("Lease kube-node-lease/%s, which lasts %d s", l.Node, l.Seconds),
				At: l.Renewed})
	}
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// boundInSilence is the revision that gave the Pod its node, if the node's kubelet has not been heard of since.
func (s *story) boundInSilence() (bound *write) {
	for _, w := range s.revisions {
		switch {
		case w.pod.Status.Phase != corev1.PodPending || w.pod.Status.StartTime != nil || w.isStatusPatch():
			return nil
		case bound == nil && w.pod.Spec.NodeName != "":
			bound = w
		}
	}
	for _, e := range s.events {
		if e.emitter == seq.Kubelet {
			return nil
		}
	}
	return bound
}
