package trace

// Symptoms of workloads and other objects that are no Pods.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

func (s *story) unstructured() *unstructured.Unstructured {
	u, _ := s.last().object.(*unstructured.Unstructured)
	return u
}

// number is a field of a spec or status, and whether it is there.
func number(fields map[string]any, name string) (n int64, ok bool) {
	n, ok = fields[name].(int64)
	return n, ok
}

// endingObject is what an object that is to be deleted, or what it made, waits for.
func endingObject(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if !s.deletionBegun() || u == nil {
		return finding{}, false
	}
	if s.isGone() {
		p := s.podThatEnds()
		if p == nil {
			return finding{}, false
		}
		f := finding{by: seq.UnknownClient, reason: "PodsEnd", message: "Pod " + p.object.Name + " is still there",
			replacements: []string{"{pods}", "Pod " + p.object.Name}}
		return findingOf(f, s.firstDeleting(), s.last(), "it is gone"), true
	}
	f, ok := s.finalizers()
	switch {
	case ok && strings.HasPrefix(f.message, "foregroundDeletion"):
		waits := ""
		if child := s.childThatStays(); child != nil {
			waits = ": " + child.object.Kind + " " + child.object.Name + " is still there"
		}
		f.replacements = append(f.replacements, "{waits}", waits)
	case ok && s.object.Kind == "PersistentVolumeClaim":
		if l, known := s.usersOf(s.object); known && len(l.Users) > 0 {
			var names []string
			for _, o := range l.Users {
				names = append(names, o.Kind+" "+o.Name)
			}
			f.message += "; used by " + strings.Join(names, ", ")
			f.evidence = append(f.evidence, l.evidence())
		}
	case s.object.Kind == "Namespace":
		f = finding{by: seq.UnknownClient, reason: "Finalizers", message: "kubernetes"}
		var words []string
		for _, c := range object.List(u, "status", "conditions") {
			if c["status"] == "True" {
				words = append(words, fmt.Sprint(c["message"]))
			}
		}
		f.message += ": " + cmp.Or(strings.Join(words, "; "), "its controller has not said what is left")
		f = findingOf(f, s.firstDeleting(), s.last(), "spec.finalizers")
		f.heldSince, _ = s.asked()
		ok = true
	}
	f.countsFrom = f.since.Add(time.Second)
	return f, ok
}

// podThatEnds is a Pod below a deleted object that is still there, or nil.
func (s *story) podThatEnds() *story {
	if s.orphans() {
		return nil
	}
	for _, p := range s.podsBelow() {
		if len(p.revisions) > 0 && !p.isGone() && !p.isReleased() {
			return p
		}
	}
	return nil
}

func (s *story) childThatStays() *story {
	for _, c := range s.children() {
		if len(c.revisions) > 0 && !c.isGone() {
			return c
		}
	}
	return nil
}

// suspended is that somebody does not want the object to do anything, or not by itself.
func suspended(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.deletionBegun() {
		return finding{}, false
	}
	spec, status := object.Field(u, "spec"), object.Field(u, "status")
	var field, detail string
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
		wanted, _ := number(status, cmp.Or(map[string]string{"DaemonSet": "desiredNumberScheduled"}[kind], "replicas"))
		updated, _ := number(status, cmp.Or(map[string]string{"DaemonSet": "updatedNumberScheduled"}[kind],
			"updatedReplicas"))
		partition, _, _ := unstructured.NestedInt64(u.Object, "spec", "updateStrategy", "rollingUpdate", "partition")
		switch {
		case updated >= wanted:
			return finding{}, false
		case strategy == "OnDelete":
			field, f.reason = "updateStrategy", "OnDelete"
		case partition > 0 && updated >= wanted-partition:
			field, f.reason = "updateStrategy", "Partition"
		default:
			return finding{}, false
		}
		f.message = fmt.Sprintf("%d of %d Pods have the new template", updated, wanted)
		f.replacements = []string{"{partition}", fmt.Sprint(partition), "{waiting}", ""}
	default:
		return finding{}, false
	}
	detail = cmp.Or(detail, "spec."+field)
	f.by = s.setter("spec", field)
	f.replacements = append(f.replacements, "{setter}", string(f.by))
	first := s.last()
	for i := len(s.revisions) - 1; i >= 0; i-- {
		if o, ok := s.revisions[i].object.(*unstructured.Unstructured); !ok ||
			fmt.Sprint(object.Field(o, "spec")[field]) != fmt.Sprint(spec[field]) {
			break
		}
		first = s.revisions[i]
	}
	return findingOf(f, first, s.last(), detail), true
}

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
	f.replacements = []string{"{field}", explainedField(s.object.Kind, f.message)}
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

// failedJob is the condition by which a Job says that it has failed, or is about to.
func failedJob(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.object.Kind != "Job" {
		return finding{}, false
	}
	spec, status := object.Field(u, "spec"), object.Field(u, "status")
	for _, c := range object.List(u, "status", "conditions") {
		kind, _ := c["type"].(string)
		if kind != "Failed" && kind != "FailureTarget" || c["status"] != "True" {
			continue
		}
		f := finding{by: controllerOf("Job")}
		if by, _ := spec["managedBy"].(string); by != "" {
			f.by = seq.Participant(by)
		}
		how, lastPod := s.lastFailure()
		f.reason, _ = c["reason"].(string)
		f.message, _ = c["message"].(string)
		failed, _ := number(status, "failed")
		limit, ok := number(spec, "backoffLimit")
		if !ok {
			limit = 6 // the default
		}
		perIndex, _ := number(spec, "backoffLimitPerIndex")
		deadline, _ := number(spec, "activeDeadlineSeconds")
		indexes, _ := status["failedIndexes"].(string)
		f.replacements = []string{"{failed}", timesWord(int(failed)), "{limit}", fmt.Sprint(limit), "{perIndex}",
			fmt.Sprint(perIndex),
			"{deadline}", fmt.Sprint(deadline), "{indexes}", indexes, "{last}", how, "{lastPod}", lastPod, "{who}",
			namedWho(f.by)}
		return findingOf(f, s.firstWithCondition(kind), s.last(), "condition "+kind+" is True"), true
	}
	return finding{}, false
}

// firstWithCondition is the first revision by which that condition is True.
func (s *story) firstWithCondition(kind string) *write {
	for _, w := range s.revisions {
		if u, ok := w.object.(*unstructured.Unstructured); ok && object.Conditions(object.Field(u,
			"status"))[kind] == "True" {
			return w
		}
	}
	return s.last()
}

// lastFailure says how the last Pod of a Job failed, and names it.
func (s *story) lastFailure() (how, pod string) {
	var last *story
	for _, p := range s.podsBelow() {
		if len(p.revisions) > 0 && p.newest().Status.Phase == corev1.PodFailed &&
			(last == nil || p.order.oldestRevision > last.order.oldestRevision) {
			last = p
		}
	}
	if last == nil {
		return "", "job/" + s.object.Name
	}
	for c := range statusesWithoutEphemeral(last.newest()) {
		if e := c.State.Terminated; e != nil && e.ExitCode != 0 {
			return fmt.Sprintf("; the last: container %s of %s %s%s", c.Name, last.object.Name, stateOf(c.State),
					codeMeaning(e)),
				last.object.Name
		}
	}
	if r := last.newest().Status.Reason; r != "" {
		return fmt.Sprintf("; the last: %s, %s", last.object.Name, r), last.object.Name
	}
	return "", last.object.Name
}

// farAway is how far a schedule must be for a run to be about waiting for it.
const farAway = 90 * time.Second

// scheduledLater is a CronJob that is not due for long.
func scheduledLater(s *story, now time.Time) (finding, bool) {
	if s.object.Kind != "CronJob" || len(s.children()) > 0 || s.deletionBegun() {
		return finding{}, false
	}
	spec := object.Spec(s.last().object)
	schedule, _ := spec["schedule"].(string)
	zone, _ := spec["timeZone"].(string)
	due, ok := nextDue(schedule, zone, now)
	if !ok || due.Sub(now) < farAway {
		return finding{}, false
	}
	f := findingOf(finding{by: controllerOf("CronJob"), reason: "NotDue", message: "spec.schedule is " + schedule,
		replacements: []string{"{schedule}", schedule, "{due}", due.Format("2006-01-02 15:04 MST")}}, s.revisions[0],
		s.last(),
		"spec.schedule")
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// unboundClaim is why a claim has no volume: the newest Event that says so, be it a Warning or not.
func unboundClaim(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.object.Kind != "PersistentVolumeClaim" || s.deletionBegun() {
		return finding{}, false
	}
	phase, spec := object.Field(u, "status")["phase"], object.Field(u, "spec")
	if phase != "Pending" && phase != "Lost" {
		return finding{}, false
	}
	binder, who := controllerOf("PersistentVolumeClaim"), seq.Participant("")
	f, ok := s.newestEvent(binder, func(e *emitted) bool {
		who = e.emitter
		return true
	})
	volume, _ := spec["volumeName"].(string)
	class, _ := spec["storageClassName"].(string)
	switch {
	case phase == "Lost" && f.reason != "ClaimLost":
		f = findingOf(finding{by: binder, reason: "ClaimLost", message: "status.phase is Lost"}, s.last(), s.last(),
			"status.phase")
	case !ok:
		f = findingOf(finding{by: binder, reason: "Pending", message: "status.phase is Pending"}, s.revisions[0], s.last(),
			"status.phase")
		if volume != "" {
			f.message += ", spec.volumeName is " + volume
		}
		f.countsFrom = f.since.Add(silence)
	case f.reason == "ProvisioningFailed":
		f.by = who
	}
	f.replacements = []string{"{volume}", volume, "{class}", class, "{who}", namedWho(who)}
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
	ready, _ := number(status, cmp.Or(map[string]string{"DaemonSet": "numberReady"}[s.object.Kind], "readyReplicas"))
	available, _ := number(status, cmp.Or(map[string]string{"DaemonSet": "numberAvailable"}[s.object.Kind],
		"availableReplicas"))
	if ready == 0 || available >= ready {
		return finding{}, false
	}
	f := finding{by: cmp.Or(controllerOf(s.object.Kind), seq.UnknownClient), reason: "MinReadySeconds",
		message:      fmt.Sprintf("%d ready, %d available", ready, available),
		replacements: []string{"{seconds}", fmt.Sprint(n)}}
	return findingOf(f, s.last(), s.last(), "status"), true
}

// wantedReplica names the fields of a kind's status and spec that say how many there are and are to be.
type wantedReplica struct {
	kind, have, what string
	want             func(spec, status map[string]any) int64
}

func specReplicas(spec, _ map[string]any) int64 {
	if n, ok := number(spec, "replicas"); ok {
		return n
	}
	return 1
}

var wantedReplicas = []wantedReplica{
	{"Deployment", "availableReplicas", "Pods are available", specReplicas},
	{"ReplicaSet", "availableReplicas", "Pods are available", specReplicas},
	{"ReplicationController", "availableReplicas", "Pods are available", specReplicas},
	{"StatefulSet", "availableReplicas", "Pods are available", specReplicas},
	{"DaemonSet", "numberAvailable", "Pods are available",
		func(_, status map[string]any) int64 { n, _ := number(status, "desiredNumberScheduled"); return n }},
	{"Job", "succeeded", "Pods have succeeded", func(spec, _ map[string]any) int64 {
		if n, ok := number(spec, "completions"); ok {
			return n
		}
		return 1
	}},
}

// tooFew is a count of a workload that has not reached its aim, with the object below it that is to blame.
func tooFew(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	i := slices.IndexFunc(wantedReplicas, func(w wantedReplica) bool { return w.kind == s.object.Kind })
	if u == nil || i < 0 || s.deletionBegun() {
		return finding{}, false
	}
	w := wantedReplicas[i]
	spec, status := object.Field(u, "spec"), object.Field(u, "status")
	have, _ := number(status, w.have)
	want := w.want(spec, status)
	if have >= want || s.object.Kind == "Job" { // what a Job's Pods do may just take its time
		return finding{}, false
	}
	blamed, by, first := "there are none yet", cmp.Or(controllerOf(s.object.Kind), seq.UnknownClient), s.last()
	if n, _ := number(status, cmp.Or(map[string]string{"DaemonSet": "currentNumberScheduled"}[s.object.Kind],
		"replicas")); n > 0 {
		blamed = "what its Pods wait for cannot be seen"
	}
	for _, p := range s.podsBelow() {
		if len(p.revisions) == 0 || p.state(len(p.revisions)).Available || p.podEnded() || p.deletionBegun() {
			continue
		}
		blamed, by, first = "Pod "+p.object.Name+" is not ready", seq.Kubelet, p.last()
		if p.node == "" {
			blamed, by = "Pod "+p.object.Name+" has no node", scheduler(p.newest())
		}
		break
	}
	f := finding{by: by, reason: "NotEnough", message: fmt.Sprintf("status.%s is %d", w.have, have),
		replacements: []string{"{have}", fmt.Sprint(have), "{want}", fmt.Sprint(want), "{what}", w.what, "{blamed}", blamed}}
	f = findingOf(f, first, first, "status")
	f.countsFrom = f.since.Add(patience)
	return f, true
}
