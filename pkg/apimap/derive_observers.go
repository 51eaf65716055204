package apimap

// Who looks at the Pod: metrics-server, Prometheus.

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

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
	given := d.pod.Annotations["prometheus.io/port"]
	port, err := strconv.ParseUint(given, 10, 16)
	if all := d.declared(); given == "" && len(all) > 0 {
		port, err = uint64(all[0]), nil
	}
	scheme = cmp.Or(scheme, "http")
	to, stopped := d.target(int(port), corev1.ProtocolTCP)
	why := ""
	switch {
	case err != nil || port == 0:
		why = fmt.Sprintf("prometheus.io/port is %q, which is no number of a port", given)
	case scheme != "http" && scheme != "https":
		why = fmt.Sprintf("prometheus.io/scheme is %q, neither http nor https", scheme)
	case stopped != "":
		why = stopped
	}
	if why != "" {
		d.hide("metrics that the Pod's annotations ask for", why, "")
		return
	}
	u := metricsURL(scheme, d.pod.Status.PodIP, int(port), path)
	from := d.add(Component{ID: "prometheus", Kind: ObserverKind, Name: "Prometheus",
		About: "if one looks for annotations"})
	d.call(API{Section: sectionObservers, From: from, To: to, Name: "metrics", Protocol: strings.ToUpper(scheme),
		Host: d.pod.Status.PodIP, Port: int(port), Path: u.RequestURI(), Authentication: "none", Certainty: seq.Inferred,
		Proof: proof(d.podPath(), "metadata.annotations.prometheus.io/scrape", "true"), You: podNetwork,
		Try:  Try{Command: "curl -sS -m 5 " + quoted(u.String()), On: d.pod.Spec.NodeName},
		Note: "the annotation only asks for it: who scrapes is in Prometheus' own configuration"})
}

// metricsURL is what Prometheus asks for: it takes all of a path for a path, as a ? has no meaning there.
func metricsURL(scheme, host string, port int, path string) *url.URL {
	path = cmp.Or(path, "/metrics")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: path}
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
		Endpoints []struct {
			Port, Path, Scheme, Interval string
			TargetPort                   *intstr.IntOrString
		}
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
		port, named := d.behind(s.Name, e.Port), "port "+e.Port
		if e.Port == "" && e.TargetPort != nil {
			port, named = d.numbered(*e.TargetPort), "targetPort "+e.TargetPort.String()
		}
		to, stopped := d.target(port, corev1.ProtocolTCP)
		if port == 0 || stopped != "" {
			d.hide(fmt.Sprintf("endpoint %d of ServiceMonitor %s/%s", i, m.Namespace, m.Name), cmp.Or(stopped,
				"Service "+s.Name+" leads to no "+named+" of the Pod"), "")
			continue
		}
		e.Scheme = strings.ToLower(cmp.Or(e.Scheme, "http"))
		u := metricsURL(e.Scheme, d.pod.Status.PodIP, port, e.Path)
		from := d.add(Component{ID: "prometheus operator", Kind: ObserverKind, Name: "Prometheus",
			About: "of the Prometheus Operator"})
		a := API{Section: sectionObservers, From: from, To: to, Name: "metrics", Protocol: strings.ToUpper(e.Scheme),
			Host: d.pod.Status.PodIP, Port: port, Path: u.RequestURI(), Authentication: "not readable",
			Certainty: seq.Inferred, You: podNetwork,
			Proof: proof(path, fmt.Sprintf("items[%s/%s].spec.endpoints[%d]", m.Namespace, m.Name, i), named),
			Note:  "ServiceMonitor " + m.Namespace + "/" + m.Name + " chooses Service " + s.Name,
			Try:   Try{Command: "curl -sS -m 5 " + quoted(u.String()), On: d.pod.Spec.NodeName}}
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

// numbered is a port of the Pod by its number or its name.
func (d *deriver) numbered(p intstr.IntOrString) int {
	for _, c := range d.lasting() {
		if n := port(c, p); n != 0 {
			return n
		}
	}
	return 0
}
