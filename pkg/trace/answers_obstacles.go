package trace

import (
	"regexp"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var re = regexp.MustCompile

// wrongProgram is what the kernel says of a program that it will never start.
var wrongProgram = re(`executable file not found|no such file or directory|permission denied|exec format error`)

// patience is how long something may be missing that somebody may be about to make, such as a ConfigMap of the same
// `kubectl apply`. The kubelet tries what failed again after 10 to 15 s.
const patience = 20 * time.Second

// podSymptoms are tried in order; within one the first cause that matches counts. The last cause matches everything where
// the look finds nothing else.
var podSymptoms = []symptom{
	{refusal, refusals},
	{deletion, []cause{
		{name: "evicted", match: re(`^EvictionByEvictionAPI: `),
			explain: "somebody evicted the Pod by the Eviction API, as kubectl drain does", next: "is the node being drained? kubectl get node {node}"},
		{name: "preempted", match: re(`^PreemptionByScheduler: `), by: "scheduler",
			explain: "the scheduler removed the Pod to make room for one of a higher priority", next: "kubectl get priorityclasses"},
		{name: "tainted", match: re(`^DeletionByTaintManager: `), by: "controller-manager",
			explain: "the node got a taint that the Pod does not tolerate", next: "kubectl describe node {node}"},
		{name: "gc", match: re(`^DeletionBy(PodGC|DeviceTaintManager): `), by: "controller-manager",
			explain: "a controller of the cluster removed the Pod ({1})", next: "kubectl describe node {node}"},
		{name: "deleted", explain: "somebody deleted the Pod; nothing in it says who", next: "the audit log says who: kubectl seq sources"},
	}},
	{failure, []cause{
		{name: "deadline", match: re(`^DeadlineExceeded: `), by: "kubelet",
			explain: "the kubelet ended the Pod, which was active for longer than its activeDeadlineSeconds, {deadline} s", next: "a longer activeDeadlineSeconds, or less to do"},
		{name: "node-pressure", match: re(`^Evicted: `), by: "kubelet",
			explain: "the kubelet ended the Pod because its node ran short of something", next: "kubectl describe node {node}"},
		{name: "failed-oom", match: re(`^OOMKilled: `), explain: "the kernel killed the container, which used more memory than its limit allows",
			next: "a higher resources.limits.memory for {container}, or less use of it"},
		{name: "failed-start", match: re(`^(StartError|ContainerCannotRun): `), by: "runc", explain: "the program of container {container} could not be started",
			next: "check command and args: kubectl describe pod {pod} -n {namespace}"},
		{name: "failed-container", match: re(`exited`), explain: "container {container} ended with exit code {code}, and the Pod's restartPolicy does not start it again",
			next: "kubectl logs {pod} -c {container} -n {namespace}"},
		{name: "failed", explain: "the kubelet did not take the Pod, or gave it up", next: "kubectl describe node {node}"},
	}},
	{unscheduled, []cause{
		{name: "scheduler-error", match: re(`^SchedulerError: `), explain: "the scheduler failed at placing the Pod, and tries again", next: "kubectl logs -n kube-system -l component=kube-scheduler"},
		{name: "gated", match: re(`^SchedulingGated: `),
			explain: "the scheduler leaves the Pod alone until somebody removes its scheduling gates: {gates}", next: "who removes {gates}? kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.schedulingGates}'"},
		{name: "resources", match: re(`(\d+) Insufficient (\S+?)[.,]?(?:\s|$)`),
			explain: "too little free {2} for the Pod's requests on {1} of the nodes, and no other takes it", next: "ask for less, or see what is free: kubectl describe nodes", dead: patience},
		{name: "node-selector", match: re(`didn't match Pod's node affinity/selector`),
			explain: "no node that could take the Pod has the labels its nodeSelector or node affinity asks for", next: "kubectl get nodes --show-labels", dead: patience},
		{name: "taint", match: re(`untolerated taint`),
			explain: "every node that could take the Pod has a taint it does not tolerate", next: "kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints"},
		{name: "no-claim", match: re(`persistentvolumeclaim "([^"]+)" not found`),
			explain: "there is no PersistentVolumeClaim {1}", next: "kubectl get persistentvolumeclaims -n {namespace}", dead: patience},
		{name: "unbound-claim", match: re(`unbound immediate PersistentVolumeClaims`),
			explain: "a PersistentVolumeClaim of the Pod has no volume yet", next: "kubectl describe persistentvolumeclaims -n {namespace}"},
		{name: "no-nodes", match: re(`no nodes available`), explain: "the cluster has no node", next: "kubectl get nodes", dead: patience},
		{name: "unschedulable", explain: "no node takes the Pod", next: "kubectl describe nodes", dead: patience},
	}},
	{noScheduler, []cause{
		{name: "no-scheduler", explain: "no scheduler has said anything of the Pod; it asks for {scheduler}", next: "is it running? kubectl get pods -n kube-system"},
	}},
	{silentKubelet, []cause{
		{name: "silent-kubelet", explain: "the Pod is bound to {node}, but the kubelet there does not act on it", next: "kubectl describe node {node}; on the node: journalctl -u kubelet", dead: atOnce},
	}},
	{warned, []cause{
		{name: "sandbox", match: re(`^FailedCreatePodSandBox: `), by: "runtime", explain: "the runtime cannot make the Pod's sandbox; most often that is its network", next: "are the pods of the network plugin up? kubectl get pods -n kube-system -o wide"},
		{name: "no-volume-source", match: re(`(configmap|secret) "([^"]+)" not found`),
			explain: "a volume is made of the {1} {2}, which is not there", next: "kubectl get {1} {2} -n {namespace}", dead: patience},
		{name: "no-volume-key", match: re(`references non-existent (?:config|secret) key: (\S+)`),
			explain: "a volume asks for a key that its source does not have: {1}", next: "kubectl describe configmaps,secrets -n {namespace}", dead: patience},
		{name: "host-path", match: re(`hostPath type check failed[:,] (\S+) is not`),
			explain: "a hostPath volume wants something at {1} of {node} that is not there", next: "another path or type for the volume", dead: patience},
		{name: "volume", explain: "the kubelet cannot make a volume ready", next: "kubectl describe pod {pod} -n {namespace}"},
	}},
	{waitingFor(seq.Kubelet, "InvalidImageName", "ErrImageNeverPull"), []cause{
		{name: "image-name", match: re(`^InvalidImageName: `), explain: "{image} is no image reference", next: "write it as [REGISTRY/]NAME[:TAG]", dead: atOnce},
		{name: "image-never", explain: "{image} is not on {node}, and imagePullPolicy Never forbids to pull it", next: "load it onto the node (kind load docker-image {image}), or allow to pull it", dead: atOnce},
	}},
	{waitingFor(seq.Runtime, "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"), []cause{
		{name: "image-platform", match: re(`no match for platform|no matching manifest`), by: "registry",
			explain: "{image} is not built for the platform of {node}", next: "kubectl get node {node} -o jsonpath='{.status.nodeInfo.architecture}'", dead: patience},
		{name: "image-store", match: re(`snapshot|content digest`),
			explain: "the runtime cannot unpack {image}; the kubelet tries again", next: "kubectl describe pod {pod} -n {namespace}"},
		{name: "image-rights", match: re(`(?i)\b(unauthorized|authorization failed|denied|forbidden)\b`), by: "registry",
			explain: "the registry does not give {image} to the node: it asks for other credentials, or has no such repository", next: "check the name, and imagePullSecrets", dead: patience},
		{name: "registry", match: re(`(?i)(connection refused|no such host|i/o timeout|deadline exceeded|no route|unreachable|tls: |x509: |server misbehaving|\bEOF\b|reset by peer|too many requests|\b50[0234] (?:internal|bad|service|gateway))`), by: "registry",
			explain: "{node} cannot reach the registry of {image}; the kubelet goes on trying", next: "can {node} reach it? kubectl describe pod {pod} -n {namespace}"},
		{name: "no-image", match: re(`(?i)(failed to resolve.*not found|manifest unknown|name unknown)`), by: "registry",
			explain: "the registry has no {image}: the name or the tag is wrong, or it was never pushed", next: "check name and tag of the image", dead: atOnce},
		{name: "image", explain: "{image} cannot be pulled", next: "kubectl describe pod {pod} -n {namespace}"},
	}},
	{waitingFor(seq.Kubelet, "CreateContainerConfigError"), []cause{
		{name: "no-config", match: re(`(configmap|secret) "([^"]+)" not found`),
			explain: "container {container} asks for the {1} {2}, which is not there", next: "kubectl get {1} {2} -n {namespace}", dead: patience},
		{name: "no-key", match: re(`couldn't find key (\S+) in (ConfigMap|Secret) (?:\S+/)?(\S+)`),
			explain: "container {container} asks for the key {1} of the {2} {3}, which does not have it", next: "kubectl describe {2} {3} -n {namespace}", dead: patience},
		{name: "root", match: re(`runAsNonRoot and image will run as root|non-numeric user`),
			explain: "container {container} must not run as root, but its image does", next: "another image, or a runAsUser", dead: atOnce},
		{name: "config-late", match: re(`deadline exceeded|timed out`), explain: "the kubelet has not yet got what container {container} asks for, and tries again", next: "kubectl describe pod {pod} -n {namespace}"},
		{name: "config", explain: "the kubelet cannot put together what container {container} asks for", next: "kubectl describe pod {pod} -n {namespace}", dead: patience},
	}},
	{waitingFor(seq.Runtime, "CreateContainerError"), []cause{
		{name: "create-late", match: re(`deadline exceeded|timed out|is reserved`), explain: "the runtime is late in creating container {container}; the kubelet tries again", next: "kubectl describe pod {pod} -n {namespace}"},
		{name: "create", explain: "the runtime cannot create container {container}", next: "kubectl describe pod {pod} -n {namespace}", dead: patience},
	}},
	{backingOff, []cause{
		{name: "back-off", by: "kubelet", explain: "the kubelet waits before it starts container {container} again: longer after each end, from 10 s up to 5 min",
			next: "follow it for longer: --for=6m; a new Pod would start at once"},
	}},
	{killed, []cause{
		{name: "liveness", match: re(`[Ll]iveness`), explain: "the kubelet ends container {container} again and again, since its liveness probe fails", next: "kubectl logs {pod} -c {container} -n {namespace} --previous; is the probe right, and patient enough?", dead: atOnce},
		{name: "startup", match: re(`[Ss]tartup`), explain: "the kubelet ends container {container} again and again, since its startup probe fails", next: "kubectl logs {pod} -c {container} -n {namespace} --previous; is the probe patient enough?", dead: atOnce},
		{name: "post-start", match: re(`PostStart`), explain: "the kubelet ends container {container} again and again, since its postStart hook fails", next: "kubectl describe pod {pod} -n {namespace}", dead: atOnce},
	}},
	{crashing, []cause{
		{name: "start", match: re(`(StartError|ContainerCannotRun|RunContainerError)`), by: "runc",
			explain: "the program of container {container} cannot be started", next: "check command and args: kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.containers[*].command}'", dead: atOnce},
		{name: "oom", match: re(`OOMKilled`), explain: "the kernel kills container {container}, which uses more memory than its limit allows", next: "a higher resources.limits.memory, or less use of it", dead: atOnce},
		{name: "crash", explain: "container {container} ends with exit code {code} each time it is started", next: "kubectl logs {pod} -c {container} -n {namespace} --previous", dead: atOnce},
	}},
	{waitingFor(seq.Runtime, "RunContainerError"), []cause{
		{name: "run", match: wrongProgram, by: "runc", explain: "the program of container {container} cannot be started", next: "check command and args: kubectl describe pod {pod} -n {namespace}", dead: atOnce},
		{name: "run-failed", explain: "the runtime cannot start container {container}; the kubelet tries again", next: "kubectl describe pod {pod} -n {namespace}"},
	}},
	{waitingFor("", "PostStartHookError"), []cause{
		{name: "hook", by: "container/{container}", explain: "the postStart hook of container {container} fails", next: "kubectl describe pod {pod} -n {namespace}"},
	}},
	{unready, []cause{
		{name: "unready-startup", match: re(`Startup probe`), explain: "container {container} runs, but its startup probe does not succeed", next: "kubectl logs {pod} -c {container} -n {namespace}"},
		{name: "unready", explain: "container {container} runs, but its readiness probe does not succeed", next: "kubectl logs {pod} -c {container} -n {namespace}"},
	}},
	{gatedReadiness, []cause{
		{name: "readiness-gate", explain: "the containers are ready, but the Pod also waits for its readiness gate {gate}", next: "who sets the condition {gate}?"},
	}},
}

// refusals are what the API server says when it does not take an object, or does not have a command run.
var refusals = []cause{
	{name: "no-container", match: re(`container (\S+) is not valid for pod`), by: "apiserver",
		explain: "the Pod has no container {1}", next: "those there are: kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.containers[*].name}'"},
	{name: "exec-completed", match: re(`cannot exec (?:into|in) a (?:container in a )?completed pod`), by: "apiserver",
		explain: "the Pod has ended: no process is left to be joined", next: "what it wrote: kubectl logs {pod} -n {namespace}"},
	{name: "exec-unbound", match: re(`does not have a host assigned`), by: "apiserver",
		explain: "the Pod has no node yet", next: "kubectl describe pod {pod} -n {namespace}"},
	{name: "exec-rights", match: re(`cannot (\w+) resource "pods/exec"`), by: "apiserver",
		explain: "you may not run commands in Pods here: that takes the right to {1} pods/exec", next: "see what you may do: kubectl auth can-i --list -n {namespace}"},
	{name: "exec-not-running", match: re(`container not found|CONTAINER_EXITED|is not running`), by: "kubelet",
		explain: "container {container} does not run just now", next: "kubectl get pod {pod} -n {namespace}"},
	{name: "exec-program", match: re(`executable file not found|no such file or directory|permission denied|exec format error`), by: "runc",
		explain: "container {container} has no such program, or it cannot be started", next: "a program of the image, by its path if it is not in PATH"},
	{name: "quota", match: re(`exceeded quota: ([^,]+), requested: (.*), used: (.*), limited: (.*)`), by: "apiserver",
		explain: "the ResourceQuota {1} has no room: asked for {2}, used {3}, limited to {4}", next: "kubectl describe resourcequota {1} -n {namespace}"},
	{name: "quota-unspecified", match: re(`failed quota: ([^:]+): must specify (.*)`), by: "apiserver",
		explain: "the ResourceQuota {1} counts what the Pod does not ask for: {2}", next: "set it under resources of each container"},
	{name: "limit-range", match: re(`(m(?:in|ax)imum \S+ usage per \w+ is .*|\S+ max limit to request ratio per .*)`), by: "apiserver",
		explain: "a LimitRange of the namespace does not allow it: {1}", next: "kubectl describe limitrange -n {namespace}"},
	{name: "policy", match: re(`ValidatingAdmissionPolicy '([^']+)'`), by: "apiserver",
		explain: "the ValidatingAdmissionPolicy {1} does not allow such a Pod", next: "kubectl describe validatingadmissionpolicy {1}"},
	{name: "webhook-denied", match: re(`admission webhook "([^"]+)" denied the request`), by: "webhook {1}",
		explain: "the API server asked the admission webhook {1}, which does not allow such a Pod", next: "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"},
	{name: "webhook-failed", match: re(`failed calling webhook "([^"]+)"`), by: "webhook {1}",
		explain: "the API server could not ask the admission webhook {1}, and its failurePolicy is Fail", next: "is the webhook's server up? kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"},
	{name: "pod-security", match: re(`violates PodSecurity "([^"]+)"`), by: "apiserver",
		explain: "the namespace enforces the Pod Security level {1}", next: "change what the message names, or see the level: kubectl describe namespace {namespace}"},
	{name: "being-deleted", match: re(`object is being deleted`), by: "apiserver",
		explain: "the last {kind} of that name is still being deleted", next: "kubectl wait --for=delete {type}/{pod} -n {namespace}"},
	{name: "name-taken", match: re(`already exists`), by: "apiserver",
		explain: "there is a {kind} of that name", next: "choose another name, or delete it: kubectl delete {type} {pod} -n {namespace}"},
	{name: "no-namespace", match: re(`namespaces "([^"]+)" not found`), by: "apiserver",
		explain: "there is no namespace {1}", next: "create the namespace, or choose another with -n"},
	{name: "no-service-account", match: re(`serviceaccount "([^"]+)" not found`), by: "apiserver",
		explain: "there is no ServiceAccount {1}; that of a new namespace comes a moment after it", next: "kubectl get serviceaccounts -n {namespace}"},
	{name: "no-priority-class", match: re(`no PriorityClass with name (\S+)`), by: "apiserver",
		explain: "there is no PriorityClass {1}", next: "kubectl get priorityclasses"},
	{name: "no-rights", match: re(`cannot (create|delete) resource`), by: "apiserver",
		explain: "you may not {1} that here", next: "see what you may do: kubectl auth can-i --list -n {namespace}"},
	{name: "invalid", match: re(`is invalid: `), by: "apiserver",
		explain: "the {kind} does not say what a {kind} must, or says what it must not", next: "change what the message names: kubectl explain {type}.spec"},
	{name: "refused", explain: "the API server did not take it", next: "kubectl cluster-info"},
}
