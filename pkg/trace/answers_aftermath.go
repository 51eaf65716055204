package trace

// What a command that was run in a container led to, and the phases of such a run.

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// Aftermath returns how far what a command led to has come; its Exec is nil where the run is about none.
func (t *Trace) Aftermath() seq.Aftermath {
	r := t.resolve()
	s := r.scene.subject()
	q := s.ownExec()
	if q == nil {
		return seq.Aftermath{}
	}
	a := seq.Aftermath{Exec: q.Exec, CommandEnded: !q.Exec.Ended.IsZero()}
	left := s.endedSince(q)
	for _, x := range left {
		if !slices.Contains(a.EndedContainers, x.container) {
			a.EndedContainers = append(a.EndedContainers, x.container)
		}
	}
	if w := s.settledAfter(left, backAgain); w != nil {
		a.Recovered, a.ReachedBy = true, r.committedBy(s, w)
	} else if w := s.settledAfter(left, overForGood); w != nil {
		a.EndedForGood, a.ReachedBy = true, r.committedBy(s, w)
	}
	return a
}

// committedBy is when a revision had certainly been written.
func (r *result) committedBy(s *story, w *write) time.Time {
	if x := r.step(s.ownKey(s.etcdKeyOf(w))); x != nil {
		return x.Window.Latest
	}
	return w.received
}

// endedSince are the lives of containers that have ended since a command was sent: of its own container, and of all
// where they see each other's processes. That another ends meanwhile is its own story.
func (s *story) endedSince(q *seq.Request) (all []life) {
	for _, r := range s.lives {
		if r.exit != nil && !q.Sent.IsZero() && r.exitEvidence.At.After(q.Sent) &&
			(r.container == q.Exec.Container || s.sharesProcesses()) {
			all = append(all, r)
		}
	}
	return all
}

// restarted reports whether a container has begun a life since the story began.
func (s *story) restarted() bool {
	had := s.livesBefore()
	return slices.ContainsFunc(s.lives, func(r life) bool { return r.attempt >= had[r.container] })
}

// settledAfter is the first revision by which all containers that are known to have ended by it are so, and nil where
// none has ended.
func (s *story) settledAfter(left []life, so func(*story, *write, life) bool) *write {
	for _, w := range s.revisions {
		any, all := false, true
		for _, x := range left {
			if rv, _ := parseRevision(x.exitEvidence.ResourceVersion); rv <= w.rv {
				any, all = true, all && so(s, w, x)
			}
		}
		if any && all {
			return w
		}
	}
	return nil
}

func backAgain(s *story, w *write, x life) bool {
	c := object.StatusOf(w.pod, x.container)
	if c == nil || c.State.Running == nil || int(c.RestartCount) <= x.attempt {
		return false
	}
	wasReady := object.Condition(s.revisions[0].pod, corev1.PodReady) == corev1.ConditionTrue
	return object.Condition(w.pod, corev1.PodReady) == corev1.ConditionTrue || !wasReady && c.Ready
}

// overForGood waits for the Pod's own end where no container goes on.
func overForGood(_ *story, w *write, x life) bool {
	goesOn := func(o corev1.ContainerStatus) bool { return o.State.Terminated == nil }
	return endedForGood(w, x) && slices.ContainsFunc(w.pod.Status.ContainerStatuses, goesOn)
}

func endedForGood(w *write, x life) bool {
	c := object.StatusOf(w.pod, x.container)
	if c == nil || c.State.Terminated == nil {
		return false
	}
	policy := w.pod.Spec.RestartPolicy
	return policy == corev1.RestartPolicyNever ||
		policy == corev1.RestartPolicyOnFailure && c.State.Terminated.ExitCode == 0
}

// execPhases are those of a run that is about a command: the command itself, and what a restart takes that it led to.
var execPhases = []phase{
	{name: "exec", explain: "the command's way into the container, its own time, and its way back",
		intervals: until(func(s *story) seq.Key { return callKey(s.ownExec()) },
			func(s *story) seq.Key { return execCall{Request: s.ownExec()}.key("status") },
			func(s *story) bool { q := s.ownExec(); return q.ExecFailure() == "" && q.Exec.Ended.IsZero() })},
	{name: "run", explain: "the containers run", intervals: func(s *story, _ *result) []interval {
		return s.livesOf(func(c *corev1.Container, init bool) bool { return !init })
	}},
	{name: "wait", explain: "the kubelet notices that the container has ended, and waits out its back-off, if there " +
		"is one", waits: true, intervals: awaitingNextLife},
	{name: "create", explain: "the runtime prepares the container's file system", intervals: calling("CreateContainer")},
	{name: "start", explain: "the runtime has runc make and start the container", intervals: calling("StartContainer")},
	{name: "report", explain: reportExplained, intervals: between((*story).endOfAll, (*story).finishedKey)},
	{name: "ready", explain: "from the container's start to the stored Ready: probes, and the kubelet's report",
		intervals: between(func(s *story) seq.Key { return s.nextLife("StartContainer").End() }, func(s *story) seq.Key {
			if w := s.settledAfter(s.endedSince(s.ownExec()), backAgain); w != nil {
				return s.etcdKeyOf(w)
			}
			return ""
		})},
}

// nextLife is the call that begins its next life.
func (s *story) nextLife(rpc string) seq.Key {
	for _, r := range s.endedSince(s.ownExec()) {
		return criKey(rpc, r.container, r.attempt+1)
	}
	return ""
}

// refusedCommand is that a command of ours was not run.
func refusedCommand(s *story, _ time.Time) (finding, bool) {
	q := s.ownExec()
	if q == nil || q.ExecFailure() == "" {
		return finding{}, false
	}
	f := finding{by: seq.APIServer, container: q.Exec.Container, reason: cmp.Or(q.StatusText, "refused"),
		message: q.ExecFailure(), since: q.FirstByte}
	e := seq.Evidence{Source: "http", Text: fmt.Sprintf("the answer to our own request: %d %s", q.Status, q.StatusText),
		At: q.FirstByte}
	if q.Exec.Error != "" {
		f.by, f.reason, f.since = seq.Kubelet, "no exit status", q.Exec.Ended
		e.Text, e.At = "the error on the connection's last stream", q.Exec.Ended
	}
	f.evidence = []seq.Evidence{e}
	if len(s.revisions) > 0 && s.podEnded() { // the kubelet only says that it has no such container
		f.about = "the Pod has ended: " + f.message
	}
	return f, true
}

// backingOff looks for a container that has ended after a command of ours was sent, and that the kubelet will start
// again.
func backingOff(s *story, _ time.Time) (finding, bool) {
	q := s.ownExec()
	if q == nil || len(s.revisions) == 0 || s.deletionBegun() {
		return finding{}, false
	}
	for _, x := range s.endedSince(q) {
		c := object.StatusOf(s.newest(), x.container)
		if c == nil || c.State.Running != nil || endedForGood(s.last(), x) {
			continue
		}
		last, times := lastTermination(c)
		if last == nil {
			continue
		}
		f := finding{container: x.container, by: seq.Kubelet, reason: cmp.Or(last.Reason, "Error"), mayMend: true}
		if w := c.State.Waiting; w != nil && !usualWaits[w.Reason] {
			f.reason = w.Reason
		}
		f.message = s.endedSoFar(x.container, last, times)
		first := s.unbroken(func(p *corev1.Pod) bool {
			o := object.StatusOf(p, x.container)
			return o != nil && o.State.Running == nil
		})
		f = s.foundEnds(f, first, last)
		if e, ok := s.newestEvent(seq.Kubelet,
			func(e *emitted) bool { return e.event.Reason == "BackOff" && e.container == x.container }); ok {
			f.reason, f.evidence = "BackOff", append(f.evidence, e.evidence[len(e.evidence)-1])
		}
		return f, true
	}
	return finding{}, false
}
