package trace

// Symptoms of workloads and other objects that are no Pods.

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

func (s *story) unstructured() *unstructured.Unstructured {
	if len(s.revisions) == 0 {
		return nil
	}
	u, _ := s.last().object.(*unstructured.Unstructured)
	return u
}

// number is a field of a spec or status, and whether it is there.
func number(fields map[string]any, name string) (n int64, ok bool) {
	n, ok = fields[name].(int64)
	return n, ok
}

// count is a number of a status, which leaves out zeros.
func count(status map[string]any, name string) int64 {
	n, _ := number(status, name)
	return n
}

// replicated are the kinds that keep a number of Pods.
var replicated = []string{"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"}

// countFields are the fields of a status that say how many Pods there are.
type countFields struct{ made, updated, ready, available string }

func countFieldsOf(kind string) countFields {
	if kind == "DaemonSet" {
		return countFields{"currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"}
	}
	return countFields{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"}
}

// unbrokenObject is the first of the newest revisions that all satisfy is, of an object that is no Pod; at least the
// newest.
func (s *story) unbrokenObject(is func(*unstructured.Unstructured) bool) (first *write) {
	first = s.last()
	for i := len(s.revisions) - 1; i >= 0; i-- {
		if o, ok := s.revisions[i].object.(*unstructured.Unstructured); !ok || !is(o) {
			break
		}
		first = s.revisions[i]
	}
	return first
}

// suspended is that somebody does not want the object to do anything, or not by itself.
func suspended(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.deletionBegun() {
		return finding{}, false
	}
	spec, status := object.Field(u, "spec"), object.Field(u, "status")
	var field string
	var within []string // of the field, what decides
	f := finding{}
	switch kind := s.object.Kind; {
	case spec["suspend"] == true:
		field, f.reason, f.message = "suspend", "Suspended", "spec.suspend of the "+kind+" is true"
	case spec["paused"] == true && !object.State(u).Available:
		field, f.reason, f.message = "paused", "Paused", "spec.paused is true"
	case kind == "Job" && spec["parallelism"] == int64(0):
		field, f.reason, f.message = "parallelism", "Parallelism", "spec.parallelism is 0"
	case status["currentRevision"] != status["updateRevision"] || kind == "DaemonSet":
		strategy, _, _ := unstructured.NestedString(u.Object, "spec", "updateStrategy", "type")
		is := countFieldsOf(kind)
		wanted, updated := count(status, is.made), count(status, is.updated)
		if kind == "DaemonSet" {
			wanted = count(status, "desiredNumberScheduled")
		}
		partition, _, _ := unstructured.NestedInt64(u.Object, "spec", "updateStrategy", "rollingUpdate", "partition")
		switch {
		case updated >= wanted:
			return finding{}, false
		case strategy == "OnDelete":
			field, within, f.reason = "updateStrategy", []string{"type"}, "OnDelete"
		case partition > 0 && updated >= wanted-partition:
			field, within, f.reason = "updateStrategy", []string{"rollingUpdate", "partition"}, "Partition"
		default:
			return finding{}, false
		}
		f.message = fmt.Sprintf("%d of %d Pods have the new template", updated, wanted)
		f.replacements = []string{"{partition}", fmt.Sprint(partition)}
	default:
		return finding{}, false
	}
	f.by, f.heldSince = s.setter(append([]string{"spec", field}, within...)...)
	f.replacements = append(f.replacements, "{setter}", string(f.by))
	first := s.unbrokenObject(func(o *unstructured.Unstructured) bool {
		return fmt.Sprint(object.Field(o, "spec")[field]) == fmt.Sprint(spec[field])
	})
	return findingOf(f, first, s.last(), "spec."+field), true
}

// madeKind is the kind of what a controller could not make.
var madeKind = re(`(\w+) "[^"]+" is invalid`)

// failedCreate is the newest Event by which a controller says that the API server did not take what it made.
func failedCreate(s *story, _ time.Time) (finding, bool) {
	var newest *emitted
	f, ok := s.newestEvent(seq.APIServer, func(e *emitted) bool {
		is := e.event.Reason == "FailedCreate" && e.emitter.IsController()
		if is {
			newest = e
		}
		return is
	})
	for _, c := range s.children() { // it has made one since, or one that is there has something to say for itself
		if ok && c.isPod() && len(c.revisions) > 0 && !c.deletionBegun() && (c.order.oldestRevision > newest.rv ||
			!c.state(len(c.revisions)).Available) {
			return finding{}, false
		}
	}
	kind := s.object.Kind
	if m := madeKind.FindStringSubmatch(f.message); m != nil { // what it makes is not taken
		kind = m[1]
		f.replacements = []string{"{kind}", kind + " that it makes"}
	}
	f.replacements = append(f.replacements, "{field}", explainedField(kind, f.message))
	return f, ok
}

// refusedAgain is that the kubelet refuses each Pod that a controller makes.
func refusedAgain(s *story, _ time.Time) (finding, bool) {
	var newest, oldest *story
	times := 0
	for _, p := range s.children() {
		if !p.isPod() || len(p.revisions) == 0 || p.newest().Status.Phase != corev1.PodFailed ||
			p.newest().Status.Reason == "" || len(p.lives) > 0 {
			continue
		}
		times++
		if newest == nil || p.order.oldestRevision > newest.order.oldestRevision {
			newest = p
		}
		if oldest == nil || p.order.oldestRevision < oldest.order.oldestRevision {
			oldest = p
		}
	}
	if times < deadEndAfter || s.deletionBegun() {
		return finding{}, false
	}
	p := newest.newest()
	f := findingOf(finding{by: seq.Kubelet, reason: p.Status.Reason, message: p.Status.Message,
		replacements: []string{"{times}", fmt.Sprint(times), "{node}", newest.node}}, oldest.last(), newest.last(),
		"Pod "+p.Name+": status.phase is Failed")
	return f, true
}

// noController is a workload that its controller has not even looked at.
func noController(s *story, _ time.Time) (finding, bool) {
	if controllerOf(s.object.Kind) == "" || s.object.Kind == "Service" || s.object.Kind == "CronJob" || s.deletionBegun() {
		return finding{}, false
	}
	for _, w := range s.revisions {
		if w.byController() || !isBlank(object.Status(w.object)) {
			return finding{}, false
		}
	}
	if len(s.events) > 0 || len(s.children()) > 0 {
		return finding{}, false
	}
	f := finding{by: controllerOf(s.object.Kind), reason: "Pending",
		message: "no status, no object and no Event of its controller"}
	if by, _ := object.Spec(s.last().object)["managedBy"].(string); by != "" && by != "kubernetes.io/job-controller" {
		f.message += "; spec.managedBy is " + by
	}
	f = findingOf(f, s.revisions[0], s.last(), "the status is empty")
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// isBlank reports whether a status is as the API server makes it: no field, or zeros.
func isBlank(status map[string]any) bool {
	for _, v := range status {
		if v != int64(0) {
			return false
		}
	}
	return true
}

// progress is the condition by which a Deployment says that it does not get on.
func progress(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.deletionBegun() {
		return finding{}, false
	}
	for _, c := range object.List(u, "status", "conditions") {
		if c["type"] != "Progressing" || c["status"] != "False" {
			continue
		}
		f := finding{by: cmp.Or(controllerOf(s.object.Kind), seq.UnknownClient)}
		f.reason, _ = c["reason"].(string)
		f.message, _ = c["message"].(string)
		return findingOf(f, s.last(), s.last(), "condition Progressing is False"), true
	}
	return finding{}, false
}

// minReady is that the Pods of a workload are ready, and not yet for long enough.
func minReady(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	n := s.minReady()
	if u == nil || n == 0 || s.deletionBegun() {
		return finding{}, false
	}
	status := object.Field(u, "status")
	is := countFieldsOf(s.object.Kind)
	ready, available := count(status, is.ready), count(status, is.available)
	if ready == 0 || available >= ready {
		return finding{}, false
	}
	f := finding{by: cmp.Or(controllerOf(s.object.Kind), seq.UnknownClient), reason: "MinReadySeconds",
		message:      fmt.Sprintf("%d ready, %d available", ready, available),
		replacements: []string{"{seconds}", fmt.Sprint(n)}}
	return findingOf(f, s.last(), s.last(), "status"), true
}

// tooFew is a count of a workload that has not reached its aim, with the object below it that is to blame. What a Job's
// Pods do may just take its time.
func tooFew(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || !slices.Contains(replicated, s.object.Kind) || s.deletionBegun() {
		return finding{}, false
	}
	is, status := countFieldsOf(s.object.Kind), object.Field(u, "status")
	have, want := count(status, is.available), int64(1)
	if n, ok := number(object.Field(u, "spec"), "replicas"); ok {
		want = n
	}
	if s.object.Kind == "DaemonSet" {
		want = count(status, "desiredNumberScheduled")
	}
	if have >= want {
		return finding{}, false
	}
	blamed, by, first := "there are none yet", cmp.Or(controllerOf(s.object.Kind), seq.UnknownClient), s.last()
	if count(status, is.made) > 0 {
		blamed = "what its Pods wait for cannot be seen"
	}
	for _, p := range s.podsBelow() {
		if len(p.revisions) == 0 || object.Condition(p.newest(), corev1.PodReady) == corev1.ConditionTrue ||
			p.podEnded() || p.deletionBegun() {
			continue
		}
		blamed, by, first = "Pod "+p.object.Name+" is not ready", seq.Kubelet, p.last()
		if p.node == "" {
			blamed, by = "Pod "+p.object.Name+" has no node", scheduler(p.newest())
		}
		break
	}
	f := finding{by: by, reason: "NotEnough", message: fmt.Sprintf("status.%s is %d", is.available, have),
		replacements: []string{"{have}", fmt.Sprint(have), "{want}", fmt.Sprint(want), "{blamed}", blamed}}
	f = findingOf(f, first, first, "status")
	f.countsFrom = f.since.Add(patience)
	return f, true
}
