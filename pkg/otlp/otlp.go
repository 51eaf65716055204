// Package otlp receives OpenTelemetry spans, from a file or by OTLP, and picks those that are about one Pod. It also
// sends some.
package otlp

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// ParseJSON reads one line of OTLP JSON, as the OpenTelemetry collector's file exporter writes it.
func ParseJSON(line []byte) (ptrace.Traces, error) {
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalJSON(line); err != nil {
		return ptrace.Traces{}, fmt.Errorf("spans: %w", err)
	}
	return req.Traces(), nil
}

// attributesRead are the attributes that anything is read from.
var attributesRead = map[string]bool{
	"audit-id": true, "key": true, "http.request.method": true, "url.path": true,
	"http.response.status_code": true, "user_agent.original": true,
	"read_only": true, "webhook": true,
	"k8s.pod.uid": true, "k8s.pod.name": true, "k8s.namespace.name": true, "sandbox.id": true, "sandbox.name": true,
	"sandbox.ip": true, "container.id": true, "container.name": true, "image.ref": true,
	"task.id": true, "process.id": true, "process.task.id": true,
}

// earlierNames are what Kubernetes 1.34 and 1.35 call these attributes: their instrumentation is older than the stable
// semantic conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/).
var earlierNames = map[string]string{
	"http.method": "http.request.method", "http.target": "url.path",
	"http.status_code": "http.response.status_code",
}

// each calls do for every span, as the core takes it, but for what we have written ourselves: that is what a run has
// concluded, and proves nothing.
func each(all ptrace.Traces, do func(*seq.Span)) {
	for _, r := range all.ResourceSpans().All() {
		service := ""
		if v, ok := r.Resource().Attributes().Get("service.name"); ok {
			service = v.AsString()
		}
		for _, scope := range r.ScopeSpans().All() {
			if scope.Scope().Name() == seq.InstrumentationScope {
				continue
			}
			for _, s := range scope.Spans().All() {
				do(convert(service, s))
			}
		}
	}
}

func convert(service string, s ptrace.Span) *seq.Span {
	out := &seq.Span{Service: service, Name: s.Name(), TraceID: hexTrace(s.TraceID()), ID: hexSpan(s.SpanID()),
		Parent: hexSpan(s.ParentSpanID()), Start: at(s.StartTimestamp()), End: at(s.EndTimestamp())}
	for key, value := range s.Attributes().All() {
		name := cmp.Or(earlierNames[key], key)
		if !attributesRead[name] || name != key && out.Attributes[name] != "" {
			continue
		}
		if out.Attributes == nil {
			out.Attributes = map[string]string{}
		}
		out.Attributes[name] = value.AsString()
		if key == "http.target" { // with the query
			out.Attributes[name], _, _ = strings.Cut(value.AsString(), "?")
		}
	}
	for _, l := range s.Links().All() {
		out.Links = append(out.Links, hexSpan(l.SpanID()))
	}
	if s.Status().Code() == ptrace.StatusCodeError {
		out.Error = s.Status().Message()
	}
	return out
}

func at(t pcommon.Timestamp) time.Time { return t.AsTime().UTC() }

func hexTrace(id pcommon.TraceID) string { return hex.EncodeToString(id[:]) }

func hexSpan(id pcommon.SpanID) string {
	if id.IsEmpty() {
		return ""
	}
	return hex.EncodeToString(id[:])
}
