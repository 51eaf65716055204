package trace

// Causes of workloads and other objects that are no Pods.

const (
	showStatus   = "$ kubectl get {type} {pod} -n {namespace} -o jsonpath='{.status}'"
	describeThis = "$ kubectl describe {type} {pod} -n {namespace}"
	podsOfThis   = "$ kubectl get pods -n {namespace}"
)

// suspensions are nobody's fault: somebody wants it so.
var suspensions = []obstacleCause{
	{name: "suspended-job", match: re(`^Suspended: .* the Job `), by: "{setter}",
		explain: "the Job is suspended (spec.suspend, set by {setter}): its controller makes no Pods until somebody sets " +
			"that to false",
		next: []string{`$ kubectl patch job {pod} -n {namespace} --type=merge -p '{"spec":{"suspend":false}}'`},
		dead: missingGrace},
	{name: "suspended-cronjob", match: re(`^Suspended: `), by: "{setter}",
		explain: "the CronJob is suspended (spec.suspend, set by {setter}): its controller makes no Jobs until somebody " +
			"sets that to false",
		next: []string{`$ kubectl patch cronjob {pod} -n {namespace} --type=merge -p '{"spec":{"suspend":false}}'`,
			"run it once, by hand: $ kubectl create job {pod}-by-hand --from=cronjob/{pod} -n {namespace}"}, dead: missingGrace},
	{name: "paused", match: re(`^Paused: `), by: "{setter}",
		explain: "the Deployment is paused (spec.paused, set by {setter}), so its controller creates no ReplicaSet of a " +
			"new template",
		next: []string{"$ kubectl rollout resume deployment/{pod} -n {namespace}"}, dead: missingGrace},
	{name: "no-parallelism", match: re(`^Parallelism: `), by: "{setter}",
		explain: "the Job's parallelism is 0 (set by {setter}): its controller makes no Pods",
		next:    []string{`$ kubectl patch job {pod} -n {namespace} --type=merge -p '{"spec":{"parallelism":1}}'`},
		dead:    missingGrace},
	{name: "on-delete", match: re(`^OnDelete: `), by: "{setter}",
		explain: "the {kind} has a new template, but its updateStrategy is OnDelete: a Pod gets it when somebody deletes " +
			"the old one",
		next: []string{"see which Pods have which template, and delete the old ones: $ kubectl get pods -n {namespace} -L " +
			"controller-revision-hash"}},
	{name: "partition", match: re(`^Partition: `), by: "{setter}",
		explain: "the rollout stops at partition {partition} of the updateStrategy (set by {setter}): Pods with a smaller " +
			"ordinal keep the old template",
		next: []string{"lower the partition when the Pods with the new template do well: " +
			`$ kubectl patch {type} {pod} -n {namespace} --type=merge ` +
			`-p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'`}},
}

var jobFailures = []obstacleCause{
	{name: "job-policy", match: re(`^PodFailurePolicy: Container (\S+) for pod (?:[^/]+/)?(\S+) failed with exit code ` +
		`(\d+) matching (\w+) rule at index (\d+)`),
		explain: "the Job's podFailurePolicy says to give up (rule {5}, {4}): container {1} of Pod {2} ended with exit " +
			"code {3}",
		next: []string{"see what it wrote: $ kubectl logs {2} -c {1} -n {namespace}",
			"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.spec.podFailurePolicy}'"}, dead: atOnce},
	{name: "job-policy-pod", match: re(`^PodFailurePolicy: Pod (?:[^/]+/)?(\S+) has condition (\w+) matching (\w+) rule ` +
		`at index (\d+)`),
		explain: "the Job's podFailurePolicy says to give up (rule {4}, {3}): Pod {1} ended with condition {2}",
		next:    []string{"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.spec.podFailurePolicy}'"}, dead: atOnce},
	{name: "job-indexes", match: re(`^(FailedIndexes|MaxFailedIndexesExceeded): `),
		explain: "indexes {indexes} of the Job failed more often than its backoffLimitPerIndex, {perIndex}, allows{last}",
		next: []string{"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.status.failedIndexes}'",
			"$ kubectl get pods -n {namespace} -l batch.kubernetes.io/job-name={pod}"}, dead: atOnce},
	{name: "job-failed", match: re(`^BackoffLimitExceeded: `),
		explain: "the Job's Pods failed {failed}, and its backoffLimit is {limit}{last}",
		next:    []string{"see what the last of them wrote: $ kubectl logs {lastPod} -n {namespace} --all-containers"},
		dead:    atOnce},
	{name: "job-deadline", match: re(`^DeadlineExceeded: `),
		explain: "the Job was active for longer than its activeDeadlineSeconds, {deadline} s{was}",
		next: []string{"give it a longer activeDeadlineSeconds, or less to do: $ kubectl get job {pod} -n {namespace} -o " +
			"jsonpath='{.spec.activeDeadlineSeconds}'"}, dead: atOnce},
	{name: "job-ended-badly", explain: "the Job has failed, as {who} says",
		next: []string{"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.status.conditions}'"}, dead: atOnce},
}

// stalePods are those that their StatefulSet replaces only once they are ready.
var stalePods = []obstacleCause{
	{name: "stale-pod", by: "controller-manager/statefulset",
		explain: "Pod {stale} is of an older template than the StatefulSet has now, and is not ready: the controller waits " +
			"for it to be ready before it replaces it (OrderedReady), so it has to be deleted by hand",
		next: []string{"$ kubectl delete pod {stale} -n {namespace}",
			"see what is wrong with it: $ kubectl describe pod {stale} -n {namespace}"}, dead: missingGrace},
}

// jobRetries are those of a Job that makes another Pod for one that failed.
var jobRetries = []obstacleCause{
	{name: "job-retries", follows: true,
		explain: "{failed} of the Job's Pods failed{last}; the Job makes another after a back-off, from 10 s and doubling " +
			"up to 10 min, until its backoffLimit, {limit}, is over{ignored}",
		next: []string{"see what the last of them wrote: $ kubectl logs {lastPod} -n {namespace} --all-containers",
			"$ kubectl get pods -n {namespace} -l batch.kubernetes.io/job-name={pod}"}},
}

var refusedLoops = []obstacleCause{
	{name: "refused-again", by: "kubelet",
		explain: "{times} Pods of it were refused by the kubelet of {node} and made again, and there is no end to it",
		next: []string{"$ kubectl get pods -n {namespace} --field-selector status.phase=Failed",
			"leave spec.nodeName to the scheduler: $ kubectl get {type} {pod} -n {namespace} -o " +
				"jsonpath='{.spec.template.spec.nodeName}'"},
		dead: atOnce},
}

var schedules = []obstacleCause{
	{name: "schedule-far", by: "controller-manager/cronjob",
		explain: "the schedule {schedule} is due next at {due}: until then there is nothing to do",
		next:    []string{"run it once, by hand: $ kubectl create job {pod}-by-hand --from=cronjob/{pod} -n {namespace}"}},
}

var unboundClaims = []obstacleCause{
	{name: "claim-waits", follows: true, match: re(`^WaitForFirstConsumer: `),
		by: "controller-manager/persistentvolume-binder",
		explain: "the StorageClass {class} of the claim waits for the first Pod that uses the claim " +
			"(WaitForFirstConsumer): there is none yet",
		next: []string{"make a Pod that uses it: this class binds no claim before that: $ kubectl get storageclass {class}"}},
	{name: "claim-pod", follows: true, match: re(`^WaitForPodScheduled: .*waiting for pods? ([^\s,]+)`), by: "scheduler",
		explain: "the claim waits until Pod {1}, which uses it, has a node",
		next:    []string{"see what keeps the Pod from that: $ kubectl describe pod {1} -n {namespace}"}},
	{name: "claim-provisioner", match: re(`^ExternalProvisioning: .*(?:provisioner|driver)[^']*'([^']+)'`), by: "{1}",
		explain: "the claim waits for the provisioner {1} of StorageClass {class}, which has made no volume yet",
		next: []string{"see whether its Pods are there, and run: $ kubectl get pods -A",
			"check the name of the provisioner: $ kubectl get storageclass {class}"}},
	{name: "claim-class", match: re(`^ProvisioningFailed: .*storageclass\S* "([^"]+)" not found`),
		by: "controller-manager/persistentvolume-binder", explain: "there is no StorageClass {1}",
		next: []string{"name one of these: $ kubectl get storageclasses"}, dead: missingGrace},
	{name: "claim-failed", match: re(`^ProvisioningFailed: `),
		explain: "{who} cannot make a volume for the claim",
		next: []string{"check what the StorageClass asks of it: $ kubectl get storageclass {class} -o yaml",
			describeThis}},
	{name: "claim-mismatch", match: re(`^VolumeMismatch: `), by: "controller-manager/persistentvolume-binder",
		explain: "the claim asks for volume {volume} by name, which does not fit it",
		next: []string{"compare size, access modes and class of the volume with the claim's: $ kubectl get " +
			"persistentvolume {volume}"}, dead: missingGrace},
	{name: "claim-volume", match: re(`spec\.volumeName|^FailedBinding: volume "`),
		by:      "controller-manager/persistentvolume-binder",
		explain: "the claim asks for volume {volume} by name, which is not there, or belongs to another claim",
		next:    []string{"name one that is Available, or none: $ kubectl get persistentvolumes"}, dead: missingGrace},
	{name: "claim-no-class", match: re(`^FailedBinding: `), by: "controller-manager/persistentvolume-binder",
		explain: "no volume fits the claim, and it names no StorageClass that would make one",
		next: []string{"name one of these as storageClassName of a new claim: $ kubectl get storageclasses",
			"or make a volume that fits: $ kubectl get persistentvolumes"}},
	{name: "claim-lost", match: re(`^ClaimLost: `), by: "controller-manager/persistentvolume-binder",
		explain: "volume {volume}, to which the claim was bound, is there no longer: its data are lost to the claim",
		next: []string{"delete the claim and make it anew, or make the volume again by hand: $ kubectl get " +
			"persistentvolumes"}, dead: atOnce},
	{name: "claim-pending", by: "controller-manager/persistentvolume-binder",
		explain: "the claim has no volume yet, and nothing that can be seen says why",
		next:    []string{describeThis}},
}

var noControllers = []obstacleCause{
	{name: "managed-by", match: re(`spec\.managedBy is (\S+)$`), by: "{1}",
		explain: "spec.managedBy hands the Job to {1}, which has not touched it; the Job controller leaves it alone",
		next: []string{"see whether that controller is there, or leave managedBy out of a new Job: " +
			"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.spec.managedBy}'"}},
	{name: "no-controller", explain: "no controller has touched the {kind}",
		next: []string{"see whether the controller manager runs, and renews its lease: $ kubectl get leases -n kube-system"}},
}

var progresses = []obstacleCause{
	{name: "not-progressing", match: re(`^ProgressDeadlineExceeded: `), follows: true,
		explain: "the Deployment has made no progress for its progressDeadlineSeconds",
		next: []string{"look at its newest Pods: $ kubectl get pods -n {namespace} --sort-by=.metadata.creationTimestamp",
			"go back to a template that did well, if there is one: $ kubectl rollout history deployment/{pod} -n {namespace}"},
		dead: atOnce},
}

var minReadies = []obstacleCause{
	{name: "min-ready", follows: true,
		explain: "its Pods are ready, but count as available only when they have been so for minReadySeconds, {seconds} s",
		next:    []string{"$ kubectl get {type} {pod} -n {namespace} -o jsonpath='{.spec.minReadySeconds}'"}},
}
