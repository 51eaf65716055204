package trace

// Rules of watches: what they hand over, and where one is lost.

import (
	"fmt"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

var ruleDeletionDelivery = rule{
	Rule: seq.Rule{
		Name:    "deletion-delivery",
		Trigger: "Event Killing after metadata.deletionTimestamp appeared",
		Proves:  "the kubelet ended the containers of a Pod that it knows to end only from its watch",
		Gist:    "A delete only marks the Pod; its kubelet sees the mark and acts.",
		Explain: "DELETE only sets metadata.deletionTimestamp. The kubelet learns of it from its watch, stops the " +
			"containers within the grace period, and then has the object removed.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
		Source: "k8s.io/kubernetes/pkg/kubelet/status/status_manager.go canBeDeleted",
	},
	from: seq.APIServer, to: seq.Kubelet, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveDeletionDelivery,
	reads:  changes | kubeletEvents,
}

// deriveDeletionDelivery is how the kubelet learns that a Pod of its node is to end.
func deriveDeletionDelivery(s *story, emit func(graph.Claim)) {
	var first *write
	for _, w := range s.revisions {
		if w.endsLife() && !w.deleted && w.pod.Spec.NodeName != "" {
			first = w
		}
	}
	if first == nil {
		return
	}
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.event.Reason == "Killing" && e.rv > first.rv {
			step := seq.Step{Key: deliverDeletion, Label: "watch: Pod " + s.object.Name + " is to end", Object: s.object,
				Verb: "watch", Resource: "pods", Node: s.node, ClockOf: seq.APIServer,
				ResourceVersion: first.pod.ResourceVersion}
			step.Window.Latest, step.Evidence = e.at, []seq.Evidence{e.evidence()}
			emit(graph.Claim{Step: step, Follows: []seq.Key{s.etcdKeyOf(first)}, Lag: 2 * time.Millisecond})
			return
		}
	}
}

var ruleKubeletDelivery = rule{
	Rule: seq.Rule{
		Name:    "kubelet-delivery",
		Trigger: "the kubelet acted on the Pod",
		Proves:  "the kubelet acted on a Pod it can only know from its watch",
		Gist:    "Each kubelet watches the Pods that carry its node's name.",
		Explain: "Each kubelet watches the Pods that carry its node's name; the bind made this one appear there.",
		Doc:     docs + "reference/command-line-tools-reference/kubelet/",
		Source:  "k8s.io/kubernetes/pkg/kubelet/config/apiserver.go NewSourceApiserver",
	},
	from: seq.APIServer, to: seq.Kubelet, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveKubeletDelivery,
}

func deriveKubeletDelivery(s *story, emit func(graph.Claim)) {
	var acted []seq.Evidence
	var after []seq.Key
	if s.madeWithNode() && s.foundRevision() != nil {
		after = append(after, storedKey(s.pastCreate()))
	} else if len(s.revisions) > 0 && s.revisions[0].pod.Spec.NodeName != "" && !s.revisions[0].creates &&
		s.foundNode() == nil {
		return // it has long known the Pod
	}
	step := seq.Step{Key: deliverKubelet, Label: "watch: Pod " + s.object.Name + ", yours", Object: s.object,
		Verb: "watch", Resource: "pods", Node: s.node, ClockOf: seq.APIServer}
	for _, w := range s.revisions {
		if w.isBind() || w.creates && w.pod.Spec.NodeName != "" {
			after = append(after, s.etcdKeyOf(w))
			step.ResourceVersion = w.pod.ResourceVersion
		} else if w.binds() {
			after = append(after, hiddenBindKey)
		}
		if w.isStatusPatch() && len(acted) == 0 {
			acted = append(acted, w.evidence())
		}
	}
	for _, e := range s.events {
		if e.emitter == seq.Kubelet {
			acted = append(acted, e.evidence())
			step.Window.Latest = e.at
			break
		}
	}
	if w := s.foundNode(); w != nil {
		after = append(after, storedKey(s.pastBound()))
		for _, m := range s.pastWrites() {
			if m.name == seq.Kubelet && len(acted) == 0 {
				acted = m.evidence(w)
			}
		}
	}
	if len(acted) == 0 {
		return
	}
	step.Evidence = acted
	emit(graph.Claim{Step: step, Follows: after, Lag: 2 * time.Millisecond})
}

var ruleChangeDelivery = rule{
	Rule: seq.Rule{
		Name:    "change-delivery",
		Trigger: "the kubelet does to a container what only a later revision of the Pod asks for",
		Proves: "an Event names another image than the Pod had before, or a container that it had not, or says that what " +
			"is asked for has changed; or the kubelet reports that it has seen this generation of the Pod",
		Gist: "The kubelet's watch brings what has changed in the Pod.",
		Explain: "The kubelet's watch brings it every later revision of its Pods, too. Another image, an ephemeral " +
			"container, a deadline: it compares what the Pod asks for with what runs, and acts.",
		Doc:    docs + "concepts/workloads/pods/#pod-update-and-replacement",
		Source: "k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions",
	},
	of: ofKubelets, from: seq.APIServer, to: seq.Kubelet, kind: seq.DeliveryKind, instant: seq.AtEnd,
	certainty: seq.Inferred, detail: seq.Brief,
	derive: deriveChangeDelivery,
}

// deriveChangeDelivery is how the kubelet learned of a change that it acted on.
func deriveChangeDelivery(s *story, emit func(graph.Claim)) {
	delivered := func(w *write, by time.Time, evidence seq.Evidence) {
		if s.askedKey(w) == "" {
			return
		}
		step := seq.Step{Key: s.askedKey(w), Label: "watch: Pod " + s.object.Name + ": " + w.changed(), Object: s.object,
			Verb: "watch", Resource: "pods", Node: s.node, ClockOf: seq.APIServer, ResourceVersion: w.pod.ResourceVersion,
			Window: seq.Window{Latest: by}, Evidence: []seq.Evidence{evidence}}
		emit(graph.Claim{Step: step, Follows: []seq.Key{s.etcdKeyOf(w)}, Lag: 2 * time.Millisecond})
	}
	for _, a := range s.workerEvents {
		if a.emitted.image != "" {
			delivered(a.asked, a.emitted.at, a.emitted.evidence())
		}
	}
	var told int64 // generation
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.event.Reason == "Killing" {
			delivered(s.askedToStop(e), e.at, e.evidence())
		}
		if r, ok := resizeOf(e); ok && r.Generation > told {
			told = r.Generation
			delivered(s.ofGeneration(told), e.at, e.evidence())
		}
	}
	var seen *write
	for _, w := range s.revisions {
		if !w.isStatusPatch() {
			continue
		}
		// The report comes after: its own rule says so.
		n := w.pod.Status.ObservedGeneration
		if is := s.ofGeneration(n); is != nil && is != seen {
			seen = is
			delivered(is, time.Time{}, w.evidenceOf(fmt.Sprint("status.observedGeneration ", n), w.received))
		}
	}
}

var ruleGap = rule{
	Rule: seq.Rule{
		Name:    "gap",
		Trigger: "a lost watch",
		Proves:  "our own watch ended and could not be resumed where it was",
		Gist:    "What happened in between may be missing from this picture.",
		Explain: "What happened in between may be missing from this picture.",
		Doc:     docs + "reference/using-api/api-concepts/#410-gone-responses",
		Source:  "k8s.io/apiserver/pkg/storage/etcd3/errors.go resourceVersion for the provided watch is too old",
	},
	of: ofRun, from: seq.Kubectl, to: seq.Kubectl, kind: seq.NoteKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveGap,
}

func deriveGap(s *story, emit func(graph.Claim)) {
	for _, g := range s.gaps {
		step := seq.Step{Key: keyf("gap:%s:%s:%s", g.Resource, g.FromRevision, g.ToRevision), ClockOf: seq.Kubectl,
			Resource: g.Resource}
		switch {
		case g.Every > 0:
			step.Key += "polled"
			step.Label = fmt.Sprintf("%s cannot be watched (%s), so they are asked for every %v; what came in between may "+
				"be missing", g.Resource, g.Reason, g.Every)
		case g.ToRevision == "":
			step.Label = "watch of " + g.Resource + " lost after revision " + g.FromRevision + " (" + g.Reason +
				") for good; what came later is missing"
		default:
			step.Label = "watch of " + g.Resource + " lost after revision " + g.FromRevision + " (" + g.Reason +
				"); what came before " +
				g.ToRevision + " may be missing"
		}
		step.SetInstant(g.at, instant.OurPrecision)
		step.Evidence = []seq.Evidence{{Source: "watch", Text: g.Reason, At: g.at}}
		emit(graph.Claim{Step: step})
	}
}
