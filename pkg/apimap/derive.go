package apimap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Derive makes the map of what was read. It is a pure function: the same answers in any order give the same map.
func Derive(s *Snapshot) Map {
	d := &deriver{Snapshot: s}
	d.m = Map{Subject: s.Subject, Context: s.Context, Taken: s.Taken}
	var version struct{ GitVersion string }
	s.get(versionPath, &version)
	d.m.Server = version.GitVersion
	d.m.User = d.user()
	if d.readPod() {
		d.m.Subject.UID = string(d.pod.UID)
	}
	d.readNodes()
	d.clients()
	d.controlPlane()
	d.extensions()
	for i := range d.nodes {
		d.kubelet(&d.nodes[i])
	}
	d.containers()
	d.routes()
	d.observers()
	d.processes()
	d.whatIsLeft()
	d.sort()
	return d.m
}

// Missing reports whether the API server says that there is no such Pod.
func (s *Snapshot) Missing() bool {
	a := s.found("GET " + of(core, s.Subject.Namespace, "pods", s.Subject.Name))
	return a != nil && a.Status == 404
}

// deriver is a map in the making.
type deriver struct {
	*Snapshot
	m     Map
	pod   *corev1.Pod   // nil where there is none, or it cannot be read
	nodes []corev1.Node // that are drawn
}

// The sections of the listing.
const (
	sectionClients    = "You and the Kubernetes API"
	sectionControl    = "Control plane"
	sectionExtensions = "Who the API server asks"
	sectionInside     = "Inside the Pod"
	sectionRoutes     = "The way to the Pod"
	sectionObservers  = "Metrics and logs"
)

func sectionNode(name string) string { return "Node " + name }

// sort has the APIs of one section stand together, in the order in which one would explain them.
func (d *deriver) sort() {
	order := []string{sectionClients, sectionControl, sectionExtensions}
	for _, n := range d.nodes {
		order = append(order, sectionNode(n.Name))
	}
	order = append(order, sectionInside, sectionRoutes, sectionObservers)
	slices.SortStableFunc(d.m.APIs, func(a, b API) int {
		return slices.Index(order, a.Section) - slices.Index(order, b.Section)
	})
}

// add draws a component, once.
func (d *deriver) add(c Component) string {
	if d.m.component(c.ID) == nil {
		d.m.Components = append(d.m.Components, c)
	}
	return c.ID
}

// call draws an API.
func (d *deriver) call(a API) {
	n := 1
	a.ID = a.From + " → " + a.To + " " + a.Name
	for _, x := range d.m.APIs {
		if x.ID == a.ID || strings.HasPrefix(x.ID, a.ID+" #") {
			n++
		}
	}
	if n > 1 {
		a.ID += fmt.Sprintf(" #%d", n)
	}
	if a.You.Allowed == "" {
		a.You.Allowed = Unknown
	}
	d.m.APIs = append(d.m.APIs, a)
}

// hide says what cannot be read.
func (d *deriver) hide(what, why, how string) {
	for _, h := range d.m.Hidden {
		if h.What == what && h.Why == why {
			return
		}
	}
	d.m.Hidden = append(d.m.Hidden, Hidden{what, why, how})
}

// needs is the permission to ask for, where that is what is missing.
func (d *deriver) needs(path, permission string) string {
	if a := d.found("GET " + path); a == nil || a.Status != 403 {
		return ""
	}
	return permission
}

// left counts what is not drawn, if there is any.
func (d *deriver) left(what string, count, limit int) {
	if count != 0 {
		d.m.Left = append(d.m.Left, Left{what, count, limit})
	}
}

// may says whether you have a permission.
func (d *deriver) may(p Permission) Access {
	a := Access{Permission: p.String(), Allowed: Unknown}
	i := slices.IndexFunc(d.Answers, func(x Answer) bool { return x.Permission != nil && *x.Permission == p })
	if i < 0 || d.Answers[i].Status != 201 || d.Answers[i].Error != "" {
		return a
	}
	answer := &d.Answers[i]
	var review struct {
		Status struct {
			Allowed         bool
			EvaluationError string
		}
	}
	switch {
	case json.Unmarshal(answer.Body, &review) != nil:
	case review.Status.Allowed:
		a.Allowed = Allowed
	case review.Status.EvaluationError == "":
		a.Allowed = Denied
	}
	return a
}

// onNode is who may call what Kubernetes does not guard.
func onNode(node string) Access { return Access{"root on " + node, Unknown} }

// podNetwork is who may call what Kubernetes does not guard: who reaches the Pod.
var podNetwork = Access{"the Pod network", Unknown}

// proof is a field of the answer to a GET.
func proof(path, field, value string) Proof { return Proof{"GET " + path, field, value} }

func (d *deriver) user() string {
	var who struct {
		Status struct{ UserInfo struct{ Username string } }
	}
	if a := d.found("POST " + whoPath); a != nil && a.Status == 201 && json.Unmarshal(a.Body, &who) == nil {
		return who.Status.UserInfo.Username
	}
	return ""
}

// readPod reads the subject.
func (d *deriver) readPod() bool {
	if d.Subject.Name == "" {
		return false
	}
	path := of(core, d.Subject.Namespace, "pods", d.Subject.Name)
	var pod corev1.Pod
	if !d.get(path, &pod) {
		d.hide("Pod "+d.Subject.Name+": its containers, probes and node", d.why(path), d.needs(path,
			"")+Permission{Verb: "get", Resource: "pods", Namespace: d.Subject.Namespace}.String())
		return false
	}
	d.pod = &pod
	if pod.Spec.NodeName == "" {
		d.hide("node of Pod "+pod.Name, "it has none yet", "kubectl describe pod "+quoted(pod.Name)+d.namespace())
	}
	return true
}

// readNodes reads the nodes that are drawn. One whose answer is not there is drawn by its name.
func (d *deriver) readNodes() {
	if d.Subject.Name == "" {
		var nodes corev1.NodeList
		path := limited(nodesPath, mostNodes)
		if !d.get(path, &nodes) {
			d.hide("nodes: kubelets, runtimes, addresses", d.why(path), d.needs(path, "list nodes"))
		}
		d.nodes = nodes.Items
		d.left("nodes", d.more(path), mostNodes)
		return
	}
	if d.pod == nil || d.pod.Spec.NodeName == "" {
		return
	}
	var n corev1.Node
	path := of(core, "", "nodes", d.pod.Spec.NodeName)
	if !d.get(path, &n) {
		d.hide("node "+d.pod.Spec.NodeName+": its address, kubelet port, runtime", d.why(path), d.needs(path, "get nodes"))
		n.Name = d.pod.Spec.NodeName
	}
	d.nodes = []corev1.Node{n}
}

// id is that of a participant on a node; where several nodes are drawn, with the node's name.
func (d *deriver) id(p seq.Participant, node string) string {
	if len(d.nodes) > 1 {
		return string(p) + " on " + node
	}
	return string(p)
}

// namespace is how a command names that of the Pod.
func (d *deriver) namespace() string { return " -n " + quoted(d.Subject.Namespace) }

// quoted is a word for a shell.
func quoted(s string) string { return seq.ShellQuoted(s) }
