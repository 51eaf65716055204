package trace

// Symptoms and causes of workloads.

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// workloadSymptoms are for objects that are no Pods.
var workloadSymptoms = []symptom{
	{refusal, refusals},
	{failedCreate, deadAfter(missingGrace, refusals)},
	{progress, []obstacleCause{
		{name: "job-failed", match: re(`^(BackoffLimitExceeded|PodFailurePolicy|FailedIndexes|MaxFailedIndexesExceeded): `),
			explain: "the Job's Pods failed more often than it allows", next: "kubectl logs -n {namespace} job/{pod}",
			dead: atOnce},
		{name: "job-deadline", match: re(`^DeadlineExceeded: `),
			explain: "the Job was active for longer than its activeDeadlineSeconds",
			next:    "a longer activeDeadlineSeconds, or less to do", dead: atOnce},
		{name: "not-progressing", match: re(`^ProgressDeadlineExceeded: `),
			explain: "the Deployment has made no progress for its progressDeadlineSeconds",
			next:    "kubectl rollout status deployment/{pod} -n {namespace}", dead: atOnce},
	}},
	{paused, []obstacleCause{{name: "paused", explain: "the Deployment is paused: its controller makes nothing of it",
		next: "kubectl rollout resume deployment/{pod} -n {namespace}", dead: missingGrace}}},
	{noController, []obstacleCause{{name: "no-controller", explain: "no controller has touched the {kind}",
		next: "kubectl get pods -n kube-system -l component=kube-controller-manager"}}},
}

// deadAfter are the same causes, for what is tried again and again.
func deadAfter(d time.Duration, causes []obstacleCause) []obstacleCause {
	causes = slices.Clone(causes)
	for i := range causes {
		causes[i].dead = d
	}
	return causes
}

// failedCreate is the newest Event by which a controller says that the API server did not take what it made.
func failedCreate(s *story, _ time.Time) (finding, bool) {
	for _, c := range s.children() {
		if c.isPod() && !c.deletionBegun() {
			return finding{}, false
		}
	}
	return s.newestEvent(seq.APIServer,
		func(e *emitted) bool { return e.event.Reason == "FailedCreate" && e.emitter.IsController() })
}

// progress is a condition of a workload that says why it does not get on.
func progress(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 {
		return finding{}, false
	}
	u, ok := s.last().object.(*unstructured.Unstructured)
	if !ok {
		return finding{}, false
	}
	for _, c := range object.List(u, "status", "conditions") {
		field, _ := c["type"].(string)
		bad := map[string]string{"Progressing": "False", "Failed": "True"}[field]
		if bad == "" || c["status"] != bad {
			continue
		}
		f := finding{by: controllerOf(s.object.Kind)}
		f.reason, _ = c["reason"].(string)
		f.message, _ = c["message"].(string)
		if f.by == "" {
			f.by = seq.UnknownClient
		}
		return findingOf(f, s.last(), s.last(), "condition "+field+" is "+bad), true
	}
	return finding{}, false
}

func paused(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || object.Spec(s.last().object)["paused"] != true || len(s.children()) > 0 {
		return finding{}, false
	}
	return findingOf(finding{by: seq.UnknownClient, reason: "Paused", message: "spec.paused is true"}, s.last(), s.last(),
		"spec.paused"), true
}

// noController is a workload that its controller has not even looked at.
func noController(s *story, _ time.Time) (finding, bool) {
	if len(s.revisions) == 0 || controllerOf(s.object.Kind) == "" || s.object.Kind == "Service" ||
		s.object.Kind == "CronJob" || s.deletionBegun() {
		return finding{}, false
	}
	for _, w := range s.revisions {
		if w.byController() || len(object.Status(w.object)) > 0 {
			return finding{}, false
		}
	}
	if len(s.events) > 0 || len(s.children()) > 0 {
		return finding{}, false
	}
	f := findingOf(finding{by: controllerOf(s.object.Kind), reason: "Pending",
		message: "no status, no object and no Event of its controller"}, s.revisions[0], s.last(), "the status is empty")
	f.countsFrom = f.since.Add(silence)
	return f, true
}
