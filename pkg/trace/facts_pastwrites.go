package trace

// Writes that have left a time in an object: managedFields entries and conditions.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// pastWrite is what an object has kept of one write: a managedFields entry, or conditions that changed together in one
// second.
type pastWrite struct {
	key seq.Key
	actor
	at         metav1.Time // zero where it left none
	conditions []datedCondition
	entry      string   // what managedFields have that may be of the same write
	owns       []string // of the entry that tells of it: what all writes of the client have set
	change     string   // what the write itself did, where an entry tells
	pod        bool     // it is of a Pod
	// it set what the Pods of the object are to be
	setsTemplate bool
	adopts       bool     // by it a controller took the object into its care
	labels       []string // that the client owns, of which it has set some
}

// datedCondition is a condition with the second since which it has its status.
type datedCondition struct {
	name, status string
	transition   metav1.Time
}

// pastWrites are the writes, beyond the creation and the bind, that have left a time in the object as it was found, in
// the order of their times.
func (s *story) pastWrites() []*pastWrite {
	found := s.foundRevision()
	if found == nil || s.pastWritesRead != nil {
		return s.pastWritesRead
	}
	all := []*pastWrite{}
	add := func(a actor, group string, at metav1.Time) *pastWrite {
		a = s.controlled(found, a)
		key := s.pastKey(fmt.Sprintf("%s:%s:%s:%s:%d", a.name, a.verb, a.subresource, group, at.Unix()))
		if i := slices.IndexFunc(all, func(m *pastWrite) bool { return m.key == key }); i >= 0 {
			return all[i]
		}
		all = append(all, &pastWrite{key: key, actor: a, at: at, pod: found.pod != nil})
		return all[len(all)-1]
	}
	created := found.object.GetCreationTimestamp()
	_, made := s.maker(found)
	makers, _ := s.mayHaveMade(found)
	adopted := s.adoption(found) != nil
	entries := found.object.GetManagedFields()
	for _, c := range datedConditions(found.object) {
		if c.transition.IsZero() || c.transition.Before(&created) ||
			c.name == string(corev1.PodScheduled) && c.status == "True" {
			// the bind itself
			continue
		}
		if a, ok := s.conditionActor(found, entries, c.name); ok {
			group := written[c.name]
			if found.pod != nil && ofFirstReport(found.pod, c) {
				group = "first"
			}
			m := add(a, group, c.transition)
			m.certainty, m.conditions = seq.Inferred, append(m.conditions, c)
		}
	}
	for i := range entries {
		e := &entries[i]
		if e.Time == nil && e.Subresource == "scale" { // a client may scale without leaving a time
			add(entryActor(e, s.object.Kind), "", metav1.Time{}).change = "spec.replicas" // there is nothing else to set
			continue
		}
		if e.Time == nil || e.Manager == object.BeforeFirstApply ||
			made != nil && alikeEntries(e, made) {
			// the creation itself
			continue
		}
		if made == nil && !created.Before(e.Time) &&
			slices.ContainsFunc(makers, func(o *metav1.ManagedFieldsEntry) bool { return alikeEntries(o, e) }) { // it may be
			continue
		}
		a := entryActor(e, s.object.Kind)
		adopts := adopted && e.Subresource == "" && ofControllers(e)
		if adopts {
			a.verb = "patch"
			a.because += byAdoption
		}
		if m := latestBy(all, s.controlled(found, a), *e.Time); m != nil {
			m.entry = a.because
			continue
		}
		m := add(a, "", *e.Time)
		switch m.adopts = adopts; {
		case adopts:
			m.change = "owned by " + metav1.GetControllerOf(found.object).Kind + " " + metav1.GetControllerOf(found.object).Name
		case !object.Merged(e):
			m.owns, m.labels = object.FieldNames(e), object.OwnedLabels(e)
			m.setsTemplate = object.Owns(e, "spec", "template")
		}
	}
	slices.SortFunc(all, func(a, b *pastWrite) int { return cmp.Or(a.at.Compare(b.at.Time), cmp.Compare(a.key, b.key)) })
	s.pastWritesRead = all
	return all
}

// ofFirstReport reports whether a condition is as the kubelet's first report of a Pod has it, which is one write:
// nothing is ready, and what has no init containers is initialized.
func ofFirstReport(p *corev1.Pod, c datedCondition) bool {
	switch corev1.PodConditionType(c.name) {
	case corev1.PodInitialized:
		return c.status == "True" && len(p.Spec.InitContainers) == 0
	case corev1.PodReady, corev1.ContainersReady, corev1.PodReadyToStartContainers:
		return c.status == "False" && len(p.Spec.InitContainers) == 0
	}
	return false
}

// madeOrEndedPods is when the controller of an object last began to make or to end Pods of it, after those that it made
// at first, as a scale has it do; zero where no Event says that it did. Its Events within a second are of one go.
func (s *story) madeOrEndedPods() (began time.Time) {
	last := s.secondOf(seq.APIServer, s.foundRevision().object.GetCreationTimestamp()).Latest
	scaled := " to " + fmt.Sprint(object.Spec(s.foundRevision().object)["replicas"])
	for _, e := range s.events {
		if !e.emitter.IsController() || e.at.IsZero() || e.isFirstEmission || !e.at.After(last) {
			continue
		}
		if e.event.Reason == "ScalingReplicaSet" && strings.HasSuffix(e.event.Message, scaled) {
			return e.at // what a rollout scales comes later
		}
		if !countsPods[e.event.Reason] {
			continue
		}
		if e.at.Sub(last) > time.Second || began.IsZero() {
			began = e.at
		}
		last = e.at
	}
	return began
}

// countsPods are the reasons of the Events by which a controller says that there are more Pods, or fewer.
var countsPods = map[string]bool{"SuccessfulCreate": true, "SuccessfulDelete": true}

// label says what the write was.
func (m *pastWrite) label(resource string) string {
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
	switch {
	case len(words) > 0:
		return label + ": " + strings.Join(words, ", ")
	case m.change != "":
		return label + ": " + m.change
	case len(m.owns) > 0:
		return label + " (owns " + strings.Join(m.owns, ", ") + ")"
	}
	return label
}

// evidence is what the object has kept of it.
func (m *pastWrite) evidence(found *write) (all []seq.Evidence) {
	add := func(detail string, at metav1.Time) {
		if at.IsZero() {
			detail += ", without a time"
		} else {
			detail += ", " + at.UTC().Format("15:04:05")
		}
		all = append(all, seq.Evidence{Source: "object", Text: detail,
			ResourceVersion: found.object.GetResourceVersion(), At: at.Time})
	}
	switch {
	case len(m.conditions) == 0:
		add(m.because, m.at)
	case m.entry != "":
		all = append(all,
			seq.Evidence{Source: "object", Text: m.entry + ", within a second of it",
				ResourceVersion: found.object.GetResourceVersion(), At: m.at.Time})
	}
	for _, c := range m.conditions {
		add("condition "+c.name+" "+c.status+" since", c.transition)
	}
	return all
}

func (m *pastWrite) has(condition string) bool {
	return slices.ContainsFunc(m.conditions, func(c datedCondition) bool { return c.name == condition })
}

// makesTrue reports whether by that write a condition of a Pod became true.
func (m *pastWrite) makesTrue(condition corev1.PodConditionType) bool {
	return m.pod && slices.ContainsFunc(m.conditions,
		func(c datedCondition) bool { return c.name == string(condition) && c.status == "True" })
}

// datedConditions are those of an object, in their order.
func datedConditions(o metav1.Object) (all []datedCondition) {
	switch x := o.(type) {
	case *corev1.Pod:
		for _, c := range x.Status.Conditions {
			all = append(all, datedCondition{string(c.Type), string(c.Status), c.LastTransitionTime})
		}
	case *unstructured.Unstructured:
		for _, c := range object.List(x, "status", "conditions") {
			name, _ := c["type"].(string)
			status, _ := c["status"].(string)
			text, _ := c["lastTransitionTime"].(string)
			at, _ := time.Parse(time.RFC3339, text)
			all = append(all, datedCondition{name, status, metav1.NewTime(at)})
		}
	}
	return all
}

// written says which conditions of a Pod come in a write of their own: a kubelet reports the sandbox before the
// containers.
var written = map[string]string{string(corev1.PodInitialized): "initialized",
	string(corev1.PodReadyToStartContainers): "sandbox"}

// latestBy is the last of the writes by the same client that the conditions tell of, if an entry may be of the same
// write.
func latestBy(all []*pastWrite, a actor, at metav1.Time) (last *pastWrite) {
	for _, m := range all {
		if m.name == a.name && m.subresource == a.subresource && len(m.conditions) > 0 &&
			at.Sub(m.at.Time).Abs() <= time.Second && (last == nil || !m.at.Time.Before(last.at.Time)) {
			last = m
		}
	}
	return last
}

func entryActor(e *metav1.ManagedFieldsEntry, kind string) actor {
	if object.Merged(e) {
		return actor{seq.UnknownClient, "", "", seq.Observed, "managedFields: " + e.Manager + ", " + notKept}
	}
	verb, likely := object.Verb(e, kind)
	a := actor{object.Client(e.Manager), verb, e.Subresource, seq.Observed,
		strings.TrimSpace("managedFields: " + e.Manager + " " + string(e.Operation) + " " + e.Subresource)}
	if likely {
		a.certainty = seq.Inferred
		if a.name != seq.ControllerManager {
			a.because += "; that it sends a " + methods[verb] + " is only usual"
		}
	}
	return a
}

// conditionActor is who wrote a condition: whose managedFields entry owns it, or, where the object came without them,
// as kubectl prints it, or they do not name the client, whose part it is.
func (s *story) conditionActor(found *write, entries []metav1.ManagedFieldsEntry, condition string) (actor, bool) {
	if len(entries) > 0 {
		e := object.ConditionOwner(entries, condition)
		if e == nil {
			return actor{}, false
		}
		if !object.Merged(e) {
			return entryActor(e, s.object.Kind), true
		}
	}
	switch {
	case found.pod == nil:
		name := controllerBy(func(c controller) bool { return c.kind != "" && c.kind == s.object.Kind && !c.othersReport })
		return actor{name, "update", "status", seq.Inferred, "this controller writes the status of a " + s.object.Kind},
			name != ""
	case condition == string(corev1.PodScheduled):
		return actor{scheduler(found.pod), "patch", "status", seq.Inferred, "the scheduler writes this condition"}, true
	case kubeletConditions[corev1.PodConditionType(condition)]:
		return actor{seq.Kubelet, "patch", "status", seq.Inferred, "the kubelet writes this condition"}, true
	}
	return actor{}, false
}

// kubeletConditions are those of a Pod that its kubelet writes (pkg/kubelet/types/pod_status.go, v1.37).
var kubeletConditions = map[corev1.PodConditionType]bool{corev1.PodReadyToStartContainers: true,
	corev1.PodInitialized: true, corev1.ContainersReady: true, corev1.PodReady: true}
