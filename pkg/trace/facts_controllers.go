package trace

// The table of controllers.

import (
	"iter"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// controller is one row of what is known of them. All go by one name in managedFields; their Events, and the audit log
// where the controller manager runs with --use-service-account-credentials, tell them apart
// (cmd/kube-controller-manager and pkg/controller, v1.37).
type controller struct {
	name         string
	kind         string // of the objects that it brings about, and whose status it writes
	account      string // ServiceAccount in kube-system
	component    string // component of its Events; empty if that is the account's name
	othersReport bool   // others write the status of that kind, too
}

var controllers = []controller{
	{name: "deployment", kind: "Deployment", account: "deployment-controller"},
	{name: "replicaset", kind: "ReplicaSet", account: "replicaset-controller"},
	{name: "replicationcontroller", kind: "ReplicationController", account: "replication-controller"},
	{name: "statefulset", kind: "StatefulSet", account: "statefulset-controller"},
	{name: "daemonset", kind: "DaemonSet", account: "daemon-set-controller", component: "daemonset-controller"},
	{name: "job", kind: "Job", account: "job-controller"},
	{name: "cronjob", kind: "CronJob", account: "cronjob-controller"},
	{name: "endpointslice", kind: "Service", account: "endpointslice-controller",
		component: "endpoint-slice-controller", othersReport: true},
	{name: "persistentvolume-binder", kind: "PersistentVolumeClaim", account: "persistent-volume-binder",
		component: "persistentvolume-controller", othersReport: true},
	{name: "persistentvolume-binder", kind: "PersistentVolume", account: "persistent-volume-binder",
		component: "persistentvolume-controller", othersReport: true},
	{name: "persistentvolumeclaim-protection", account: "pvc-protection-controller"},
	{name: "horizontal-pod-autoscaler", kind: "HorizontalPodAutoscaler", account: "horizontal-pod-autoscaler"},
	{name: "garbage-collector", account: "generic-garbage-collector", component: "garbage-collector-controller"},
	{name: "endpoints", account: "endpoint-controller"},
	{name: "pod-garbage-collector", account: "pod-garbage-collector"},
	{name: "node-lifecycle", account: "node-controller"},
	{name: "taint-eviction", account: "node-controller", component: "taint-eviction-controller"},
	{name: "attachdetach", account: "attachdetach-controller"},
	{name: "disruption", kind: "PodDisruptionBudget", account: "disruption-controller"},
	{name: "namespace", kind: "Namespace", account: "namespace-controller"},
	{name: "serviceaccount", account: "service-account-controller"},
	{name: "ttl-after-finished", account: "ttl-after-finished-controller"},
}

const garbageCollector = seq.ControllerManager + "/garbage-collector"

// controllerOf is the controller of a kind of objects, or nothing.
func controllerOf(kind string) seq.Participant {
	for _, c := range controllers {
		if c.kind == kind && kind != "" {
			return seq.Controller(c.name)
		}
	}
	return ""
}

// controllerBy is the controller of which is holds, or nothing.
func controllerBy(is func(controller) bool) seq.Participant {
	for _, c := range controllers {
		if is(c) {
			return seq.Controller(c.name)
		}
	}
	return ""
}

// shareAccount reports whether two controllers are one to the API server.
func shareAccount(a, b seq.Participant) bool {
	return slices.ContainsFunc(controllers, func(x controller) bool {
		return seq.Controller(x.name) == a && slices.ContainsFunc(controllers, func(y controller) bool {
			return seq.Controller(y.name) == b && x.account == y.account
		})
	})
}

// controlled says which controller of the controller manager made a write: that of the object's owner, and for the
// status that of the object itself.
func (s *story) controlled(w *write, a actor) actor {
	if a.name != seq.ControllerManager {
		return a
	}
	owner, kind := metav1.GetControllerOf(w.object), s.object.Kind
	switch {
	case w.lostOwner() != nil && a.subresource == "": // by its owner's controller, or by the garbage collector
		a.verb = "patch"
		return a
	case w.adopts() && a.subresource == "":
		a.verb, kind = "patch", owner.Kind
		a.because += byAdoption
	case a.subresource == "scale":
		kind = "HorizontalPodAutoscaler"
	case owner != nil && a.subresource == "":
		kind = owner.Kind
	case a.verb == "create" && kind == "PersistentVolumeClaim": // of a volumeClaimTemplate; it has no owner
		kind = "StatefulSet"
	case a.subresource == "status" && kind == "PersistentVolumeClaim" && w.prevObject != nil &&
		object.Status(w.prevObject)["phase"] == object.Status(w.object)["phase"]:
		a.name, a.certainty = seq.Controller("persistentvolumeclaim-protection"), seq.Inferred
		a.because += ", and the phase is as it was: this controller writes whether a claim is in use"
		return a
	}
	if name := controllerOf(kind); name != "" {
		a.name, a.certainty = name, seq.Inferred
		a.because += ", and it is this controller that looks after a " + kind
	}
	return a
}

// byAdoption is how an object that was there gets its owner (AdoptPod and AdoptReplicaSet in
// pkg/controller/controller_ref_manager.go, v1.37).
const byAdoption = "; who takes an object into its care patches the reference to the owner"

// attributeEnds finds who asked for the end of the object where it does not tell: the controller whose Event says that
// it did, or the garbage collector where the owner is gone; and who let go of it. It reports whether it says another
// than before.
func (s *story) attributeEnds() (changed bool) {
	for _, w := range s.revisions {
		if first := w.firstOfTwo(); first != nil && !first.endsGrace() && w.ownRequest == nil {
			if c := s.records.callOf[w.rv]; c != nil && c.audit != nil { // of both: it has the second's revision
				continue
			}
			changed, w.actor = changed || w.actor != first.actor, first.actor
			continue
		}
		is := w.actorRead
		if ref := w.lostOwner(); ref != nil && is.name == seq.ControllerManager && s.byUID[string(ref.UID)] != nil {
			is.name, is.because = controllerOf(ref.Kind), "the reference to its owner, "+ref.Kind+" "+ref.Name+
				", is gone, and that does not leave behind what it owns: its selector does not match any more"
			changed, w.actor = changed || is != w.actor, is
			continue
		}
		if !w.endsLife() || w.ownRequest != nil || is.name != seq.UnknownClient {
			continue
		}
		if ref := metav1.GetControllerOf(w.object); ref != nil && s.byUID[string(ref.UID)] != nil {
			is = s.endedWith(s.byUID[string(ref.UID)], ref, is)
		}
		if owners := w.object.GetOwnerReferences(); len(owners) > 0 && is.name == seq.UnknownClient &&
			!slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool { return !s.missing[string(o.UID)] }) {
			is.name, is.because = garbageCollector, "its owner, "+owners[0].Kind+" "+owners[0].Name+", with uid "+
				string(owners[0].UID)+", is not there: the garbage collector deletes what refers to nothing"
		}
		if is.name == seq.UnknownClient && w.endsFinishedJob() {
			is.name, is.because = seq.ControllerManager+"/ttl-after-finished",
				"the Job had ended for its ttlSecondsAfterFinished, and what it made is to go first, as that controller asks"
		}
		changed, w.actor = changed || is != w.actor, is
	}
	return changed
}

// ttlLag is how long after it is due the controller of that name deletes a Job at most, where nothing delays it.
const ttlLag = 10 * time.Second

// endsFinishedJob reports whether a Job is deleted when its ttlSecondsAfterFinished are over, in the foreground, as the
// controller in pkg/controller/ttlafterfinished does.
func (w *write) endsFinishedJob() bool {
	u, ok := w.object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != "Job" || w.deleted || !slices.Contains(u.GetFinalizers(), foregroundFinalizer) {
		return false
	}
	ttl, ok := object.Spec(u)["ttlSecondsAfterFinished"].(int64)
	if !ok {
		return false
	}
	for _, c := range object.List(u, "status", "conditions") {
		if c["type"] != "Complete" && c["type"] != "Failed" || c["status"] != "True" {
			continue
		}
		text, _ := c["lastTransitionTime"].(string)
		ended, err := time.Parse(time.RFC3339, text)
		after := u.GetDeletionTimestamp().Sub(ended.Add(time.Duration(ttl) * time.Second))
		return err == nil && after >= -time.Second && after < ttlLag
	}
	return false
}

// endedWith is who asked for the end of the object that has that owner, if the owner tells, else who is given.
func (s *story) endedWith(owner *story, ref *metav1.OwnerReference, a actor) actor {
	if e := owner.tellsOf(s, "SuccessfulDelete"); e != nil {
		a.name, a.certainty, a.because = e.emitter, seq.Observed, "Event SuccessfulDelete names it"
	} else if owner.awaitsCollector(foregroundFinalizer) {
		a.name, a.because = garbageCollector, "its owner, "+ref.Kind+" "+ref.Name+", has the finalizer "+
			foregroundFinalizer+": the garbage collector deletes what it owns first"
	} else if owner.deletionBegun() && !owner.orphans() {
		a.name, a.because = garbageCollector, "its owner, "+ref.Kind+" "+ref.Name+
			", was deleted: the garbage collector deletes what it leaves behind"
	}
	return a
}

// deletionBegun reports whether the object is gone, or is to go.
func (r *reading) deletionBegun() bool {
	return len(r.revisions) > 0 && (r.last().deleted || r.last().object.GetDeletionTimestamp() != nil)
}

// tellsOf is the Event with one of these reasons by which a controller names another object, or nil.
func (s *story) tellsOf(other *story, reasons ...string) *emitted {
	for _, e := range s.events {
		for _, r := range reasons {
			if e.event.Reason == r && names(e.event.Message, other.object.Name) {
				return e
			}
		}
	}
	return nil
}

// names reports whether a message has a name as a word.
func names(message, name string) bool {
	for word := range words(message) {
		if word == name {
			return true
		}
	}
	return false
}

// words are those of a message, without what a sentence puts around them.
func words(message string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range strings.FieldsSeq(message) {
			if !yield(strings.Trim(word, `.,:;"'`)) {
				return
			}
		}
	}
}
