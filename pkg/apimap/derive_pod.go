package apimap

// Inside the Pod: its containers, their probes, and the API server as they see it.

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const podID = "pod"

func containerID(name string) string { return string(seq.Container(name)) }

// containers draws the Pod, and each container with who calls it.
func (d *deriver) containers() {
	if d.pod == nil {
		return
	}
	node := d.pod.Spec.NodeName
	d.add(Component{ID: podID, Kind: ContainerKind, Name: "Pod " + d.pod.Name, About: d.pod.Status.PodIP, Node: node,
		Proof: proof(d.podPath(), "status.podIP", d.pod.Status.PodIP)})
	for _, c := range d.lasting() {
		d.add(Component{ID: containerID(c.Name), Kind: ContainerKind, Name: c.Name, About: c.Image, Node: node,
			Proof: proof(d.podPath(), d.specPath(c)+".image", c.Image)})
	}
	for _, c := range d.lasting() {
		if why := d.stopped(c); why != "" {
			d.hide("who calls container "+c.Name+", and whom it may call", why, "")
			continue
		}
		for _, p := range []struct {
			name  string
			probe *corev1.Probe
			fails string
		}{
			{"startupProbe", c.StartupProbe, "then it is restarted"},
			{"livenessProbe", c.LivenessProbe, "then it is restarted"},
			{"readinessProbe", c.ReadinessProbe, "then no Service sends it anything"},
		} {
			if p.probe != nil {
				d.probe(c, p.name, p.probe.ProbeHandler, fmt.Sprintf("every %d s, at most %d s; %d failures, %s",
					p.probe.PeriodSeconds,
					p.probe.TimeoutSeconds, p.probe.FailureThreshold, p.fails))
			}
		}
		if l := c.Lifecycle; l != nil {
			for _, x := range []struct {
				name, when string
				hook       *corev1.LifecycleHandler
			}{{"postStart", "once, after it is started", l.PostStart}, {"preStop", "once, before it is stopped", l.PreStop}} {
				if h := x.hook; h != nil && h.Sleep == nil { // in which the kubelet calls nobody
					d.probe(c, "lifecycle."+x.name, corev1.ProbeHandler{Exec: h.Exec, HTTPGet: h.HTTPGet, TCPSocket: h.TCPSocket},
						x.when)
				}
			}
		}
		d.token(c)
	}
	if n := len(d.pod.Spec.EphemeralContainers); n > 0 {
		d.left("ephemeral containers", n, 0)
	}
}

// stopped says why a container does not run, or nothing where it does.
func (d *deriver) stopped(c corev1.Container) string {
	i := slices.IndexFunc(d.statuses(), func(s corev1.ContainerStatus) bool { return s.Name == c.Name })
	if i < 0 {
		return "it does not run yet"
	}
	switch is := d.statuses()[i].State; {
	case is.Running != nil:
		return ""
	case is.Terminated != nil:
		return "it has ended: " + cmp.Or(is.Terminated.Reason, "no reason is given")
	case is.Waiting != nil && is.Waiting.Reason != "":
		return "it does not run: " + is.Waiting.Reason
	}
	return "it does not run yet"
}

// specPath is the field of the Pod that has a container.
func (d *deriver) specPath(c corev1.Container) string {
	if slices.ContainsFunc(d.pod.Spec.InitContainers, func(x corev1.Container) bool { return x.Name == c.Name }) {
		return "spec.initContainers[name=" + c.Name + "]"
	}
	return "spec.containers[name=" + c.Name + "]"
}

// lasting are the containers that run side by side: sidecars, and those that are no init containers.
func (d *deriver) lasting() (all []corev1.Container) {
	for _, c := range d.pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c)
		}
	}
	return append(all, d.pod.Spec.Containers...)
}

// present are those that last, and init containers that run now.
func (d *deriver) present() []corev1.Container {
	all := d.lasting()
	var first []corev1.Container
	for _, c := range d.pod.Spec.InitContainers {
		if d.stopped(c) == "" && !slices.ContainsFunc(all, func(x corev1.Container) bool { return x.Name == c.Name }) {
			first = append(first, c)
		}
	}
	return append(first, all...)
}

// running are the containers that run now.
func (d *deriver) running() []corev1.Container {
	return slices.DeleteFunc(d.present(), func(c corev1.Container) bool { return d.stopped(c) != "" })
}

// declared are the ports that containers declare.
func (d *deriver) declared() (all []int) {
	for _, c := range d.lasting() {
		for _, p := range c.Ports {
			all = append(all, int(p.ContainerPort))
		}
	}
	return all
}

// target is the container that has a port: the one that declares it, the only one, or the Pod.
func (d *deriver) target(port int) string {
	all := d.lasting()
	for _, c := range all {
		if slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return int(p.ContainerPort) == port }) {
			return containerID(c.Name)
		}
	}
	if len(all) == 1 {
		return containerID(all[0].Name)
	}
	return podID
}

// probe draws how the kubelet looks whether a container is well.
func (d *deriver) probe(c corev1.Container, name string, h corev1.ProbeHandler, when string) {
	node := d.pod.Spec.NodeName
	field := d.specPath(c) + "." + name
	title := strings.TrimPrefix(strings.TrimSuffix(name, "Probe"), "lifecycle.")
	a := API{Section: sectionInside, From: d.id(seq.Kubelet, node), To: containerID(c.Name), Name: title,
		Host:           d.pod.Status.PodIP,
		Authentication: "none", Certainty: seq.Observed, You: podNetwork, Note: when}
	curl := "curl -sS -o /dev/null -w '%{http_code}\\n' -m 5 "
	switch {
	case h.HTTPGet != nil:
		a.Protocol, a.Path = string(h.HTTPGet.Scheme), h.HTTPGet.Path
		if h.HTTPGet.Host != "" {
			a.Host = h.HTTPGet.Host
		}
		a.Port = port(c, h.HTTPGet.Port)
		scheme := strings.ToLower(a.Protocol)
		if scheme == "https" {
			curl += "-k "
		}
		a.Proof = proof(d.podPath(), field+".httpGet", fmt.Sprintf("%s:%s%s", h.HTTPGet.Scheme, h.HTTPGet.Port.String(),
			a.Path))
		a.Try = Try{Command: curl + quoted(scheme+"://"+net.JoinHostPort(a.Host, strconv.Itoa(a.Port))+a.Path), On: node}
	case h.TCPSocket != nil:
		a.Protocol, a.Port = "TCP", port(c, h.TCPSocket.Port)
		if h.TCPSocket.Host != "" {
			a.Host = h.TCPSocket.Host
		}
		a.Proof = proof(d.podPath(), field+".tcpSocket.port", h.TCPSocket.Port.String())
		a.Try = opens(a.Host, a.Port, node)
	case h.GRPC != nil:
		a.Protocol, a.Port, a.Path = "gRPC", int(h.GRPC.Port), "/grpc.health.v1.Health/Check"
		a.Proof = proof(d.podPath(), field+".grpc.port", fmt.Sprint(h.GRPC.Port))
		a.Try = opens(a.Host, a.Port, node)
	case h.Exec != nil:
		words := make([]string, len(h.Exec.Command))
		for i, w := range h.Exec.Command {
			words[i] = quoted(w)
		}
		command := strings.Join(words, " ")
		a.Protocol, a.Host, a.Path = "exec by the CRI", "", command
		a.Proof = proof(d.podPath(), field+".exec.command", command)
		a.You = d.mayExec()
		a.Try = d.exec(c.Name, command)
	default:
		return
	}
	if a.Host == "" && a.Protocol != "exec by the CRI" {
		d.hide("address of Pod "+d.pod.Name, "it has none yet", "")
		return
	}
	d.call(a)
}

// exec is a command that runs one in a container.
func (d *deriver) exec(container, command string) Try {
	return Try{Command: "kubectl exec " + quoted(d.pod.Name) + d.namespace() + " -c " + quoted(container) + " -- " + command}
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

const tokenFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

// token draws that a container can call the API server, where it has a token.
func (d *deriver) token(c corev1.Container) {
	for _, m := range c.VolumeMounts {
		if m.MountPath != tokenFolder {
			continue
		}
		host, port := "", 0
		for _, a := range d.m.APIs {
			if a.From == "service default/kubernetes" {
				host, port = a.Host, a.Port
			}
		}
		d.call(API{Section: sectionInside, From: containerID(c.Name), To: apiserver, Name: "may call the API",
			Protocol: "HTTPS",
			Host:     host, Port: port, Path: "/",
			Authentication: "token of " + d.account(), Certainty: seq.Inferred,
			Proof: proof(d.podPath(), d.specPath(c)+".volumeMounts[].mountPath", m.MountPath),
			You:   d.may(Permission{Verb: "create", Resource: "pods/exec", Namespace: d.pod.Namespace, Name: d.pod.Name}),
			Try: Try{Command: "kubectl exec " + quoted(d.pod.Name) + d.namespace() + " -c " + quoted(c.Name) + " -- ls " +
				tokenFolder,
				Prints: "token"},
			Note: "it has a token; whether it calls is not in the API"})
	}
}

func (d *deriver) account() string {
	return "ServiceAccount " + d.pod.Namespace + "/" + d.pod.Spec.ServiceAccountName
}
