package trace

// What a write changed of a Pod, in a few words.

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

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
	if prev == nil {
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
	for _, t := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady} {
		if now, before := object.Condition(cur, t), object.Condition(prev, t); now != before && now == corev1.ConditionTrue {
			words = append(words, string(t))
		} else if before == corev1.ConditionTrue {
			if now != before {
				words = append(words, "not "+string(t))
			}
		}
	}
	if c := object.Condition(cur, corev1.PodScheduled); c == corev1.ConditionFalse &&
		object.Condition(prev, corev1.PodScheduled) != c {
		words = append(words, "PodScheduled false")
	}
	words = append(words, object.ChangedMetadata(prev, cur)...)
	if len(words) == 0 {
		words = changedFields(prev.Status, cur.Status)
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

// changedFields names the fields of the status that differ.
func changedFields(prev, cur corev1.PodStatus) []string {
	was, is := reflect.ValueOf(prev), reflect.ValueOf(cur)
	var names []string
	for i := range is.NumField() {
		if !equality.Semantic.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			name, _, _ := strings.Cut(is.Type().Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
