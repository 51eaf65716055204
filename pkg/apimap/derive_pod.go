package apimap

// Inside the Pod: its containers, their probes, and the API server as they see it.

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

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
	for _, c := range d.present() {
		d.add(Component{ID: containerID(c.Name), Kind: ContainerKind, Name: c.Name, About: c.Image, Node: node,
			Proof: proof(d.podPath(), d.specPath(c)+".image", c.Image)})
	}
	for _, c := range d.present() {
		if why := d.stopped(c); why != "" {
			d.hide("who calls container "+c.Name+", and whom it may call", why, "")
			continue
		}
		d.probes(c)
		d.hooks(c)
		d.tokens(c)
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

// declared are the ports of TCP that containers declare.
func (d *deriver) declared() (all []int) {
	for _, c := range d.lasting() {
		for _, p := range c.Ports {
			if protocolOf(p.Protocol) == corev1.ProtocolTCP {
				all = append(all, int(p.ContainerPort))
			}
		}
	}
	return all
}

// protocolOf is a protocol; TCP where none is given.
func protocolOf(p corev1.Protocol) corev1.Protocol { return cmp.Or(p, corev1.ProtocolTCP) }

// target is the container that has a port: the one that declares it, the only one, or the Pod. Of one that does not run
// it is the Pod, and why.
func (d *deriver) target(port int, protocol corev1.Protocol) (id, stopped string) {
	all := d.lasting()
	for _, c := range all {
		if len(all) == 1 || slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
			return int(p.ContainerPort) == port && protocolOf(p.Protocol) == protocolOf(protocol)
		}) {
			if why := d.stopped(c); why != "" {
				return podID, "container " + c.Name + ": " + why
			}
			return containerID(c.Name), ""
		}
	}
	if len(d.running()) == 0 {
		return podID, "no container of the Pod runs"
	}
	return podID, ""
}
