package trace

// Rules of Events, as objects and as what they tell of.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// eventStep is the step of an Event that tells of something its emitter saw.
func (s *story) eventStep(e *emitted) seq.Step {
	n := seq.Step{Key: e.noteKey(), From: e.emitter, To: e.emitter, Container: e.container, Object: s.object,
		ClockOf: e.emitter}
	n.Label = e.event.Reason + ": " + strings.TrimRight(e.event.Message, ": \n")
	if n.Window, n.Best = e.second(s), s.usuallyEmitted(e); !e.at.IsZero() {
		n.SetInstant(e.at, time.Millisecond)
	}
	n.Evidence = []seq.Evidence{e.evidence()}
	return n
}

var ruleEventWrite = rule{
	Rule: seq.Rule{
		Name:    "event-write",
		Trigger: "a new revision of an Event",
		Proves:  "the Event is there, and names its emitter",
		Gist:    "Events are API objects too, written just after what they report.",
		Explain: "Events are API objects too, written a few milliseconds after what they report. By default the " +
			"API server keeps them for one hour (--event-ttl).",
		Doc:    docs + "reference/kubernetes-api/cluster-resources/event-v1/",
		Source: "k8s.io/kubernetes/pkg/controlplane/apiserver/options/options.go EventTTL",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Observed, detail: seq.Full,
	perEvent: deriveEventWrite,
	bounds:   true,
}

func deriveEventWrite(s *story, e *emitted, emit func(graph.Claim)) {
	if e.isFirstEmission {
		return
	}
	step := seq.Step{Key: e.writeKey, From: e.emitter, Verb: "create", Resource: "events",
		Object:          e.object(),
		ResourceVersion: e.event.ResourceVersion, Label: "POST events: " + e.event.Reason, Container: e.container,
		ClockOf: e.emitter}
	if e.count > 1 {
		step.Verb, step.Label = "patch", fmt.Sprintf("PATCH events: %s, %d times now", e.event.Reason, e.count)
	}
	at := e.notBefore(s)
	step.Window = seq.Window{Earliest: instant.Later(at, s.notBefore(e.rv, "events", "")),
		Latest: instant.Sooner(e.received, s.notAfter(e.rv, "events", ""))}
	step.Best = instant.Before(e.received, eventLag)
	if !at.IsZero() && e.count == 1 { // a client that is slow receives it late
		step.Best = instant.Sooner(step.Best, at.Add(emitLag))
	}
	step.Evidence = []seq.Evidence{e.evidence()}
	etcd := step
	etcd.Key, etcd.From, etcd.To, etcd.ClockOf = e.etcdKey, seq.APIServer, seq.Etcd, seq.APIServer
	etcd.Label = "Event " + e.event.Reason
	commit := s.commitOf("events", e.rv)
	c := graph.Claim{Step: step, Follows: []seq.Key{e.noteKey()}, Stored: commit}
	if s.attached() {
		c.Follows = append(c.Follows, storedKey(s.pastCreate()))
	}
	emit(c)
	etcd.Rule = &ruleEtcdWrite.Rule
	emit(graph.Claim{Step: etcd, Follows: []seq.Key{step.Key}, Commit: commit})
}

var ruleTrouble = rule{
	Rule: seq.Rule{
		Name:    "trouble",
		Trigger: "an Event of type Warning",
		Proves:  "the Event",
		Gist:    "A component warns: something failed, or has to wait.",
		Explain: "A component warns by an Event: something failed, or has to wait. The message of the Event has " +
			"the reason.",
		Doc:    docs + "tasks/debug/debug-application/debug-pods/",
		Source: "k8s.io/client-go/tools/record/event.go makeEvent",
	},
	of: ofAll, kind: seq.NoteKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	perEvent: deriveTrouble,
}

func deriveTrouble(s *story, e *emitted, emit func(graph.Claim)) {
	ofCall := func(a workerEvent) bool { return a.emitted == e }
	if _, resizes := resizeOf(e); resizes {
		return
	}
	if e.event.Type == corev1.EventTypeWarning && !drawnByOwnRule[e.event.Reason] && !s.unsettled(e) &&
		!slices.ContainsFunc(s.workerEvents, ofCall) {
		c := graph.Claim{Step: s.eventStep(e), Follows: s.occurredBefore(e)}
		c.Failed, c.Detail = true, s.troubleDetail(e)
		if s.isPod() && e.emitter == seq.Kubelet { // which knows of no other Pods
			c.Follows = append(c.Follows, deliverKubelet)
			if a := s.calledBefore(e); a != nil {
				c.Follows = append(c.Follows, a.key)
			}
		}
		emit(c)
	}
}

// troubleDetail draws the first of Events that tell the same even in the briefest picture, but for those that follow
// from what is drawn there: an exit, or a pull that failed.
func (s *story) troubleDetail(e *emitted) seq.Detail {
	pull := strings.TrimPrefix(e.event.Message, "Error: ")
	if e.count > 1 || e.event.Reason == "BackOff" || pull == "ErrImagePull" || pull == "ImagePullBackOff" ||
		s.isPod() && s.firstLike(e) != e {
		return seq.Normal
	}
	return seq.Brief
}

// firstLike is the first Event with the reason of this one, about the same container, and of a probe about that.
func (s *story) firstLike(e *emitted) *emitted {
	for _, o := range s.events {
		if o.event.Reason == e.event.Reason && o.container == e.container && firstWord(o) == firstWord(e) {
			return o
		}
	}
	return e
}

// firstWord is that of what an Event says: of Unhealthy, which probe failed.
func firstWord(e *emitted) string {
	word, _, _ := strings.Cut(e.event.Message, " ")
	return word
}

// leadsToStop reports whether a failure of a probe is the last before the kubelet stops the container.
func (s *story) leadsToStop(e *emitted) bool {
	if firstWord(e) == "Readiness" {
		return false
	}
	last := false
	for _, o := range s.events {
		switch {
		case o.container != e.container || o.rv <= e.rv:
		case o.event.Reason == "Unhealthy" && firstWord(o) != "Readiness" && o.emitter == e.emitter:
			return last // another comes after it
		case o.event.Reason == "Killing":
			last = true
		}
	}
	return last
}

// calledBefore is the last of the kubelet's calls for the container of an Event that it told of before that Event, or
// nil: it works at one container after the other, and writes its Events in their order.
func (s *story) calledBefore(e *emitted) (last *workerEvent) {
	for i := range s.workerEvents {
		a := &s.workerEvents[i]
		if a.container == e.container && e.container != "" && !e.isFirstEmission && !a.isFirstEmission && a.rv < e.rv &&
			(last == nil || a.rv > last.rv) {
			last = a
		}
	}
	return last
}

// occurredBefore is the key of the occurrence before, of an Event that is repeated.
func (s *story) occurredBefore(e *emitted) (keys []seq.Key) {
	var last *emitted
	for _, o := range s.events {
		if o.event.UID == e.event.UID && o.count < e.count && (last == nil || o.count > last.count) {
			last = o
		}
	}
	if last == nil {
		return nil
	}
	return []seq.Key{last.noteKey()}
}

// unsettled reports whether an Event Failed may turn out to be about a call of the CRI: the status that says so comes
// later.
func (s *story) unsettled(e *emitted) bool {
	text, ok := strings.CutPrefix(e.event.Message, "Error: ")
	if e.event.Reason != "Failed" || !ok || e.container == "" || beforeTheCall[text] {
		return false
	}
	for _, w := range s.revisions {
		if c := object.StatusOf(w.pod, e.container); c != nil && c.State.Waiting != nil &&
			(c.State.Waiting.Message == text || c.State.Waiting.Reason == text) {
			return false
		}
	}
	return true
}

// beforeTheCall are the reasons of failures for which the kubelet never comes to CreateContainer
// (pkg/kubelet/images/types.go).
var beforeTheCall = map[string]bool{"ErrImagePull": true, "ImagePullBackOff": true, "ErrImageNeverPull": true,
	"InvalidImageName": true, "ImageInspectError": true, "RegistryUnavailable": true, "SignatureValidationFailed": true}

// drawnByOwnRule are the Warning Events with a rule of their own.
var drawnByOwnRule = map[string]bool{"Unhealthy": true, "FailedScheduling": true}

var ruleUnschedulable = rule{
	Rule: seq.Rule{
		Name:    "unschedulable",
		Trigger: "Event FailedScheduling",
		Proves:  "the Event, with the scheduler's own counts of nodes and reasons",
		Gist:    "No node passed every filter; the Pod waits for a change.",
		Explain: "No node passed every filter; the Pod waits until something in the cluster changes.",
		Doc:     docs + "concepts/scheduling-eviction/",
		Source:  "k8s.io/kubernetes/pkg/scheduler/schedule_one.go handleSchedulingFailure",
	},
	from: seq.Scheduler, to: seq.Scheduler, kind: seq.NoteKind, instant: seq.AtEnd,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveUnschedulable,
}

func deriveUnschedulable(s *story, emit func(graph.Claim)) {
	for _, e := range s.events {
		if e.event.Reason == "FailedScheduling" {
			c := graph.Claim{Step: s.eventStep(e), Follows: append(s.occurredBefore(e), deliverScheduler)}
			if c.Failed = true; s.firstLike(e) == e {
				c.Detail = seq.Brief
			}
			emit(c)
		}
	}
}

var ruleProbeFailed = rule{
	Rule: seq.Rule{
		Name:    "probe-failed",
		Trigger: "Event Unhealthy",
		Proves:  "the Event",
		Gist:    "The container answered a probe wrongly, late or not at all.",
		Explain: "The container answered a probe wrongly, late or not at all.",
		Doc:     docs + "concepts/configuration/liveness-readiness-startup-probes/",
		Source:  "k8s.io/kubernetes/pkg/kubelet/prober/prober.go ContainerUnhealthy",
	},
	from: seq.Kubelet, kind: seq.RequestKind, instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveProbeFailed,
}

func deriveProbeFailed(s *story, emit func(graph.Claim)) {
	for _, e := range s.events {
		if e.event.Reason == "Unhealthy" && e.container != "" {
			step := s.eventStep(e)
			step.From, step.To, step.Node = seq.Kubelet, seq.Container(e.container), s.node
			if step.Failed = true; s.firstLike(e) == e || s.leadsToStop(e) {
				step.Detail = seq.Brief
			}
			emit(graph.Claim{Step: step,
				Follows: append(s.occurredBefore(e), deliverKubelet, criKey("StartContainer", e.container, 0).End())})
		}
	}
}
