package trace

// Rules of what had happened before the run looked.

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

var rulePastCreate = rule{
	Rule: seq.Rule{
		Name:    "past-create",
		Trigger: "metadata.creationTimestamp of an object that was there",
		Proves: "the API server stamps the object within the request that makes it; managedFields, or the owner, say who " +
			"asked",
		Gist: "The object keeps the second of its creation.",
		Explain: "An object keeps its creation time, in whole seconds of the API server's clock. Its " +
			"managedFields name the client that created it, in the client's own words.",
		Doc:    docs + "reference/using-api/server-side-apply/#field-management",
		Source: "k8s.io/apiserver/pkg/registry/rest/meta.go FillObjectMetaSystemFields",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtDuring,
	certainty: seq.Observed, detail: seq.Brief,
	derive: derivePastCreate,
}

func derivePastCreate(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	a, _ := s.maker(w)
	at := w.object.GetCreationTimestamp()
	step := s.requestStep("create", "")
	step.Key, step.From, step.Certainty = s.pastCreate(), a.name, a.certainty
	step.Label = "POST " + s.resource + " (" + s.object.Name + ")"
	step.Window = s.secondOf(seq.APIServer, at)
	step.Evidence = []seq.Evidence{w.evidenceOf("metadata.creationTimestamp; "+a.because, at.Time)}
	for _, e := range s.events { // nobody tells of what is not there yet
		if both := instant.Intersect(step.Window, seq.Window{Latest: e.at}); !both.Empty() {
			step.Window = both
		}
	}
	c := graph.Claim{Step: step}
	if owner := s.owner(); owner != nil {
		if o := owner.foundRevision(); o == nil || !at.Time.Before(o.object.GetCreationTimestamp().Time) {
			// else it was adopted
			c.Follows = append(c.Follows, storedKey(owner.pastCreate()), owner.etcdKey(owner.createRevision()))
			c.Follows = append(c.Follows, owner.rolledOut(w)...)
		}
	}
	emit(c)
}

// rolledOut are the writes that had a Deployment make one of its ReplicaSets, where that has the newest revision of the
// Pods' template, and not the first.
func (s *story) rolledOut(made *write) (keys []seq.Key) {
	found := s.foundRevision()
	if found == nil || s.object.Kind != "Deployment" {
		return nil
	}
	of := func(w *write) string { return w.object.GetAnnotations()["deployment.kubernetes.io/revision"] }
	if of(made) == "" || of(made) == "1" || of(made) != of(found) {
		return nil
	}
	created := made.object.GetCreationTimestamp()
	for _, m := range s.pastWrites() {
		if m.setsTemplate && !m.at.IsZero() && !created.Before(&m.at) {
			keys = append(keys, m.key)
		}
	}
	return keys
}

var rulePastBind = rule{
	Rule: seq.Rule{
		Name:    "past-bind",
		Trigger: "spec.nodeName of a Pod that was there",
		Proves: "the Pod has a node that no managedFields entry owns, as only a bind leaves it; condition PodScheduled has " +
			"the second",
		Gist: "The scheduler only writes the node's name into the Pod.",
		Explain: "The scheduler binds the Pod: it writes the node's name into spec.nodeName. It starts nothing " +
			"and calls no node.",
		Doc:    docs + "concepts/scheduling-eviction/kube-scheduler/",
		Source: "k8s.io/kubernetes/pkg/registry/core/pod/storage/storage.go assignPod",
	},
	to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtDuring, certainty: seq.Inferred, detail: seq.Brief,
	derive: derivePastBind,
}

func derivePastBind(s *story, emit func(graph.Claim)) {
	w := s.foundNode()
	if w == nil {
		return
	}
	step := s.requestStep("create", "binding")
	step.Key, step.From = s.pastBound(), w.binder()
	step.Node, step.Label = w.pod.Spec.NodeName, "POST pods/binding ("+w.pod.Spec.NodeName+")"
	e := s.boundEvidence(w)
	for _, c := range w.pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue {
			step.Window, e = s.secondOf(seq.APIServer,
				c.LastTransitionTime), w.evidenceOf("condition PodScheduled since; "+e.Text, c.LastTransitionTime.Time)
		}
	}
	step.Evidence = []seq.Evidence{e}
	if x := s.scheduled(); x != nil {
		step.Certainty, step.ClockOf = seq.Observed, seq.Scheduler
		step.Evidence = append(step.Evidence, x.evidence())
		if both := instant.Intersect(step.Window, seq.Window{Latest: x.at}); !both.Empty() { // else their clocks disagree
			step.Window = both
		}
		if !x.at.IsZero() {
			step.Best = x.at.Add(-scheduledLag)
		}
	}
	emit(graph.Claim{Step: step, Follows: []seq.Key{pickKey, deliverScheduler, storedKey(s.pastCreate())}})
}

var rulePastWrite = rule{
	Rule: seq.Rule{
		Name:    "past-write",
		Trigger: "a managedFields entry, or a condition's lastTransitionTime, of an object that was there",
		Proves: "the entry names client and second of a write that changed its fields; a condition has the second since " +
			"which it holds",
		Gist: "Of earlier writes an object keeps the last of each client, at most.",
		Explain: "An object keeps its last state, not its history. Each client's last change of its own set of fields, and " +
			"the last change of each condition, have left their second; what was written in between is gone, and what a " +
			"client owns may be of any of its writes. Who sets a condition notes the time before it writes, so the write " +
			"came a little later; conditions of one second may have come in one write or in several. Nothing tells in which " +
			"order clients wrote within one second: unless one caused the other, they are in that of their names.",
		Doc:    docs + "reference/using-api/server-side-apply/#field-management",
		Source: "k8s.io/apimachinery/pkg/util/managedfields/internal/managedfieldsupdater.go Update",
	},
	of: ofAll, to: seq.APIServer, kind: seq.RequestKind, instant: seq.AtCommit,
	certainty: seq.Inferred, detail: seq.Normal,
	derive: derivePastWrite,
}

func derivePastWrite(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	for _, m := range s.pastWrites() {
		step := s.requestStep(m.verb, m.subresource)
		step.Key, step.From, step.Certainty, step.Label = m.key, m.name, m.certainty, m.label(s.resource)
		step.Window, step.Evidence, step.Instant = s.secondOf(m.name, m.at), m.evidence(w), seq.AtDuring
		if m.at.IsZero() {
			step.Window, step.Instant = seq.Window{Latest: w.received}, seq.AtCommit
			step.Best = instant.Before(s.madeOrEndedPods(), controllerLag)
		}
		if m.adopts { // because of a write of labels, unless it was made with them
			step.Best = step.Window.Latest
		}
		if len(m.conditions) > 0 { // its time is from before the write
			if step.Instant = seq.AtCommit; w.pod == nil && !m.has("Progressing") {
				// which comes first; the others come of what happens
				step.Best = step.Window.Latest
			}
			step.Window.Latest = time.Time{}
		}
		c := graph.Claim{Step: step, Follows: append(s.adoptedAfter(m), storedKey(s.pastCreate())), Lag: reportLag}
		if m.name == seq.Kubelet {
			c.Node = s.node
			c.Follows = append(c.Follows, deliverKubelet)
		}
		if m.makesTrue(corev1.PodReadyToStartContainers) {
			c.Follows = append(c.Follows, s.foundSandbox().key().End())
		}
		if m.makesTrue(corev1.PodInitialized) {
			for _, x := range w.pod.Status.InitContainerStatuses {
				if spec := containerSpec(w.pod, x.Name); spec == nil || spec.RestartPolicy != nil { // a sidecar does not end before
					continue
				}
				c.Follows = append(c.Follows, exitKey(x.Name, int(x.RestartCount)))
			}
		}
		if m.makesTrue(corev1.PodReady) {
			c.Detail = seq.Brief
			for x := range object.Statuses(w.pod) {
				if n, _ := readyLife(w.pod, x); n >= 0 {
					c.Follows = append(c.Follows, criKey("StartContainer", x.Name, n).End(), probeKey("readiness", x.Name, n))
				}
			}
		}
		emit(c)
	}
}

// controllerLag is about how long after a write its controller says what it has done for it.
const controllerLag = 20 * time.Millisecond

var rulePastStored = rule{
	Rule: seq.Rule{
		Name:    "past-stored",
		Trigger: "an object that was there",
		Proves:  "what the object has kept of a write was stored with it; the revision is not known any more",
		Gist:    "etcd keeps the state: the write counts once etcd has it on disk.",
		Explain: "etcd keeps the state of the cluster; what the API server has in memory is a copy. Of an object " +
			"that existed before, only the revision of the last write is known.",
		Doc:    docs + "concepts/architecture/#etcd",
		Source: "k8s.io/apiserver/pkg/storage/etcd3/store.go GuaranteedUpdate",
	},
	of: ofAll, from: seq.APIServer, to: seq.Etcd, kind: seq.RequestKind,
	instant: seq.AtCommit, certainty: seq.Inferred, detail: seq.Full,
	derive: derivePastStored,
}

// derivePastStored are the etcd writes of the creation, the bind and the reports that ended a phase, and of the last
// write.
func derivePastStored(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	write := func(key seq.Key, verb string, detail seq.Detail, e []seq.Evidence) {
		emit(graph.Claim{Step: seq.Step{Key: storedKey(key), Label: s.object.Kind + " " + s.object.Name, Verb: verb,
			Object: s.object, ClockOf: seq.APIServer, Detail: detail, Evidence: e}, Follows: []seq.Key{key}})
	}
	at := w.object.GetCreationTimestamp()
	write(s.pastCreate(), "create", seq.Brief, []seq.Evidence{w.evidenceOf("metadata.creationTimestamp", at.Time)})
	if s.foundNode() != nil {
		write(s.pastBound(), "update", seq.Brief, []seq.Evidence{w.evidenceOf("spec.nodeName", w.received)})
	}
	for _, m := range s.pastWrites() {
		if m.makesTrue(corev1.PodReady) {
			write(m.key, "update", seq.Brief, m.evidence(w))
		}
	}
}

var rulePastRevision = rule{
	Rule: seq.Rule{
		Name:    "past-revision",
		Trigger: "resourceVersion of an object that was there",
		Proves: "resourceVersion is etcd's own revision of the last write; all that the object has kept had happened by " +
			"then",
		Gist: "The revision of the last write; whose it was may not be known.",
		Explain: "Of an object that was there, etcd's revision of its last write is known, and nothing of the writes in " +
			"between.",
		Doc:    docs + "reference/using-api/api-concepts/#resource-versions",
		Source: "k8s.io/apiserver/pkg/storage/etcd3/store.go GuaranteedUpdate",
	},
	of: ofAll, from: seq.Etcd, to: seq.Etcd, kind: seq.NoteKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Full,
	derive: derivePastRevision,
}

// derivePastRevision is the last revision of an object before the run looked at it: everything that it has kept had
// happened by then.
func derivePastRevision(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil {
		return
	}
	step := seq.Step{Key: s.foundRevisionKey(), Label: "holds " + s.object.Kind + " " + s.object.Name, Object: s.object,
		ResourceVersion: w.object.GetResourceVersion(), ClockOf: seq.Kubectl}
	step.Label += " at revision " + step.ResourceVersion
	step.Window, step.Best = seq.Window{Latest: w.received}, instant.Before(w.received, deliveryLag)
	step.Evidence = []seq.Evidence{w.evidenceOf("metadata.resourceVersion", w.received)}
	c := graph.Claim{Step: step,
		Follows: []seq.Key{storedKey(s.pastCreate()), storedKey(s.pastBound()), s.pastKey("delete"), s.pastEnd()}}
	for _, m := range s.pastWrites() {
		if c.Follows = append(c.Follows, m.key); m.makesTrue(corev1.PodReady) {
			c.Follows = append(c.Follows, storedKey(m.key))
		}
	}
	emit(c)
}

var rulePastDelete = rule{
	Rule: seq.Rule{
		Name:    "past-delete",
		Trigger: "metadata.deletionTimestamp of an object that was there",
		Proves:  "the API server sets deletionTimestamp, in the request itself, to its own time and the grace period",
		Gist:    "Somebody deleted the object. It does not record who.",
		Explain: "A DELETE marks an object that cannot go at once. The mark is the time at which the grace period " +
			"ends, so the request came that much earlier. When the containers of a Pod have exited, its kubelet " +
			"sends another DELETE, without a grace period, which sets the mark anew.",
		Doc:    docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
		Source: "k8s.io/apiserver/pkg/registry/rest/delete.go BeforeDelete",
	},
	of: ofAll, from: seq.UnknownClient, to: seq.APIServer, kind: seq.RequestKind,
	instant: seq.AtDuring, certainty: seq.Observed, detail: seq.Brief,
	derive: derivePastDelete,
}

func derivePastDelete(s *story, emit func(graph.Claim)) {
	w := s.foundRevision()
	if w == nil || w.object.GetDeletionTimestamp() == nil {
		return
	}
	at := deletionAsked(w.object)
	step := s.requestStep("delete", "")
	step.Key, step.Label = s.pastKey("delete"), "DELETE "+s.resource+" ("+s.object.Name+")"
	if grace := w.object.GetDeletionGracePeriodSeconds(); grace != nil && *grace > 0 {
		step.Label += fmt.Sprintf(", grace period %d s", *grace)
	}
	step.Window, step.Evidence = s.secondOf(seq.APIServer,
		at), []seq.Evidence{w.evidenceOf("metadata.deletionTimestamp, less the grace period; nothing says who asked",
		at.Time)}
	after := []seq.Key{storedKey(s.pastCreate())}
	if e := s.endedBeforeMark(w); e != nil {
		end := step
		end.Key, end.From, end.Certainty, end.Node = s.pastEnd(), seq.Kubelet, seq.Inferred, s.node
		end.Evidence = []seq.Evidence{w.evidenceOf("metadata.deletionTimestamp, without a grace period: its kubelet ends it "+
			"once its containers are gone", at.Time), e.evidence()}
		ends := []seq.Key{s.pastKey("delete")}
		for _, r := range s.lives {
			ends = append(ends, exitKey(r.container, r.attempt))
		}
		emit(graph.Claim{Step: end, Follows: ends})
		step.Window, step.Certainty = seq.Window{Latest: s.emittedBy(e)}, seq.Inferred
		step.Best = step.Window.Latest.Add(-reportLag)
		step.Evidence = []seq.Evidence{e.evidence(), w.evidenceOf(
			"metadata.deletionTimestamp, which its kubelet has set anew; nothing says who asked, and when", at.Time)}
	}
	emit(graph.Claim{Step: step, Follows: after})
}

// deletionAsked is the second in which the end of an object that has a deletionTimestamp was asked for.
func deletionAsked(m metav1.Object) metav1.Time {
	at := *m.GetDeletionTimestamp()
	if grace := m.GetDeletionGracePeriodSeconds(); grace != nil {
		at = metav1.NewTime(at.Add(-time.Duration(*grace) * time.Second))
	}
	return at
}
