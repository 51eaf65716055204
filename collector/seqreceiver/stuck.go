package seqreceiver

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// stuckLog says that a start is held, by whom and why, under the id of the trace that will tell of it.
func stuckLog(of seq.Object, o seq.Obstacle, now time.Time) plog.Logs {
	all := plog.NewLogs()
	r := all.ResourceLogs().AppendEmpty()
	r.Resource().Attributes().PutStr("service.name", "kubectl-seq")
	scope := r.ScopeLogs().AppendEmpty()
	scope.Scope().SetName(seq.InstrumentationScope)
	l := scope.LogRecords().AppendEmpty()
	context := seq.NewTraceContext("", of.UID)
	l.SetTraceID(context.TraceID)
	l.SetSpanID(context.Span(render.RunKey))
	l.SetTimestamp(pcommon.NewTimestampFromTime(o.HeldSince))
	l.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	l.SetSeverityNumber(plog.SeverityNumberWarn)
	l.SetSeverityText("Warning")
	l.SetEventName("seq.stuck")
	l.Body().SetStr(of.String() + " is held by " + string(o.By) + ": " + o.Reason + ": " + o.Explain)
	a := l.Attributes()
	for _, x := range [][2]string{
		{"k8s.namespace.name", of.Namespace}, {"k8s.pod.name", of.Name}, {"k8s.pod.uid", of.UID},
		{"k8s.container.name", o.Container}, {"seq.cause", o.Name}, {"seq.held.by", string(o.By)}, {"seq.reason", o.Reason},
		{"seq.message", o.Message}, {"seq.explain", o.Explain}, {"seq.next", o.Next()},
	} {
		if x[1] != "" {
			a.PutStr(x[0], x[1])
		}
	}
	a.PutBool("seq.dead_end", o.DeadEnd)
	return all
}
