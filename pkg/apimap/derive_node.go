package apimap

// A node: the kubelet, whom it calls, and who calls it.

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// kubelet draws the APIs of a node.
func (d *deriver) kubelet(n *corev1.Node) {
	section := sectionNode(n.Name)
	id := d.add(Component{ID: d.id(seq.Kubelet, n.Name), Kind: NodeKind, Name: "kubelet", Node: n.Name,
		About: n.Status.NodeInfo.KubeletVersion, Proof: proof(d.nodePath(n), d.nodeField("status.nodeInfo.kubeletVersion"),
			n.Status.NodeInfo.KubeletVersion)})
	d.heartbeat(section, id, n)
	d.statusPatch(section, id)
	d.kubeletAPI(section, id, n)
	if runtime := d.runtime(section, id, n); runtime != "" && d.pod != nil {
		d.logFiles(section, id, runtime, n)
	}
}

// nodePath is the request that told of a node.
func (d *deriver) nodePath(n *corev1.Node) string {
	if d.Subject.Name == "" {
		return limited(nodesPath, mostNodes)
	}
	return of(core, "", "nodes", n.Name)
}

// nodeField is a field of a node in the answer that has it.
func (d *deriver) nodeField(field string) string {
	if d.Subject.Name == "" {
		return "items[]." + field
	}
	return field
}

// heartbeat draws that the kubelet calls the API server: it renews its lease there.
func (d *deriver) heartbeat(section, id string, n *corev1.Node) {
	path := leasePath("kube-node-lease", n.Name)
	var l coordinationv1.Lease
	if !d.get(path, &l) || l.Spec.HolderIdentity == nil {
		d.hide("lease of node "+n.Name+": that its kubelet calls the API server", d.why(path), d.needs(path,
			"get leases -n kube-node-lease"))
		return
	}
	d.call(API{Section: section, From: id, To: apiserver, Name: "renews its lease", Protocol: "HTTPS", Path: path,
		Authentication: "as system:node:" + n.Name, Certainty: seq.Observed,
		Proof: proof(path, "spec.holderIdentity", *l.Spec.HolderIdentity), You: d.may(getLease("kube-node-lease")),
		Try: Try{Command: "kubectl get lease " + quoted(n.Name) +
			" -n kube-node-lease -o jsonpath='{.spec.holderIdentity} {.spec.renewTime}'",
			Prints: *l.Spec.HolderIdentity},
		Note: "the user name is what the Node authorizer asks for; it is not readable here"})
}

// statusPatch draws that the kubelet reports the Pod's status, where the Pod says who wrote it.
func (d *deriver) statusPatch(section, id string) {
	if d.pod == nil {
		return
	}
	for _, f := range d.pod.ManagedFields {
		if f.Manager == "kubelet" && f.Subresource == "status" {
			d.call(API{Section: section, From: id, To: apiserver, Name: "reports the Pod's status", Protocol: "HTTPS",
				Path: d.podPath() + "/status", Authentication: "as system:node:" + d.pod.Spec.NodeName, Certainty: seq.Observed,
				Proof: proof(d.podPath(), "metadata.managedFields[manager=kubelet].subresource", "status"),
				You:   d.may(d.getPod()),
				Try: Try{Command: "kubectl get pod " + quoted(d.pod.Name) + d.namespace() +
					" --show-managed-fields -o jsonpath='{.metadata.managedFields[*].manager}'", Prints: "kubelet"}})
			return
		}
	}
}

func (d *deriver) podPath() string { return of(core, d.Subject.Namespace, "pods", d.Subject.Name) }

func (d *deriver) getPod() Permission {
	return Permission{Verb: "get", Resource: "pods", Namespace: d.Subject.Namespace, Name: d.Subject.Name}
}

// kubeletAPI draws what the API server calls of a kubelet, each with the permission that guards it.
func (d *deriver) kubeletAPI(section, id string, n *corev1.Node) {
	port := int(n.Status.DaemonEndpoints.KubeletEndpoint.Port)
	if port == 0 && d.pod != nil && d.pod.Status.HostIP != "" &&
		len(d.pod.Spec.Containers) > 0 { // the node cannot be read
		d.podAPI(API{Section: section, From: apiserver, To: id, Protocol: "HTTPS", Host: d.pod.Status.HostIP,
			Port:           kubeletPort,
			Authentication: "client certificate of the API server", Certainty: seq.Inferred,
			Proof: proof(d.podPath(), "status.hostIP", d.pod.Status.HostIP)})
	}
	if port == 0 {
		return
	}
	base := API{Section: section, From: apiserver, To: id, Protocol: "HTTPS", Host: nodeAddress(n), Port: port,
		Authentication: "client certificate of the API server", Certainty: seq.Observed,
		Proof: proof(d.nodePath(n), d.nodeField("status.daemonEndpoints.kubeletEndpoint.Port"), fmt.Sprint(port))}
	if d.pod != nil && len(d.pod.Spec.Containers) > 0 {
		d.podAPI(base)
	}
	proxied := "/api/v1/nodes/" + url.PathEscape(n.Name) + "/proxy/"
	for _, x := range []struct{ name, path, shown, guard, prints string }{
		{"metrics", "metrics/resource", "/metrics, /metrics/cadvisor, /metrics/resource, /metrics/probes", "nodes/metrics",
			"container_"},
		{"stats", "stats/summary", "/stats/summary", "nodes/stats", "nodeName"},
		{"healthz", "healthz", "/healthz", "nodes/healthz", "ok"},
		{"configz", "configz", "/configz", "nodes/configz", "kubeletconfig"},
		{"its Pods", "pods", "/pods, /runningpods/", "nodes/pods", "PodList"},
		{"its log folder", "logs/", "/logs/", "nodes/log", "<pre>"},
	} {
		a := base
		a.Name, a.Path, a.You = x.name, x.shown, d.may(Permission{Verb: "get", Resource: "nodes/proxy"})
		a.Try = Try{Command: "kubectl get --raw " + quoted(proxied+x.path), Prints: x.prints}
		a.Note = "called directly, the kubelet asks for get " + x.guard
		d.call(a)
	}
}

// kubeletPort is the kubelet's default.
const kubeletPort = 10250

// podAPI draws what the API server has the kubelet do with a container.
func (d *deriver) podAPI(base API) {
	ns, pod := d.pod.Namespace, d.pod.Name
	run := slices.DeleteFunc(d.lasting(), func(c corev1.Container) bool { return d.stopped(c) != "" })
	c := d.pod.Spec.Containers[0]
	if len(run) > 0 && d.stopped(c) != "" {
		c = run[0]
	}
	target := quoted(pod) + d.namespace() + " -c " + quoted(c.Name)
	inside := "/" + url.PathEscape(ns) + "/" + url.PathEscape(pod) + "/" + url.PathEscape(c.Name)
	port := 80
	if all := d.declared(); len(all) > 0 {
		port = all[0]
	}
	for _, x := range []struct{ name, path, verb, sub, command, prints string }{
		{"exec", "/exec" + inside, "create", "exec", "kubectl exec " + target + " -- cat /etc/hostname", ""},
		{"attach", "/attach" + inside, "create", "attach", "timeout 2 kubectl attach " + target, ""},
		{"port-forward", "/portForward/" + url.PathEscape(ns) + "/" + url.PathEscape(pod), "create", "portforward",
			fmt.Sprintf("timeout 3 kubectl port-forward pod/%s%s :%d", quoted(pod), d.namespace(), port), "Forwarding from"},
		{"logs", "/containerLogs" + inside, "get", "log", "kubectl logs " + target + " --tail=1", ""},
	} {
		if len(run) == 0 && x.name != "logs" {
			continue
		}
		a := base
		a.Name, a.Path = x.name, x.path
		a.You = d.may(Permission{Verb: x.verb, Resource: "pods/" + x.sub, Namespace: ns, Name: pod})
		a.Try = Try{Command: x.command, Prints: x.prints}
		if n := len(run); n > 1 && x.name != "port-forward" {
			a.Note = fmt.Sprintf("likewise for each of the %d containers that run", n)
		}
		d.call(a)
	}
}

// nodeAddress is where the API server calls a kubelet: kubeadm and most others have it prefer the internal address.
func nodeAddress(n *corev1.Node) string {
	for _, kind := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeHostName, corev1.NodeExternalIP} {
		for _, a := range n.Status.Addresses {
			if a.Type == kind {
				return a.Address
			}
		}
	}
	return n.Name
}

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
		if slices.ContainsFunc(x.mounts, func(p string) bool { return strings.HasPrefix(p, "/etc/cni") }) && x.on(n) {
			about = "set up by " + x.Name
			a.Note = "DaemonSet " + x.Namespace + "/" + x.Name + " mounts /etc/cni/net.d"
		}
	}
	a.To = d.add(Component{ID: d.id(seq.CNI, n.Name), Kind: RuntimeKind, Name: "CNI plugins", About: about, Node: n.Name,
		Proof: a.Proof})
	d.call(a)
}

// logFiles draws where the output of containers goes, and who reads it for kubectl logs.
func (d *deriver) logFiles(section, kubelet, runtime string, n *corev1.Node) {
	all := append(slices.Clone(d.pod.Status.ContainerStatuses), d.pod.Status.InitContainerStatuses...)
	i := slices.IndexFunc(all, func(c corev1.ContainerStatus) bool { return c.State.Running != nil })
	if i < 0 {
		return
	}
	file := fmt.Sprintf("/var/log/pods/%s_%s_%s/%s/%d.log", d.pod.Namespace, d.pod.Name, d.pod.UID, all[i].Name,
		all[i].RestartCount)
	id := d.add(Component{ID: d.id("log files", n.Name), Kind: RuntimeKind, Name: "log files", About: "/var/log/pods",
		Node: n.Name})
	a := API{Section: section, From: runtime, To: id, Name: "writes the output", Protocol: "file", Path: file,
		Authentication: "none: files of the node", Certainty: seq.Inferred,
		Proof: proof(d.podPath(), "metadata.uid", string(d.pod.UID)), You: onNode(n.Name),
		Try:  Try{Command: "ls -l " + quoted(file), On: n.Name, Prints: file},
		Note: "the kubelet's default for podLogsDir; it reads this file for kubectl logs"}
	d.call(a)
	a.From, a.Name = kubelet, "reads it for logs"
	d.call(a)
}

func configPath(node string) string {
	return "/api/v1/nodes/" + url.PathEscape(node) + "/proxy/configz"
}

// configured is the runtime's socket by the kubelet's own word, where it was asked.
func (d *deriver) configured(node string) string {
	var c struct {
		KubeletConfig struct{ ContainerRuntimeEndpoint string }
	}
	d.get(configPath(node), &c)
	return c.KubeletConfig.ContainerRuntimeEndpoint
}

// Proxied are the questions to kubelets through the API server, which need the right to nodes/proxy: that is also one
// to run commands in every container of the node.
func Proxied(s *Snapshot) []Question {
	var all []Question
	d := &deriver{Snapshot: s}
	d.readPod()
	d.readNodes()
	for _, n := range d.nodes {
		all = append(all, get(configPath(n.Name), []string{"kubeletconfig.containerRuntimeEndpoint"}))
	}
	return all
}
