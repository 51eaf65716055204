package trace

// Rules of objects that were gone before the run looked.

import (
	"regexp"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

var rulePastGone = rule{
	Rule: seq.Rule{
		Name:    "past-gone",
		Trigger: "Event SuccessfulCreate or SuccessfulDelete about an object that is not there",
		Proves:  "the controller emits it once the API server has answered, and names what it made or deleted",
		Gist:    "Events of its controller still tell of an object that is gone.",
		Explain: "Nothing is left of an object that is gone but Events: its controller emits one for each object " +
			"that it creates or deletes. By default Events are kept for one hour.",
		Doc:    docs + "reference/kubernetes-api/cluster-resources/event-v1/",
		Source: "k8s.io/kubernetes/pkg/controller/controller_utils.go SuccessfulDeletePodReason",
	},
	of: ofOthers, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtDuring,
	certainty: seq.Observed, detail: seq.Brief,
	derive: derivePastGone,
}

// doneMessage is what controllers say of what they made or deleted, or, of many alike, of the last
// (controller_utils.go, stateful_pod_control.go and cronjob_controllerv2.go in pkg/controller and below, v1.37).
var doneMessage = regexp.MustCompile(
	`^(\(combined from similar events\): )?(?i:(created?|deleted?) (pod|job)):? (\S+)(?: in StatefulSet \S+ successful)?$`)

// kindsInMessages are the kinds that they name.
var kindsInMessages = map[string]string{"pod": "Pod", "job": "Job"}

func derivePastGone(s *story, emit func(graph.Claim)) {
	if s.foundRevision() == nil || s.listing {
		return
	}
	for _, e := range s.events {
		if e.emitter.IsController() && s.wasListed(e) && strings.HasPrefix(e.event.Reason, "Successful") {
			s.emitGone(e, emit)
		}
	}
}

// emitGone is what an Event tells of an object that is not there.
func (s *story) emitGone(e *emitted, emit func(graph.Claim)) {
	said := doneMessage.FindStringSubmatch(e.event.Message)
	if said == nil || said[1] != "" && e.isFirstEmission { // which was about another
		return
	}
	verb := strings.TrimSuffix(strings.ToLower(said[2]), "d")
	kind, name := kindsInMessages[strings.ToLower(said[3])], said[4]
	for _, o := range s.childrenNamedIn(e.event.Message) {
		if o.object.Name == name && o.isMeantBy(e, verb) {
			return
		}
	}
	step := s.requestStep(verb, "")
	step.Key, step.From, step.Resource = s.pastKey("gone:")+e.noteKey(), e.emitter, object.Resource(kind)
	step.Label = methods[verb] + " " + step.Resource + " (" + name + ")"
	step.Object = seq.Object{Kind: kind, Namespace: s.object.Namespace, Name: name}
	step.Window, step.Evidence, step.ClockOf = e.second(s), []seq.Evidence{e.evidence()}, e.emitter
	if !e.at.IsZero() {
		step.Window = seq.Window{Earliest: e.at.Add(-adjacent), Latest: e.at}
		step.Best = instant.Before(e.at, 2*deliveryLag)
	}
	emit(graph.Claim{Step: step, Follows: []seq.Key{storedKey(s.pastCreate())}})
}

// isMeantBy reports whether an Event that names an object, which was found, is about it and not about an earlier one of
// that name.
func (s *story) isMeantBy(e *emitted, verb string) bool {
	w := s.foundRevision()
	if w == nil || verb == "delete" && w.object.GetDeletionTimestamp() == nil {
		return false
	}
	return !s.emittedBy(e).Before(s.secondOf(seq.APIServer, w.object.GetCreationTimestamp()).Earliest)
}
