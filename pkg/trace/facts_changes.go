package trace

// What a write changed of a Pod, in a few words.

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// changed says what the write changed.
func (w *write) changed() string {
	if w.change == "" || w.changeFrom != w.prevObject {
		w.changeFrom = w.prevObject
		if w.pod != nil {
			w.change = changed(w.prevPod, w.pod)
		} else {
			w.change = object.Changed(w.prevObject, w.object)
		}
	}
	return w.change
}

// changed says in a few words what a status write changed, in the terms of the Pod API.
func changed(prev, cur *corev1.Pod) string {
	first := prev == nil
	if first {
		prev = &corev1.Pod{}
	}
	var words []string
	if cur.Status.Phase != prev.Status.Phase && cur.Status.Phase != corev1.PodPending {
		words = append(words, string(cur.Status.Phase))
	}
	was := map[string]*corev1.ContainerStatus{}
	for c := range object.Statuses(prev) {
		was[c.Name] = c
	}
	waiting := map[string][]string{}
	for c := range object.Statuses(cur) {
		o := cmp.Or(was[c.Name], &corev1.ContainerStatus{})
		now, before := stateOf(c.State), stateOf(o.State)
		if now == before && c.RestartCount == o.RestartCount {
			if c.Ready && !o.Ready {
				words = append(words, c.Name+" ready")
			} else if !c.Ready && o.Ready {
				words = append(words, c.Name+" not ready")
			} else if c.Started != nil && *c.Started && (o.Started == nil || !*o.Started) {
				words = append(words, c.Name+" started")
			}
			continue
		}
		if w := c.State.Waiting; w != nil {
			waiting[now] = append(waiting[now], c.Name)
			continue
		}
		words = append(words, c.Name+" "+now)
	}
	for _, reason := range slices.Sorted(maps.Keys(waiting)) {
		words = append(words, reason+" ("+strings.Join(waiting[reason], ", ")+")")
	}
	words = append(words, changedConditions(prev, cur)...)
	switch node := cur.Status.NominatedNodeName; {
	case node == prev.Status.NominatedNodeName:
	case node == "":
		words = append(words, "removes nominatedNodeName")
	default:
		words = append(words, "nominatedNodeName="+node)
	}
	if !first && !object.ChangesOnlyStatus(prev, cur) {
		for _, part := range []string{"metadata.labels", "metadata.annotations", "spec"} {
			words = append(words, object.ChangedPart(part, prev, cur)...)
		}
		words = append(words, object.ChangedMetadata(prev, cur)...)
	}
	if !first && len(words) == 0 {
		words = changedDetails(prev, cur)
	}
	return strings.Join(words, ", ")
}

func stateOf(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return fmt.Sprintf("exited %d (%s)", s.Terminated.ExitCode, s.Terminated.Reason)
	case s.Waiting != nil:
		return s.Waiting.Reason
	}
	return ""
}

// usual are the conditions that every Pod has; of these, only what is good news is told, and its end.
var usual = []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady,
	corev1.ContainersReady, corev1.PodScheduled}

// changedConditions names the conditions that are other than before, those that a Pod need not have with their reasons.
func changedConditions(prev, cur *corev1.Pod) (words []string) {
	turned := func(t corev1.PodConditionType) string {
		switch now, before := object.Condition(cur, t), object.Condition(prev, t); {
		case now == before:
		case now == corev1.ConditionTrue:
			return string(t)
		case before == corev1.ConditionTrue && now == corev1.ConditionUnknown:
			return string(t) + " unknown"
		case before == corev1.ConditionTrue:
			return "not " + string(t)
		}
		return ""
	}
	for _, t := range usual[:3] {
		if word := turned(t); word != "" {
			words = append(words, word)
		}
	}
	if word := turned(corev1.ContainersReady); word != "" && turned(corev1.PodReady) == "" {
		words = append(words, word)
	}
	if c := object.Condition(cur, corev1.PodScheduled); c == corev1.ConditionFalse &&
		object.Condition(prev, corev1.PodScheduled) != c {
		words = append(words, "PodScheduled false")
	}
	for _, c := range cur.Status.Conditions {
		was := conditionOf(prev, c.Type)
		if slices.Contains(usual, c.Type) || c.Status == was.Status && c.Reason == was.Reason {
			continue
		}
		word := string(c.Type)
		if c.Status != corev1.ConditionTrue {
			word += " " + strings.ToLower(string(c.Status))
		}
		if c.Reason != "" {
			word += " (" + c.Reason + ")"
		}
		words = append(words, word)
	}
	for _, c := range prev.Status.Conditions {
		if conditionOf(cur, c.Type).Type == "" {
			words = append(words, "removes "+string(c.Type))
		}
	}
	return words
}

func conditionOf(p *corev1.Pod, t corev1.PodConditionType) (c corev1.PodCondition) {
	if i := slices.IndexFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == t }); i >= 0 {
		c = p.Status.Conditions[i]
	}
	return c
}

// mostDetails is of how many fields the row of a write tells.
const mostDetails = 3

// changedDetails says what a status write changed that is no news: reasons of conditions, and single fields.
func changedDetails(prev, cur *corev1.Pod) (words []string) {
	for _, c := range cur.Status.Conditions {
		switch was := conditionOf(prev, c.Type); {
		case c.Reason != was.Reason:
			words = append(words, string(c.Type)+": "+cmp.Or(c.Reason, "no reason any more"))
		case c.Message != was.Message:
			words = append(words, string(c.Type)+": another message")
		case !c.LastTransitionTime.Equal(&was.LastTransitionTime) || !c.LastProbeTime.Equal(&was.LastProbeTime):
			words = append(words, string(c.Type)+": another time")
		}
	}
	for _, word := range object.ChangedPart("status", prev, cur) {
		remove := strings.HasPrefix(word, "removes ")
		word = strings.TrimPrefix(strings.TrimPrefix(word, "removes "), "status.")
		switch {
		case strings.HasPrefix(word, "conditions"):
			continue
		case remove:
			word = "removes " + word
		}
		word = strings.Replace(word, "observedGeneration=", "observedGeneration ", 1)
		words = append(words, unlimited.ReplaceAllString(word, "=unlimited"))
	}
	if len(words) == 0 && reordered(prev.Status.Conditions, cur.Status.Conditions) {
		words = append(words, "conditions in another order")
	}
	if len(words) == 0 && object.ChangesManagedFields(prev, cur) {
		words = append(words, "metadata.managedFields")
	}
	if len(words) > mostDetails {
		words = append(words[:mostDetails], "…")
	}
	return words
}

// reordered reports whether conditions are in another order than before.
func reordered(was, is []corev1.PodCondition) bool {
	return !slices.EqualFunc(was, is, func(a, b corev1.PodCondition) bool { return a.Type == b.Type })
}

// unlimited is what a kubelet reports for the memory of a control group that has no limit: as many pages as fit into 63
// bits.
var unlimited = regexp.MustCompile(`=9007199254740988Ki$|=9223372036854771712$`)
