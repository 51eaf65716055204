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
	a := API{Section: section, From: id, To: apiserver, Name: "renews its lease", Protocol: "HTTPS", Path: path,
		Authentication: "as system:node:" + n.Name, Certainty: seq.Observed,
		Proof: proof(path, "spec.holderIdentity", *l.Spec.HolderIdentity), You: d.may(getLease("kube-node-lease", n.Name)),
		Try: Try{Command: "kubectl get lease " + quoted(n.Name) +
			" -n kube-node-lease -o jsonpath='{.spec.holderIdentity} {.spec.renewTime}'",
			Prints: *l.Spec.HolderIdentity},
		Note: "the user name is what the Node authorizer asks for; it is not readable here"}
	if late := d.late(l); late != "" {
		a.Name, a.Certainty, a.Note = "renewed its lease", seq.Inferred, late
	}
	d.call(a)
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
		a.Name, a.Path, a.You = x.name, x.shown, d.may(getProxy(n.Name))
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
	run := d.running()
	var c corev1.Container
	switch i := slices.IndexFunc(d.pod.Spec.Containers, d.hasRun); {
	case d.stopped(d.pod.Spec.Containers[0]) == "":
		c = d.pod.Spec.Containers[0]
	case len(run) > 0:
		c = run[0]
	case i >= 0:
		c = d.pod.Spec.Containers[i]
	default:
		if i = slices.IndexFunc(d.pod.Spec.InitContainers, d.hasRun); i < 0 {
			return // there is no output yet
		}
		c = d.pod.Spec.InitContainers[i]
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
		if len(run) == 0 && x.name != "logs" || d.pod.Status.Phase == corev1.PodPending && x.name == "port-forward" {
			continue // kubectl forwards to no Pod that is still Pending
		}
		a := base
		a.Name, a.Path = x.name, x.path
		a.You = d.may(Permission{Verb: x.verb, Resource: "pods/" + x.sub, Namespace: ns, Name: pod})
		a.Try = Try{Command: x.command, Prints: x.prints}
		if n := len(run); n > 1 && x.name != "port-forward" {
			a.Note = fmt.Sprintf("likewise for each of the %d containers that run", n)
		}
		if x.name == "exec" {
			a.Note = strings.TrimPrefix(a.Note+"; the command needs cat in the container", "; ")
		}
		d.call(a)
	}
}

// hasRun reports whether a container runs or has run.
func (d *deriver) hasRun(c corev1.Container) bool {
	return slices.ContainsFunc(d.statuses(), func(s corev1.ContainerStatus) bool {
		return s.Name == c.Name && (s.State.Running != nil || s.State.Terminated != nil || s.RestartCount > 0)
	})
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
