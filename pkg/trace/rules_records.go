package trace

// Rules of what audit log and spans tell of requests.

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
)

// evidence is what the records have of a call.
func (c *apiCall) evidence() (all []seq.Evidence) {
	if c.server != nil {
		all = append(all, c.server.Evidence())
	}
	if c.audit != nil {
		all = append(all, c.auditEvidence())
	}
	return all
}

func (s *story) joined() []joinedCall {
	var all []joinedCall
	for _, w := range s.revisions {
		c := s.records.callOf[w.rv]
		if c == nil || !w.isOfRun() {
			continue
		}
		t := joinedCall{apiCall: c, write: s.writeKey(w), etcd: s.etcdKeyOf(w),
			step: seq.Step{Object: s.object, ResourceVersion: w.object.GetResourceVersion(), Resource: s.resource}}
		if w.ownRequest != nil {
			t.write = ""
		}
		t.sent = w.firstOfTwo() != nil || w.evicts()
		if last := w.nextWrite; last != nil && last.endsEviction() {
			t.etcd, t.step.ResourceVersion = s.etcdKeyOf(last), last.object.GetResourceVersion()
		}
		all = append(all, t)
	}
	for _, e := range s.events {
		if c := s.records.callOfEvent[eventKey{string(e.event.UID), e.rv}]; c != nil {
			all = append(all, joinedCall{apiCall: c, write: e.writeKey, etcd: e.etcdKey,
				step: seq.Step{Object: e.object(), ResourceVersion: e.event.ResourceVersion, Resource: "events"}})
		}
	}
	return all
}

var ruleAudit = rule{
	Rule: seq.Rule{
		Name:    "audit",
		Trigger: "an audit entry of a write",
		Proves:  "the API server logs each request it has answered, with the authenticated user and microseconds",
		Gist:    "The API server's own log has this request.",
		Explain: "The audit log is the API server's own record of who asked for what, when, and what came of it. Its " +
			"user is " +
			"authenticated, where managedFields only has the client's word.",
		Doc:    docs + "tasks/debug/debug-cluster/audit/",
		Source: "k8s.io/apiserver/pkg/endpoints/filters/audit.go WithAudit",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Observed, detail: seq.Full,
	derive: deriveAudit,
}

// deriveAudit bounds each write by its request.
func deriveAudit(s *story, emit func(graph.Claim)) {
	for _, t := range s.joined() {
		if t.audit == nil {
			continue
		}
		step := t.step
		step.ClockOf, step.Certainty, step.Detail = seq.APIServer, seq.Observed, seq.Full
		step.Window = seq.Window{Earliest: s.toOurClock(seq.APIServer, t.audit.Received),
			Latest: s.toOurClock(seq.APIServer, t.audit.Completed)}
		step.Evidence = []seq.Evidence{t.auditEvidence()}
		if t.write != "" {
			request := step
			if request.Key = t.write; t.sent {
				request.Window.Latest = request.Window.Earliest
				request.Best, request.Sharp, request.Precision = request.Window.Earliest, true, spanPrecision
			}
			emit(graph.Claim{Step: request})
		}
		step.Key = t.etcd
		emit(graph.Claim{Step: step})
	}
}

var ruleEtcdSpan = rule{
	Rule: seq.Rule{
		Name:    "etcd-span",
		Trigger: "etcd's span of the transaction",
		Proves:  "etcd itself timed the transaction below the API server's span of the request",
		Gist:    "etcd timed this transaction itself.",
		Explain: "A write takes effect in etcd's transaction: proposed through raft, written to disk, applied. Everything " +
			"else in the request surrounds it.",
		Doc:    docs + "concepts/cluster-administration/system-traces/",
		Source: "go.etcd.io/etcd/server/v3/etcdserver/v3_server.go Txn",
	},
	of: ofAll, from: seq.APIServer, to: seq.Etcd, kind: seq.RequestKind,
	instant: seq.AtCommit, certainty: seq.Observed, detail: seq.Full,
	derive: deriveEtcdSpan,
}

// deriveEtcdSpan give each write the instant at which etcd had it.
func deriveEtcdSpan(s *story, emit func(graph.Claim)) {
	for _, t := range s.joined() {
		if t.etcdTxn == nil {
			continue
		}
		step := t.step
		step.ClockOf, step.Detail = seq.Etcd, seq.Full
		step.Window = seq.Window{Earliest: s.toOurClock(seq.Etcd, t.etcdTxn.Start),
			Latest: s.toOurClock(seq.Etcd, t.etcdTxn.End)}
		step.Best, step.Sharp = step.Window.Earliest.Add(t.etcdTxn.End.Sub(t.etcdTxn.Start)/2), true
		step.Precision = max(spanPrecision, t.etcdTxn.End.Sub(t.etcdTxn.Start))
		e := t.etcdTxn.Evidence()
		e.Text += t.joinedHow
		step.Evidence = []seq.Evidence{e}
		if t.write != "" && !t.sent {
			step.Key = t.write
			emit(graph.Claim{Step: step})
		}
		step.Key = t.etcd
		emit(graph.Claim{Step: step})
	}
}

var ruleAnswer = rule{
	Rule: seq.Rule{
		Name:    "answer",
		Trigger: "an audit entry, or the API server's span",
		Proves:  "the entry and the span end when the request is answered",
		Gist:    "The API server answers the client that made the change.",
		Explain: "The client that wrote gets the object as it is stored now, with its new resourceVersion; for " +
			"some subresources, such as a bind, only a status.",
		Doc:    docs + "reference/using-api/api-concepts/",
		Source: "k8s.io/apiserver/pkg/endpoints/handlers/response.go transformResponseObject",
	},
	of: ofAll, from: seq.APIServer, kind: seq.ResponseKind, instant: seq.AtEnd,
	certainty: seq.Observed, detail: seq.Full,
	derive: deriveAnswer,
}

// deriveAnswer are what other clients were answered.
func deriveAnswer(s *story, emit func(graph.Claim)) {
	for _, t := range s.joined() {
		if t.write != "" && t.joinedHow == "" {
			s.emitRecordedAnswer(t.apiCall, t.write, t.step, []seq.Key{t.etcd}, emit)
		}
	}
}

// emitRecordedAnswer emits the response to a call, and joins it to the request that has that key.
func (s *story) emitRecordedAnswer(c *apiCall, key seq.Key, step seq.Step, after []seq.Key, emit func(graph.Claim)) {
	from, ok := c.actor()
	if !ok {
		return
	}
	step.Key, step.From, step.To, step.ClockOf, step.Detail = key, from, seq.APIServer, seq.APIServer, seq.Full
	if step.Failed { // it says why
		step.Detail = seq.Brief
	}
	step = step.Reply(strconv.Itoa(c.code))
	if c.audit != nil && c.audit.Message != "" {
		step.Label += " " + c.audit.Message
	}
	at := s.toOurClock(seq.APIServer, c.completed())
	step.SetInstant(at, spanPrecision)
	step.Evidence = c.evidence()
	emit(graph.Claim{Step: step, Follows: append(after, key)})
}

var ruleRequest = rule{
	Rule: seq.Rule{
		Name:    "request",
		Trigger: "an audit entry, or the API server's span, of a request that changed nothing",
		Proves:  "the API server recorded it",
		Gist:    "A component asks about the Pod; no watch ever shows this.",
		Explain: "Reads and refused writes leave no revision and no Event. The kubelet, for one, reads the Pod before each " +
			"status patch, and asks for a token for the Pod's ServiceAccount.",
		Doc:    docs + "reference/using-api/api-concepts/",
		Source: "k8s.io/kubernetes/pkg/kubelet/status/status_manager.go syncPod",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtStart,
	certainty: seq.Observed, detail: seq.Full,
	derive: deriveRequest,
}

// deriveRequest are what other clients asked without changing the Pod: what they read, what they were refused, and
// writes without effect.
func deriveRequest(s *story, emit func(graph.Claim)) {
	own := map[string]bool{}
	for _, q := range s.requests {
		own[q.ID] = true
	}
	joined := map[*apiCall]bool{}
	for _, t := range s.joined() {
		joined[t.apiCall] = true
	}
	for _, c := range s.records.calls {
		from, ok := c.actor()
		write := c.code < 300 && c.code != 101 && c.verb != "get" && (c.resource == s.resource || c.resource == "events")
		if !ok || own[c.id] || joined[c] || c.verb == "watch" || c.verb == "list" || write && !s.noop(c) {
			continue
		}
		step := seq.Step{Key: seq.Key("request:" + c.id), Call: seq.Key("request:" + c.id), From: from, Verb: c.verb,
			Resource:    c.resource,
			Subresource: c.sub, Object: s.object, ClockOf: seq.APIServer, Detail: seq.Full}
		step.Label = map[string]string{"create": "POST", "update": "PUT", "get": "GET"}[c.verb]
		step.Label = cmp.Or(step.Label, strings.ToUpper(c.verb)) + " " + c.resource
		if c.sub != "" {
			step.Label += "/" + c.sub
		}
		if c.name != "" {
			step.Label += " (" + c.name + ")"
		}
		switch {
		case c.code >= 300:
			if step.Label, step.Detail = step.Label+": refused", seq.Normal; c.verb == "delete" || c.sub == "eviction" {
				step.Detail, step.Failed = seq.Brief, true // it was to end
			}
		case write:
			step.Label += ": changes nothing"
		}
		at := s.toOurClock(seq.APIServer, c.receivedByServer())
		step.SetInstant(at, spanPrecision)
		step.Evidence = c.evidence()
		emit(graph.Claim{Step: step})
		s.emitRecordedAnswer(c, step.Key, seq.Step{Object: s.object, Resource: c.resource, Failed: step.Failed}, nil, emit)
	}
}

// receivedAt is when the API server had the request that made a revision, on our clock.
func (s *story) receivedAt(w *write) time.Time {
	c := s.records.callOf[w.rv]
	if c == nil || c.receivedByServer().IsZero() {
		return time.Time{}
	}
	return s.toOurClock(seq.APIServer, c.receivedByServer())
}
