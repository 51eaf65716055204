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
			"sets " +
			"that to false",
		next: []string{`$ kubectl patch cronjob {pod} -n {namespace} --type=merge -p '{"spec":{"suspend":false}}'`,
			"once, by hand: $ kubectl create job {pod}-by-hand --from=cronjob/{pod} -n {namespace}"}, dead: missingGrace},
	{name: "paused", match: re(`^Paused: `), by: "{setter}",
		explain: "the Deployment is paused (spec.paused, set by {setter}): its controller makes nothing of its template",
		next:    []string{"$ kubectl rollout resume deployment/{pod} -n {namespace}"}, dead: missingGrace},
	{name: "no-parallelism", match: re(`^Parallelism: `), by: "{setter}",
		explain: "the Job's parallelism is 0 (set by {setter}): its controller makes no Pods",
		next:    []string{`$ kubectl patch job {pod} -n {namespace} --type=merge -p '{"spec":{"parallelism":1}}'`},
		dead:    missingGrace},
	{name: "on-delete", match: re(`^OnDelete: `), by: "{setter}",
		explain: "the {kind} has a new template, but its updateStrategy is OnDelete: a Pod gets it when somebody deletes " +
			"the " +
			"old one{waiting}",
		next: []string{podsOfThis, "$ kubectl rollout status {type}/{pod} -n {namespace} --timeout=1s"}},
	{name: "partition", match: re(`^Partition: `), by: "{setter}",
		explain: "the rollout stops at partition {partition} of the updateStrategy (set by {setter}): Pods with a smaller " +
			"ordinal keep the old template",
		next: []string{describeThis}},
}

var jobFailures = []obstacleCause{
	{name: "job-policy", match: re(`^PodFailurePolicy: Container (\S+) for pod (?:[^/]+/)?(\S+) failed with exit code ` +
		`(\d+) matching (\w+) rule at index (\d+)`),
		explain: "the Job's podFailurePolicy says to give up (rule {5}, {4}): container {1} of Pod {2} ended with exit " +
			"code {3}",
		next: []string{"what it wrote: $ kubectl logs {2} -c {1} -n {namespace}",
			"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.spec.podFailurePolicy}'"}, dead: atOnce},
	{name: "job-policy-pod", match: re(`^PodFailurePolicy: `),
		explain: "the Job's podFailurePolicy says to give up",
		next:    []string{"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.spec.podFailurePolicy}'"}, dead: atOnce},
	{name: "job-indexes", match: re(`^(FailedIndexes|MaxFailedIndexesExceeded): `),
		explain: "indexes {indexes} of the Job failed more often than its backoffLimitPerIndex, {perIndex}, allows{last}",
		next: []string{"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.status.failedIndexes}'",
			"$ kubectl get pods -n {namespace} -l batch.kubernetes.io/job-name={pod}"}, dead: atOnce},
	{name: "job-failed", match: re(`^BackoffLimitExceeded: `),
		explain: "the Job's Pods failed {failed}, and its backoffLimit is {limit}{last}",
		next:    []string{"what they wrote: $ kubectl logs -n {namespace} job/{pod}"}, dead: atOnce},
	{name: "job-deadline", match: re(`^DeadlineExceeded: `),
		explain: "the Job was active for longer than its activeDeadlineSeconds, {deadline} s",
		next: []string{"a longer activeDeadlineSeconds, or less to do: " +
			"$ kubectl get job {pod} -n {namespace} -o jsonpath='{.spec.activeDeadlineSeconds}'"}, dead: atOnce},
	{name: "job-ended-badly", explain: "the Job has failed", next: []string{describeThis}, dead: atOnce},
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
		next:    []string{"once, by hand: $ kubectl create job {pod}-by-hand --from=cronjob/{pod} -n {namespace}"}},
}

var unboundClaims = []obstacleCause{
	{name: "claim-waits", match: re(`^WaitForFirstConsumer: `), by: "controller-manager/persistentvolume-binder",
		explain: "the StorageClass of the claim waits for the first Pod that uses it (WaitForFirstConsumer)",
		next:    []string{"make a Pod that uses it", "$ kubectl get storageclasses"}},
	{name: "claim-provisioner", match: re(`^ExternalProvisioning: .*(?:provisioner|driver)[^']*'([^']+)'`), by: "{1}",
		explain: "the claim waits for the provisioner {1}, which has made no volume yet",
		next:    []string{"is it there? $ kubectl get pods -A", describeThis}},
	{name: "claim-class", match: re(`^ProvisioningFailed: .*storageclass\S* "([^"]+)" not found`),
		by: "controller-manager/persistentvolume-binder", explain: "there is no StorageClass {1}",
		next: []string{"$ kubectl get storageclasses"}, dead: missingGrace},
	{name: "claim-no-class", match: re(`^FailedBinding: `), by: "controller-manager/persistentvolume-binder",
		explain: "no volume fits the claim, and it names no StorageClass that would make one",
		next:    []string{"$ kubectl get persistentvolumes", "$ kubectl get storageclasses"}},
	{name: "claim-pending", by: "controller-manager/persistentvolume-binder", explain: "the claim has no volume yet",
		next: []string{describeThis}},
}

var noControllers = []obstacleCause{
	{name: "no-controller", explain: "no controller has touched the {kind}",
		next: []string{"is it running? $ kubectl get pods -n kube-system", "$ kubectl get leases -n kube-system"}},
}

var progresses = []obstacleCause{
	{name: "not-progressing", match: re(`^ProgressDeadlineExceeded: `), follows: true,
		explain: "the Deployment has made no progress for its progressDeadlineSeconds",
		next:    []string{"$ kubectl rollout status deployment/{pod} -n {namespace} --timeout=1s"}, dead: atOnce},
}

var minReadies = []obstacleCause{
	{name: "min-ready",
		explain: "its Pods are ready, but count as available only when they have been so for minReadySeconds, {seconds} s",
		next:    []string{"$ kubectl get {type} {pod} -n {namespace} -o jsonpath='{.spec.minReadySeconds}'"}},
}
