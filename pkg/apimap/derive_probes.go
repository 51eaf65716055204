package apimap

// What the kubelet asks of containers: probes and hooks.

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// probes draws how the kubelet looks whether a container is well.
func (d *deriver) probes(c corev1.Container) {
	for _, p := range []struct {
		name  string
		probe *corev1.Probe
		fails string
	}{
		{"startupProbe", c.StartupProbe, d.restarts(c)},
		{"livenessProbe", c.LivenessProbe, d.restarts(c)},
		{"readinessProbe", c.ReadinessProbe, "then no Service sends it anything"},
	} {
		if p.probe != nil {
			d.asks(c, p.name, p.probe.ProbeHandler, fmt.Sprintf("every %d s, at most %d s; %d failures, %s",
				p.probe.PeriodSeconds, p.probe.TimeoutSeconds, p.probe.FailureThreshold, p.fails))
		}
	}
}

// restarts says what becomes of a container whose probe fails.
func (d *deriver) restarts(c corev1.Container) string {
	policy := d.pod.Spec.RestartPolicy
	if c.RestartPolicy != nil {
		policy = corev1.RestartPolicy(*c.RestartPolicy)
	}
	switch policy {
	case corev1.RestartPolicyNever:
		return "then it is killed, and not started again (restartPolicy Never)"
	case corev1.RestartPolicyOnFailure:
		return "then it is killed, and started again unless it exits with 0 (restartPolicy OnFailure)"
	}
	return "then it is restarted"
}

// hooks draws what the kubelet does after it has started a container, and before it stops it.
func (d *deriver) hooks(c corev1.Container) {
	if c.Lifecycle == nil {
		return
	}
	for _, x := range []struct {
		name, when string
		hook       *corev1.LifecycleHandler
	}{
		{"postStart", "once, after it is started", c.Lifecycle.PostStart},
		{"preStop", "once, before it is stopped", c.Lifecycle.PreStop},
	} {
		switch h := x.hook; {
		case h == nil || h.Sleep != nil: // in which the kubelet calls nobody
		case h.TCPSocket != nil:
			d.hide(x.name+" of container "+c.Name, "the kubelet supports no tcpSocket in a hook: it calls nobody", "")
		default:
			d.asks(c, "lifecycle."+x.name, corev1.ProbeHandler{Exec: h.Exec, HTTPGet: h.HTTPGet}, x.when)
		}
	}
}

// asks draws one probe or hook.
func (d *deriver) asks(c corev1.Container, name string, h corev1.ProbeHandler, when string) {
	node := d.pod.Spec.NodeName
	field := d.specPath(c) + "." + name
	title := strings.TrimPrefix(strings.TrimSuffix(name, "Probe"), "lifecycle.")
	a := API{Section: sectionInside, From: d.id(seq.Kubelet, node), To: containerID(c.Name), Name: title,
		Host: d.pod.Status.PodIP, Authentication: "none", Certainty: seq.Observed, You: podNetwork, Note: when}
	var given intstr.IntOrString
	switch {
	case h.HTTPGet != nil:
		given = h.HTTPGet.Port
		d.otherHost(&a, c, h.HTTPGet.Host)
		a.Port = port(c, given)
		a.Protocol = string(h.HTTPGet.Scheme)
		u := probeURL(a.Protocol, a.Host, a.Port, h.HTTPGet.Path)
		a.Path = u.RequestURI()
		a.Proof = proof(d.podPath(), field+".httpGet", fmt.Sprintf("%s:%s%s", h.HTTPGet.Scheme, given.String(),
			h.HTTPGet.Path))
		curl := "curl -sS -o /dev/null -w '%{http_code}\\n' -m 5 "
		if u.Scheme == "https" {
			curl += "-k "
		}
		a.Try = Try{Command: curl + quoted(u.String()), On: node}
	case h.TCPSocket != nil:
		given = h.TCPSocket.Port
		d.otherHost(&a, c, h.TCPSocket.Host)
		a.Protocol, a.Port = "TCP", port(c, given)
		a.Proof = proof(d.podPath(), field+".tcpSocket.port", given.String())
		a.Try = opens(a.Host, a.Port, node)
	case h.GRPC != nil:
		given = intstr.FromInt32(h.GRPC.Port)
		a.Protocol, a.Port, a.Path = "gRPC", int(h.GRPC.Port), "/grpc.health.v1.Health/Check"
		a.Proof = proof(d.podPath(), field+".grpc.port", fmt.Sprint(h.GRPC.Port))
		if s := h.GRPC.Service; s != nil && *s != "" {
			a.Path += " of " + *s
			a.Note += "; it asks about the service " + *s
		}
		a.Try = opens(a.Host, a.Port, node)
	case h.Exec != nil:
		d.runs(a, c, field, h.Exec.Command)
		return
	default:
		return
	}
	switch {
	case a.Port == 0:
		d.hide(title+" of container "+c.Name, fmt.Sprintf("no port of it is called %q: the kubelet calls nobody",
			given.String()), "")
	case a.Host == "":
		d.hide("address of Pod "+d.pod.Name, "it has none yet", "")
	default:
		d.call(a)
	}
}

// runs draws that the kubelet has a command run in a container.
func (d *deriver) runs(a API, c corev1.Container, field string, command []string) {
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = quoted(w)
	}
	line := strings.Join(words, " ")
	a.Protocol, a.Host, a.Path = "exec by the CRI", "", line
	a.Proof = proof(d.podPath(), field+".exec.command", line)
	a.You, a.Try = d.mayExec(), d.exec(c.Name, line)
	d.call(a)
}

// otherHost has a probe be of the host that it names, which the kubelet asks in place of the container.
func (d *deriver) otherHost(a *API, c corev1.Container, host string) {
	own := func(ip corev1.PodIP) bool { return ip.IP == host }
	if host == "" || host == d.pod.Status.PodIP || slices.ContainsFunc(d.pod.Status.PodIPs, own) {
		return
	}
	a.Host = host
	node := d.pod.Spec.NodeName
	ip := net.ParseIP(host)
	loopback := host == "localhost" || ip != nil && ip.IsLoopback()
	if loopback && d.pod.Spec.HostNetwork {
		a.You = onNode(node)
		a.Note += "; " + host + " is the node's, whose network the Pod has"
		return
	}
	to := Component{ID: "host " + host, Kind: RouteKind, Name: host, About: "not the Pod", Proof: proof(d.podPath(),
		d.specPath(c), "host "+host)}
	a.You = Access{"who reaches " + host, Unknown}
	if loopback {
		to.ID, to.Name, to.Kind, to.Node = d.id(seq.Participant("host "+host), node), host+" of "+node, NodeKind, node
		a.You = onNode(node)
	}
	a.To = d.add(to)
	a.Name += " of " + c.Name
	a.Note += "; it names the host " + host + ": the kubelet asks that one from the node, not the container"
}

// probeURL is what the kubelet asks for, by its own rules (k8s.io/kubernetes/pkg/probe/http).
func probeURL(scheme, host string, port int, path string) *url.URL {
	u, err := url.Parse(path)
	if err != nil {
		u = &url.URL{Path: path}
	}
	u.Scheme, u.Host, u.Fragment = strings.ToLower(scheme), net.JoinHostPort(host, strconv.Itoa(port)), ""
	if u.Opaque == "" && !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	return u
}

// exec is a command that runs one in a container.
func (d *deriver) exec(container, command string) Try {
	return Try{Command: "kubectl exec " + quoted(d.pod.Name) + d.namespace() + " -c " + quoted(container) + " -- " +
		command}
}

func (d *deriver) mayExec() Access {
	return d.may(Permission{Verb: "create", Resource: "pods/exec", Namespace: d.pod.Namespace, Name: d.pod.Name})
}

// opens is a command that opens a connection, wherever there is a bash.
func opens(host string, port int, node string) Try {
	return Try{Command: fmt.Sprintf("timeout 2 bash -c '</dev/tcp/%s/%d' && echo open", strings.Map(plainAddress, host),
		port), On: node,
		Prints: "open"}
}

// plainAddress leaves what an address or a host's name may consist of.
func plainAddress(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(".:-", r) {
		return r
	}
	return -1
}

// port is a port by its number or its name.
func port(c corev1.Container, p intstr.IntOrString) int {
	if p.Type == intstr.Int {
		return p.IntValue()
	}
	for _, x := range c.Ports {
		if x.Name == p.StrVal {
			return int(x.ContainerPort)
		}
	}
	return 0
}
