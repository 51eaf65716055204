package trace

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// rulesOfPast are about what had happened to an object before the run looked at it: what it and its Events have kept.
var rulesOfPast = []Rule{
	{
		Name: "past-create", Trigger: "metadata.creationTimestamp of an object that was there", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtSome,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofAll, derive: createdThen,
		Proves:  "the API server stamps the object within the request that makes it; managedFields, or the owner, say who asked",
		Gist:    "Somebody made it; the object has kept when, to the second.",
		Explain: "An object keeps when it was made, in whole seconds of the API server's clock. Its managedFields have kept who made it, in the client's own words.",
		Doc:     docs + "reference/using-api/server-side-apply/#field-management",
	},
	{
		Name: "past-bind", Trigger: "spec.nodeName of a Pod that was there", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtSome,
		Certainty: seq.Inferred, Detail: seq.Brief, derive: boundThen,
		Proves:  "the Pod has a node that no managedFields entry owns, as only a bind leaves it; condition PodScheduled has the second",
		Gist:    "The scheduler only writes the node's name into the Pod.",
		Explain: "The scheduler only writes the node's name into the Pod. It starts nothing and tells no node.",
		Doc:     docs + "concepts/scheduling-eviction/kube-scheduler/",
	},
	{
		Name: "past-write", Trigger: "a managedFields entry, or a condition's lastTransitionTime, of an object that was there", To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofAll, derive: markedThen,
		Proves:  "the entry names client and second of a write that changed its fields; a condition has the second since which it holds",
		Gist:    "Of earlier writes an object keeps the last of each client, at most.",
		Explain: "An object keeps its last state, not its history. Each client's last change of its own set of fields, and the last change of each condition, have left their second; what was written in between is gone. Who sets a condition notes the time before it writes, so the write came a little later; conditions of one second may have come in one write or in several.",
		Doc:     docs + "reference/using-api/server-side-apply/#field-management",
	},
	{
		Name: "past-stored", Trigger: "an object that was there", From: seq.APIServer, To: seq.Etcd, Kind: seq.RequestKind, At: seq.AtCommit,
		Certainty: seq.Inferred, Detail: seq.Full, of: ofAll, derive: storedThen,
		Proves:  "what the object has kept of a write was stored with it; the revision is not known any more",
		Gist:    "The API server keeps no state: the write counts once etcd has it.",
		Explain: "The API server keeps no state of its own: the write counts once etcd has it on disk. Of an object that was there, only the revision of the last write is known.",
		Doc:     docs + "concepts/overview/components/#etcd",
	},
	{
		Name: "past-revision", Trigger: "resourceVersion of an object that was there", From: seq.Etcd, To: seq.Etcd, Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Full, of: ofAll, derive: heldThen,
		Proves:  "resourceVersion is etcd's own revision of the last write; all that the object has kept had happened by then",
		Gist:    "The revision of the last write; whose it was may not be known.",
		Explain: "Of an object that was there, etcd's revision of its last write is known, and nothing of the writes in between.",
		Doc:     docs + "reference/using-api/api-concepts/#resource-versions",
	},
	{
		Name: "past-delete", Trigger: "metadata.deletionTimestamp of an object that was there", From: seq.UnknownClient, To: seq.APIServer, Kind: seq.RequestKind, At: seq.AtSome,
		Certainty: seq.Observed, Detail: seq.Brief, of: ofAll, derive: deletedThen,
		Proves:  "the API server sets deletionTimestamp, in the request itself, to its own time and the grace period",
		Gist:    "Somebody asked for the end. The object does not say who.",
		Explain: "A DELETE marks an object that cannot go at once. The mark is the time at which the grace period ends, so the request came that much earlier.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#pod-termination",
	},
	{
		Name: "past-life", Trigger: "startedAt of a container's state", To: seq.Runc, Kind: seq.RequestKind, At: seq.AtStart,
		Certainty: seq.Inferred, Detail: seq.Normal, of: ofKubelets, derive: lived,
		Proves:  "the runtime tells the second in which it started the container",
		Gist:    "The status keeps when a container was started, to the second.",
		Explain: "The status of a Pod has when each container was started and how its last life ended, in whole seconds of the node's clock.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#container-states",
	},
	{
		Name: "past-gap", Trigger: "restartCount above 1 of a Pod that was there", Kind: seq.NoteKind, At: seq.AtEnd,
		Certainty: seq.Observed, Detail: seq.Normal, of: ofKubelets, derive: forgotten,
		Proves:  "restartCount counts more lives than the status describes",
		Gist:    "A status tells of a container's last two lives, of no earlier one.",
		Explain: "A Pod's status tells of the present life of a container and of the one before. Of earlier ones only their number is known, and what Events of the last hour say.",
		Doc:     docs + "concepts/workloads/pods/pod-lifecycle/#container-restarts",
	},
}
