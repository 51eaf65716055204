package trace

// Causes on the node, up to the start of the containers' programs.

const describePod = "$ kubectl describe pod {pod} -n {namespace}"

// sandboxTroubles are those of Warnings that come before any container is made: of the sandbox and of volumes.
var sandboxTroubles = []obstacleCause{
	{name: "runtime-handler", match: re(`^FailedCreatePodSandBox: .*no runtime for "([^"]*)" is configured`),
		by:      "runtime",
		explain: "the runtime of {node} has no handler {1}, which the Pod's RuntimeClass {runtimeClass} asks for",
		next: []string{"$ kubectl get runtimeclass {runtimeClass} -o yaml",
			"configure the handler on the node, or leave runtimeClassName out"}, dead: missingGrace},
	{name: "name-too-long", match: re(`^FailedCreatePodSandBox: .*file name too long`), by: "kubelet",
		explain: "the kubelet cannot make the directory of the Pod's logs: namespace, name and uid are too long together " +
			"for a file's name (255 bytes)",
		next: []string{"choose a shorter name for the Pod, whose name has {length} characters"}, dead: atOnce},
	{name: "fqdn-too-long", match: re(`^FailedCreatePodSandBox: .*FQDN (\S+) is too long \((.*)\)`), by: "kubelet",
		explain: "setHostnameAsFQDN makes {1} the host name, which is too long ({2})",
		next: []string{"choose a shorter hostname, subdomain or namespace, or leave setHostnameAsFQDN out: " +
			"$ kubectl explain pod.spec.setHostnameAsFQDN"}, dead: atOnce},
	{name: "sandbox-network", match: re(`^FailedCreatePodSandBox: .*(?:setup network|plugin type=|cni plugin)`), by: "cni",
		explain: "the network plugin (CNI) of {node} cannot connect the Pod's sandbox",
		next: []string{"check the Pods of the network plugin: $ kubectl get pods -n kube-system -o wide",
			describePod}},
	{name: "user-namespace", match: re(`^FailedCreatePodSandBox: .*(?:user namespace|idmap|userns)`), by: "runtime",
		explain: "{node} cannot give the Pod a user namespace of its own (hostUsers: false)",
		next: []string{"see which runtime handlers can: $ kubectl get node {node} -o jsonpath='{.status.runtimeHandlers}'",
			"leave hostUsers out"}},
	{name: "sandbox-image", match: re(`^FailedCreatePodSandBox: .*(?:sandbox|pull) image "([^"]+)"`), by: "runtime",
		explain: "the runtime of {node} has not got {1}, the image of the pause container, which holds the sandbox, and " +
			"cannot pull it",
		next: []string{"see what the node has: $ kubectl get node {node} -o jsonpath='{.status.images[*].names}'",
			"pull it on the node, or name another one in the runtime's configuration"}},
	{name: "sandbox-sysctl", match: re(`^FailedCreatePodSandBox: .*write sysctl (?:key )?([\w./-]+)`), by: "runc",
		explain: "the kernel of {node} does not take what the Pod's securityContext sets for the sysctl {1}",
		next:    []string{showSysctls},
		dead:    missingGrace},
	{name: "sandbox-memory", match: re(`^FailedCreatePodSandBox: .*(?:cannot allocate memory|OOM-killed|limit too low)`),
		by: "runc",
		explain: "there is too little memory for the Pod's sandbox even to begin: its limits are {limits} (a number " +
			"without a unit is bytes)",
		next: []string{"$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.containers[*].resources}'"},
		dead: missingGrace},
	{name: "sandbox-late", match: re(`^FailedCreatePodSandBox: .*(?:deadline exceeded|is reserved for)`), by: "runtime",
		explain: "the runtime takes too long to create the Pod's sandbox; the kubelet tries again",
		next:    []string{describePod}},
	{name: "cgroup", match: re(`^FailedCreatePodSandBox: .*cgroup`), by: "runtime",
		explain: "the runtime cannot create the sandbox's cgroup: most often kubelet and runtime do not use the " +
			"same cgroup " +
			"driver (systemd or cgroupfs)",
		next: []string{"compare cgroupDriver of the kubelet with SystemdCgroup in containerd's configuration on {node}: " +
			"$ kubectl get --raw /api/v1/nodes/{node}/proxy/configz",
			describePod}},
	{name: "sandbox", match: re(`^FailedCreatePodSandBox: `), by: "runtime",
		explain: "the runtime cannot create the Pod's sandbox", next: []string{describePod}},
	{name: "network-not-ready", match: re(`^NetworkNotReady: `), by: "cni",
		explain: "the network plugin (CNI) of {node} is not ready",
		next: []string{"check that it is installed, and runs: $ kubectl get pods -n kube-system -o wide",
			"$ kubectl describe node {node}"}},
	{name: "no-volume-source", match: re(`(configmap|secret) "([^"]+)" not found`),
		explain: "a volume refers to the {1} {2}, which does not exist",
		next:    []string{"list those that exist: $ kubectl get {1}s -n {namespace}"}, dead: missingGrace},
	{name: "no-volume-key", match: re(`references non-existent (?:config|secret) key: (\S+)`),
		explain: "a volume asks for a key that its source does not have: {1}",
		next:    []string{"$ kubectl describe configmaps,secrets -n {namespace}"}, dead: missingGrace},
	{name: "host-path", match: re(`hostPath type check failed[:,] (\S+) is not`),
		explain: "a hostPath volume wants something at {1} of {node} that is not there",
		next: []string{"set another path, or type: DirectoryOrCreate: $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.volumes[*].hostPath}'"}, dead: missingGrace},
	{name: "local-path", match: re(`initialization failed for volume "([^"]+)" : path "([^"]+)" does not exist`),
		explain: "the local PersistentVolume {1} is the directory {2} of {node}, which is not there: it has to be made by " +
			"hand",
		next: []string{"$ kubectl get persistentvolume {1} -o jsonpath='{.spec.local}'",
			"on the node, run mkdir -p {2}, or mount there what it is to be"}, dead: missingGrace},
	{name: "trust-bundle", match: re(`clustertrustbundle\S* "([^"]+)" not found`),
		explain: "a projected volume refers to the ClusterTrustBundle {1}, which does not exist",
		next:    []string{"list those that exist: $ kubectl get clustertrustbundles"}, dead: missingGrace},
	{name: "certificate", match: re(`credential bundle is not issued yet|(?i)podcertificate`), by: "{signer}",
		explain: "a projected volume waits for a certificate that its signer {signer} has not issued",
		next: []string{"see what was asked for: $ kubectl describe podcertificaterequests -n {namespace}",
			"check the Pods of the signer: $ kubectl get pods -A"}},
	{name: "no-token", match: re(`failed to fetch token: serviceaccounts "([^"]+)" not found`),
		explain: "the kubelet is to put a token of the ServiceAccount {1} into the Pod, and that is not there any more",
		next:    []string{"$ kubectl get serviceaccounts -n {namespace}"}, dead: missingGrace},
	{name: "memory-volume", match: re(`for volume "([^"]+)" : write ` +
		`\S*/kubernetes\.io~(?:projected|secret|downward-api)/` +
		`\S+ no space left on device`),
		explain: "volume {1} lies in memory and may grow as large as the Pod's memory limit, which leaves no room for its " +
			"files: the limits are {limits} (a number without a unit is bytes)",
		next: []string{"$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.containers[*].resources}'"},
		dead: missingGrace},
	{name: "claim-on-node", match: re(`error processing PVC [^/\s]+/(\S+): PVC is not bound`),
		explain: "claim {1} has no volume, and the Pod was put on {node} without the scheduler (spec.nodeName): of a " +
			"StorageClass that waits for the first Pod, a volume is only made when the scheduler has chosen the node",
		next: []string{"$ kubectl describe persistentvolumeclaim {1} -n {namespace}",
			"use a nodeSelector instead of nodeName, with a label of the node: $ kubectl get node {node} --show-labels"},
		dead: missingGrace},
	{name: "csi-driver", match: re(`driver name (\S+) not found in the list of registered CSI drivers`),
		explain: "the CSI driver {1} of a volume has not registered at the kubelet of {node}",
		next: []string{"see which have: $ kubectl get csinode {node} -o jsonpath='{.spec.drivers[*].name}'",
			"check the driver's Pods on {node}: $ kubectl get pods -A -o wide"}},
	{name: "device-driver", match: re(`^FailedPrepareDynamicResources: (?s:.*)DRA driver (\S+) is not registered`),
		explain: "the driver {1} of a device that the Pod claims has not registered at the kubelet of {node}",
		next: []string{"check the driver's Pods on {node}: $ kubectl get pods -A -o wide",
			"$ kubectl get resourceslices"}},
	{name: "device", match: re(`^FailedPrepareDynamicResources: `),
		explain: "the kubelet cannot make ready the devices that the Pod claims",
		next:    []string{"$ kubectl describe resourceclaims -n {namespace}"}},
	{name: "multi-attach", match: re(`^FailedAttachVolume: (?:Multi-Attach error|Waiting for detach) for volume ` +
		`"([^"]+)"`),
		by: "controller-manager/attachdetach",
		explain: "volume {1} is attached to another node, and its access mode, such as ReadWriteOnce, allows one only: the " +
			"Pod waits until it is detached there",
		next: []string{"see where: $ kubectl get volumeattachments",
			"see who uses it there: $ kubectl describe persistentvolumeclaims -n {namespace}"}},
	{name: "attach", match: re(`^FailedAttachVolume: AttachVolume.Attach failed for volume "([^"]+)"`),
		by:      "controller-manager/attachdetach",
		explain: "the driver of volume {1} does not attach it to {node}",
		next: []string{"$ kubectl get volumeattachments",
			"see what the volume is: $ kubectl describe persistentvolume {1}"}},
	{name: "damaged-volume", match: re(`for volume "([^"]+)" : (?s:.*)fsck' found errors on device (\S+)`),
		explain: "the file system of volume {1} is damaged, and fsck could not mend it by itself",
		next: []string{"while nobody uses it, run on {node}: fsck {2}", "or restore a volume from a backup: $ kubectl " +
			"describe " +
			"persistentvolume {1}"}, dead: missingGrace},
	{name: "mount-helper", match: re(`for volume "([^"]+)" : (?s:.*)(?:unknown filesystem type '([^']+)'|` +
		`/sbin/mount\.<?(\w+))`),
		explain: "{node} cannot mount volume {1}: it does not know its type {2}{3}, as the program or the kernel module " +
			"for it is not installed there",
		next: []string{"on the node, install that program, such as nfs-common or nfs-utils for nfs",
			"$ kubectl get node {node} -o jsonpath='{.status.nodeInfo}'"}},
	{name: "mount", match: re(`for volume "([^"]+)" : (?s:.*)(?:mount failed: exit status|failed to mount)`),
		explain: "{node} cannot mount volume {1}: mount itself says why",
		next: []string{"see what the Pod asks for: $ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.volumes}'",
			describePod}},
	{name: "volume", explain: "the kubelet cannot make a volume ready", next: []string{describePod}},
}

var attachments = []obstacleCause{
	{name: "attachment", match: re(`^NotAttached: `), by: "{attacher}",
		explain: "the kubelet waits for volume {volume} of claim {claim}: the attach/detach controller has asked for it by " +
			"VolumeAttachment {attachment}, and the attacher of the CSI driver {driver} has not answered",
		next: []string{"$ kubectl get volumeattachment {attachment}", "check that the driver exists: $ kubectl get pods " +
			"-A -o wide"}},
	{name: "mounting", match: re(`^AwaitsVolume: `), by: "kubelet",
		explain: "the kubelet waits for volume {volume} of claim {claim} to be attached and mounted, and has said nothing " +
			"of that yet",
		next: []string{describePod, "$ kubectl get csinode {node} -o yaml"}},
}

var slowSandboxes = []obstacleCause{
	{name: "slow-sandbox", by: "kubelet",
		explain: "the kubelet of {node} makes volumes and sandbox ready, and has not said yet that it has, nor that it " +
			"cannot",
		next: []string{describePod, "on the node, run journalctl -u kubelet"}},
}

const showSysctls = "$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.securityContext.sysctls}'"

const showMounts = "$ kubectl get pod {pod} -n {namespace} -o " +
	"jsonpath='{.spec.{containers}[?(@.name==\"{container}\")].volumeMounts}'"

const showLimits = "$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.resources} " +
	"{.spec.{containers}[?(@.name==\"{container}\")].resources}'"

var configTroubles = []obstacleCause{
	{name: "no-config", match: re(`(configmap|secret) "([^"]+)" not found`),
		explain: "container {container} refers to the {1} {2}, which does not exist",
		next:    []string{"list those that exist: $ kubectl get {1}s -n {namespace}"}, dead: missingGrace},
	{name: "no-key", match: re(`couldn't find key (\S+) in (ConfigMap|Secret) (?:\S+/)?(\S+)`),
		explain: "container {container} asks for the key {1} of the {2} {3}, which does not have it",
		next:    []string{"$ kubectl describe {2} {3} -n {namespace}"}, dead: missingGrace},
	{name: "root", match: re(`image will run as root`),
		explain: "the image of container {container} runs as root, which runAsNonRoot forbids",
		next:    []string{"name another user by runAsUser, or take an image that has one: " + showSecurity}, dead: atOnce},
	{name: "root-asked", match: re(`runAsUser breaks non-root policy`),
		explain: "container {container} is to run as root (runAsUser 0), which runAsNonRoot forbids",
		next:    []string{"name another user, or leave runAsNonRoot out: " + showSecurity}, dead: atOnce},
	{name: "user-by-name", match: re(`non-numeric user \(([^)]*)\)`),
		explain: "runAsNonRoot forbids container {container} to run as root, and its image names the user {1} without a " +
			"number: the kubelet cannot tell whether that is root",
		next: []string{"give the number of {1} as runAsUser: " + showSecurity}, dead: atOnce},
	{name: "env-file", match: re(`environment variable key "([^"]+)" not found in file|couldn't parse env file`),
		explain: "container {container} asks for a variable {1} of a file, which does not have it, or is not written as " +
			"the kubelet reads it: NAME='VALUE', up to 1.34 NAME=VALUE",
		next: []string{"see which file: $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.{containers}[?(@.name==\"{container}\")].env}'"}, dead: missingGrace},
	{name: "sub-path-variable", match: re(`missing value for (\S+)`),
		explain: "a subPathExpr of container {container} is made of the variable {1}, which its env does not have",
		next: []string{"see the others: $ kubectl get pod {pod} -n {namespace} -o jsonpath='" +
			"{.spec.{containers}[?(@.name==\"{container}\")].volumeMounts}'"}, dead: atOnce},
	{name: "sub-path", match: re(`subPath .*volumeMount "([^"]+)"`),
		explain: "the kubelet cannot prepare the subPath by which container {container} mounts volume {1}: what is at it " +
			"leads out of the volume, or cannot be made",
		next: []string{"see which: $ kubectl get pod {pod} -n {namespace} -o " +
			"jsonpath='{.spec.{containers}[?(@.name==\"{container}\")].volumeMounts}'",
			"read what the kubelet found in its log, on {node}: journalctl -u kubelet"}, dead: missingGrace},
	{name: "config", explain: "the kubelet cannot yet put together what container {container} asks for; it goes on trying",
		next: []string{describePod}},
}

var createTroubles = []obstacleCause{
	{name: "create-late", match: re(`deadline exceeded|timed out|is reserved`),
		explain: "the runtime takes too long to create container {container}; the kubelet tries again",
		next:    []string{describePod}},
	{name: "no-command", match: re(`no command specified`),
		explain: "container {container} has no command: its image {image} names none, and the Pod gives none",
		next:    []string{"set a command in the Pod's spec: $ kubectl explain pod.spec.containers.command"}, dead: atOnce},
	{name: "no-user", match: re(`unable to find (?:user|group)|no users found|matching entries in (?:passwd|group) file|` +
		`(?:lstat|open|stat) \S*etc(?:/passwd|/group)?: `),
		explain: "the image of container {container}, {image}, names a user or group that is not in its own /etc/passwd or " +
			"/etc/group",
		next: []string{"give the number as runAsUser: " + showSecurity}, dead: atOnce},
	{name: "host-path-made", match: re(`failed to (?:mkdir|stat|resolve symlink) "([^"]+)": (.*)`), by: "runtime",
		explain: "a hostPath volume of container {container} is to be {1} of {node}, which is not there and cannot be made",
		next:    []string{"name another path: " + showVolumes}, dead: missingGrace},
	{name: "seccomp-profile", match: re(`cannot load seccomp profile "([^"]+)"`), by: "runtime",
		explain: "container {container} asks for the seccomp profile {1}, which is not on {node}",
		next: []string{"put the file on every node, or take another profile: " + showSecurity,
			"set type RuntimeDefault, which needs no file: $ kubectl explain pod.spec.securityContext.seccompProfile.type"},
		dead: missingGrace},
	{name: "create", explain: "the runtime cannot create container {container}", next: []string{describePod},
		dead: missingGrace},
}

const showVolumes = "$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.volumes}'"

const showSecurity = "$ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.securityContext} " +
	"{.spec.containers[*].securityContext}'"

const showCommand = "$ kubectl get pod {pod} -n {namespace} -o " +
	"jsonpath='{.spec.{containers}[?(@.name==\"{container}\")].command} " +
	"{.spec.{containers}[?(@.name==\"{container}\")].args}'"

// notStarted is how the kubelet calls that a container's process could not be made.
const notStarted = `(?:StartError|RunContainerError|ContainerCannotRun)`

// startTroubles are what runc and the kernel say where a program cannot be started (StartError, ContainerCannotRun).
var startTroubles = []obstacleCause{
	{name: "mount-kind", match: re(notStarted + `.*error mounting "([^"]+)" to rootfs at "([^"]+)".*not a directory`),
		by:      "runc",
		explain: "a file is mounted where the image of {container} has a directory, or the other way round: at {2}",
		next:    []string{"name another mountPath, or a subPath that is of the same kind: " + showMounts}, dead: atOnce},
	{name: "mount-read-only", match: re(notStarted + `.*error mounting .* to rootfs at "([^"]+)".*read-only file system`),
		by:      "runc",
		explain: "the directory for the mount at {1} cannot be made in {container}: what is above it is read-only",
		next:    []string{"name another mountPath, or make that directory in the volume or image above it: " + showMounts},
		dead:    atOnce},
	{name: "start-mount", match: re(notStarted + `.*error mounting "([^"]+)" to rootfs at "([^"]+)".*: (.*)`), by: "runc",
		explain: "what container {container} mounts at {2} cannot be mounted there: {3}",
		next:    []string{"name another mountPath: " + showMounts}, dead: atOnce},
	{name: "memory-too-low", match: re(notStarted + `.*(?:OOM-killed|memory limit|signal: killed)`), by: "runc",
		explain: "the memory limit of {container}, {limit}, is too low for its program even to begin{limitRange}",
		next: []string{"give it a higher limit, and look at its unit (128m is an eighth of a byte, 128Mi are megabytes): " +
			showLimits}, dead: atOnce},
	{name: "working-dir", match: re(notStarted + `.*(?:chdir to cwd \("([^"]*)"\)|container init: mkdir (\S+): )`),
		by:      "runc",
		explain: "the working directory of container {container}, {1}{2}, is no directory, or may not be entered",
		next: []string{"name another workingDir (where the Pod names none, it is the image's): $ kubectl get pod {pod} -n " +
			"{namespace} -o jsonpath='{.spec.{containers}[?(@.name==\"{container}\")].workingDir}'"}, dead: atOnce},
	{name: "not-executable", match: re(notStarted + `.*exec:? "?([^":]+)"?: (?:permission denied|is a directory)`),
		by:      "runc",
		explain: "{1} may not be executed: its file has no execute permission, or it is a directory",
		next: []string{"give a script of a ConfigMap defaultMode: 0755, or name the shell: command: [sh, {1}]",
			"see where it comes from: $ kubectl get pod {pod} -n {namespace} -o jsonpath='{.spec.volumes} " +
				"{.spec.{containers}[?(@.name==\"{container}\")].command}'"}, dead: atOnce},
	{name: "no-interpreter", match: re(notStarted + `.*exec format error|exited 255 .*within a second`),
		by: "container/{container}",
		explain: "container {container} ends at once with exit code {code}, as it does where the kernel does not execute " +
			"its program (exec format error): one of another architecture, or a script without a first line such as #!/bin/sh",
		next: []string{"see whether its log says so: " + logsOf, "see what the program is: " + showCommand,
			"see what the machine is: $ kubectl get node {node} -o jsonpath='{.status.nodeInfo.architecture}'"},
		dead: atOnce},
	{name: "no-program", match: re(notStarted + `.*(?:exec: "([^"]*)"|exec ([^ ` +
		`:]+)).*(?:executable file not found|no such file or directory)`),
		by:      "runc",
		explain: "there is no program {1}{2} in container {container}, or the interpreter that it names is not there",
		next:    []string{"check command and args: " + showCommand}, dead: atOnce},
	{name: "start", match: re(`StartError|ContainerCannotRun`), by: "runc",
		explain: "runc cannot create the process of container {container}",
		next:    []string{"check what the container asks for: " + describePod}, dead: atOnce},
}

var runTroubles = []obstacleCause{
	{name: "run-failed", by: "runtime", explain: "the runtime cannot start container {container}; the kubelet tries again",
		next: []string{describePod}},
}

// wrongProgram is what the kernel says of a program that it will never start.
var wrongProgram = re(`executable file not found|no such file or directory|permission denied|exec format error`)
