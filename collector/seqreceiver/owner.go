package seqreceiver

// What made a Pod, such as the ReplicaSet of a rollout or a Job, has a trace, too: with one span of each Pod's start.

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// ownerOf is the object whose controller made a Pod, if there is one that has Pods: a node has none of its own.
func ownerOf(p *corev1.Pod) (seq.Object, bool) {
	ref := metav1.GetControllerOfNoCopy(p)
	if ref == nil || ref.UID == "" || ref.Kind == "Node" {
		return seq.Object{}, false
	}
	return seq.Object{Kind: ref.Kind, Namespace: p.Namespace, Name: ref.Name, UID: string(ref.UID)}, true
}

// addToOwner adds to the Pod's own trace a span of its start in the trace of its owner, and links each to the other.
// Nothing of an owner is kept: ids are hashes of its uid and of the Pod's, so that its trace grows with each Pod,
// whoever sends it.
func addToOwner(all ptrace.Traces, p *corev1.Pod) {
	owner, ok := ownerOf(p)
	if !ok {
		return
	}
	own := all.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	context := seq.NewTraceContext("", owner.UID)
	r := all.ResourceSpans().AppendEmpty()
	r.Resource().Attributes().PutStr("service.name", "kubectl-seq")
	scope := r.ScopeSpans().AppendEmpty()
	scope.Scope().SetName(seq.InstrumentationScope)
	s := scope.Spans().AppendEmpty()
	s.SetTraceID(context.TraceID)
	s.SetSpanID(context.Span(seq.Key(render.RunKey + ":" + seq.Key(p.UID))))
	s.SetName(own.Name())
	s.SetKind(ptrace.SpanKindInternal)
	s.SetStartTimestamp(own.StartTimestamp())
	s.SetEndTimestamp(own.EndTimestamp())
	own.Status().CopyTo(s.Status())
	putOwner(s.Attributes(), owner, p)
	link(s, own)
	putOwner(own.Attributes(), owner, p)
	link(own, s)
}

// putOwner says by what a Pod was made, and of which Deployment that is. Its attributes are those of OpenTelemetry's
// semantic conventions, for the kinds that these have.
func putOwner(a pcommon.Map, owner seq.Object, p *corev1.Pod) {
	a.PutStr("k8s.namespace.name", p.Namespace)
	a.PutStr("k8s.pod.name", p.Name)
	a.PutStr("k8s.pod.uid", string(p.UID))
	switch owner.Kind {
	case "ReplicaSet", "Job", "StatefulSet", "DaemonSet", "ReplicationController":
		kind := "k8s." + strings.ToLower(owner.Kind)
		a.PutStr(kind+".name", owner.Name)
		a.PutStr(kind+".uid", owner.UID)
	default:
		a.PutStr("seq.owner", owner.String())
	}
	// The Deployment's controller names a ReplicaSet by the hash with which it labels its Pods.
	if hash := p.Labels["pod-template-hash"]; hash != "" && owner.Kind == "ReplicaSet" {
		if name, ok := strings.CutSuffix(owner.Name, "-"+hash); ok {
			a.PutStr("k8s.deployment.name", name)
		}
	}
}

func link(from, to ptrace.Span) {
	l := from.Links().AppendEmpty()
	l.SetTraceID(to.TraceID())
	l.SetSpanID(to.SpanID())
}
