package trace

// Causes while the containers' programs run: that they end, that they are not ready, and that others wait for them.

// ifLeft begins a step that is for a container that left a termination message. What it says is not printed: it may be
// a secret, and recordings do not keep it.
const ifLeft = "{left}"

const leftMessage = ifLeft + "read the termination message that it left: $ kubectl get pod {pod} -n {namespace} -o " +
	"jsonpath='{.status.{statuses}[?(@.name==\"{container}\")]}'"

const logsOf = "$ kubectl logs {pod} -c {container} -n {namespace}{previous}"

var backOffs = []obstacleCause{
	{name: "back-off", by: "kubelet",
		explain: "the kubelet waits before it starts container {container} again: longer after each exit, by " +
			"default from 10 s up to 5 min",
		next: []string{"wait until it is ready again: $ kubectl wait --for=condition=Ready pod/{pod} -n {namespace} " +
			"--timeout=6m"}},
}

// kills are told where the kubelet has said why it ends a container that it starts again.
var kills = []obstacleCause{
	{name: "liveness", match: re(`[Ll]iveness`),
		explain: "the kubelet {killing}, since its liveness probe fails{killed}",
		next: []string{"check what the probe asks, and how soon (initialDelaySeconds, a startupProbe): " +
			probesOf("liveness"), "see what the container wrote: " + logsOf}, dead: atOnce},
	{name: "startup", match: re(`[Ss]tartup`),
		explain: "the kubelet {killing}, since its startup probe fails{killed}",
		next: []string{"check what the probe asks, and for how long (failureThreshold times periodSeconds): " +
			probesOf("startup"), "see what the container wrote: " + logsOf}, dead: atOnce},
	postStartFails,
}

// postStartFails is told by an Event, and, where nobody may read that, by why the container waits.
var postStartFails = obstacleCause{name: "post-start", match: re(`PostStart`),
	explain: "the kubelet {killing}, since its postStart hook fails",
	next:    []string{"check what the hook does: " + showHook, "see what the container wrote: " + logsOf},
	dead:    atOnce}

const showHook = "$ kubectl get pod {pod} -n {namespace} -o " +
	"jsonpath='{.spec.{containers}[?(@.name==\"{container}\")].lifecycle.postStart}'"

func probesOf(probe string) string {
	return "$ kubectl get pod {pod} -n {namespace} -o " +
		"jsonpath='{.spec.{containers}[?(@.name==\"{container}\")]." + probe + "Probe}'"
}

var crashes = []obstacleCause{
	postStartFails,
	{name: "oom-pod", match: re(`OOMKilled.*by the Pod's limit`),
		explain: "the kernel kills {victim}: all containers together use more memory than the Pod's limit " +
			"(spec.resources.limits.memory, {podLimit}) allows",
		next: []string{"give the Pod a higher spec.resources.limits.memory, or have them use less: " +
			"$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.resources}'"}, dead: atOnce},
	{name: "oom", match: re(`OOMKilled.*by its limit`),
		explain: "the kernel kills {victim}, which uses more memory than its limit, {limit}, allows{limitRange}",
		next: []string{"give it a higher resources.limits.memory, or have it use less: " + showLimits,
			"see what it did: " + logsOf}, dead: atOnce},
	{name: "oom-node", match: re(`OOMKilled`),
		explain: "the kernel kills {victim}, which has no memory limit of its own: the node runs out of " +
			"memory, or a cgroup above the Pod does",
		next: []string{"$ kubectl describe node {node}"}, dead: atOnce},
	{name: "exit-zero", match: re(`exited 0 `), by: "kubelet",
		explain: "the program of container {container} ends successfully each time (exit code 0), and the Pod's " +
			"restartPolicy Always has the kubelet start it again: nothing crashes",
		next: []string{"use a program that stays, or a Job; or set restartPolicy OnFailure: $ kubectl explain " +
			"pod.spec.restartPolicy",
			"see what it wrote: " + logsOf}, dead: atOnce},
	{name: "crash", explain: "{ends}",
		next: []string{"see what it wrote: " + logsOf, leftMessage}, dead: atOnce},
}

var hookRuns = []obstacleCause{
	{name: "hook-runs", by: "container/{container}",
		explain: "the postStart hook of container {container} has not ended: until then the container does not count as " +
			"running, and the kubelet starts none after it",
		next: []string{"check what it does: " + showHook,
			"see what runs there: $ kubectl exec {pod} -c {container} -n {namespace} -- ps"}},
}

var initRuns = []obstacleCause{
	{name: "init-runs", by: "container/{container}",
		explain: "init container {container}, the {th} of {inits}, has not ended; the kubelet {goesOn} when it has",
		next: []string{"see what it waits for: $ kubectl logs {pod} -c {container} -n {namespace} --tail=5",
			"see what it does: " + showCommand}},
}

var failedProbes = []obstacleCause{
	{name: "unready-startup", match: re(`Startup probe`),
		explain: "container {container} runs, but its startup probe does not succeed{rest}",
		next: []string{"check what the probe asks: " + probesOf("startup"), "see what the container writes: $ kubectl logs " +
			"{pod} -c {container} -n {namespace}"}},
	{name: "unready", explain: "container {container} runs, but its readiness probe does not succeed",
		next: []string{"check what the probe asks: " + probesOf("readiness"), "see what the container writes: $ kubectl " +
			"logs {pod} -c {container} -n {namespace}"}},
}

var awaitedProbes = []obstacleCause{
	{name: "probe-delay", by: "kubelet", match: re(`^Unprobed: .*delay`),
		explain: "container {container} runs; the kubelet asks its {probe} probe only {delay} s after its start",
		next:    []string{"check the probe: " + probesOf("{probe}")}},
	{name: "probe-awaited", by: "container/{container}",
		explain: "container {container} runs, and its {probe} probe has neither succeeded nor failed yet{rest}",
		next:    []string{"check the probe: " + probesOf("{probe}")}},
}

var readinessGates = []obstacleCause{
	{name: "readiness-gate", explain: "the containers are ready, but the Pod also waits for its readiness gate {gate}",
		next: []string{"find out who is to set the condition {gate}, often a load balancer's controller: " +
			"$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.readinessGates}'"}},
}

var lastsOfJobs = []obstacleCause{
	{name: "job-sidecar", by: "container/{container}",
		explain: "container {ended} has ended, but the Pod of a Job has ended only when all its containers have, and " +
			"{container} still runs",
		next: []string{"make it a sidecar: an init container with restartPolicy Always ends with the others: " +
			"$ kubectl explain pod.spec.initContainers.restartPolicy",
			"see what the container writes: $ kubectl logs {pod} -c {container} -n {namespace} --tail=5"}},
}
