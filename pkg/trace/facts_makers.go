package trace

// Who made an object that was there, and who took it into its care.

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// maker is who made an object that was there, with the managedFields entry of that write, if there is one.
func (s *story) maker(w *write) (actor, *metav1.ManagedFieldsEntry) {
	at := w.object.GetCreationTimestamp()
	owner := metav1.GetControllerOf(w.object)
	all, sure := s.mayHaveMade(w)
	// Of the second in which it was made, or before: managedFields are stamped before admission, creationTimestamp after.
	var then []*metav1.ManagedFieldsEntry
	for _, e := range all {
		if e.Time != nil && !at.Before(e.Time) {
			then = append(then, e)
		}
	}
	by := func(e *metav1.ManagedFieldsEntry, certainty seq.Certainty, because string) (actor, *metav1.ManagedFieldsEntry) {
		a := s.controlled(w,
			actor{object.Client(e.Manager), "create", "", certainty, "managedFields: " + e.Manager + because})
		if !slices.Contains(then, e) { // it has written again since
			e = nil
		}
		return a, e
	}
	switch {
	case owner != nil && controllerOf(owner.Kind) != "" && s.adoption(w) == nil:
		a := actor{controllerOf(owner.Kind), "create", "", seq.Inferred, "its owner is " + owner.Kind + " " + owner.Name}
		for _, e := range then {
			if object.Client(e.Manager) == seq.ControllerManager {
				return a, e
			}
		}
		return a, nil
	case slices.ContainsFunc(all, object.Merged):
		return actor{seq.UnknownClient, "create", "", seq.Observed,
			"managedFields name no client any more that may have made it: " + notKept}, nil
	case len(all) == 1 && len(then) == 1:
		return by(all[0], seq.Observed, "")
	case len(all) == 1 && sure:
		return by(all[0], seq.Inferred, ", who owns what is set when it is made, and never after: "+
			strings.Join(setOnce[s.object.Kind], "."))
	case len(all) == 1 && all[0].Operation == metav1.ManagedFieldsOperationUpdate:
		return by(all[0], seq.Inferred, ", the only one left who owns more than metadata")
	case len(then) == 1:
		return by(then[0], seq.Inferred, ", the only one of that second")
	case len(then) > 1: // others wrote in the second in which it was made
		most := slices.MaxFunc(then, func(a, b *metav1.ManagedFieldsEntry) int {
			return cmp.Compare(len(object.Fields(*a)), len(object.Fields(*b)))
		})
		return by(most, seq.Inferred, ", who set most of it in that second")
	case w.pod != nil && w.pod.Annotations[corev1.MirrorPodAnnotationKey] != "":
		return actor{seq.Kubelet, "create", "", seq.Inferred, "annotation " + corev1.MirrorPodAnnotationKey +
			": a kubelet makes such an object of a Pod that a file of its node asks for"}, nil
	}
	return actor{seq.UnknownClient, "create", "", seq.Observed, "nothing in the object says who made it"}, nil
}

// notKept says why an entry names no client.
const notKept = "of more than ten clients the API server puts the oldest together"

// setOnce is a field of each kind that is set when an object is made, by the client or by default, and never after
// (validation below pkg/apis/core, pkg/apis/apps and pkg/apis/batch, v1.37): whose update has it has made the object.
// An apply may have taken it over.
var setOnce = map[string][]string{"Pod": {"spec", "restartPolicy"}, "Deployment": {"spec", "selector"},
	"ReplicaSet": {"spec", "selector"}, "StatefulSet": {"spec", "selector"}, "DaemonSet": {"spec", "selector"},
	"Job": {"spec", "completionMode"}, "PersistentVolumeClaim": {"spec", "volumeMode"},
	"PersistentVolume": {"spec", "volumeMode"}}

// mayHaveMade are the entries of who may have made an object, by what they own, and whether one of them certainly has.
func (s *story) mayHaveMade(w *write) (all []*metav1.ManagedFieldsEntry, sure bool) {
	entries := w.object.GetManagedFields()
	var more []*metav1.ManagedFieldsEntry // own more than metadata
	field := setOnce[s.object.Kind]
	var made []*metav1.ManagedFieldsEntry
	for i := range entries {
		e := &entries[i]
		if e.Subresource != "" {
			continue
		}
		if field != nil && e.Operation == metav1.ManagedFieldsOperationUpdate && object.Owns(e, field...) {
			made = append(made, e)
		}
		if ofControllers(e) && metav1.GetControllerOf(w.object) == nil { // a controller that made it would own it
			continue
		}
		if all = append(all, e); object.OwnsMore(e) {
			more = append(more, e)
		}
	}
	switch {
	case len(made) > 0:
		return made, true
	case len(more) > 0:
		return more, false
	}
	return all, false
}

// adoption is the entry of the controller that took an object into its care which somebody else had made, or nil.
func (s *story) adoption(w *write) *metav1.ManagedFieldsEntry {
	if metav1.GetControllerOf(w.object) == nil {
		return nil
	}
	all, _ := s.mayHaveMade(w)
	if slices.ContainsFunc(all, ofControllers) {
		return nil
	}
	entries := w.object.GetManagedFields()
	for i := range entries {
		if e := &entries[i]; e.Subresource == "" && ofControllers(e) && object.Owns(e, "metadata", "ownerReferences") {
			return e
		}
	}
	return nil
}

// adoptedAfter are the writes that had a controller take the object into its care: of labels that its owner selects by.
func (s *story) adoptedAfter(adoption *pastWrite) (keys []seq.Key) {
	owner := s.owner()
	if !adoption.adopts || owner == nil || len(owner.revisions) == 0 {
		return nil
	}
	selects, _ := object.Spec(owner.last().object)["selector"].(map[string]any)
	labels, _ := selects["matchLabels"].(map[string]any)
	for _, m := range s.pastWrites() {
		if slices.ContainsFunc(m.labels, func(l string) bool { return labels[l] != nil }) && !adoption.at.Before(&m.at) {
			keys = append(keys, m.key)
		}
	}
	return keys
}

func ofControllers(e *metav1.ManagedFieldsEntry) bool {
	return object.Client(e.Manager) == seq.ControllerManager
}
