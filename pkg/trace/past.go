package trace

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// found is the revision in which an object was found by a run that tells the past: what it has kept of that. It is nil
// where the run does not, or saw the object come.
func (s *story) found() *write {
	if !s.attached() || len(s.revisions) == 0 || s.revisions[0].first {
		return nil
	}
	return s.revisions[0]
}

// Keys of what is only known from an object as it was found.
func (s *story) pastKey(what string) string { return "past:" + what + ":" + s.object.UID }
func (s *story) pastCreate() string         { return s.pastKey("create") }
func (s *story) pastBound() string          { return s.pastKey("bound") }

func (s *story) heldKey() string { return s.pastKey("revision") }

func stored(key string) string { return key + ":stored" }

// secondOf is what a time of whole seconds, on the clock of a participant, says on ours.
func (s *story) secondOf(p Participant, t metav1.Time) Window {
	if t.IsZero() || s.clocks.jumped(p) {
		return Window{}
	}
	at := s.on(p, t.Time)
	return Window{at, at.Add(time.Second)}
}

// mark is what an object has kept of one write: a managedFields entry, or conditions that changed together in one second.
type mark struct {
	key         string
	who         Participant
	certainty   Certainty
	because     string
	verb        string
	subresource string
	at          metav1.Time
	conditions  []kept
	entry       string // what managedFields have that may be of the same write
	fields      []string
	pod         bool // it is of a Pod
}

// kept is a condition with the second since which it has its status.
type kept struct {
	name, status string
	since        metav1.Time
}

// marks are the writes, beyond the creation and the bind, that have left a time in the object as it was found, in the order
// of their times.
func (s *story) marks() []*mark {
	found := s.found()
	if found == nil || s.marked != nil {
		return s.marked
	}
	all := []*mark{}
	add := func(a actor, group string, at metav1.Time) *mark {
		a = s.controlled(found, a)
		key := s.pastKey(fmt.Sprintf("%s:%s:%s:%s:%d", a.name, a.verb, a.subresource, group, at.Unix()))
		if i := slices.IndexFunc(all, func(m *mark) bool { return m.key == key }); i >= 0 {
			return all[i]
		}
		all = append(all, &mark{key: key, who: a.name, certainty: Inferred, because: a.because, verb: a.verb, subresource: a.subresource, at: at, pod: found.pod != nil})
		return all[len(all)-1]
	}
	created := found.object.GetCreationTimestamp()
	_, made := s.maker(found)
	entries := found.object.GetManagedFields()
	for _, c := range keptConditions(found.object) {
		if c.since.IsZero() || c.since.Before(&created) || c.name == string(corev1.PodScheduled) && c.status == "True" { // the bind itself
			continue
		}
		if a, ok := s.conditionActor(found, entries, c.name); ok {
			m := add(a, written[c.name], c.since)
			m.conditions = append(m.conditions, c)
		}
	}
	for i := range entries {
		e := &entries[i]
		if e.Time == nil || made != nil && e.Manager == made.Manager && e.Operation == made.Operation && e.Subresource == made.Subresource { // the creation itself
			continue
		}
		if made == nil && e.Subresource == "" && e.Time.Equal(&created) { // it may be
			continue
		}
		a := entryActor(e)
		if m := latestBy(all, s.controlled(found, a), *e.Time); m != nil {
			m.entry = a.because
			continue
		}
		m := add(a, "", *e.Time)
		m.certainty, m.fields = Observed, fieldsOf(e)
	}
	slices.SortFunc(all, func(a, b *mark) int { return cmp.Or(a.at.Compare(b.at.Time), cmp.Compare(a.key, b.key)) })
	s.marked = all
	return all
}

// label says what the write was.
func (m *mark) label(resource string) string {
	label := methods[m.verb] + " " + resource
	if m.subresource != "" {
		label += "/" + m.subresource
	}
	var words []string
	for _, c := range m.conditions {
		switch c.status {
		case "True":
			words = append(words, c.name)
		case "False":
			words = append(words, "not "+c.name)
		default:
			words = append(words, c.name+" "+strings.ToLower(c.status))
		}
	}
	if len(words) == 0 {
		words = m.fields
	}
	if len(words) == 0 {
		return label
	}
	return label + ": " + strings.Join(words, ", ")
}

// evidence is what the object has kept of it.
func (m *mark) evidence(found *write) (all []Evidence) {
	add := func(detail string, at metav1.Time) {
		all = append(all, Evidence{Source: "object", Detail: detail + ", " + at.UTC().Format("15:04:05"), ResourceVersion: found.object.GetResourceVersion(), At: at.Time})
	}
	switch {
	case m.certainty == Observed:
		add(m.because, m.at)
	case m.entry != "":
		all = append(all, Evidence{Source: "object", Detail: m.entry + ", within a second of it", ResourceVersion: found.object.GetResourceVersion(), At: m.at.Time})
	}
	for _, c := range m.conditions {
		add("condition "+c.name+" "+c.status+" since", c.since)
	}
	return all
}

func (m *mark) has(condition string) bool {
	return slices.ContainsFunc(m.conditions, func(c kept) bool { return c.name == condition })
}

// is reports whether by that write a condition of a Pod became true.
func (m *mark) is(condition corev1.PodConditionType) bool {
	return m.pod && slices.ContainsFunc(m.conditions, func(c kept) bool { return c.name == string(condition) && c.status == "True" })
}

// keptConditions are those of an object, in their order.
func keptConditions(o metav1.Object) (all []kept) {
	switch x := o.(type) {
	case *corev1.Pod:
		for _, c := range x.Status.Conditions {
			all = append(all, kept{string(c.Type), string(c.Status), c.LastTransitionTime})
		}
	case *unstructured.Unstructured:
		for _, c := range list(x, "status", "conditions") {
			name, _ := c["type"].(string)
			status, _ := c["status"].(string)
			text, _ := c["lastTransitionTime"].(string)
			at, _ := time.Parse(time.RFC3339, text)
			all = append(all, kept{name, status, metav1.NewTime(at)})
		}
	}
	return all
}

// written says which conditions of a Pod come in a write of their own: a kubelet reports the sandbox before the containers.
var written = map[string]string{string(corev1.PodInitialized): "initialized", string(corev1.PodReadyToStartContainers): "sandbox"}

// latestBy is the last of the writes by the same client that the conditions tell of, if an entry may be of the same write.
func latestBy(all []*mark, a actor, at metav1.Time) (last *mark) {
	for _, m := range all {
		if m.who == a.name && m.subresource == a.subresource && len(m.conditions) > 0 && at.Sub(m.at.Time).Abs() <= time.Second && (last == nil || !m.at.Time.Before(last.at.Time)) {
			last = m
		}
	}
	return last
}

func entryActor(e *metav1.ManagedFieldsEntry) actor {
	return actor{client(e.Manager), verbOf(e), e.Subresource, Observed, strings.TrimSpace("managedFields: " + e.Manager + " " + string(e.Operation) + " " + e.Subresource)}
}

// conditionActor is who wrote a condition: whose managedFields entry owns it, or, where the object came without them, as
// kubectl prints it, whose part it is.
func (s *story) conditionActor(found *write, entries []metav1.ManagedFieldsEntry, condition string) (actor, bool) {
	if len(entries) > 0 {
		e := ownerOf(entries, condition)
		if e == nil {
			return actor{}, false
		}
		return entryActor(e), true
	}
	switch {
	case found.pod == nil:
		name := controllerOf(s.object.Kind)
		only := name != "" && s.object.Kind != "Service" && s.object.Kind != "PersistentVolumeClaim" && s.object.Kind != "PersistentVolume" // others write those, too
		return actor{name, "update", "status", Inferred, "this controller writes the status of a " + s.object.Kind}, only
	case condition == string(corev1.PodScheduled):
		return actor{scheduler(found.pod), "patch", "status", Inferred, "the scheduler writes this condition"}, true
	case kubeletConditions[corev1.PodConditionType(condition)]:
		return actor{Kubelet, "patch", "status", Inferred, "the kubelet writes this condition"}, true
	}
	return actor{}, false
}

// kubeletConditions are those of a Pod that its kubelet writes (pkg/kubelet/types/pod_status.go, v1.37).
var kubeletConditions = map[corev1.PodConditionType]bool{corev1.PodReadyToStartContainers: true, corev1.PodInitialized: true, corev1.ContainersReady: true, corev1.PodReady: true}

// ownerOf is the entry that owns a condition: whose manager wrote it last. It is nil where there is none, or more than one.
func ownerOf(entries []metav1.ManagedFieldsEntry, condition string) (owner *metav1.ManagedFieldsEntry) {
	name, _ := json.Marshal(condition)
	key := fmt.Appendf(nil, `k:{\"type\":%s}`, bytes.ReplaceAll(name, []byte(`"`), []byte(`\"`)))
	for i := range entries {
		if e := &entries[i]; bytes.Contains(fields(*e), key) {
			if owner != nil {
				return nil
			}
			owner = e
		}
	}
	return owner
}

// fieldsOf names the fields of an entry, at most three, by their first two levels.
func fieldsOf(e *metav1.ManagedFieldsEntry) []string {
	var set map[string]map[string]json.RawMessage
	if json.Unmarshal(fields(*e), &set) != nil {
		return nil
	}
	var names []string
	for part, below := range set {
		for field := range below {
			if name, ok := strings.CutPrefix(field, "f:"); ok {
				names = append(names, strings.TrimPrefix(part, "f:")+"."+name)
			}
		}
	}
	slices.Sort(names)
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return names
}

// owns reports whether an entry has a field, by its first two levels.
func owns(e *metav1.ManagedFieldsEntry, part, field string) bool {
	var set map[string]map[string]json.RawMessage
	if json.Unmarshal(fields(*e), &set) != nil {
		return false
	}
	_, ok := set["f:"+part]["f:"+field]
	return ok
}

// foundBound is the revision in which a Pod was found that had been bound: it has a node which nobody gave it as a field of
// the object.
func (s *story) foundBound() *write {
	w := s.found()
	if w == nil || w.pod == nil || w.pod.Spec.NodeName == "" {
		return nil
	}
	entries := w.pod.ManagedFields
	if len(entries) == 0 && (w.pod.Annotations[corev1.MirrorPodAnnotationKey] != "" || s.scheduled() == nil) { // it may have been made with its node
		return nil
	}
	for i := range entries {
		if owns(&entries[i], "spec", "nodeName") {
			return nil
		}
	}
	return w
}

// base is how many lives a container had before the first that an Event tells of, which live an hour and count together what
// is alike.
func (s *story) base(container string, acts []act) int {
	w := s.found()
	if w == nil {
		return 0
	}
	last, told := (*act)(nil), 0
	counted := map[string]int{}
	for i := range acts {
		a := &acts[i]
		if a.container != container || a.does != started && a.does != startFailed || !s.wasFound(a.emitted) {
			continue
		}
		uid := string(a.event.UID)
		told += max(1, a.count-counted[uid])
		counted[uid], last = a.count, a
	}
	c := statusOf(w.pod, container)
	if last == nil || c == nil {
		return 0
	}
	life := int(c.RestartCount)
	switch t := c.LastTerminationState.Terminated; {
	case c.State.Running != nil && near(last, c.State.Running.StartedAt), c.State.Terminated != nil && near(last, c.State.Terminated.StartedAt):
	case t != nil && near(last, t.StartedAt):
		life = lastLife(c)
	default: // its last Event was dropped, as of many alike: what they count is all there is
		return 0
	}
	return max(0, life-told+1)
}

// near reports whether an Event was last emitted within two seconds of a start.
func near(a *act, t metav1.Time) bool {
	at := cmp.Or(a.event.LastTimestamp.Time, a.at, a.event.EventTime.Time)
	return at.Sub(t.Time).Abs() <= 2*time.Second
}

// keptSince is since when, at most, a Pod that was found has been as it is: the latest of all times that it has kept.
func (s *story) keptSince(w *write) (since time.Time) {
	if w.pod == nil {
		return since
	}
	see := func(p Participant, t metav1.Time) { since = later(since, s.secondOf(p, t).Latest) }
	see(APIServer, w.pod.CreationTimestamp)
	for _, c := range w.pod.Status.Conditions {
		see(Kubelet, c.LastTransitionTime)
	}
	for c := range allStatuses(w.pod) {
		for _, state := range []corev1.ContainerState{c.State, c.LastTerminationState} {
			if state.Running != nil {
				see(Kubelet, state.Running.StartedAt)
			}
			if state.Terminated != nil {
				see(Kubelet, state.Terminated.FinishedAt)
			}
		}
	}
	return sooner(since, w.received)
}

// notBefore is an instant before which a revision cannot have been written: when we asked for a list that did not have it
// yet. The lists are consistent reads.
func (s *story) notBefore(rv uint64) (at time.Time) {
	for _, q := range s.requests {
		if n, ok := parseRevision(q.ResourceVersion); ok && q.Verb == "list" && q.Resource == s.resource && n < rv {
			at = later(at, q.Sent)
		}
	}
	return at
}

// usuallyAt is when what a status told us is likeliest to have happened, by the usual time until it does; of what was found
// there is no such time.
func (s *story) usuallyAt(received time.Time, lag time.Duration) time.Time {
	if w := s.found(); w != nil && !received.After(w.received) {
		return time.Time{}
	}
	return before(received, lag)
}

// usuallyEmitted is the same of an Event.
func (s *story) usuallyEmitted(e *emitted) time.Time {
	if s.wasFound(e) {
		return time.Time{}
	}
	return before(e.received, eventLag+emitLag)
}

// wasFound reports whether the Event had been written before the run looked.
func (s *story) wasFound(e *emitted) bool {
	return s.attached() && (s.eventsAt == 0 || e.rv <= s.eventsAt)
}

// compareServer measures the API server's clock by the whole seconds of its answers, where they rule out that it is ours.
func (s *story) compareServer() {
	for _, q := range s.requests {
		if d := q.ServerDate; !d.IsZero() && !q.Sent.IsZero() && !q.FirstByte.IsZero() && (d.After(q.FirstByte) || d.Add(time.Second).Before(q.Sent)) {
			s.clocks.sample(APIServer, d, time.Time{}, q.FirstByte)
			s.clocks.sample(APIServer, d.Add(time.Second), q.Sent, time.Time{})
		}
	}
}
