package trace

// Rules of writes and of their way into etcd.

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

func (s *story) requestStep(verb, subresource string) seq.Step {
	return seq.Step{Verb: verb, Resource: s.resource, Subresource: subresource, Object: s.object,
		ClockOf: seq.APIServer}
}

var ruleWrite = rule{
	Rule: seq.Rule{
		Name:    "write",
		Trigger: "a new revision of an object",
		Proves: "every revision is one successful write; managedFields name who owns what it changed, and whether it was a " +
			"PATCH only of some clients",
		Gist: "Every change goes through the API server, also a component's own.",
		Explain: "The component or client on the left changed the object through the API server. Control-plane " +
			"components coordinate through API objects; only the API server talks to etcd.",
		Doc:    docs + "concepts/overview/kubernetes-api/",
		Source: "k8s.io/apiserver/pkg/storage/etcd3/store.go GuaranteedUpdate",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Observed, detail: seq.Normal,
	perWrite: deriveWrite,
}

func deriveWrite(s *story, w *write, emit func(graph.Claim)) {
	if w.ownRequest != nil || w.isBind() || w.isStatusPatch() || w.isFirstOfTwo() || w.endsEviction() ||
		!w.isOfRun() || w.byController() {
		return
	}
	detail := w.detail()
	if w.actor.verb == "create" || w.actor.verb == "delete" {
		detail = seq.Brief
	}
	c := s.writeClaim(w, s.writeLabel(w), detail)
	if w == s.nomination() {
		c.Follows = append(c.Follows, pickKey, deliverScheduler)
	}
	emit(c)
}

// writeLabel names the request as it is sent, and what it changed.
func (s *story) writeLabel(w *write) string {
	label := methods[w.actor.verb] + " " + s.resource
	switch {
	case w.actor.verb == "create" && w.actor.subresource != "":
		return label + "/" + w.actor.subresource
	case w.actor.verb == "create":
		return label + " (" + s.object.Name + ")"
	case w.actor.verb == "delete":
		if !s.isPod() {
			label += " (" + s.object.Name + ")"
		}
		if w.shortensGrace() {
			label += fmt.Sprintf(": deletionGracePeriodSeconds=%d", *w.object.GetDeletionGracePeriodSeconds())
		}
		return label
	case w.actor.subresource != "":
		label += "/" + w.actor.subresource
	}
	what := w.changed()
	if w.removesLastFinalizer() { // the object is told as it was before
		what = "removes finalizer " + strings.Join(w.prevObject.GetFinalizers(), ", ")
	}
	if what != "" {
		label += ": " + what
	}
	return label
}

// writeClaim is what every revision tells of the request that made it. One that made several began before the first.
func (s *story) writeClaim(w *write, label string, detail seq.Detail) graph.Claim {
	step := s.requestStep(w.actor.verb, w.actor.subresource)
	step.Key, step.Label, step.From, step.Detail = s.writeKey(w), label, w.actor.name, detail
	step.ResourceVersion, step.Certainty = w.object.GetResourceVersion(), w.actor.certainty
	step.Window, step.Best = w.window()
	step.Evidence = []seq.Evidence{w.evidence()}
	c := graph.Claim{Step: step, Stored: s.commit(w)}
	first := w.firstOfTwo()
	if w.evicts() { // by this one it is drawn, whether or not there will be another, see endsEviction
		first = w
	}
	for ; first != nil; first = first.firstOfTwo() {
		c.Instant, c.Stored = seq.AtStart, s.commit(first)
		c.Window, c.Best = seq.Window{Latest: first.received}, instant.Before(first.received, 2*deliveryLag)
	}
	if s.foundRevision() != nil {
		c.Follows = append(c.Follows, s.foundRevisionKey())
	}
	return c
}

var ruleStatusPatch = rule{
	Rule: seq.Rule{
		Name:    "status-patch",
		Trigger: "a revision whose managedFields entry of the kubelet changed",
		Proves:  "managedFields names manager kubelet, subresource status",
		Gist:    "Other components learn container state from this Pod status.",
		Explain: "The kubelet reports what it has done by patching the Pod's status. Other components learn the " +
			"state of the containers from it. Of the node they also learn from the Node's status, its Lease, and " +
			"Events.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/",
		Source: "k8s.io/kubernetes/pkg/kubelet/status/status_manager.go syncPod",
	},
	from: seq.Kubelet, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Observed, detail: seq.Normal,
	perWrite: deriveStatusPatch,
}

func deriveStatusPatch(s *story, w *write, emit func(graph.Claim)) {
	if !w.isStatusPatch() {
		return
	}
	label := "PATCH pods/status"
	if what := w.changed(); what != "" {
		label += ": " + what
	}
	c := s.writeClaim(w, label, w.detail())
	c.Follows = append(append(c.Follows, s.reported(w)...), deliverKubelet,
		s.askedKey(s.ofGeneration(w.pod.Status.ObservedGeneration)))
	emit(c)
}

var ruleEtcdWrite = rule{
	Rule: seq.Rule{
		Name:    "etcd-write",
		Trigger: "a new revision of an object",
		Proves:  "resourceVersion is etcd's own revision of that transaction",
		Gist:    "etcd keeps the state: the write counts once etcd has it on disk.",
		Explain: "etcd keeps the state of the cluster; what the API server has in memory is a copy. The write " +
			"counts once etcd has it on disk.",
		Doc:    docs + "concepts/architecture/#etcd",
		Source: "k8s.io/apiserver/pkg/storage/etcd3/store.go Create",
	},
	of: ofAll, from: seq.APIServer, to: seq.Etcd, kind: seq.RequestKind,
	instant: seq.AtCommit, certainty: seq.Observed, detail: seq.Full,
	perWrite: deriveEtcdWrite,
	bounds:   true,
}

func deriveEtcdWrite(s *story, w *write, emit func(graph.Claim)) {
	if !w.isOfRun() {
		return
	}
	step := seq.Step{Key: s.etcdKeyOf(w), Label: s.object.Kind + " " + s.object.Name, Object: s.object,
		ResourceVersion: w.object.GetResourceVersion(), ClockOf: seq.APIServer}
	step.Window, step.Best = w.window()
	if w.ownRequest != nil {
		// The answer follows the commit closely.
		step.Window = instant.Intersect(step.Window, seq.Window{Earliest: w.ownRequest.Sent, Latest: w.ownRequest.FirstByte})
		if !w.ownRequest.FirstByte.IsZero() {
			step.Best = w.ownRequest.FirstByte.Add(-time.Millisecond)
		}
	}
	step.Evidence = []seq.Evidence{w.evidence()}
	if step.Verb = "update"; w.creates {
		step.Verb = "create"
	} else if w.deleted {
		step.Verb = "delete"
	}
	if w.detail() == seq.Brief {
		step.Detail = seq.Brief
	}
	after := []seq.Key{s.writeKey(w)}
	if w.endsEviction() {
		after = []seq.Key{s.writeKey(w.prevWrite)}
	}
	for first := w; first.isFirstOfTwo() && first.nextWrite != nil; first = first.nextWrite {
		after = append(after, s.writeKey(first.nextWrite))
	}
	emit(graph.Claim{Step: step, Follows: after, Commit: s.commit(w), Stored: s.commit(w)})
}

// commit is the place of a write among those of the store.
func (s *story) commit(w *write) graph.Commit { return s.commitOf(s.resource, w.rv) }

func (c *scene) commitOf(resource string, rv uint64) graph.Commit {
	counter := ""
	if c.sharesPodCounter(resource) {
		counter = "pods"
	}
	return graph.Commit{Counter: counter, Resource: resource, Revision: rv}
}

// reported are the messages that a status write tells of, and so came before it.
func (s *story) reported(w *write) []seq.Key {
	var keys []seq.Key
	if object.Condition(w.pod, corev1.PodReadyToStartContainers) == corev1.ConditionTrue {
		keys = append(keys, sandboxEnd)
		for _, x := range s.sandboxes {
			if x.ready != nil && x.ready.rv <= w.rv {
				keys = append(keys, x.key().End())
			}
		}
	}
	for c := range object.Statuses(w.pod) {
		n := int(c.RestartCount)
		if c.State.Running != nil || began(c.State.Terminated) {
			keys = append(keys, criKey("StartContainer", c.Name, n).End())
		}
		if c.State.Terminated != nil {
			keys = append(keys, exitKey(c.Name, n))
		}
		if c.LastTerminationState.Terminated != nil {
			keys = append(keys, exitKey(c.Name, lastStateAttempt(c)))
		}
		if c.Ready {
			keys = append(keys, probeKey("readiness", c.Name, n))
		}
		if c.Started != nil && *c.Started {
			keys = append(keys, probeKey("startup", c.Name, n))
		}
	}
	return keys
}

// detail draws even in the briefest picture what begins and ends an object, what makes Pods or is one be asked for
// something else, and the kubelet's reports of what matters.
func (w *write) detail() seq.Detail {
	if w.creates || w.isBind() || w.deleted || w.endsLife() || w.asksAnew() && (w.pod != nil || w.makesPods()) ||
		w.isStatusPatch() && w.reportsProgress() {
		return seq.Brief
	}
	return seq.Normal
}

// makesPods reports whether the object is one for which controllers make Pods.
func (w *write) makesPods() bool {
	spec := object.Spec(w.object)
	return spec["template"] != nil || spec["jobTemplate"] != nil
}

// reportsProgress reports whether a status ends a phase: of the Pod as the API knows it, of those that were not ready,
// or of a container that could be made.
func (w *write) reportsProgress() bool {
	prev := w.prevPod
	if prev == nil {
		return false
	}
	if prev.Status.Phase != w.pod.Status.Phase ||
		object.Condition(prev, corev1.PodReady) != corev1.ConditionTrue &&
			object.Condition(w.pod, corev1.PodReady) == corev1.ConditionTrue {
		return true
	}
	for c := range object.Statuses(w.pod) {
		if was := object.StatusOf(prev, c.Name); c.RestartCount == 0 && cannotBeMade(c) &&
			(was == nil || !cannotBeMade(was)) {
			return true
		}
	}
	return false
}

// cannotBeMade reports whether a container waits for anything else than its turn.
func cannotBeMade(c *corev1.ContainerStatus) bool {
	w := c.State.Waiting
	return w != nil && w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing"
}
