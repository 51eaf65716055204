package trace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Who deleted a Pod is told by row and summary alike: nobody is named where nothing says who, the garbage collector
// where the owner is not there, and whoever the audit log names.
func TestDeletersAreNamed(t *testing.T) {
	s := scenario.Named(t, "deleted")
	owned := slices.Clone(s.Observations)
	var deletion seq.Observation
	for i, o := range owned {
		if o.Change == nil || o.Change.Pod == nil {
			continue
		}
		if o.Change.Pod.DeletionTimestamp != nil && deletion.Change == nil {
			deletion = o
		}
		c := *o.Change
		c.Pod = c.Pod.DeepCopy()
		c.Pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "gone", UID: "gone"}}
		owned[i].Change = &c
	}
	missing := &unstructured.Unstructured{}
	missing.SetKind("ConfigMap")
	missing.SetName("gone")
	missing.SetUID("gone")
	p := deletion.Change.Pod
	audited := &seq.Audit{ID: "x", Verb: "delete", Resource: "pods", User: "system:serviceaccount:tools:reaper",
		ResourceVersion: p.ResourceVersion, Code: 200, Received: deletion.Received.Add(-8 * time.Millisecond),
		Completed: deletion.Received.Add(-time.Millisecond)}
	audited.Namespace, audited.Name, audited.UID = p.Namespace, p.Name, string(p.UID)
	for name, c := range map[string]struct {
		observations []seq.Observation
		from         seq.Participant
		summary      string
	}{
		"nobody": {owned, seq.UnknownClient, "the Pod was deleted; nothing in it records by whom"},
		"collector": {append(slices.Clone(owned), seq.Observation{Received: s.Observations[0].Received,
			Change: &seq.Change{Type: "GONE", Object: missing}}), seq.Controller("garbage-collector"),
			"the owner that it refers to is not there"},
		"audit": {append(slices.Clone(s.Observations), seq.Observation{Received: deletion.Received, Audit: audited}),
			"user system:serviceaccount:tools:reaper", "user system:serviceaccount:tools:reaper deleted the Pod"},
	} {
		tr := scenario.Fold(s.Subject, c.observations)
		i := slices.IndexFunc(tr.Steps(),
			func(x *seq.Step) bool {
				return x.ResourceVersion == p.ResourceVersion && strings.HasPrefix(x.Label, "DELETE")
			})
		if i < 0 || tr.Steps()[i].From != c.from {
			t.Errorf("%s: step %d of\n%v", name, i, tr.Steps())
		}
		o, held := tr.Obstacle()
		if !held || o.By != c.from || !strings.Contains(o.Explain, c.summary) {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// An owner that nothing has shown is asked for, and not again once it is known to be missing.
func TestMissingOwnersAreAskedFor(t *testing.T) {
	s := scenario.Named(t, "plain")
	observations := slices.Clone(s.Observations)
	for i, o := range observations {
		if o.Change != nil && o.Change.Pod != nil {
			c := *o.Change
			c.Pod = c.Pod.DeepCopy()
			c.Pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "gone",
				UID: "gone"}}
			observations[i].Change = &c
		}
	}
	tr := scenario.Fold(s.Subject, observations)
	ask := seq.Question{Kind: "owner", APIVersion: "apps/v1",
		Object: seq.Object{Kind: "ReplicaSet", Namespace: "default", Name: "gone", UID: "gone"}}
	if !slices.Contains(tr.Questions(), ask) {
		t.Errorf("asks %+v", tr.Questions())
	}
	gone := &unstructured.Unstructured{}
	gone.SetKind("ReplicaSet")
	gone.SetUID("gone")
	tr.Observe(seq.Observation{Received: tr.Now(), Change: &seq.Change{Type: "GONE", Object: gone}})
	if slices.Contains(tr.Questions(), ask) {
		t.Error("asks again")
	}
}

// The owner of what went at once is asked for afterwards: nothing held the object until then.
func TestOwnerOfWhatWentIsAskedFor(t *testing.T) {
	s := scenario.Named(t, "watch-paused")
	unanswered := slices.DeleteFunc(slices.Clone(s.Observations),
		func(o seq.Observation) bool { return o.Change != nil && o.Change.Type == "GONE" })
	asks := func(q seq.Question) bool { return q.Kind == "owner" && q.Object.Kind == "Service" }
	if all := scenario.Fold(s.Subject, unanswered).Questions(); !slices.ContainsFunc(all, asks) {
		t.Errorf("asks %+v", all)
	}
	if all := scenario.Fold(s.Subject, s.Observations).Questions(); slices.ContainsFunc(all, asks) {
		t.Errorf("asks again: %+v", all)
	}
}

// Why a Pod was deleted is what it said when its deletion began. Of one that was found to be ending, the seconds of the
// condition and of the deletion tell.
func TestLaterDisruptionEndsNothing(t *testing.T) {
	s := scenario.Named(t, "deleted-again")
	isPod := func(o seq.Observation) bool { return o.Change != nil && o.Change.Pod != nil }
	evicted := slices.IndexFunc(s.Observations, func(o seq.Observation) bool {
		return isPod(o) && slices.ContainsFunc(o.Change.Pod.Status.Conditions,
			func(c corev1.PodCondition) bool { return c.Type == corev1.DisruptionTarget })
	})
	first := slices.IndexFunc(s.Observations, isPod)
	found := slices.Clone(s.Observations[:first+1])
	listed := *found[first].Change
	listed.Pod = s.Observations[evicted].Change.Pod
	found[first].Change = &listed
	for name, observations := range map[string][]seq.Observation{"seen": s.Observations, "found": found} {
		if o, held := scenario.Fold(s.Subject, observations).Obstacle(); !held ||
			!strings.Contains(o.Explain, "was deleted; nothing in it records by whom") {
			t.Errorf("%s: %+v", name, o)
		}
	}
}
