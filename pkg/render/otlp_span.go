package render

// What is written of one span.

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// ownService is whose the spans are of what no participant does: the run and its phases.
const ownService = "kubectl-seq"

// otlpWriter writes spans of one trace, those of one participant under one resource.
type otlpWriter struct {
	*otlpTrace
	to        ptrace.Traces
	resources map[[2]string]ptrace.SpanSlice // by participant and node
}

// write is the trace in the form of OTLP.
func (t *otlpTrace) write() ptrace.Traces {
	w := otlpWriter{t, ptrace.NewTraces(), map[[2]string]ptrace.SpanSlice{}}
	w.span(t.root, t.context.Parent)
	return w.to
}

// service are the spans of a participant; node is empty for one of no node.
func (w *otlpWriter) service(name, node string) ptrace.SpanSlice {
	key := [2]string{name, node}
	all, ok := w.resources[key]
	if !ok {
		r := w.to.ResourceSpans().AppendEmpty()
		put(r.Resource().Attributes(), "service.name", name)
		put(r.Resource().Attributes(), "k8s.node.name", node)
		scope := r.ScopeSpans().AppendEmpty()
		scope.Scope().SetName(seq.InstrumentationScope)
		all = scope.Spans()
		w.resources[key] = all
	}
	return all
}

// span writes a span, and what is below it.
func (w *otlpWriter) span(x *otlpSpan, parent [8]byte) {
	name, node := ownService, ""
	if s := x.step; s != nil {
		name = valid(string(s.From))
		if onNode(laneRank(s.From, w.Run.Runtime)) {
			node = s.Node
		}
	}
	s := w.service(name, node).AppendEmpty()
	id := w.context.Span(x.key)
	s.SetTraceID(w.context.TraceID)
	s.SetSpanID(id)
	s.SetParentSpanID(parent)
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(x.start))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(x.end))
	switch {
	case x.step != nil:
		w.message(s, x)
	case x.phase != nil:
		w.stretch(s, x.phase)
	default:
		w.run(s)
	}
	for _, b := range x.below {
		w.span(b, id)
	}
}

// run says what the whole trace is about, and what came of it.
func (w *otlpWriter) run(s ptrace.Span) {
	s.SetName(valid(w.subject.String()))
	s.SetKind(ptrace.SpanKindInternal)
	a := s.Attributes()
	putObject(a, w.subject)
	put(a, "seq.server", w.Run.Server)
	o := w.Outcome
	put(a, "seq.outcome", o.Name)
	if o.ExitCode != 0 || o.Name == "Failed" {
		setFailed(s, strings.TrimSuffix(o.Name+": "+cmp.Or(o.Reason, o.Message), ": "))
	}
	for _, c := range w.links {
		l := s.Links().AppendEmpty()
		l.SetTraceID(c.TraceID)
		l.SetSpanID(c.Span(RunKey))
	}
}

// stretch says of which phase it is.
func (w *otlpWriter) stretch(s ptrace.Span, p *phasePart) {
	phase := w.Phases[p.phase]
	s.SetName(valid(phase.Name))
	s.SetKind(ptrace.SpanKindInternal)
	a := s.Attributes()
	putWindow(a, p.Earliest, p.Latest)
	put(a, "seq.phase", phase.Name)
	put(a, "seq.explain", phase.Explain)
	if phase.Waiting {
		a.PutBool("seq.waiting", true)
	}
	if phase.Open && p.End == "" {
		a.PutBool("seq.open", true)
	}
}

// message says what a step says. The bounds are those of the message and its answer together.
func (w *otlpWriter) message(s ptrace.Span, x *otlpSpan) {
	step, latest, evidence := x.step, x.step.Window.Latest, x.step.Evidence
	s.SetName(valid(step.Label))
	s.SetKind(spanKinds[step.Kind])
	a := s.Attributes()
	if step.To != step.From {
		put(a, "service.peer.name", string(step.To))
		put(a, "peer.service", string(step.To)) // as it was called before, which more programs know
	}
	putObject(a, step.Object)
	put(a, "k8s.container.name", step.Container)
	put(a, "seq.rule", step.Rule.Name)
	put(a, "seq.certainty", string(step.Certainty))
	put(a, "seq.revision", step.ResourceVersion)
	if step.Failed {
		setFailed(s, step.Label)
	}
	if x.answer != nil {
		latest, evidence = x.answer.Window.Latest, slices.Concat(evidence, x.answer.Evidence)
		put(a, "seq.answer", x.answer.Label)
		put(a, "seq.answer.certainty", string(x.answer.Certainty))
		if x.answer.Failed {
			setFailed(s, x.answer.Label)
		}
	}
	putWindow(a, step.Window.Earliest, latest)
	list, told := a.PutEmptySlice("seq.evidence"), map[string]bool{}
	for _, e := range evidence {
		if text := valid(e.Source + ": " + e.Text); !told[text] {
			list.AppendEmpty().SetStr(text)
			told[text] = true
		}
	}
}

var spanKinds = map[seq.StepKind]ptrace.SpanKind{
	seq.RequestKind:  ptrace.SpanKindClient,
	seq.ResponseKind: ptrace.SpanKindServer,
	seq.DeliveryKind: ptrace.SpanKindProducer,
	seq.NoteKind:     ptrace.SpanKindInternal,
}

func setFailed(s ptrace.Span, why string) {
	s.Status().SetCode(ptrace.StatusCodeError)
	s.Status().SetMessage(valid(why))
}

// objectAttributes are what the semantic conventions call names and uids of kinds, without that ending:
// https://opentelemetry.io/docs/specs/semconv/resource/k8s/.
var objectAttributes = map[string]string{
	"Pod": "k8s.pod", "Deployment": "k8s.deployment", "ReplicaSet": "k8s.replicaset", "StatefulSet": "k8s.statefulset",
	"DaemonSet": "k8s.daemonset", "Job": "k8s.job", "CronJob": "k8s.cronjob", "Node": "k8s.node",
	"ReplicationController": "k8s.replicationcontroller", "PersistentVolumeClaim": "k8s.persistentvolumeclaim",
	"PersistentVolume": "k8s.persistentvolume", "Service": "k8s.service",
}

// putObject names an object. A container of a Docker Engine has its id as uid.
func putObject(a pcommon.Map, o seq.Object) {
	switch name, ok := objectAttributes[o.Kind]; {
	case o.Name == "" && o.UID == "":
	case o.Kind == seq.KindContainer:
		put(a, "container.name", o.Name)
		put(a, "container.id", o.UID)
	case ok:
		put(a, "k8s.namespace.name", o.Namespace)
		put(a, name+".name", o.Name)
		put(a, name+".uid", o.UID)
	default:
		put(a, "k8s.namespace.name", o.Namespace)
		put(a, "seq.object", o.Kind+" "+o.Name)
	}
}

// putWindow has what is proved of a time in RFC 3339.
func putWindow(a pcommon.Map, earliest, latest time.Time) {
	if t := instant(earliest); t != nil {
		put(a, "seq.earliest", t.Format(time.RFC3339Nano))
	}
	if t := instant(latest); t != nil {
		put(a, "seq.latest", t.Format(time.RFC3339Nano))
	}
}

// put leaves out what is empty.
func put(a pcommon.Map, name, value string) {
	if value != "" {
		a.PutStr(name, valid(value))
	}
}

// mostBytes is how many bytes of a text are written at the most: receivers bound what they take.
const mostBytes = 4 << 10

// valid is a text as protobuf and JSON have it.
func valid(text string) string {
	if len(text) > mostBytes {
		return strings.ToValidUTF8(text[:mostBytes], "") + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
