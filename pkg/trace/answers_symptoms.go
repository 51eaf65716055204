package trace

// Symptoms of any object: refusal, deletion, and what the cluster itself says of it.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
		evidence: []seq.Evidence{e}, replacements: []string{"{field}", explainedField(s.object.Kind, q.Message)}}, true
}

var invalidField = re(`is invalid: \[?([a-z]\S*?): `)

// explainedField is the field that a message of validation names, as kubectl explain takes it.
func explainedField(kind, message string) string {
	field := strings.ToLower(kind)
	if m := invalidField.FindStringSubmatch(message); m != nil {
		for _, part := range strings.Split(m[1], ".") {
			name, _, _ := strings.Cut(part, "[")
			field += "." + name
		}
	}
	return field
}

// isGone reports whether the object is known to be there no longer.
func (s *story) isGone() bool { return s.last().deleted || !s.goneSince.IsZero() }

// gone is that the Pod is no longer there.
func gone(s *story, _ time.Time) (finding, bool) {
	if !s.isGone() {
		return finding{}, false
	}
	return s.deletionFinding(), true
}

// deletionFinding is who asked to delete the Pod, and why.
func (s *story) deletionFinding() finding {
	first := s.unbroken(func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
	if first == nil {
		first = s.last()
	}
	f, because := s.deletion(first)
	if c := s.disruption(); c != nil {
		f.reason, f.message, f.about = c.Reason, c.Message, ""
	}
	f.replacements = append(f.replacements, "{tolerated}", tolerated(s.newest()), "{unready}", s.unready())
	return findingOf(f, first, s.last(), because)
}

// disruption is the condition by which somebody says why he is to delete the Pod, or nil. Of a Pod that is to end, it
// is what the Pod said when that began: who sets the condition later ends nothing any more.
func (s *story) disruption() *corev1.PodCondition {
	first := s.firstDeleting()
	p := first.pod
	late := func(c corev1.PodCondition) bool { // where the order of the writes is not known, seconds tell
		return first.prevObject == nil && p.DeletionTimestamp != nil && c.LastTransitionTime.After(deletionAsked(p).Time)
	}
	for i, c := range p.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue && !late(c) &&
			c.Reason != corev1.PodReasonTerminationByKubelet { // that has it fail, and does not delete it
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// tolerated are words for how long a Pod tolerates taints with the effect NoExecute, beside those of nodes that are not
// ready, which admission adds.
func tolerated(p *corev1.Pod) (words string) {
	for _, t := range p.Spec.Tolerations {
		if t.TolerationSeconds != nil && t.Key != corev1.TaintNodeNotReady && t.Key != corev1.TaintNodeUnreachable {
			words += fmt.Sprintf("; %s it tolerates for %d s", cmp.Or(t.Key, "any taint"), *t.TolerationSeconds)
		}
	}
	return words
}

// unready are words for a node that was not ready, which gives it such a taint.
func (s *story) unready() string {
	if slices.ContainsFunc(s.events, func(e *emitted) bool { return e.event.Reason == "NodeNotReady" }) {
		return "; it was not ready before that (Event NodeNotReady)"
	}
	return ""
}

// goneObject is that an object is no longer there, and nothing that it made is either.
func goneObject(s *story, _ time.Time) (finding, bool) {
	if !s.isGone() || s.podThatEnds() != nil {
		return finding{}, false
	}
	first := s.firstDeleting()
	f, because := s.deletion(first)
	return findingOf(f, first, s.last(), because), true
}

// firstDeleting is the revision by which somebody had asked to delete the object. It is the last where none is known.
func (s *story) firstDeleting() *write {
	for _, w := range s.revisions {
		if w.object.GetDeletionTimestamp() != nil {
			return w
		}
	}
	return s.last()
}

// deletion is who asked for it, and how that is known.
func (s *story) deletion(first *write) (f finding, because string) {
	who, because := s.deletedBy(first)
	f = finding{by: who, reason: "Deleted", message: "somebody asked to delete it"}
	if who != seq.UnknownClient {
		f.message = namedWho(who) + " asked to delete it"
	}
	if who == garbageCollector {
		f.message += ": " + because
	}
	if slices.ContainsFunc(s.ownRequests, func(q *seq.Request) bool { return q.Verb == "create" && q.Exec == nil }) {
		f.about = "made by us; " + f.message
	}
	return f, because
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
	if p == garbageCollector {
		return "the garbage collector"
	}
	if name, ok := strings.CutPrefix(string(p), string(seq.ControllerManager)+"/"); ok {
		return "the " + strings.ReplaceAll(name, "-", " ") + " controller"
	}
	switch p {
	case seq.Scheduler, seq.Kubelet, seq.ControllerManager, seq.APIServer:
		return "the " + string(p)
	}
	return string(p)
}

// setter is who owns a field by managedFields, and since when it has been as it is, at least: that client has written
// nothing later. What was made by this run is kubectl's.
func (s *story) setter(path ...string) (who seq.Participant, since time.Time) {
	entries := s.last().object.GetManagedFields()
	for i := range entries {
		e := &entries[i]
		if !object.Owns(e, path...) || object.Merged(e) {
			continue
		}
		if who = object.Client(e.Manager); e.Manager == seq.FieldManager {
			who = seq.Kubectl
		}
		if e.Time != nil {
			since = s.toOurClock(seq.APIServer, e.Time.Time)
		}
		return who, since
	}
	return seq.UnknownClient, since
}

// toBeDeletedSince is since when an object is to be deleted, on our clock: its deletionTimestamp is when the grace
// period is over.
func (s *story) toBeDeletedSince() (since time.Time, grace time.Duration) {
	m := s.last().object
	at := m.GetDeletionTimestamp()
	if at == nil {
		return time.Time{}, 0
	}
	first := s.firstDeleting().object
	if n := first.GetDeletionGracePeriodSeconds(); n != nil {
		grace = time.Duration(*n) * time.Second
	}
	return s.toOurClock(seq.APIServer, first.GetDeletionTimestamp().Add(-grace)), grace
}

// finalizers makes a finding of what an object that is to be deleted waits for.
func (s *story) finalizers() (f finding, ok bool) {
	all := s.last().object.GetFinalizers()
	if len(all) == 0 {
		return finding{}, false
	}
	owner, who := ownerOfFinalizer[all[0]], ""
	if owner == "" {
		owner = "finalizer " + all[0]
		if by, _ := s.setter("metadata", "finalizers", `v:"`+all[0]+`"`); by != seq.UnknownClient {
			who = "; " + string(by) + " set it"
		}
	}
	f = finding{by: seq.UnknownClient, reason: "Finalizers", message: strings.Join(all, ", "),
		replacements: []string{"{owner}", owner, "{setter}", who}}
	f.heldSince, _ = s.toBeDeletedSince()
	first := s.firstDeleting()
	return findingOf(f, first, s.last(), "metadata.finalizers: "+f.message), true
}

// overtaken reports whether something has gone well since a Warning: its emitter has said so.
func (s *story) overtaken(e *emitted) bool {
	return slices.ContainsFunc(s.events, func(o *emitted) bool {
		return o.event.Type == corev1.EventTypeNormal && o.emitter == e.emitter && o.rv > e.rv && o.event.Reason != "Killing"
	})
}

// newestWarning is the newest Event of an object by which anybody warns, if that has been said for some time, or again
// and again, and nothing good has been said since. None holds a Pod that is ready, and what is said of an ephemeral
// container, which is put in to look, is not said of the Pod.
func newestWarning(s *story, now time.Time) (finding, bool) {
	if s.isPod() && object.Condition(s.newest(), corev1.PodReady) == corev1.ConditionTrue {
		return finding{}, false
	}
	var newest *emitted
	for _, e := range s.events {
		if e.event.Type == corev1.EventTypeWarning && !s.isEphemeral(e.container) && (newest == nil || e.rv > newest.rv) {
			newest = e
		}
	}
	if newest == nil || s.overtaken(newest) || s.deletionBegun() {
		return finding{}, false
	}
	f, _ := s.newestEvent(newest.emitter, func(e *emitted) bool {
		return e.event.Type == corev1.EventTypeWarning && e.event.Reason == newest.event.Reason && e.emitter == newest.emitter
	})
	f.countsFrom = f.since.Add(silence)
	f.replacements = []string{"{who}", namedWho(newest.emitter)}
	return f, true
}

// failedToMake is that the newest Warning says why the kubelet cannot make a container: its status says so only when it
// looks at the Pod again, up to 10 s and more later (backOffPeriod).
func failedToMake(s *story, now time.Time) (finding, bool) {
	f, ok := newestWarning(s, now)
	text, is := strings.CutPrefix(f.message, "Error: ")
	if !ok || !is || f.reason != "Failed" {
		return finding{}, false
	}
	f.message = text
	return f, true
}

// isEphemeral reports whether a container was put into the Pod to look.
func (s *story) isEphemeral(container string) bool {
	return container != "" && s.isPod() && slices.ContainsFunc(s.newest().Spec.EphemeralContainers,
		func(c corev1.EphemeralContainer) bool { return c.Name == container })
}

// goodConditions are those that are to be True, and badConditions those that are not, of the kinds of many projects.
var (
	goodConditions = []string{"Ready", "Available", "Established", "NamesAccepted", "Synced", "Initialized", "Healthy",
		"Accepted", "Programmed", "Reconciled", "ContainersReady"}
	badConditions = []string{"Failed", "Stalled", "ReplicaFailure", "Degraded", "Error", "ScalingLimited", "FailureTarget"}
)

// badCondition is a condition that says that something is wrong, or not as it is to be, with a message.
func badCondition(s *story, _ time.Time) (finding, bool) {
	u, ok := s.last().object.(*unstructured.Unstructured)
	if !ok || s.deletionBegun() {
		return finding{}, false
	}
	for _, c := range object.List(u, "status", "conditions") {
		kind, _ := c["type"].(string)
		if !(c["status"] == "False" && slices.Contains(goodConditions, kind) ||
			c["status"] == "True" && slices.Contains(badConditions, kind)) ||
			kind == "Available" && s.object.Kind == "Deployment" { // tooFew says how many
			continue
		}
		f := finding{by: cmp.Or(controllerOf(s.object.Kind), seq.UnknownClient)}
		if e := object.ConditionOwner(u.GetManagedFields(), kind); e != nil && f.by == seq.UnknownClient {
			f.by = object.Client(e.Manager)
		}
		if f.by == seq.UnknownClient { // a list of conditions that is written as a whole
			f.by, _ = s.setter("status", "conditions")
		}
		f.reason, _ = c["reason"].(string)
		f.message, _ = c["message"].(string)
		if f.message == "" {
			continue
		}
		f.replacements = []string{"{who}", namedWho(f.by), "{condition}", fmt.Sprintf("%s, which is %v,", kind, c["status"])}
		first := s.unbrokenObject(func(o *unstructured.Unstructured) bool {
			return object.Conditions(object.Field(o, "status"))[kind] == c["status"]
		})
		f = findingOf(f, first, s.last(), fmt.Sprintf("condition %s is %v", kind, c["status"]))
		f.countsFrom = f.since.Add(patience)
		return f, true
	}
	return finding{}, false
}
