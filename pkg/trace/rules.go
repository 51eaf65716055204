package trace

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Rule is one row of what this package knows about Kubernetes: from which observation it concludes which message.
type Rule struct {
	Name      string
	Trigger   string // the observation it starts from
	From, To  seq.Participant
	Kind      seq.Kind
	At        seq.Instant
	Label     string // where it is the same for every message of the rule
	Certainty seq.Certainty
	Detail    seq.Detail
	Proves    string // why the observation is evidence
	Gist      string // what a learner should know, in one line of at most 67 characters, which fits a terminal of 80
	Explain   string // the same in full
	Doc       string // the page of the Kubernetes documentation

	of     scope
	derive func(*story, func(claim))
}

// scope says which stories a rule is for.
type scope int

const (
	ofPods scope = iota
	ofAll
	ofRun // once, for the run as a whole
	ofOthers
	ofKubelets // Pods for which a kubelet reports
	ofEngines  // containers that a Docker Engine runs
)

func (r *Rule) applies(s *story) bool {
	if s.isContainer() {
		return r.of == ofEngines
	}
	switch r.of {
	case ofPods:
		return s.isPod()
	case ofRun:
		return s == s.subject()
	case ofOthers:
		return !s.isPod()
	case ofEngines:
		return false
	case ofKubelets:
		return s.isPod() && s.reporter() == seq.Kubelet
	}
	return true
}

const docs = "https://kubernetes.io/docs/"

// Rules lists every rule. The order matters only where two rules claim one message with equal certainty: the first
// gives the label.
var Rules = slices.Concat(rulesOfWrites, rulesOfExec, rulesOfNodes, rulesOfPast, rulesOfRecords, rulesOfDocker)

// rulesOfWrites are about what clients ask of the API server, and what becomes of it.
var rulesOfWrites = []Rule{
	{
		Name: "own-create", Trigger: "our own POST", From: seq.Kubectl, To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofAll, derive: ownCreate,
		Proves:  "we sent it and read the answer",
		Gist:    "The client asks; admission and validation happen in this request.",
		Explain: "The client asks the API server for an object. Authentication, authorization, admission and validation all happen inside this one request.",
		Doc:     docs + "concepts/security/controlling-access/",
	},
	{
		Name: "own-delete", Trigger: "our own DELETE", From: seq.Kubectl, To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofAll, derive: ownDelete,
		Proves:  "we sent it and read the answer",
		Gist:    "The client asks for the end, and is answered long before it.",
		Explain: "The client asks the API server to delete the object. A Pod on a node is only marked, with a grace period; one that has no node, or has finished, is removed at once, and so is most else. What it owned, the garbage collector deletes later; or first, or not at all, where the request says so.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
	},
	{
		Name: "own-read", Trigger: "our own GET", From: seq.Kubectl, To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Full, of: ofRun, derive: ownRead,
		Proves:  "we sent it and read the answer",
		Gist:    "This tool watches to show you what comes; kubectl create would not.",
		Explain: "This tool itself lists and watches, so that it can show you what comes; kubectl create alone would not.",
		Doc:     docs + "reference/using-api/api-concepts/#efficient-detection-of-changes",
	},
	{
		Name: "warning", Trigger: "a Warning header", From: seq.Kubectl, To: seq.Kubectl, Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Normal, of: ofRun, derive: warnings,
		Proves:  "it came with the answer to our own request",
		Gist:    "The API server took the object but has something to say about it.",
		Explain: "The API server took the object but has something to say about it.",
		Doc:     docs + "reference/access-authn-authz/extensible-admission-controllers/",
	},
	{
		Name: "admission", Trigger: "the answer to our own POST", From: seq.APIServer, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Normal, of: ofAll, derive: admission,
		Proves:  "the stored Pod is not the one we sent, or the answer, the audit log or a span names the webhook",
		Gist:    "Admission may change or refuse the Pod before it is stored.",
		Explain: "Before it stores an object the API server hands it to its admission plugins, and to the webhooks that are registered for it, which may change it, then to those that may refuse it.",
		Doc:     docs + "reference/access-authn-authz/extensible-admission-controllers/",
	},
	{
		Name: "write", Trigger: "a new revision of an object", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Normal, of: ofAll, derive: writes,
		Proves:  "every revision is one successful write; the object says who made it",
		Gist:    "A client changed it; every change goes through the API server.",
		Explain: "Some client changed the object through the API server. There is no other way: components never talk to each other or to etcd directly.",
		Doc:     docs + "concepts/overview/kubernetes-api/",
	},
	{
		Name: "controller-delivery", Trigger: "a controller acted on an object", From: seq.APIServer, Kind: seq.DeliveryKind, At: seq.AtEnd,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofAll, derive: controllerDeliveries,
		Proves:  "what the controller wrote follows from an object that it can only know from its watch",
		Gist:    "Controllers watch, too: each sees what changes of its own kinds.",
		Explain: "Each controller holds watches open on the kinds of objects it looks after. No controller calls another: each sees what the one before it has written.",
		Doc:     docs + "concepts/architecture/controller/",
	},
	{
		Name: "controller-create", Trigger: "a new object that has a controller as its owner", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Brief, of: ofAll, derive: controllerCreates,
		Proves:  "managedFields names the controller manager, and the ownerReference whose controller it was; Events and the audit log name it",
		Gist:    "A controller makes what its object asks for, one level at a time.",
		Explain: "A controller compares what an object asks for with what there is, and makes what is missing: the Deployment's a ReplicaSet, the ReplicaSet's its Pods, the CronJob's a Job. The new object refers to its owner.",
		Doc:     docs + "concepts/architecture/controller/",
	},
	{
		Name: "controller-status", Trigger: "a status by the controller manager", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofAll, derive: controllerReports,
		Proves:  "managedFields names the controller manager and subresource status, and one controller writes the status of each kind",
		Gist:    "The controller counts what it sees, and writes it into the status.",
		Explain: "A controller reports in the status of its object what it has found: how many Pods there are, and how many of them are ready. Controllers above it, and kubectl rollout status, read it there.",
		Doc:     docs + "concepts/overview/working-with-objects/#object-spec-and-status",
	},
	{
		Name: "controller-write", Trigger: "another write by the controller manager", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofAll, derive: controllerChanges,
		Proves:  "managedFields names the controller manager, and one controller looks after each kind",
		Gist:    "A controller changes an object so that it is as its owner asks.",
		Explain: "A controller brings an object closer to what is asked for: it scales a ReplicaSet, adds a Pod's address to an EndpointSlice, binds a claim to its volume.",
		Doc:     docs + "concepts/architecture/controller/",
	},
	{
		Name: "controller-delete", Trigger: "an object goes, and its owner's Event names it or its owner is gone", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Brief, of: ofAll, derive: controllerEnds,
		Proves:  "Event SuccessfulDelete names the object, or its owner was deleted before it",
		Gist:    "What nobody owns any more, or asks for, a controller deletes.",
		Explain: "A controller that has too many objects deletes some. What is left of a deleted owner, the garbage collector deletes: it finds each object whose ownerReference leads nowhere.",
		Doc:     docs + "concepts/architecture/garbage-collection/",
	},
	{
		Name: "collector-write", Trigger: "a finalizer of the garbage collector is gone, or a reference to an owner that leaves its objects behind", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofAll, derive: collectorWrites,
		Proves:  "only the garbage collector takes these away, unless somebody does so by hand; the audit log names it",
		Gist:    "The garbage collector has done its part, and lets the object go.",
		Explain: "Where what an object owns is to go first, or to stay, the API server only marks the object, with a finalizer. The garbage collector sees to what it owns, then takes the finalizer away: with the last one the object goes.",
		Doc:     docs + "concepts/architecture/garbage-collection/#cascading-deletion",
	},
	{
		Name: "controller-event", Trigger: "an Event of a controller that names another object", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Normal, of: ofOthers, derive: controllerEvents,
		Proves:  "the controller emits it right after it has made, scaled or deleted what the Event names",
		Gist:    "The controller itself says what it has done.",
		Explain: "Controllers emit Events about the object they look after: ScalingReplicaSet, SuccessfulCreate, SuccessfulDelete. Each names what was done.",
		Doc:     docs + "reference/kubernetes-api/cluster-resources/event-v1/",
	},
	{
		Name: "status-patch", Trigger: "a revision whose managedFields entry of the kubelet changed", From: seq.Kubelet, To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Normal, derive: statusPatches,
		Proves:  "managedFields names manager kubelet, subresource status",
		Gist:    "The kubelet reports; the cluster learns of the node only this way.",
		Explain: "The kubelet reports what it has done by patching the Pod's status; this report is all that the rest of the cluster ever learns of the node.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/",
	},
	{
		Name: "bind", Trigger: "a revision that gives the Pod its node", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Brief, derive: binds,
		Proves:  "spec.nodeName and condition PodScheduled appear in one revision; a bind leaves no managedFields entry, so only the Scheduled Event proves who",
		Gist:    "The scheduler only writes the node's name into the Pod.",
		Explain: "The scheduler only writes the node's name into the Pod. It starts nothing and tells no node.",
		Doc:     docs + "concepts/scheduling-eviction/kube-scheduler/",
	},
	{
		Name: "etcd-write", Trigger: "a new revision of an object", From: seq.APIServer, To: seq.Etcd, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: etcdWrites,
		Proves:  "resourceVersion is etcd's own revision of that transaction",
		Gist:    "The API server keeps no state: the write counts once etcd has it.",
		Explain: "The API server keeps no state of its own: the write counts once etcd has it on disk.",
		Doc:     docs + "concepts/overview/components/#etcd",
	},
}

// rulesOfRecords are about Events as objects, and about what the cluster records of itself.
var rulesOfRecords = []Rule{
	{
		Name: "event-write", Trigger: "a new revision of an Event", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: eventWrites,
		Proves:  "the Event is there, and names its emitter",
		Gist:    "Events are API objects too, written just after what they tell of.",
		Explain: "Events are API objects too, written a few milliseconds after what they tell of, and kept for an hour.",
		Doc:     docs + "reference/kubernetes-api/cluster-resources/event-v1/",
	},
	{
		Name: "audit", Trigger: "an audit entry of a write", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: audited,
		Proves:  "the API server logs each request it has answered, with the authenticated user and microseconds",
		Gist:    "The API server's own log has this request.",
		Explain: "The audit log is the API server's own record of who asked for what, when, and what came of it. Its user is authenticated, where managedFields only has the client's word.",
		Doc:     docs + "tasks/debug/debug-cluster/audit/",
	},
	{
		Name: "etcd-span", Trigger: "etcd's span of the transaction", From: seq.APIServer, To: seq.Etcd, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: transactions,
		Proves:  "etcd itself timed the transaction below the API server's span of the request",
		Gist:    "etcd timed this transaction itself.",
		Explain: "A write takes effect in etcd's transaction: proposed through raft, written to disk, applied. Everything else in the request surrounds it.",
		Doc:     docs + "concepts/cluster-administration/system-traces/",
	},
	{
		Name: "answer", Trigger: "an audit entry, or the API server's span", From: seq.APIServer, Kind: seq.ResponseKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: answers,
		Proves:  "the entry and the span end when the request is answered",
		Gist:    "The API server answers the client that made the change.",
		Explain: "The client that wrote gets the object as it is stored now, with its new resourceVersion.",
		Doc:     docs + "reference/using-api/api-concepts/",
	},
	{
		Name: "request", Trigger: "an audit entry, or the API server's span, of a request that changed nothing", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: otherRequests,
		Proves:  "the API server recorded it",
		Gist:    "A component asks about the Pod; no watch ever shows this.",
		Explain: "Reads and refused writes leave no revision and no Event. The kubelet, for one, reads the Pod before each status patch, and asks for a token for the Pod's ServiceAccount.",
		Doc:     docs + "reference/using-api/api-concepts/",
	},
	{
		Name: "sync-pod", Trigger: "the kubelet's span", From: seq.Kubelet, To: seq.Kubelet, Kind: seq.NoteKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Normal, derive: syncs,
		Proves:  "the kubelet's own span, with the Pod's uid",
		Gist:    "The kubelet compares what should run with what runs, and acts.",
		Explain: "The kubelet's worker for this Pod starts one round: it compares the Pod as it should be with what runs, and does what is missing. One round starts a whole Pod.",
		Doc:     docs + "concepts/architecture/#kubelet",
	},
	{
		Name: "cri-span", Trigger: "the kubelet's span of a CRI call", From: seq.Kubelet, To: seq.Runtime, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Normal, derive: criSpans,
		Proves:  "the kubelet's own span of the call",
		Gist:    "The kubelet timed this call to the runtime itself.",
		Explain: "The kubelet talks to the container runtime by gRPC on a local socket, the Container Runtime Interface.",
		Doc:     docs + "concepts/architecture/cri/",
	},
	{
		Name: "cni-span", Trigger: "the runtime's span", To: seq.CNI, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Normal, derive: cniSpans,
		Proves:  "the runtime's own span of the set-up",
		Gist:    "The network plugins give the Pod its interface and address.",
		Explain: "The runtime runs the CNI plugins of the node: they put a network interface into the Pod's namespace, give it an address and connect it.",
		Doc:     docs + "concepts/extend-kubernetes/compute-storage-net/network-plugins/",
	},
	{
		Name: "runc-span", Trigger: "the runtime's span of its call to the shim", To: seq.Runc, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Observed, Detail: seq.Normal, derive: runcSpans,
		Proves:  "the runtime's own span of the shim's task service, which runs runc",
		Gist:    "The runtime has its shim run runc.",
		Explain: "containerd does not run runc itself: a shim per Pod does, and stays as the parent of the container's process, so that containerd can be restarted under running containers.",
		Doc:     docs + "setup/production-environment/container-runtimes/",
	},
	{
		Name: "gap", Trigger: "a lost watch", From: seq.Kubectl, To: seq.Kubectl, Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofRun, derive: gaps,
		Proves:  "our own watch ended and could not be resumed where it was",
		Gist:    "What happened in between may be missing from this picture.",
		Explain: "What happened in between may be missing from this picture.",
		Doc:     docs + "reference/using-api/api-concepts/#410-gone-responses",
	},
}
