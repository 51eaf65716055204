package seqreceiver

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Pods of one rollout, or of one Job, are found together: in the trace of their owner, which has a span of each start,
// under the same ids whoever sends it. Nothing is kept of the owner.
func TestOwner(t *testing.T) {
	for _, x := range []struct {
		kind, name, hash, kept string
		want                   map[string]string
	}{
		{"ReplicaSet", "web-59d8", "59d8", "k8s.replicaset", map[string]string{"k8s.deployment.name": "web"}},
		{"ReplicaSet", "web-59d8", "", "k8s.replicaset", map[string]string{"k8s.deployment.name": ""}},
		{"Job", "sums", "", "k8s.job", nil},
		{"StatefulSet", "db", "", "k8s.statefulset", nil},
		{"Rollout", "blue", "", "", map[string]string{"seq.owner": "Rollout default/blue"}},
	} {
		t.Run(x.kind+" "+x.hash, func(t *testing.T) {
			ids := map[pcommon.SpanID]string{}
			for range 2 { // the second time as a new leader that knows of no note
				a := newAPI(t)
				r := run(t, a, nil, nil)
				for _, name := range []string{"a", "b"} {
					for _, o := range told(t, scenario.Named(t, "plain"), name) {
						if p, is := o.(*corev1.Pod); is {
							yes := true
							p.OwnerReferences = []metav1.OwnerReference{{Kind: x.kind, Name: x.name, UID: "owner", Controller: &yes}}
							p.Labels = map[string]string{"pod-template-hash": x.hash}
						}
						a.store("", o)
					}
				}
				r.sent(t, 2)
				for _, one := range r.traces.AllTraces() {
					own, above := one.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0), last(one)
					ids[above.SpanID()] = above.Name()
					if want := seq.NewTraceContext("", "owner").TraceID; above.TraceID() != want {
						t.Errorf("%s is in trace %s of its owner", own.Name(), above.TraceID())
					}
					if above.Name() != own.Name() || above.StartTimestamp() != own.StartTimestamp() ||
						above.EndTimestamp() != own.EndTimestamp() {
						t.Errorf("%s is told of as %s, at another time", own.Name(), above.Name())
					}
					linked(t, own, above)
					linked(t, above, own)
					want := map[string]string{"k8s.namespace.name": "default", "seq.outcome": ""}
					for k, v := range x.want {
						want[k] = v
					}
					if x.kept != "" {
						want[x.kept+".name"], want[x.kept+".uid"] = x.name, "owner"
					}
					for k, v := range want {
						if got := above.Attributes().AsRaw()[k]; got != v && (got != nil || v != "") {
							t.Errorf("%s is %q, want %q", k, got, v)
						}
					}
				}
				r.stop()
			}
			if len(ids) != 2 {
				t.Errorf("two Pods are spans %v", ids)
			}
		})
	}
}

// A Pod of nobody, and one that a node stands for, have no owner.
func TestNoOwner(t *testing.T) {
	a := newAPI(t)
	r := run(t, a, nil, nil)
	for i, kind := range []string{"", "Node"} {
		for _, o := range told(t, scenario.Named(t, "plain"), fmt.Sprint("pod-", i)) {
			if p, is := o.(*corev1.Pod); is && kind != "" {
				yes := true
				p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "node1", UID: "owner", Controller: &yes}}
			}
			a.store("", o)
		}
	}
	r.sent(t, 2)
	for _, one := range r.traces.AllTraces() {
		if own := one.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0); own.Links().Len() != 0 {
			t.Errorf("%s has links", own.Name())
		}
	}
}

func last(of ptrace.Traces) ptrace.Span {
	return of.ResourceSpans().At(of.ResourceSpans().Len() - 1).ScopeSpans().At(0).Spans().At(0)
}

func linked(t *testing.T, from, to ptrace.Span) {
	t.Helper()
	if from.Links().Len() != 1 || from.Links().At(0).TraceID() != to.TraceID() ||
		from.Links().At(0).SpanID() != to.SpanID() {
		t.Errorf("%s of trace %s does not lead to trace %s", from.Name(), from.TraceID(), to.TraceID())
	}
}
