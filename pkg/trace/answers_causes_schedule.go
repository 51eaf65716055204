package trace

// Causes before a Pod has its node.

const showPods = "$ kubectl get pods -n {namespace} -o wide --show-labels"

// unschedulable are the words of the scheduler's plugins, from the particular to the general: v1.37, below
// pkg/scheduler/framework/plugins. A message counts the nodes that each of them rules out.
var unschedulable = []obstacleCause{
	{name: "scheduler-error", match: re(`^SchedulerError: `),
		explain: "the scheduler failed at placing the Pod, and tries again",
		next:    []string{"$ kubectl logs -n kube-system -l component=kube-scheduler --tail=20"}},
	{name: "gated", match: re(`^SchedulingGated: `),
		explain: "the scheduler leaves the Pod alone until somebody removes its scheduling gates: {gates}",
		next: []string{"who removes {gates}? $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.schedulingGates}'"}},
	{name: "preempting", match: re(`^Preempting: `),
		explain: "the scheduler has chosen {nominated}, and ends Pods of a lower priority there; the Pod waits until their " +
			"grace periods are over",
		next: []string{"which end? $ kubectl get events -A --field-selector reason=Preempted",
			"$ kubectl get pods -A --field-selector spec.nodeName={nominated}"}},
	{name: "no-claim", match: re(`persistentvolumeclaim "([^"]+)" not found`),
		explain: "there is no PersistentVolumeClaim {1}",
		next:    []string{"$ kubectl get persistentvolumeclaims -n {namespace}"}, dead: missingGrace},
	{name: "claim-ends", match: re(`persistentvolumeclaim "([^"]+)" is being deleted`),
		explain: "the PersistentVolumeClaim {1} is being deleted: no other Pod may use it",
		next:    []string{"$ kubectl get persistentvolumeclaim {1} -n {namespace}"}},
	{name: "lost-volume", match: re(`bound to non-existent persistentvolume "([^"]+)"|bound to non-existent pv`),
		explain: "a PersistentVolumeClaim of the Pod is bound to a volume that is not there {1}",
		next:    []string{"$ kubectl get persistentvolumeclaims -n {namespace}", "$ kubectl get persistentvolumes"}},
	{name: "unbound-claim", match: re(`unbound immediate PersistentVolumeClaims`),
		explain: "a PersistentVolumeClaim of the Pod has no volume yet{claims}",
		next:    []string{"$ kubectl describe persistentvolumeclaims -n {namespace}"}},
	{name: "no-nodes", match: re(`no nodes available`), explain: "the cluster has no node",
		next: []string{"$ kubectl get nodes"}, dead: missingGrace},
	{name: "cordoned", match: re(`(\d+) node\(s\) were unschedulable`),
		explain: "{1} of {nodes} nodes are cordoned (spec.unschedulable): no new Pods are put there{others}",
		next: []string{"which? $ kubectl get nodes",
			"where the work on it is done: kubectl uncordon NODE"}, dead: missingGrace},
	{name: "anti-affinity", match: re(`(\d+) node\(s\) didn't match pod anti-affinity rules`),
		explain: "the Pod must not be where other Pods are that its anti-affinity names ({terms}); on {1} of {nodes} nodes " +
			"there is one{siblings}{others}",
		next: []string{showPods, "more nodes, fewer replicas, or preferred instead of required anti-affinity"},
		dead: missingGrace},
	{name: "others-anti-affinity", match: re(`(\d+) node\(s\) didn't satisfy existing pods anti-affinity rules`),
		explain: "on {1} of {nodes} nodes there is a Pod whose anti-affinity does not bear this one{others}",
		next:    []string{"$ kubectl get pods -A -o wide --show-labels"}, dead: missingGrace},
	{name: "affinity", match: re(`(\d+) node\(s\) didn't match pod affinity rules`),
		explain: "the Pod must be where other Pods are that its affinity names ({terms}), and there are none{others}",
		next:    []string{showPods}, dead: missingGrace},
	{name: "topology-key", match: re(`topology spread constraints \(missing required label\)`),
		explain: "the Pod is to be spread over the label {topologyKeys} of nodes, which they do not have{others}",
		next: []string{"$ kubectl get nodes --show-labels",
			"another topologyKey in spec.topologySpreadConstraints, or whenUnsatisfiable: ScheduleAnyway"}, dead: missingGrace},
	{name: "topology-spread", match: re(`didn't match pod topology spread constraints`),
		explain: "wherever the Pod may be put, the Pods that its topologySpreadConstraints name would be spread more " +
			"unevenly over {topologyKeys} than maxSkew allows{others}",
		next: []string{showPods, "$ kubectl get nodes --show-labels"}, dead: missingGrace},
	{name: "host-ports", match: re(`(\d+) node\(s\) didn't have free ports for the requested pod ports`),
		explain: "its hostPort {ports} is taken on {1} of {nodes} nodes{others}",
		next: []string{"by whom? $ kubectl get pods -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name," +
			"NODE:.spec.nodeName,PORTS:.spec.containers[*].ports[*].hostPort",
			"a Service instead of a hostPort"}, dead: missingGrace},
	{name: "too-many-pods", match: re(`(\d+) Too many pods`),
		explain: "{1} of {nodes} nodes have as many Pods as they may{others}",
		next:    []string{"$ kubectl get nodes -o custom-columns=NAME:.metadata.name,PODS:.status.allocatable.pods"},
		dead:    missingGrace},
	{name: "resources", match: re(`(\d+) Insufficient (\S+?)[.,]?(?:\s|$)`),
		explain: "too little free {2} for the Pod's requests on {1} of {nodes} nodes{others}",
		next:    []string{"ask for less, or see what is free: $ kubectl describe nodes"}, dead: missingGrace},
	{name: "volume-node", match: re(`volume node affinity conflict|no available volume zone`),
		explain: "a volume of the Pod can only be reached from other nodes or zones than those that could take the " +
			"Pod{others}",
		next: []string{"where is it? $ kubectl get persistentvolumes -o custom-columns=NAME:.metadata.name," +
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
		next:    []string{"$ kubectl get csinodes -o yaml"}, dead: missingGrace},
	{name: "resource-claim", match: re(`resourceclaim|ResourceClaim|cannot allocate all claims`),
		explain: "what the Pod claims of devices cannot be allocated",
		next:    []string{"$ kubectl get resourceclaims -n {namespace}"}},
	{name: "node-selector", match: re(`(\d+) node\(s\) didn't match Pod's node affinity/selector`),
		explain: "{1} of {nodes} nodes do not have the labels that its nodeSelector or node affinity asks " +
			"for{selector}{others}",
		next: []string{"$ kubectl get nodes --show-labels"}, dead: missingGrace},
	{name: "taint", match: re(`(\d+) node\(s\) had (?:untolerated taint|taints that)(?:\(s\))?( \{[^}]*\})?`),
		explain: "{1} of {nodes} nodes have a taint that the Pod does not tolerate{2}{others}",
		next: []string{"$ kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints",
			"a toleration in the Pod's spec, or another node"}},
	{name: "unschedulable", explain: "no node takes the Pod", next: []string{"$ kubectl describe nodes"},
		dead: missingGrace},
}

var missingClaims = []obstacleCause{
	{name: "no-claim-template", by: "controller-manager/resourceclaim",
		explain: "the controller that makes the Pod's ResourceClaim cannot: {1}",
		match:   re(`^FailedResourceClaimCreation: (.*)`),
		next:    []string{"$ kubectl get resourceclaimtemplates -n {namespace}"}, dead: missingGrace},
}

var preBinds = []obstacleCause{
	{name: "provisioner", by: "{provisioner}",
		explain: "the scheduler has chosen {nominated} for the Pod, and waits with the binding until the provisioner " +
			"{provisioner} of StorageClass {class} has made a volume for claim {claim}; that goes on for up to 10 min",
		match: re(`^WaitsForVolume: .*provisioner`),
		next: []string{"is the driver of {provisioner} there? $ kubectl get pods -A",
			"$ kubectl describe persistentvolumeclaim {claim} -n {namespace}"}},
	{name: "binding-volume", by: "controller-manager/persistentvolume-binder",
		explain: "the scheduler has chosen {nominated} for the Pod, and waits with the binding until claim {claim} is bound",
		match:   re(`^WaitsForVolume: `),
		next:    []string{"$ kubectl describe persistentvolumeclaim {claim} -n {namespace}"}},
	{name: "pre-bind", by: "{scheduler}",
		explain: "the scheduler has chosen {nominated} for the Pod, and waits for something with the binding",
		next:    []string{"$ kubectl describe pod {pod} -n {namespace}"}},
}

var noSchedulers = []obstacleCause{
	{name: "no-scheduler", explain: "no scheduler has said anything of the Pod; it asks for {scheduler}",
		next: []string{"is it running? $ kubectl get pods -n kube-system",
			"$ kubectl get leases -n kube-system"}},
}

var silentKubelets = []obstacleCause{
	{name: "silent-kubelet", explain: "the Pod is bound to {node}, but the kubelet there does not act on it",
		next: []string{"$ kubectl describe node {node}", "on the node: journalctl -u kubelet"}, dead: atOnce},
}
