package trace

// Symptoms of Jobs and CronJobs.

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/robfig/cron/v3"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

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
		was := ""
		for _, p := range s.podsBelow() {
			if w := p.keptBy(); w != "" {
				was = "; by then Pod " + p.object.Name + " " + w
			}
		}
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
			"{deadline}", fmt.Sprint(deadline), "{indexes}", indexes, "{last}", how, "{lastPod}", lastPod, "{was}", was, "{who}",
			namedWho(f.by)}
		return findingOf(f, s.firstWithCondition(kind), s.last(), "condition "+kind+" is True"), true
	}
	return finding{}, false
}

// retriedJob is that Pods of a Job failed, and that the Job goes on.
func retriedJob(s *story, now time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.object.Kind != "Job" || s.deletionBegun() || s.state(len(s.revisions)).Succeeded {
		return finding{}, false
	}
	last, failed := s.lastFailedPod()
	if last == nil {
		return finding{}, false
	}
	f, _ := failure(last, now)
	limit, ok := number(object.Field(u, "spec"), "backoffLimit")
	if !ok {
		limit = 6 // the default
	}
	ignored := ""
	if object.Field(u, "spec")["podFailurePolicy"] != nil {
		ignored = "; what its podFailurePolicy ignores is not counted"
	}
	how, lastPod := s.lastFailure()
	f.replacements = append(f.replacements, "{failed}", fmt.Sprint(failed), "{last}", how, "{lastPod}", lastPod, "{limit}",
		fmt.Sprint(limit), "{ignored}", ignored)
	return f, true
}

// keptBy says what kept a Pod from getting further, by its newest status; it is empty where nothing there does.
func (s *story) keptBy() string {
	if len(s.revisions) == 0 || s.newest().Status.Phase == corev1.PodSucceeded {
		return ""
	}
	p := s.newest()
	if c := scheduledFalse(p); c != nil {
		return "had no node: " + c.Message
	}
	for c := range statusesWithoutEphemeral(p) {
		last, times := lastTermination(c)
		switch w := c.State.Waiting; {
		case w != nil && !usualWaits[w.Reason] && w.Reason != "CrashLoopBackOff":
			return "waited: " + w.Reason + ": " + w.Message
		case last != nil && last.ExitCode != 0 && (c.State.Terminated == nil || times > 1):
			return fmt.Sprintf("had ended %s: container %s exited %d (%s)", timesWord(times), c.Name, last.ExitCode, last.Reason)
		}
	}
	return ""
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

// lastFailedPod is the newest Pod of a Job that has failed, or nil, and how many have.
func (s *story) lastFailedPod() (last *story, failed int) {
	for _, p := range s.podsBelow() {
		if len(p.revisions) > 0 && p.newest().Status.Phase == corev1.PodFailed {
			if failed++; last == nil || p.order.oldestRevision > last.order.oldestRevision {
				last = p
			}
		}
	}
	return last, failed
}

// lastFailure says how the last Pod of a Job failed, and names it.
func (s *story) lastFailure() (how, pod string) {
	last, _ := s.lastFailedPod()
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

// nextDue is when a schedule is due next, read as Kubernetes reads it. Without a zone it is taken for one in UTC, as
// the controller manager's own usually is. ok is false for what cannot be read.
func nextDue(schedule, zone string, now time.Time) (due time.Time, ok bool) {
	location, err := time.LoadLocation(zone) // empty for UTC
	if err != nil {
		return time.Time{}, false
	}
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		return time.Time{}, false
	}
	due = parsed.Next(now.In(location))
	return due, !due.IsZero()
}
