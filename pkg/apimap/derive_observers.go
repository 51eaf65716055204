package apimap

// Who looks at the Pod: metrics-server, Prometheus, what ships logs.

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func (d *deriver) observers() {
	d.scraped()
	d.monitors()
	d.shippers()
	if !slices.ContainsFunc(served(d.Snapshot), metrics) && d.found("GET "+limited(servedPath, mostListed)) != nil {
		var l struct{}
		if d.get(limited(servedPath, mostListed), &l) {
			d.hide("CPU and memory of Pods (kubectl top)", "no APIService serves metrics.k8s.io: there is no metrics-server", "")
		}
	}
}

// metricsServer draws whom it asks: every kubelet.
func (d *deriver) metricsServer(x service) {
	for i := range d.nodes {
		n := &d.nodes[i]
		port := int(n.Status.DaemonEndpoints.KubeletEndpoint.Port)
		if port == 0 {
			continue
		}
		d.call(API{Section: sectionObservers, From: serverOf(x), To: d.id(seq.Kubelet, n.Name), Name: "resource metrics",
			Protocol: "HTTPS",
			Host:     nodeAddress(n), Port: port, Path: "/metrics/resource",
			Authentication: "ServiceAccount token, get nodes/metrics",
			Certainty:      seq.Inferred,
			Proof: proof(limited(servedPath, mostListed), "items[metadata.name="+x.Metadata.Name+"].spec.service",
				serverOf(x)),
			You:  d.may(getMetrics(n.Name)),
			Try:  Try{Command: "kubectl top node " + quoted(n.Name), Prints: n.Name},
			Note: "what serves metrics.k8s.io asks the kubelets; that it is metrics-server is its name"})
	}
}

// scraped draws what the Pod's annotations ask a Prometheus for.
func (d *deriver) scraped() {
	if d.pod == nil || d.pod.Annotations["prometheus.io/scrape"] != "true" || d.pod.Status.PodIP == "" {
		return
	}
	path, scheme := d.pod.Annotations["prometheus.io/path"], d.pod.Annotations["prometheus.io/scheme"]
	if path == "" {
		path = "/metrics"
	}
	if scheme == "" {
		scheme = "http"
	}
	port, _ := strconv.Atoi(d.pod.Annotations["prometheus.io/port"])
	if all := d.declared(); port == 0 && len(all) > 0 {
		port = all[0]
	}
	from := d.add(Component{ID: "prometheus", Kind: ObserverKind, Name: "Prometheus",
		About: "if one looks for annotations"})
	d.call(API{Section: sectionObservers, From: from, To: d.target(port), Name: "metrics",
		Protocol: strings.ToUpper(scheme),
		Host:     d.pod.Status.PodIP, Port: port, Path: path, Authentication: "none", Certainty: seq.Inferred,
		Proof: proof(d.podPath(), "metadata.annotations.prometheus.io/scrape", "true"), You: podNetwork,
		Try: Try{Command: "curl -sS -m 5 " + quoted(scheme+"://"+net.JoinHostPort(d.pod.Status.PodIP,
			strconv.Itoa(port))+path),
			On: d.pod.Spec.NodeName},
		Note: "the annotation only asks for it: who scrapes is in Prometheus' own configuration"})
}

// monitor is a ServiceMonitor of the Prometheus Operator, as far as it is read.
type monitor struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector          metav1.LabelSelector
		NamespaceSelector struct {
			Any        bool
			MatchNames []string
		}
		Endpoints []struct{ Port, Path, Scheme, Interval string }
	}
}

// monitors draws the ServiceMonitors that choose a Service in front of the Pod.
func (d *deriver) monitors() {
	if d.pod == nil {
		return
	}
	var all struct{ Items []monitor }
	path := limited(monitorsPath, mostListed)
	if !d.get(path, &all) {
		d.hide("ServiceMonitors", d.why(path), d.needs(path, "list servicemonitors.monitoring.coreos.com"))
		return
	}
	d.left("ServiceMonitors", d.more(path), mostListed)
	services, _ := servicesOf(d.Snapshot, d.pod)
	for _, m := range all.Items {
		for _, name := range services {
			var s corev1.Service
			if d.get(of(core, d.Subject.Namespace, "services", name), &s) && m.chooses(s) {
				d.monitor(path, m, s)
			}
		}
	}
}

func (m monitor) chooses(s corev1.Service) bool {
	n := m.Spec.NamespaceSelector
	selector, err := metav1.LabelSelectorAsSelector(&m.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(s.Labels)) &&
		(n.Any || slices.Contains(n.MatchNames, s.Namespace) || len(n.MatchNames) == 0 && m.Namespace == s.Namespace)
}

func (d *deriver) monitor(path string, m monitor, s corev1.Service) {
	for i, e := range m.Spec.Endpoints {
		port := d.behind(s.Name, e.Port)
		if e.Path == "" {
			e.Path = "/metrics"
		}
		if e.Scheme == "" {
			e.Scheme = "http"
		}
		from := d.add(Component{ID: "prometheus operator", Kind: ObserverKind, Name: "Prometheus",
			About: "of the Prometheus Operator"})
		a := API{Section: sectionObservers, From: from, To: d.target(port), Name: "metrics",
			Protocol: strings.ToUpper(e.Scheme),
			Host:     d.pod.Status.PodIP, Port: port, Path: e.Path, Authentication: "not readable", Certainty: seq.Inferred,
			Proof: proof(path, fmt.Sprintf("items[%s/%s].spec.endpoints[%d]", m.Namespace, m.Name, i), "port "+e.Port),
			You:   podNetwork, Note: "ServiceMonitor " + m.Namespace + "/" + m.Name + " chooses Service " + s.Name,
			Try: Try{Command: "curl -sS -m 5 " + quoted(e.Scheme+"://"+net.JoinHostPort(d.pod.Status.PodIP,
				strconv.Itoa(port))+e.Path),
				On: d.pod.Spec.NodeName}}
		if e.Interval != "" {
			a.Note += ", every " + e.Interval
		}
		d.call(a)
	}
}

// behind is the Pod's port behind the port of a Service.
func (d *deriver) behind(service, name string) int {
	for _, x := range slicesOf(d.Snapshot, d.pod) {
		if x.Labels[discoveryv1.LabelServiceName] != service {
			continue
		}
		for _, p := range x.Ports {
			if p.Port != nil && (p.Name == nil && name == "" || p.Name != nil && *p.Name == name) {
				return int(*p.Port)
			}
		}
	}
	return 0
}

// daemonSet is one, and the folders of its nodes that it mounts.
type daemonSet struct {
	Namespace, Name string
	mounts          []string
	ready           int
	selector        map[string]string
}

// on reports whether it runs on a node, by its selector and its count; of taints nothing is known.
func (x daemonSet) on(n *corev1.Node) bool {
	return x.ready > 0 && (len(n.Labels) == 0 || labels.SelectorFromSet(x.selector).Matches(labels.Set(n.Labels)))
}

func (d *deriver) daemonSets() (all []daemonSet) {
	var list struct {
		Items []struct {
			Metadata metav1.ObjectMeta
			Spec     struct{ Template struct{ Spec corev1.PodSpec } }
			Status   struct{ NumberReady int }
		}
	}
	d.get(limited(daemonSetsPath, mostListed), &list)
	for _, x := range list.Items {
		one := daemonSet{x.Metadata.Namespace, x.Metadata.Name, nil, x.Status.NumberReady, x.Spec.Template.Spec.NodeSelector}
		for _, v := range x.Spec.Template.Spec.Volumes {
			if v.HostPath != nil {
				one.mounts = append(one.mounts, v.HostPath.Path)
			}
		}
		all = append(all, one)
	}
	return all
}

// shipped are folders in which the output of containers lies.
var shipped = []string{"/var/log", "/var/log/pods", "/var/log/containers", "/var/lib/docker/containers"}

// shippers draws the DaemonSets that mount the folder of the logs.
func (d *deriver) shippers() {
	path := limited(daemonSetsPath, mostListed)
	var l struct{}
	if !d.get(path, &l) {
		d.hide("what ships logs", d.why(path), d.needs(path, "list daemonsets.apps"))
		return
	}
	d.left("DaemonSets", d.more(path), mostListed)
	for i := range d.nodes {
		n, drawn := &d.nodes[i], 0
		for _, x := range d.daemonSets() {
			k := slices.IndexFunc(x.mounts, func(m string) bool { return slices.Contains(shipped, strings.TrimSuffix(m, "/")) })
			if k < 0 || !x.on(n) {
				continue
			}
			if drawn++; drawn <= mostShippers {
				d.shipper(path, x, x.mounts[k], n)
			}
		}
		d.left("DaemonSets that mount the log folder of "+n.Name, max(0, drawn-mostShippers), mostShippers)
	}
}

func (d *deriver) shipper(path string, x daemonSet, folder string, n *corev1.Node) {
	from := d.add(Component{ID: d.id(seq.Participant("daemonset "+x.Namespace+"/"+x.Name), n.Name), Kind: ObserverKind,
		Name:  x.Name,
		About: "DaemonSet in " + x.Namespace, Node: n.Name})
	to := d.add(Component{ID: d.id("log files", n.Name), Kind: RuntimeKind, Name: "log files", About: "/var/log/pods",
		Node: n.Name})
	d.call(API{Section: sectionObservers, From: from, To: to, Name: "may read logs", Protocol: "file", Path: folder,
		Authentication: "none: files of the node", Certainty: seq.Observed,
		Proof: proof(path, "items["+x.Namespace+"/"+x.Name+"].spec.template.spec.volumes[].hostPath.path", folder),
		You:   onNode(n.Name), Try: Try{Command: "ls " + quoted(folder), On: n.Name},
		Note: "it mounts the folder; where it sends them is its own"})
}
