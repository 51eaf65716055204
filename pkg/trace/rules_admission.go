package trace

// The rule of admission.

import (
	"cmp"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

var ruleAdmission = rule{
	Rule: seq.Rule{
		Name:    "admission",
		Trigger: "the answer to our own POST",
		Proves:  "the stored Pod is not the one we sent, or the answer, the audit log or a span names the webhook",
		Gist:    "Admission may change or refuse the Pod before it is stored.",
		Explain: "After defaulting, the API server hands the object to its admission plugins and to the webhooks " +
			"that are registered for it. Those that may change the object come first; those that may only refuse " +
			"it come after validation.",
		Doc:    docs + "reference/access-authn-authz/extensible-admission-controllers/",
		Source: "k8s.io/apiserver/pkg/endpoints/handlers/create.go AdmissionToValidateObjectFunc",
	},
	of: ofAll, from: seq.APIServer, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveAdmission,
	reads:  changes,
}

// deriveAdmission tells what happened inside the request that made the Pod: which webhooks were asked, and what
// changed.
func deriveAdmission(s *story, emit func(graph.Claim)) {
	q := s.ownCreate()
	if q == nil {
		return
	}
	changed := s.admitted
	hooks := s.consulted(q, changed)
	var last []seq.Key
	for _, h := range hooks {
		key := seq.Key("webhook:" + h.name)
		step := seq.Step{Key: key, Call: key, From: seq.APIServer, To: seq.Webhook(h.name),
			Label: "AdmissionReview: Pod " + s.object.Name, Object: s.object, ClockOf: seq.APIServer,
			Evidence: []seq.Evidence{h.evidence}, Window: seq.Window{Earliest: q.Sent, Latest: q.FirstByte}}
		end := step.Reply(cmp.Or(h.answer, "answers"))
		if q.Status >= 400 { // by which it was refused
			step.Detail, end.Detail = seq.Brief, seq.Brief
		}
		if h.inferred {
			step.Certainty, end.Certainty = seq.Inferred, seq.Inferred
		}
		if h.span != nil {
			step.Window, step.Best = s.startOf(h.span)
			end.Window, end.Best = s.endOf(h.span)
			step.Sharp, end.Sharp, step.Precision, end.Precision = true, true, spanPrecision, spanPrecision
		}
		emit(graph.Claim{Step: step, Follows: append(last, callKey(q))})
		emit(graph.Claim{Step: end, Follows: []seq.Key{key}, Lag: time.Millisecond})
		last = []seq.Key{end.Key}
	}
	if len(changed) > 0 {
		note := seq.Step{Key: "admission", From: seq.APIServer, To: seq.APIServer, Kind: seq.NoteKind, Instant: seq.AtEnd,
			Label: "admission " + strings.Join(changed, ", "), Object: s.object, ClockOf: seq.APIServer,
			Window: seq.Window{Earliest: q.Sent, Latest: q.FirstByte}}
		note.Evidence = []seq.Evidence{{Source: "http", Text: "the answer to our own request against what it asked for",
			ResourceVersion: q.ResourceVersion, At: q.FirstByte}}
		emit(graph.Claim{Step: note, Follows: append(last, callKey(q))})
		last = []seq.Key{note.Key}
	}
	// Admission comes before storage, or before the refusal.
	for _, key := range []seq.Key{callKey(q).End(), s.etcdKey(s.createRevision())} {
		there := s.createRevision() != 0
		if key.IsEnd() {
			there = q.Status != 0 && !q.FirstByte.IsZero()
		}
		if last != nil && there {
			emit(graph.Claim{Step: seq.Step{Key: key, From: seq.APIServer}, Follows: last})
		}
	}
}
