package trace

// Rules of our own requests.

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

var ruleOwnCreate = rule{
	Rule: seq.Rule{
		Name:    "own-create",
		Trigger: "our own POST",
		Proves:  "we sent it and read the answer",
		Gist:    "The client asks; the API server checks, then stores the object.",
		Explain: "The client asks the API server for an object. Inside this one request the API server " +
			"authenticates and authorizes the client, fills in defaults, lets admission change the object, " +
			"validates it, and lets admission refuse it.",
		Doc:    docs + "concepts/security/controlling-access/",
		Source: "k8s.io/apiserver/pkg/endpoints/handlers/create.go createHandler",
	},
	of: ofAll, from: seq.Kubectl, to: seq.APIServer, kind: seq.RequestKind,
	instant: seq.AtStart, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveOwnCreate,
	reads:  changes,
}

func deriveOwnCreate(s *story, emit func(graph.Claim)) { s.ownWrite("create", "POST", emit) }

var ruleOwnDelete = rule{
	Rule: seq.Rule{
		Name:    "own-delete",
		Trigger: "our own DELETE",
		Proves:  "we sent it and read the answer",
		Gist:    "The client asks for the end, and is answered long before it.",
		Explain: "The client asks the API server to delete the object. The API server only marks a Pod that runs " +
			"on a node, with a grace period. It removes a Pod without a node, or a finished one, at once; most " +
			"other kinds, too. The garbage collector deletes what the object owned later, or first, or not at " +
			"all: the request chooses.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
		Source: "k8s.io/kubernetes/pkg/registry/core/pod/strategy.go CheckGracefulDelete",
	},
	of: ofAll, from: seq.Kubectl, to: seq.APIServer, kind: seq.RequestKind,
	instant: seq.AtStart, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveOwnDelete,
	reads:  changes,
}

func deriveOwnDelete(s *story, emit func(graph.Claim)) { s.ownWrite("delete", "DELETE", emit) }

func (s *story) ownWrite(verb, method string, emit func(graph.Claim)) {
	for _, r := range s.ownRequests {
		if r.Verb != verb || r.Sent.IsZero() {
			continue
		}
		request := s.requestStep(verb, "")
		request.Key, request.Call, request.ClockOf = callKey(r), callKey(r), seq.Kubectl
		request.Label = method + " " + s.resource + " (" + s.object.Name + ")"
		if r.Pod != nil && r.Pod.DeletionGracePeriodSeconds != nil {
			request.Label += fmt.Sprintf(", grace period %d s", *r.Pod.DeletionGracePeriodSeconds)
		}
		if p := strings.ToLower(r.Propagation); p != "" && p != "background" { // which is what happens unasked
			request.Label += ", cascade " + p
		}
		request.SetInstant(r.Sent, instant.OurPrecision)
		request.Evidence = []seq.Evidence{r.Evidence()}
		if r.Status < 300 {
			request.ResourceVersion = r.ResourceVersion
			for _, w := range s.revisions {
				if w.ownRequest == r { // the answer may have been lost
					request.ResourceVersion = w.object.GetResourceVersion()
				}
			}
		}
		emit(graph.Claim{Step: request})
		s.emitAnswer(r, request, emit)
	}
}

// emitAnswer emits the response to a request of ours, once there is one.
func (s *story) emitAnswer(r *seq.Request, request seq.Step, emit func(graph.Claim)) {
	if r.FirstByte.IsZero() || r.Status == 0 {
		return
	}
	request.From, request.To = seq.Kubectl, seq.APIServer
	answer := request.Reply(strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, r.StatusText)))
	answer.Certainty, answer.Failed = seq.Observed, r.Status >= 400
	if r.Message != "" {
		answer.Label += ": " + r.Message
	}
	answer.SetInstant(r.FirstByte, instant.OurPrecision)
	detail := "the answer's first byte"
	if r.FlowSchema != "" {
		detail += "; flow schema " + r.FlowSchema + ", priority level " + r.PriorityLevel
	}
	answer.Evidence = []seq.Evidence{{Source: "http", Text: detail, At: r.FirstByte}}
	after := []seq.Key{request.Key}
	if rv, ok := parseRevision(r.ResourceVersion); ok && r.Verb != "list" && r.Verb != "watch" {
		// theirs may be any object's
		after = append(after, etcdKey(cmp.Or(r.Resource, s.resource), rv))
	}
	emit(graph.Claim{Step: answer, Follows: after})
}

var ruleOwnRead = rule{
	Rule: seq.Rule{
		Name:    "own-read",
		Trigger: "our own GET",
		Proves:  "we sent it and read the answer",
		Gist:    "This tool watches, to show you more; kubectl create would not.",
		Explain: "This tool itself lists and watches, to show you what follows; kubectl create alone would not.",
		Doc:     docs + "reference/using-api/api-concepts/#efficient-detection-of-changes",
		Source:  "k8s.io/apiserver/pkg/storage/cacher/cacher.go Watch",
	},
	of: ofRun, from: seq.Kubectl, to: seq.APIServer, kind: seq.RequestKind,
	instant: seq.AtStart, certainty: seq.Observed, detail: seq.Full,
	perRequest: deriveOwnRead,
}

func deriveOwnRead(s *story, r *seq.Request, emit func(graph.Claim)) {
	if r.Acts() || r.Poll || r.Sent.IsZero() {
		return
	}
	request := seq.Step{Verb: r.Verb, Resource: r.Resource, Object: r.Object, Key: callKey(r), Call: callKey(r),
		ClockOf: seq.Kubectl}
	request.Label = r.Method + " " + r.Resource + " (" + r.Verb + ")"
	if r.Resource == "" {
		request.Label = r.Method + " " + r.Path
	}
	request.SetInstant(r.Sent, instant.OurPrecision)
	request.Evidence = []seq.Evidence{r.Evidence()}
	request.ResourceVersion = r.ResourceVersion
	request.Detail = seq.Full
	emit(graph.Claim{Step: request})
	s.emitAnswer(r, request, emit)
}

var ruleWarning = rule{
	Rule: seq.Rule{
		Name:    "warning",
		Trigger: "a Warning header",
		Proves:  "it came with the answer to our own request",
		Gist:    "The API server accepted the object, and warns of something in it.",
		Explain: "The API server accepted the object, and warns of something in it.",
		Doc:     docs + "reference/access-authn-authz/extensible-admission-controllers/",
		Source:  "k8s.io/apiserver/pkg/endpoints/filters/warning.go WithWarningRecorder",
	},
	of: ofRun, from: seq.Kubectl, to: seq.Kubectl, kind: seq.NoteKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	perRequest: deriveWarning,
}

func deriveWarning(s *story, r *seq.Request, emit func(graph.Claim)) {
	for i, text := range r.Warnings {
		n := seq.Step{Key: keyf("warning:%s:%d", r.ID, i), Label: "Warning: " + text, Object: s.object,
			ClockOf: seq.Kubectl}
		n.SetInstant(r.FirstByte, instant.OurPrecision)
		n.Evidence = []seq.Evidence{{Source: "http", Text: "Warning header", At: r.FirstByte}}
		emit(graph.Claim{Step: n, Follows: []seq.Key{callKey(r).End()}})
	}
}
