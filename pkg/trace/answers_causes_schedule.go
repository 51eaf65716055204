package trace

// Causes before a Pod has its node.

const showPods = "$ kubectl get pods -n {namespace} -o wide --show-labels"

// unschedulable are the words of the scheduler's plugins, from the particular to the general: v1.37, below
// pkg/scheduler/framework/plugins. A message counts the nodes that each of them rules out.
var unschedulable = []obstacleCause{
	{name: "binding-refused", match: re(`^SchedulerError: .*running Bind plugin`),
		explain: "the scheduler has chosen a node for the Pod, and the API server rejects the binding; the " +
			"scheduler tries again",
		next: []string{"see which admission may refuse it: $ kubectl get validatingadmissionpolicies," +
			"validatingwebhookconfigurations,mutatingwebhookconfigurations"}},
	{name: "scheduler-error", match: re(`^SchedulerError: `),
		explain: "the scheduler failed with an error, and tries again",
		next:    []string{"$ kubectl logs -n kube-system -l component=kube-scheduler --tail=20"}},
	{name: "gated", match: re(`^SchedulingGated: `),
		explain: "the scheduler leaves the Pod alone until somebody removes its scheduling gates: {gates}",
		next: []string{"find out who removes {gates}: $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.schedulingGates}'"}},
	{name: "preempting", match: re(`^Preempting: `),
		explain: "the scheduler has chosen {nominated}, and deletes Pods of a lower priority there; the Pod waits until " +
			"they have ended",
		next: []string{"see which ended: $ kubectl get events -A --field-selector reason=Preempted",
			"$ kubectl get pods -A --field-selector spec.nodeName={nominated}"}},
	{name: "no-claim", match: re(`persistentvolumeclaim "([^"]+)" not found`),
		explain: "there is no PersistentVolumeClaim {1}",
		next:    []string{"$ kubectl get persistentvolumeclaims -n {namespace}"}, dead: missingGrace},
	{name: "claim-ends", match: re(`persistentvolumeclaim "([^"]+)" is being deleted`),
		explain: "the PersistentVolumeClaim {1} is being deleted: no other Pod may use it",
		next: []string{"see its finalizers, and who uses it: $ kubectl describe persistentvolumeclaim {1} -n " +
			"{namespace}"}},
	{name: "claim-of-other", match: re(`PVC (?:[^/\s]+/)?(\S+) was not created for pod`),
		explain: "the claim for an ephemeral volume of the Pod is to be named {1}, and somebody else has made a claim of " +
			"that name",
		next: []string{"see whose it is: $ kubectl get persistentvolumeclaim {1} -n {namespace} -o yaml",
			"choose another name for the Pod, or for the volume"}, dead: missingGrace},
	{name: "lost-volume", match: re(`persistentvolumeclaim "([^"]+)" bound to non-existent persistentvolume "([^"]+)"`),
		explain: "claim {1} is bound to the PersistentVolume {2}, which somebody has removed: what it had is not found " +
			"again by waiting",
		next: []string{"$ kubectl get persistentvolumeclaims -n {namespace}",
			"check whether it exists again: $ kubectl get persistentvolumes"}, dead: missingGrace},
	{name: "no-class", match: re(`unbound immediate PersistentVolumeClaims.*claim (\S+), of StorageClass (\S+), which ` +
		`is ` +
		`not there`),
		explain: "claim {1} has no volume: it asks for the StorageClass {2}, which does not exist, and no PersistentVolume " +
			"of " +
			"that class fits",
		next: []string{"list those that exist: $ kubectl get storageclasses", "$ kubectl get persistentvolumes"},
		dead: missingGrace},
	{name: "no-default-class", match: re(`unbound immediate PersistentVolumeClaims.*claim (\S+), which names no ` +
		`StorageClass`),
		explain: "claim {1} has no volume: it names no StorageClass, none is the default, and no PersistentVolume without " +
			"a class fits",
		next: []string{"check that one is marked as (default): $ kubectl get storageclasses", "$ kubectl get " +
			"persistentvolumes"},
		dead: missingGrace},
	{name: "unprovisioned", by: "{3}", match: re(`unbound immediate PersistentVolumeClaims.*claim (\S+), of ` +
		`StorageClass ` +
		`(\S+) with provisioner ([^;\s]+)`),
		explain: "claim {1} has no volume yet: the provisioner {3} of StorageClass {2} has not made it",
		next: []string{"$ kubectl describe persistentvolumeclaim {1} -n {namespace}",
			"check the Pods of {3}: $ kubectl get pods -A"}},
	{name: "unbound-claim", match: re(`unbound immediate PersistentVolumeClaims`),
		explain: "a PersistentVolumeClaim of the Pod has no volume yet{claims}",
		next:    []string{"$ kubectl describe persistentvolumeclaims -n {namespace}"}},
	{name: "no-nodes", match: re(`no nodes available`), explain: "the cluster has no node",
		next: []string{"$ kubectl get nodes"}, dead: missingGrace},
	{name: "cordoned", match: re(`(\d+) node\(s\) were unschedulable`),
		explain: "{1} of {nodes} nodes are cordoned (spec.unschedulable): no new Pods are put there{others}",
		next: []string{"see which: $ kubectl get nodes",
			"when the work on it is done, run kubectl uncordon NODE"}, dead: missingGrace},
	{name: "anti-affinity", match: re(`(\d+) node\(s\) didn't match pod anti-affinity rules`),
		explain: "the Pod must not be where other Pods are that its anti-affinity names ({terms}); on {1} of {nodes} nodes " +
			"there is one{siblings}{others}",
		next: []string{showPods, "add nodes, use fewer replicas, or prefer anti-affinity instead of requiring it: " +
			"$ kubectl explain pod.spec.affinity.podAntiAffinity"},
		dead: missingGrace},
	{name: "others-anti-affinity", match: re(`(\d+) node\(s\) didn't satisfy existing pods anti-affinity rules`),
		explain: "on {1} of {nodes} nodes there is a Pod whose anti-affinity excludes this one{others}",
		next:    []string{"$ kubectl get pods -A -o wide --show-labels"}, dead: missingGrace},
	{name: "affinity", match: re(`(\d+) node\(s\) didn't match pod affinity rules`),
		explain: "the Pod must be where other Pods are that its affinity names ({affinityTerms}); on {1} of {nodes} nodes " +
			"there is none{others}",
		next: []string{showPods}, dead: missingGrace},
	{name: "topology-key", match: re(`topology spread constraints \(missing required label\)`),
		explain: "the Pod is to be spread over the label {topologyKeys} of nodes, which they do not have{others}",
		next: []string{"$ kubectl get nodes --show-labels",
			"set another topologyKey, or whenUnsatisfiable ScheduleAnyway: $ kubectl get pod {pod} -n {namespace} -o " +
				"jsonpath='{.spec.topologySpreadConstraints}'"}, dead: missingGrace},
	{name: "topology-spread", match: re(`didn't match pod topology spread constraints`),
		explain: "wherever the Pod may be put, the Pods that its topologySpreadConstraints name would be spread more " +
			"unevenly over {spread} than that allows{others}",
		next: []string{showPods, "$ kubectl get nodes --show-labels"}, dead: missingGrace},
	{name: "host-ports", match: re(`(\d+) node\(s\) didn't have free ports for the requested pod ports`),
		explain: "its hostPort {ports} is taken on {1} of {nodes} nodes{others}",
		next: []string{"see which Pods use it: $ kubectl get pods -A -o " +
			"custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name," +
			"NODE:.spec.nodeName,PORTS:.spec.containers[*].ports[*].hostPort",
			"use a Service instead of a hostPort"}, dead: missingGrace},
	{name: "too-many-pods", match: re(`(\d+) Too many pods`),
		explain: "{1} of {nodes} nodes have as many Pods as they may{others}",
		next:    []string{"$ kubectl get nodes -o custom-columns=NAME:.metadata.name,PODS:.status.allocatable.pods"},
		dead:    missingGrace},
	{name: "resources", match: re(`(\d+) Insufficient (\S+?)[.,]?(?:\s|$)`),
		explain: "too little free {2} for the Pod's requests{requests} on {1} of {nodes} nodes{evenEmpty}{others}",
		next: []string{"ask for less; what the nodes have: $ kubectl get nodes -o custom-columns=NAME:.metadata.name," +
			"CPU:.status.allocatable.cpu,MEMORY:.status.allocatable.memory",
			"see how much of it is used: $ kubectl describe nodes"}, dead: missingGrace},
	{name: "volume-node", match: re(`PersistentVolume's node affinity|volume node affinity conflict|no available volume ` +
		`zone`),
		explain: "a volume of the Pod can only be reached from other nodes or zones than those that could take the " +
			"Pod{others}",
		next: []string{"see where it is: $ kubectl get persistentvolumes -o custom-columns=NAME:.metadata.name," +
			"CLAIM:.spec.claimRef.name,NODES:.spec.nodeAffinity", "$ kubectl get nodes --show-labels"}, dead: missingGrace},
	{name: "no-volume", match: re(`didn't find available persistent volumes to bind|did not have enough free storage`),
		explain: "no volume fits the Pod's claim, and none is made for it{claims}{others}",
		next:    []string{"$ kubectl get persistentvolumes", "$ kubectl describe persistentvolumeclaims -n {namespace}"},
		dead:    missingGrace},
	{name: "volume-taken", match: re(`ReadWriteOncePod access mode already in-use`),
		explain: "its claim is ReadWriteOncePod, and another Pod uses it",
		next:    []string{"$ kubectl describe persistentvolumeclaims -n {namespace}"}},
	{name: "volume-limit", match: re(`exceed max volume count`),
		explain: "the nodes have as many volumes of that driver as they may{others}",
		next: []string{"see how many: $ kubectl get csinodes -o custom-columns=NODE:.metadata.name," +
			"DRIVERS:.spec.drivers[*].name,LIMITS:.spec.drivers[*].allocatable.count",
			"$ kubectl get volumeattachments"}, dead: missingGrace},
	{name: "no-device-class", match: re(`device class (\S+) does not exist`),
		explain: "a ResourceClaim of the Pod asks for a device of the DeviceClass {1}, which does not exist",
		next: []string{"list those that exist: $ kubectl get deviceclasses",
			"check that it is the right one: $ kubectl describe resourceclaims -n {namespace}"}, dead: missingGrace},
	{name: "resource-claim", match: re(`resourceclaim|ResourceClaim|resource claim|cannot allocate all claims`),
		explain: "no node has free devices that the Pod's ResourceClaims ask for{others}",
		next: []string{"see what is asked for: $ kubectl describe resourceclaims -n {namespace}",
			"see what the drivers offer: $ kubectl get resourceslices"}},
	{name: "node-name", match: re(`didn't satisfy plugin\(s\) \[NodeAffinity\]`),
		explain: "its node affinity names a node ({nodeNames}) that is not there{others}",
		next:    []string{"$ kubectl get nodes"}, dead: missingGrace},
	{name: "node-selector", match: re(`(\d+) node\(s\) didn't match Pod's node affinity/selector`),
		explain: "{1} of {nodes} nodes do not have the labels that its nodeSelector or node affinity asks " +
			"for{selector}{others}",
		next: []string{"$ kubectl get nodes --show-labels"}, dead: missingGrace},
	{name: "taint", match: re(`(\d+) node\(s\) had (?:untolerated taint|taints that)(?:\(s\))?( \{[^}]*\})?`),
		explain: "{1} of {nodes} nodes have a taint that the Pod does not tolerate{2}{others}",
		next: []string{"$ kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints",
			"add a toleration to the Pod's spec, or choose another node: $ kubectl explain pod.spec.tolerations"}},
	{name: "unschedulable", explain: "no node can run the Pod", next: []string{"$ kubectl describe nodes"},
		dead: missingGrace},
}

// missingClaims are of a Pod that waits for its ResourceClaims: the scheduler does not even queue it.
var missingClaims = []obstacleCause{
	{name: "no-resource-claim", by: "scheduler", match: re(`^NoResourceClaim: resourceclaim "([^"]+)" not found`),
		explain: "there is no ResourceClaim {1}, which the Pod uses: the scheduler leaves the Pod alone until there is",
		next:    []string{"list those that exist: $ kubectl get resourceclaims -n {namespace}"}, dead: missingGrace},
	{name: "no-claim-template", by: "controller-manager/resourceclaim",
		explain: "there is no ResourceClaimTemplate {1}, of which a ResourceClaim of the Pod is to be made",
		match:   re(`^FailedResourceClaimCreation: .*resource claim template "([^"]+)":.*not found`),
		next:    []string{"list those that exist: $ kubectl get resourceclaimtemplates -n {namespace}"}, dead: missingGrace},
	{name: "resource-claim-creation", by: "controller-manager/resourceclaim",
		explain: "the controller that makes the Pod's ResourceClaims of their templates cannot, and tries again",
		next:    []string{"check the quotas: $ kubectl describe quota -n {namespace}", describePod}, dead: missingGrace},
}

// preBinds are of what the scheduler waits for before it binds, for up to 10 min: then it begins again.
var preBinds = []obstacleCause{
	{name: "provisioner", by: "{provisioner}",
		explain: "the scheduler has chosen {nominated} for the Pod, and waits with the binding until the provisioner " +
			"{provisioner} of StorageClass {class} has made a volume for claim {claim}; by default it waits for up to 10 min",
		match: re(`^WaitsForVolume: .*provisioner`),
		next: []string{"$ kubectl describe persistentvolumeclaim {claim} -n {namespace}",
			"check the Pods of {provisioner}: $ kubectl get pods -A"}},
	{name: "device-conditions", by: "the driver of the device", match: re(`^BindingConditionsPending: `),
		explain: "the scheduler has chosen {nominated} for the Pod, and waits with the binding until the driver has made a " +
			"device of the Pod's ResourceClaims ready there",
		next: []string{"see the conditions that it waits for: $ kubectl get resourceclaims -n {namespace} -o " +
			"jsonpath='{.items[*].status}'", "check the Pods of the driver: $ kubectl get pods -A"}},
	{name: "pre-bind", by: "{scheduler}",
		explain: "the scheduler has chosen {nominated} for the Pod, and waits with the binding for a volume or a device",
		next:    []string{describePod, "$ kubectl get persistentvolumeclaims -n {namespace}"}},
}

var noSchedulers = []obstacleCause{
	{name: "no-scheduler", explain: "no scheduler has reported on the Pod yet; its schedulerName is {scheduler}",
		next: []string{"see which run: $ kubectl get leases -n kube-system",
			"check that one of that name runs: $ kubectl get pods -A"}},
}

var silentKubelets = []obstacleCause{
	{name: "silent-kubelet", explain: "the Pod is bound to {node}, but the kubelet there does not act on it",
		next: []string{"$ kubectl describe node {node}", "on the node, run journalctl -u kubelet"}, dead: atOnce},
}
