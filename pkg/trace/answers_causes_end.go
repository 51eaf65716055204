package trace

// Causes of the end of an object, and what keeps one that is to end.

import "slices"

// disruptions are those that a Pod says itself, by its condition DisruptionTarget.
var disruptions = []obstacleCause{
	{name: "evicted", match: re(`^EvictionByEvictionAPI: `),
		explain: "somebody evicted the Pod through the Eviction API, as kubectl drain does",
		next:    []string{"check whether its node is being drained, and so unschedulable: $ kubectl get node {node}"}},
	{name: "preempted", match: re(`^PreemptionByScheduler: `), by: "scheduler",
		explain: "the scheduler removed the Pod to make room for one of a higher priority",
		next: []string{"see which Pod that is: $ kubectl get events -n {namespace} --field-selector reason=Preempted",
			"$ kubectl get priorityclasses"}},
	{name: "tainted", match: re(`^DeletionByTaintManager: `), by: "controller-manager",
		explain: "{node} got a taint with the effect NoExecute that the Pod does not tolerate, or no longer " +
			"does{tolerated}{unready}",
		next: []string{"see which: $ kubectl get node {node} -o jsonpath='{.spec.taints}'"}},
	{name: "gc", match: re(`^DeletionByPodGC: `), by: "controller-manager",
		explain: "the garbage collector of Pods (PodGC) removed the Pod, because its node, {node}, is not there any more",
		next:    []string{"list the nodes: $ kubectl get nodes"}},
	{name: "device-taint", match: re(`^DeletionByDeviceTaintManager: `), by: "controller-manager",
		explain: "a device that the Pod claims got a taint with the effect NoExecute that its claim does not tolerate",
		next: []string{"see which: $ kubectl get resourceslices -o jsonpath='{.items[*].spec.devices[*].taints}'",
			"$ kubectl describe resourceclaims -n {namespace}"}},
}

var ownerDeleted = []string{"check whether it exists again: $ kubectl get {1} {2} -n {namespace} --ignore-not-found",
	"delete an owner with --cascade=orphan to keep what it owns"}

var deletions = slices.Concat(disruptions, []obstacleCause{
	{name: "deleted", match: re(`^Deleted: (?:made by us; )?somebody `),
		explain: "the {kind} was deleted; nothing in it records by whom",
		next:    []string{"see whether the audit log can say who: $ kubectl seq sources"}},
	{name: "owner-missing", match: re(`^Deleted: made by us; the garbage collector .*?: its owner, (\S+) (\S+), .*is ` +
		`not there`),
		explain: "the garbage collector deleted the {kind}, because the owner that it refers to is not there, or " +
			"has another uid: {1} {2}",
		next: []string{"leave metadata.ownerReferences out of the manifest, or see the uid that such an object has: " +
			"$ kubectl get {1} {2} -n {namespace} --ignore-not-found -o jsonpath='{.metadata.uid}'"}},
	{name: "owner-deleted", match: re(`^Deleted: .*the garbage collector .*?: its owner, (\S+) (\S+?), .*is not there`),
		explain: "the garbage collector deleted the {kind}, because its owner, {1} {2}, is not there: it was deleted, or " +
			"never was there",
		next: ownerDeleted},
	{name: "owner-deleted", match: re(`^Deleted: .*the garbage collector .*?: its owner, (\S+) (\S+?),`),
		explain: "the garbage collector deleted the {kind}, because its owner, {1} {2}, was deleted",
		next:    ownerDeleted},
	{name: "deleted-by", match: re(`^Deleted: (?:made by us; )?(.+?) asked to delete it`),
		explain: "{1} deleted the {kind}"},
	{name: "disrupted", match: re(`^(\w+): `),
		explain: "somebody ended the {kind}; its condition DisruptionTarget says why: {1}",
		next:    []string{"$ kubectl get {type} {pod} -n {namespace} --ignore-not-found -o jsonpath='{.status.conditions}'"}},
})

// ownerOfFinalizer is who removes the finalizers that Kubernetes itself sets.
var ownerOfFinalizer = map[string]string{
	"batch.kubernetes.io/job-tracking":                        "controller-manager/job",
	"foregroundDeletion":                                      "controller-manager/garbage-collector",
	"orphan":                                                  "controller-manager/garbage-collector",
	"kubernetes.io/pvc-protection":                            "controller-manager/pvc-protection",
	"kubernetes.io/pv-protection":                             "controller-manager/pv-protection",
	"service.kubernetes.io/load-balancer-cleanup":             "cloud-controller-manager",
	"resource.kubernetes.io/delete-protection":                "controller-manager/resourceclaim",
	"external-attacher/{driver}":                              "external-attacher",
	"snapshot.storage.kubernetes.io/pvc-as-source-protection": "snapshot-controller",
}

const showFinalizers = "see who owns it: $ kubectl get {type} {pod} -n {namespace} -o jsonpath='{.metadata.finalizers}'"

// unfinalize is for what nobody is there to finalize any more.
const unfinalize = "if its owner is gone for good, do its work and remove the finalizer: " +
	`$ kubectl patch {type} {pod} -n {namespace} --type=merge -p '{"metadata":{"finalizers":null}}'`

var endings = []obstacleCause{
	{name: "end-without-node", match: re(`^NodeLost: there is no node`), by: "node {node}",
		explain: "{deleted}, but there is no node {node}, so no kubelet ends it; the garbage collector of " +
			"Pods (PodGC) removes it within a minute or so",
		next: []string{"list the nodes: $ kubectl get nodes",
			"remove the Pod without waiting: $ kubectl delete pod {pod} -n {namespace} --grace-period=0 --force"}},
	{name: "end-without-kubelet", match: re(`^NodeLost: `), by: "kubelet",
		explain: "{deleted}, but the kubelet of {node} does not answer; only it can say that the containers have ended",
		next: []string{"see when it was last heard of: $ kubectl describe node {node}",
			"start it again, or, where the machine is off for good: $ kubectl delete pod {pod} -n {namespace} " +
				"--grace-period=0 --force"}},
	{name: "kill-network", match: re(`^FailedKillPod: .*failed to destroy network for sandbox`), by: "runtime",
		explain: "{deleted}; the runtime cannot take the network of the Pod's sandbox down, and the kubelet tries again",
		next: []string{"see what it says: " + describePod,
			"check the Pods that serve the network of {node}: $ kubectl get pods -A -o wide --field-selector " +
				"spec.nodeName={node}"}},
	{name: "kill-failed", match: re(`^FailedKillPod: `), by: "runtime",
		explain: "{deleted}; the runtime cannot end the Pod's containers or its sandbox, and the kubelet tries again",
		next: []string{"see what it says: " + describePod, "check the conditions of {node}: $ kubectl describe node " +
			"{node}"}},
	{name: "pre-stop", match: re(`^PreStop: `), by: "container/{container}",
		explain: "{deleted}; the preStop hook of container {container} has not ended; SIGTERM comes after it, and it " +
			"counts towards the grace period of {grace} s, of which {left} s are left",
		next: []string{"see what it does: $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.containers[*].lifecycle}'"}},
	{name: "sigterm", match: re(`^Terminating: .* still runs`), by: "container/{container}",
		explain: "{deleted}; container {container} has not ended since it was asked to: its program ignores SIGTERM, as a " +
			"shell or any process 1 without a handler does, or takes its time; SIGKILL comes when the grace period of {grace} " +
			"s is over, in {left} s",
		next: []string{"have the program handle SIGTERM, or set a smaller terminationGracePeriodSeconds: " +
			"$ kubectl explain pod.spec.terminationGracePeriodSeconds",
			"see what it writes meanwhile: $ kubectl logs {pod} -c {container} -n {namespace} --tail=5"}},
	{name: "grace-over", match: re(`^GracePeriodOver: `), by: "kubelet",
		explain: "{deleted}; the grace period of {grace} s was over {over} s ago, and the kubelet has not said that the " +
			"containers have ended",
		next: []string{"see when it was last heard of: $ kubectl describe node {node}",
			"force it as a last resort (the processes may live on): $ kubectl delete pod {pod} -n {namespace} " +
				"--grace-period=0 --force"}},
	{name: "finalizer", match: re(`^Finalizers: ([^\s,;]+)`), by: "{owner}",
		explain: "{deleted}; the containers have ended, and the kubelet has asked for the final DELETE; the Pod stays " +
			"until the owner of finalizer {1} removes it{setter}",
		next: []string{showFinalizers, unfinalize}},
	{name: "ending", by: "kubelet",
		explain: "{deleted}; the containers have ended; the kubelet clears away the sandbox and the volumes before the Pod " +
			"may go",
		next: []string{"read the kubelet's log on {node}, as by journalctl -u kubelet", describePod}},
}

var objectEndings = []obstacleCause{
	{name: "claim-in-use", match: re(`^Finalizers: kubernetes\.io/pvc-protection; used by ((?:Pod )?(\S+).*)`),
		by:      "controller-manager/pvc-protection",
		explain: "the claim stays as long as a Pod uses it (finalizer kubernetes.io/pvc-protection): {1} does",
		next: []string{"see what uses it: $ kubectl get pod {2} -n {namespace}",
			"end that, if you may: $ kubectl delete pod {2} -n {namespace}"}},
	{name: "foreground", match: re(`^Finalizers: foregroundDeletion`),
		by: "controller-manager/garbage-collector",
		explain: "it was deleted in the foreground: the garbage collector removes it after all that refers to it as its " +
			"owner and blocks its end (blockOwnerDeletion){waits}",
		follows: true,
		next: []string{"see what is left of that: $ kubectl get all,configmaps,secrets,persistentvolumeclaims -n " +
			"{namespace} " +
			"-o custom-columns=KIND:.kind,NAME:.metadata.name,OWNER:.metadata.ownerReferences[*].name"}},
	{name: "namespace-content", match: re(`^Finalizers: kubernetes: `), by: "controller-manager/namespace",
		explain: "the namespace ends when all objects in it are gone; its controller reports what is left",
		next: []string{"look at that: $ kubectl get -n {pod} --ignore-not-found --show-kind $(kubectl api-resources " +
			"--verbs=list --namespaced -o name | paste -sd,)",
			"wait for the owner of each finalizer that is left, which removes it when its work is done: " +
				"$ kubectl get namespace {pod} -o jsonpath='{.status.conditions}'"}},
	{name: "object-finalizer", match: re(`^Finalizers: ([^\s,;]+)`), by: "{owner}",
		explain: "the {kind} stays until the owner of finalizer {1} removes it{setter}",
		next:    []string{showFinalizers, unfinalize}},
	{name: "pods-end", explain: "the {kind} is gone, and {pods}, which came of it, has not been asked to end: that does " +
		"the garbage collector of the controller manager",
		follows: true, by: "controller-manager/garbage-collector",
		next: []string{"see when it was last heard of: $ kubectl get lease kube-controller-manager -n kube-system " +
			"-o jsonpath='{.spec.renewTime}'", "see what is left: $ kubectl get pods -n {namespace}"}},
}

var missingNodes = []obstacleCause{
	{name: "no-node", by: "node {node}",
		explain: "spec.nodeName is {node}, and there is no such node: no kubelet is there to start the Pod, and the " +
			"garbage collector of Pods (PodGC) removes it within a minute or so",
		next: []string{"list the nodes: $ kubectl get nodes", "leave spec.nodeName to the scheduler"}, dead: patience},
}

const wroteBefore = "see what it wrote before that: $ kubectl logs {pod} -c {container} -n {namespace}"

var failures = []obstacleCause{
	{name: "deadline", match: re(`^DeadlineExceeded: `), by: "kubelet",
		explain: "the kubelet ended the Pod, which was active for longer than its activeDeadlineSeconds, {deadline} s{was}",
		next:    []string{"fix what delayed it, or set a longer activeDeadlineSeconds: " + describePod}},
	{name: "storage-limit", match: re(`^Evicted: .*(ephemeral local storage usage exceeds|exceeded its local ephemeral ` +
		`storage limit|Usage of EmptyDir volume)`), by: "kubelet",
		explain: "the kubelet ended the Pod because it wrote more than its own limit for ephemeral storage allows; the " +
			"node is not short of anything",
		next: []string{"set a higher limits.ephemeral-storage, or sizeLimit of the emptyDir; see what they are: " +
			"$ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.containers[*].resources.limits}{.spec.volumes[*].emptyDir}'"}},
	{name: "node-pressure", match: re(`^Evicted: .*low on resource: (\S+?)[.,: ]`), by: "kubelet",
		explain: "the kubelet ended the Pod because its node ran short of {1}",
		next:    []string{"$ kubectl describe node {node}"}},
	{name: "node-condition", match: re(`^Evicted: .*The node had condition: \[([^\]]+)\]`), by: "kubelet",
		explain: "the kubelet of {node} refused the Pod, since the node has the condition {1}",
		next:    []string{"$ kubectl describe node {node}"}},
	{name: "out-of", match: re(`^OutOf(\w+): .*requested: (\d+), used: (\d+), capacity: (\d+)`), by: "kubelet",
		explain: "the kubelet of {node} refused the Pod, which was given to it without room: it asks for {2} of {1}, {3} " +
			"of {4} are taken (cpu in thousandths)",
		next: []string{"leave spec.nodeName to the scheduler, or see what is free: $ kubectl describe node {node}"}},
	{name: "node-ports", match: re(`^NodePorts: `), by: "kubelet",
		explain: "the kubelet of {node} refused the Pod, since another Pod has its hostPort there",
		next: []string{"see which: $ kubectl get pods -A --field-selector spec.nodeName={node} -o " +
			"custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,PORTS:.spec.containers[*].ports[*].hostPort",
			"leave spec.nodeName to the scheduler, which looks for a node where the port is free"}},
	{name: "node-affinity", match: re(`^NodeAffinity: `), by: "kubelet",
		explain: "the kubelet of {node} refused the Pod: the node has not the labels that its nodeSelector or node " +
			"affinity asks for",
		next: []string{"see which it has: $ kubectl get node {node} --show-labels",
			"see what the Pod asks for: $ kubectl get pod {pod} -n {namespace} -o " +
				"jsonpath='{.spec.nodeSelector}{.spec.affinity.nodeAffinity}'"}},
	{name: "sysctl", match: re(`^SysctlForbidden: .*"([^"]+)"`), by: "kubelet",
		explain: "the kubelet of {node} refused the Pod: it does not allow the sysctl {1}, which is not among the safe ones",
		next:    []string{"leave it out, or have the kubelet allow it (--allowed-unsafe-sysctls): " + showSysctls}},
	{name: "node-shutdown", match: re(`^(NodeShutdown|Terminated): .*node (?:is )?shut`), by: "kubelet",
		explain: "the kubelet ended the Pod, or did not take it, since {node} is shutting down",
		next:    []string{"$ kubectl describe node {node}"}},
	{name: "critical", match: re(`^Preempting: `), by: "kubelet",
		explain: "the kubelet ended the Pod to make room for a critical one on {node}",
		next: []string{"see which: $ kubectl get pods -A --field-selector spec.nodeName={node} -o " +
			"custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,CLASS:.spec.priorityClassName," +
			"CREATED:.metadata.creationTimestamp"}},
	{name: "refused-by-kubelet", match: re(`^(AppArmor|PodOSNotSupported|PodOSSelectorNodeLabelDoesNotMatch|` +
		`PodLevelResourcesNotSupported|UnexpectedAdmissionError|TopologyAffinityError|SupplementalGroupsPolicyNotSupported|` +
		`PodFeatureUnsupported|InvalidNodeInfo|NodeName|TaintToleration|NodeUnschedulable|UnknownReason): `), by: "kubelet",
		explain: "the kubelet of {node} refused the Pod ({1})",
		next:    []string{"$ kubectl describe node {node}"}},
	{name: "pod-oom", match: re(`^OOMKilled: .*by the Pod's limit`),
		explain: "the kernel killed {victim}: all containers together used more memory than the Pod's " +
			"limit (spec.resources.limits.memory, {podLimit}) allows; the container itself has none",
		next: []string{"set a higher spec.resources.limits.memory of the Pod, or have it use less: " +
			"$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.resources}'", wroteBefore}},
	{name: "failed-oom", match: re(`^OOMKilled: .*by its limit`),
		explain: "the kernel killed {victim}, which used more memory than its limit, {limit}, " +
			"allows{limitRange}",
		next: []string{"set a higher resources.limits.memory for {container}, or have it use less: " + showLimits,
			wroteBefore}},
	{name: "node-oom", match: re(`^OOMKilled: `),
		explain: "the kernel killed {victim}, which has no memory limit of its own: the node ran out of " +
			"memory, or a cgroup above the container did",
		next: []string{"check whether the node is short of memory: $ kubectl describe node {node}", wroteBefore}},
	{name: "exit-rule", match: re(`exited (\d+).*by its restart policy`),
		explain: "container {container} ended with exit code {code}{meaning}, and its own restartPolicy and " +
			"restartPolicyRules do not start it again",
		next: []string{"see what it wrote: $ kubectl logs {pod} -c {container} -n {namespace}"}},
	{name: "failed-container", match: re(`exited`),
		explain: "container {container} ended with exit code {code}{meaning}, and the Pod's restartPolicy does not start " +
			"it again",
		next: []string{"see what it wrote: $ kubectl logs {pod} -c {container} -n {namespace}", leftMessage}},
	{name: "failed", explain: "{who} rejected the Pod, or gave it up",
		next: []string{"$ kubectl describe node {node}"}},
}
