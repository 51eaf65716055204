package trace

import (
	"fmt"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func schedulerDelivery(s *story, emit func(claim)) {
	var acted []seq.Evidence
	for _, w := range s.revisions {
		if w.binds() || w == s.foundBound() {
			acted = append(acted, s.boundEvidence(w))
			break
		}
	}
	for _, e := range s.events {
		if e.emitter == seq.Scheduler {
			acted = append(acted, e.evidence())
			break
		}
	}
	if len(acted) == 0 {
		return
	}
	step := seq.Step{Key: deliverScheduler, Label: "watch: Pod " + s.object.Name + ", no node yet", Object: s.object, Verb: "watch", Resource: "pods", Evidence: acted, Clock: seq.APIServer}
	var after []string
	for _, w := range s.revisions {
		if w.first {
			after = []string{s.etcdKey(w.rv)}
			step.ResourceVersion = w.pod.ResourceVersion
		}
		if w.binds() || w == s.foundBound() {
			step.To = w.binder()
		}
	}
	if s.found() != nil {
		after = []string{stored(s.pastCreate())}
	}
	emit(claim{Step: step, after: after, lag: time.Millisecond})
}

// boundEvidence is what a revision says of the bind.
func (s *story) boundEvidence(w *write) seq.Evidence {
	if w == s.foundBound() {
		return w.kept("spec.nodeName, which no managedFields entry owns", w.received)
	}
	return w.evidence()
}

func picks(s *story, emit func(claim)) {
	for _, w := range s.revisions {
		if !w.binds() && w != s.foundBound() {
			continue
		}
		by := w.binder()
		step := seq.Step{Key: pickKey, From: by, To: by, Label: "picks " + w.pod.Spec.NodeName, Object: s.object, Node: w.pod.Spec.NodeName, Clock: seq.APIServer}
		step.Evidence = []seq.Evidence{s.boundEvidence(w)}
		if e := s.scheduled(); e != nil {
			step.Certainty = seq.Observed
			step.Evidence = append(step.Evidence, e.evidence())
		}
		step.Window.Latest = s.receivedAt(w)
		emit(claim{Step: step, after: []string{deliverScheduler}, lag: time.Millisecond})
	}
}

// deletionDelivery is how the kubelet learns that a Pod of its node is to end.
func deletionDelivery(s *story, emit func(claim)) {
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
			step := seq.Step{Key: deliverDeletion, Label: "watch: Pod " + s.object.Name + " is to end", Object: s.object, Verb: "watch", Resource: "pods", Node: s.node, Clock: seq.APIServer, ResourceVersion: first.pod.ResourceVersion}
			step.Window.Latest, step.Evidence = e.at, []seq.Evidence{e.evidence()}
			emit(claim{Step: step, after: []string{s.etcdKey(first.rv)}, lag: 2 * time.Millisecond})
			return
		}
	}
}

func kubeletDelivery(s *story, emit func(claim)) {
	var acted []seq.Evidence
	var after []string
	if s.madeWithNode() && s.found() != nil {
		after = append(after, stored(s.pastCreate()))
	} else if len(s.revisions) > 0 && s.revisions[0].pod.Spec.NodeName != "" && !s.revisions[0].first && s.foundBound() == nil {
		return // it has long known the Pod
	}
	step := seq.Step{Key: deliverKubelet, Label: "watch: Pod " + s.object.Name + ", yours", Object: s.object, Verb: "watch", Resource: "pods", Node: s.node, Clock: seq.APIServer}
	for _, w := range s.revisions {
		if w.isBind() || w.first && w.pod.Spec.NodeName != "" {
			after = append(after, s.etcdKey(w.rv))
			step.ResourceVersion = w.pod.ResourceVersion
		} else if w.binds() {
			after = append(after, bindKey)
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
	if w := s.foundBound(); w != nil {
		after = append(after, stored(s.pastBound()))
		for _, m := range s.marks() {
			if m.who == seq.Kubelet && len(acted) == 0 {
				acted = m.evidence(w)
			}
		}
	}
	if len(acted) == 0 {
		return
	}
	step.Evidence = acted
	emit(claim{Step: step, after: after, lag: 2 * time.Millisecond})
}

func gaps(s *story, emit func(claim)) {
	for _, g := range s.gaps {
		step := seq.Step{Key: "gap:" + g.Resource + ":" + g.From + ":" + g.To, Clock: seq.Kubectl, Resource: g.Resource}
		switch {
		case g.Every > 0:
			step.Key += "polled"
			step.Label = fmt.Sprintf("%s cannot be watched (%s), so they are asked for every %v; what came in between may be missing", g.Resource, g.Reason, g.Every)
		case g.To == "":
			step.Label = "watch of " + g.Resource + " lost after revision " + g.From + " (" + g.Reason + ") for good; what came later is missing"
		default:
			step.Label = "watch of " + g.Resource + " lost after revision " + g.From + " (" + g.Reason + "); what came before " + g.To + " may be missing"
		}
		step.Window, step.Best, step.Shown, step.Precision = exactly(g.at)
		step.Evidence = []seq.Evidence{{Source: "watch", Detail: g.Reason, At: g.at}}
		emit(claim{Step: step})
	}
}
