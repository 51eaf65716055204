package watch

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/kubectl-seq/kubectl-seq/pkg/httprecord"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// traced is the record of one request.
type traced struct {
	*httprecord.Record
	sent func(seq.Request) // called once, just before the request is written, or nil
	// switched is called once the connection has been switched to another protocol, or nil.
	switched func(seq.Request)
}

// record begins the record of a request.
func (f *Follower) record(request seq.Request) *traced {
	return &traced{Record: httprecord.New(request, f.now)}
}

// setExec changes what the record has of a command. What has been observed keeps what it has.
func (r *traced) setExec(change func(*seq.Exec)) {
	r.Set(func(q *seq.Request) {
		e := *q.Exec
		change(&e)
		q.Exec = &e
	})
}

type tracedKey struct{}

// tracer is an http.RoundTripper that records what it can see of the requests whose context carries a record. Others
// pass through it untouched.
type tracer struct {
	next http.RoundTripper
	now  func() time.Time
	*propagation
}

// propagation has what the requests lead to become part of one OpenTelemetry trace. It is shared by all connections.
type propagation struct {
	mu     sync.Mutex
	on     bool
	parent string // traceparent of the span below which that trace is, or empty
	run    string // id of the first request that acts
}

// PropagateTrace has each request that the run is about carry a traceparent, so that the spans of who is asked become
// part of the run's own trace. Parent is the W3C's traceparent of what the run is part of, or empty.
func (f *Follower) PropagateTrace(parent string) {
	f.propagation.mu.Lock()
	defer f.propagation.mu.Unlock()
	f.propagation.on, f.propagation.parent = true, parent
}

// header is the traceparent of a request, or empty.
func (p *propagation) header(q seq.Request) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on || !q.Acts() {
		return ""
	}
	p.run = cmp.Or(p.run, q.ID)
	return seq.NewTraceContext(p.parent, p.run).Header(q.Key())
}

// RoundTrip sends the request with an Audit-ID of our own, which the server puts into its audit log and on its spans.
// Retries that client-go makes within one call go by the same ID; the times are those of the last.
func (t *tracer) RoundTrip(req *http.Request) (*http.Response, error) {
	r, ok := req.Context().Value(tracedKey{}).(*traced)
	if !ok {
		return t.next.RoundTrip(req)
	}
	r.Set(func(q *seq.Request) {
		if q.ID == "" {
			q.ID = string(uuid.NewUUID())
		}
		// Of an earlier try only the id stays.
		*q = seq.Request{ID: q.ID, Verb: q.Verb, Resource: q.Resource, Object: q.Object, SentPod: q.SentPod, Exec: q.Exec,
			Propagation: q.Propagation, ResourceVersion: q.ResourceVersion,
			Method: req.Method, Path: req.URL.RequestURI(), Started: t.now()}
	})
	sent := func() {
		if r.Sent(); r.sent != nil {
			r.sent(r.Get())
		}
	}
	// Connections that are to be switched are made outside of net/http: WebSockets get theirs before it is secured, SPDY
	// tells nothing.
	switches := r.Get().Exec != nil
	securedLater := switches && req.Method == http.MethodGet && req.URL.Scheme == "https"
	if switches && req.Method == http.MethodPost {
		sent()
	}
	hooks := httprecord.Hooks{Got: sent}
	if securedLater {
		hooks = httprecord.Hooks{Secured: func(err error) {
			if err == nil {
				sent()
			}
		}}
	}
	req = req.Clone(httptrace.WithClientTrace(req.Context(), r.ClientTrace(hooks)))
	req.Header.Set("Audit-ID", r.Get().ID)
	if parent := t.header(r.Get()); parent != "" {
		req.Header.Set("Traceparent", parent)
	}
	res, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	r.Answered(res)
	r.Set(func(q *seq.Request) {
		q.FlowSchema = res.Header.Get("X-Kubernetes-Pf-Flowschema-Uid")
		q.PriorityLevel = res.Header.Get("X-Kubernetes-Pf-Prioritylevel-Uid")
		q.Warnings = nil
		warnings, _ := net.ParseWarningHeaders(res.Header.Values("Warning"))
		for _, w := range warnings {
			q.Warnings = append(q.Warnings, w.Text)
		}
	})
	if switches && res.StatusCode == http.StatusSwitchingProtocols {
		// of SPDY the second
		protocol := cmp.Or(res.Header.Get("Sec-Websocket-Protocol"), res.Header.Get("X-Stream-Protocol-Version"))
		r.setExec(func(e *seq.Exec) { e.Protocol = strings.TrimSpace(res.Header.Get("Upgrade") + " " + protocol) })
		r.switched(r.Get())
	}
	return res, nil
}

// WrappedRoundTripper lets client-go reach through to the connection underneath.
func (t *tracer) WrappedRoundTripper() http.RoundTripper { return t.next }

// withRecord returns a context under which the next request is recorded.
func withRecord(ctx context.Context, r *traced) context.Context {
	return context.WithValue(ctx, tracedKey{}, r)
}
