package apimap

// What the kubelet has work done by: the runtime, runc, CNI plugins, log files.

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// sockets are where runtimes listen by default, and what asks them for their version.
var sockets = map[string]struct{ path, command string }{
	"containerd": {"/run/containerd/containerd.sock", "ctr --address %s version"},
	"cri-o":      {"/var/run/crio/crio.sock", "crictl --runtime-endpoint unix://%s version"},
	"docker":     {"/var/run/cri-dockerd.sock", "crictl --runtime-endpoint unix://%s version"},
}

const socketAnnotation = "kubeadm.alpha.kubernetes.io/cri-socket"

// runtime draws what the kubelet calls, and what that runs.
func (d *deriver) runtime(section, id string, n *corev1.Node) string {
	is := proof(d.nodePath(n), d.nodeField("status.nodeInfo.containerRuntimeVersion"),
		n.Status.NodeInfo.ContainerRuntimeVersion)
	if is.Value == "" && d.pod != nil && len(d.pod.Status.ContainerStatuses) > 0 { // the node cannot be read
		name, _, _ := strings.Cut(d.pod.Status.ContainerStatuses[0].ContainerID, "://")
		is = proof(d.podPath(), "status.containerStatuses[0].containerID", name+"://")
	}
	name, version, ok := strings.Cut(is.Value, "://")
	if !ok || name == "" {
		return ""
	}
	runtime := d.add(Component{ID: d.id(seq.Participant(name), n.Name), Kind: RuntimeKind, Name: name, About: version,
		Node:  n.Name,
		Proof: is})
	a := API{Section: section, From: id, To: runtime, Name: "CRI", Protocol: "gRPC",
		Authentication: "none: root opens the socket",
		Certainty:      seq.Observed, Proof: is, You: onNode(n.Name)}
	known := sockets[name]
	a.Path = known.path
	if given, ok := n.Annotations[socketAnnotation]; ok {
		a.Path = strings.TrimPrefix(given, "unix://")
		a.Proof = proof(d.nodePath(n), d.nodeField("metadata.annotations."+socketAnnotation), given)
	} else if endpoint := d.configured(n.Name); endpoint != "" {
		a.Path = strings.TrimPrefix(endpoint, "unix://")
		a.Proof = proof(configPath(n.Name), "kubeletconfig.containerRuntimeEndpoint", endpoint)
	} else {
		a.Note = "the socket is the runtime's default; --nodes-proxy reads the kubelet's own setting"
	}
	command := known.command
	if command == "" {
		command = "crictl --runtime-endpoint unix://%s version"
	}
	a.Try = Try{Command: fmt.Sprintf(command, quoted(a.Path)), On: n.Name, Prints: strings.TrimPrefix(version, "v")}
	d.call(a)
	d.runc(section, runtime, n)
	d.cni(section, runtime, n)
	return runtime
}

// runc draws the program that makes containers.
func (d *deriver) runc(section, runtime string, n *corev1.Node) {
	a := API{Section: section, From: runtime, Name: "OCI runtime", Protocol: "program",
		Authentication: "none: a program that is run",
		Certainty:      seq.Inferred, You: onNode(n.Name)}
	handler := string(seq.Runc)
	for _, h := range n.Status.RuntimeHandlers {
		if h.Name == handler {
			a.Proof = proof(d.nodePath(n), d.nodeField("status.runtimeHandlers[].name"), h.Name)
		}
	}
	if class := d.runtimeClass(); class != "" {
		handler = class
		a.Certainty = seq.Observed
		a.Proof = proof(of("apis/node.k8s.io/v1", "", "runtimeclasses", *d.pod.Spec.RuntimeClassName), "handler", class)
	}
	if a.Proof == (Proof{}) {
		a.Proof = Proof{"none", "", "the runtime's default"}
	}
	a.To = d.add(Component{ID: d.id(seq.Participant(handler), n.Name), Kind: RuntimeKind, Name: handler, Node: n.Name,
		Proof: a.Proof})
	a.Note = "which program a handler is stands in the runtime's own configuration"
	root := "/run/containerd/runc/k8s.io"
	if !strings.HasPrefix(runtime, "containerd") {
		root = "/run/runc"
	}
	a.Try = Try{Command: "runc --root " + root + " list", On: n.Name, Prints: "BUNDLE"}
	if d.pod != nil && len(d.pod.Status.ContainerStatuses) > 0 && d.pod.Status.ContainerStatuses[0].State.Running != nil {
		_, container, _ := strings.Cut(d.pod.Status.ContainerStatuses[0].ContainerID, "://")
		a.Try = Try{Command: "runc --root " + root + " state " + quoted(container), On: n.Name, Prints: container}
	}
	d.call(a)
}

// runtimeClass is the handler that the Pod's class names.
func (d *deriver) runtimeClass() string {
	if d.pod == nil || d.pod.Spec.RuntimeClassName == nil {
		return ""
	}
	var class struct{ Handler string }
	path := of("apis/node.k8s.io/v1", "", "runtimeclasses", *d.pod.Spec.RuntimeClassName)
	if !d.get(path, &class) {
		d.hide("handler of RuntimeClass "+*d.pod.Spec.RuntimeClassName, d.why(path), d.needs(path,
			"get runtimeclasses.node.k8s.io"))
	}
	return class.Handler
}

// cni draws the programs that give a Pod its network.
func (d *deriver) cni(section, runtime string, n *corev1.Node) {
	if d.pod != nil && (d.pod.Spec.HostNetwork || d.pod.Status.PodIP == "") {
		return
	}
	a := API{Section: section, From: runtime, Name: "Pod network", Protocol: "program", Path: "/run/netns",
		Authentication: "none: a program that is run", Certainty: seq.Inferred, You: onNode(n.Name),
		Proof: Proof{"none", "", "CRI runtimes run CNI plugins"},
		Try:   Try{Command: "ls /run/netns", On: n.Name},
		Note: "the network namespaces that Pods have; the plugins' configuration is in /etc/cni/net.d, " +
			"unless the runtime's own says otherwise"}
	if d.pod != nil {
		a.Proof = proof(d.podPath(), "status.podIP", d.pod.Status.PodIP)
	}
	about := ""
	for _, x := range d.daemonSets() {
		configures := func(folder string) bool { return strings.HasPrefix(folder, "/etc/cni") }
		if slices.ContainsFunc(slices.Concat(x.mounts, x.once), configures) && x.on(n) {
			about = "set up by " + x.Name
			a.Note = "DaemonSet " + x.Namespace + "/" + x.Name + " mounts /etc/cni/net.d"
		}
	}
	a.To = d.add(Component{ID: d.id(seq.CNI, n.Name), Kind: RuntimeKind, Name: "CNI plugins", About: about, Node: n.Name,
		Proof: a.Proof})
	d.call(a)
}

// configHash is the uid of a static Pod on its node.
const configHash = "kubernetes.io/config.hash"

// logFiles draws where the output of containers goes, and who reads it for kubectl logs.
func (d *deriver) logFiles(section, kubelet, runtime string, n *corev1.Node) {
	all := append(slices.Clone(d.pod.Status.ContainerStatuses), d.pod.Status.InitContainerStatuses...)
	i := slices.IndexFunc(all, func(c corev1.ContainerStatus) bool { return c.State.Running != nil })
	if i < 0 {
		return
	}
	uid, field := string(d.pod.UID), "metadata.uid"
	if hash := d.pod.Annotations[configHash]; hash != "" { // the Pod of the API is only the mirror of a static one
		uid, field = hash, "metadata.annotations."+configHash
	}
	file := fmt.Sprintf("/var/log/pods/%s_%s_%s/%s/%d.log", d.pod.Namespace, d.pod.Name, uid, all[i].Name,
		all[i].RestartCount)
	id := d.add(Component{ID: d.id("log files", n.Name), Kind: RuntimeKind, Name: "log files", About: "/var/log/pods",
		Node: n.Name})
	a := API{Section: section, From: runtime, To: id, Name: "writes the output", Protocol: "file", Path: file,
		Authentication: "none: files of the node", Certainty: seq.Inferred,
		Proof: proof(d.podPath(), field, uid), You: onNode(n.Name),
		Try:  Try{Command: "ls -l " + quoted(file), On: n.Name, Prints: file},
		Note: "the kubelet's default for podLogsDir; it reads this file for kubectl logs"}
	d.call(a)
	a.From, a.Name = kubelet, "reads it for logs"
	d.call(a)
}
