package apimap

// The way to the Pod: Services with their EndpointSlices, Ingresses, routes of Gateways.

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func (d *deriver) routes() {
	if d.pod == nil {
		return
	}
	path := slicesPath(d.Subject.Namespace)
	var l struct{}
	if !d.get(path, &l) {
		d.hide("Services in front of the Pod", d.why(path), d.needs(path,
			"list endpointslices.discovery.k8s.io -n ")+d.Subject.Namespace)
	}
	d.left("EndpointSlices of "+d.Subject.Namespace+"", d.more(path), mostListed)
	names, more := servicesOf(d.Snapshot, d.pod)
	d.left("Services in front of the Pod", more, mostServices)
	for _, name := range names {
		d.service(path, name)
	}
	d.ingresses(names)
	d.gatewayRoutes(names)
	if len(names) > 0 && !slices.ContainsFunc(d.daemonSets(), func(x daemonSet) bool { return x.Name == "kube-proxy" }) {
		d.hide("what makes a Service's address work on the node",
			"no DaemonSet is called kube-proxy: it runs outside of Pods, or a network plugin does it, or nothing", "")
	}
}

func serviceID(namespace, name string) string { return "service " + namespace + "/" + name }

// service draws one, and its ports of the Pod.
func (d *deriver) service(path, name string) {
	ns := d.Subject.Namespace
	servicePath := of(core, ns, "services", name)
	var s corev1.Service
	if !d.get(servicePath, &s) {
		d.hide("Service "+name+": its address and ports", d.why(servicePath), d.needs(servicePath, "get services -n ")+ns)
	}
	id := d.add(Component{ID: serviceID(ns, name), Kind: RouteKind, Name: "Service " + name,
		About: withPort(s.Spec.ClusterIP, firstPort(s)),
		Proof: proof(servicePath, "spec.clusterIP", s.Spec.ClusterIP)})
	for _, x := range slicesOf(d.Snapshot, d.pod) {
		if x.Labels[discoveryv1.LabelServiceName] != name {
			continue
		}
		for k, e := range x.Endpoints {
			if isOf(e, d.pod) && len(e.Addresses) > 0 {
				d.endpoint(path, id, s, x, e, k)
			}
		}
	}
}

func (d *deriver) endpoint(path, from string, s corev1.Service, x discoveryv1.EndpointSlice, e discoveryv1.Endpoint,
	k int) {
	for _, p := range x.Ports {
		if p.Port == nil {
			continue
		}
		protocol := "TCP"
		if p.Protocol != nil {
			protocol = string(*p.Protocol)
		}
		a := API{Section: sectionRoutes, From: from, To: d.target(int(*p.Port)), Name: "Service", Protocol: protocol,
			Host: e.Addresses[0],
			Port: int(*p.Port), Authentication: "none", Certainty: seq.Observed,
			Proof: proof(path, fmt.Sprintf("items[metadata.name=%s].endpoints[%d].targetRef", x.Name, k), "Pod "+d.pod.Name),
			You:   podNetwork, Try: opens(e.Addresses[0], int(*p.Port), d.pod.Spec.NodeName)}
		if protocol != "TCP" {
			a.You, a.Try = d.listsSlices(x)
		}
		for _, sp := range s.Spec.Ports {
			if p.Name != nil && sp.Name == *p.Name {
				a.Note = fmt.Sprintf("its port %d", sp.Port)
			}
		}
		if e.Conditions.Ready != nil && !*e.Conditions.Ready {
			a.Certainty = seq.Inferred
			a.Note = strings.TrimPrefix(a.Note+"; not ready: nothing is sent there now", "; ")
		}
		d.call(a)
	}
}

// listsSlices is a command that shows an EndpointSlice, by what a map reads it with, and whether you may.
func (d *deriver) listsSlices(x discoveryv1.EndpointSlice) (Access, Try) {
	return d.may(listOf("discovery.k8s.io", "endpointslices", d.Subject.Namespace)),
		Try{Command: "kubectl get endpointslices" + d.namespace() + " -l " + quoted(discoveryv1.LabelServiceName+"="+
			x.Labels[discoveryv1.LabelServiceName]), Prints: x.Name}
}

// ingresses draws the rules that lead to these Services.
func (d *deriver) ingresses(services []string) {
	path := limited(of(networks, d.Subject.Namespace, "ingresses"), mostListed)
	var all networkingv1.IngressList
	if !d.get(path, &all) {
		d.hide("Ingresses", d.why(path), d.needs(path, "list ingresses.networking.k8s.io -n ")+d.Subject.Namespace)
	}
	d.left("Ingresses", d.more(path), mostListed)
	drawn := 0
	for _, i := range all.Items {
		for r, rule := range i.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for p, x := range rule.HTTP.Paths {
				if x.Backend.Service == nil || !slices.Contains(services, x.Backend.Service.Name) {
					continue
				}
				if drawn++; drawn > mostRoutes {
					continue
				}
				d.ingress(path, i, rule.Host, x.Path, x.Backend.Service.Name,
					fmt.Sprintf("items[metadata.name=%s].spec.rules[%d].http.paths[%d].backend.service.name", i.Name, r, p))
			}
		}
		if b := i.Spec.DefaultBackend; b != nil && b.Service != nil && slices.Contains(services, b.Service.Name) {
			if drawn++; drawn <= mostRoutes {
				d.ingress(path, i, "", "", b.Service.Name, "items[metadata.name="+i.Name+"].spec.defaultBackend.service.name")
			}
		}
	}
	d.left("rules of Ingresses", max(0, drawn-mostRoutes), mostRoutes)
}

func (d *deriver) ingress(path string, i networkingv1.Ingress, host, below, service, field string) {
	a := API{Section: sectionRoutes, To: serviceID(i.Namespace, service), Name: "Ingress rule", Protocol: "HTTP", Port: 80,
		Host: host,
		Path: below, Authentication: "none", Certainty: seq.Inferred, Proof: proof(path, field, service),
		You: d.may(listOf("networking.k8s.io", "ingresses", i.Namespace)),
		Try: Try{Command: "kubectl get ingresses" + d.namespace(), Prints: i.Name}}
	if len(i.Spec.TLS) > 0 {
		a.Protocol, a.Port = "HTTPS", 443
	}
	about := "no controller has given it an address"
	for _, at := range i.Status.LoadBalancer.Ingress {
		about = "at " + at.IP + at.Hostname
		a.Certainty = seq.Observed
	}
	if a.Certainty == seq.Inferred {
		a.Note = about
	}
	a.From = d.add(Component{ID: "ingress " + i.Namespace + "/" + i.Name, Kind: RouteKind, Name: "Ingress " + i.Name,
		About: about,
		Proof: a.Proof})
	d.call(a)
}

// gatewayRoute is an HTTPRoute of the Gateway API, as far as it is read.
type gatewayRoute struct {
	Metadata metav1.ObjectMeta
	Spec     struct {
		ParentRefs []struct{ Kind, Name, Namespace string }
		Hostnames  []string
		Rules      []struct {
			Matches     []struct{ Path struct{ Value string } }
			BackendRefs []struct {
				Kind, Name, Namespace string
				Port                  int
			}
		}
	}
	Status struct {
		Parents []struct{ Conditions []metav1.Condition }
	}
}

func (r gatewayRoute) accepted() bool {
	for _, p := range r.Status.Parents {
		for _, c := range p.Conditions {
			if c.Type == "Accepted" && c.Status == metav1.ConditionTrue {
				return true
			}
		}
	}
	return false
}

// gatewayRoutes draws the routes that lead to these Services.
func (d *deriver) gatewayRoutes(services []string) {
	path := limited(of(gateways, d.Subject.Namespace, "httproutes"), mostListed)
	var all struct{ Items []gatewayRoute }
	if !d.get(path, &all) {
		d.hide("HTTPRoutes of Gateways", d.why(path),
			d.needs(path, "list httproutes.gateway.networking.k8s.io -n "+d.Subject.Namespace))
		return
	}
	d.left("HTTPRoutes", d.more(path), mostListed)
	drawn := 0
	for _, r := range all.Items {
		for i, rule := range r.Spec.Rules {
			for _, b := range rule.BackendRefs {
				if b.Kind != "" && b.Kind != "Service" || b.Namespace != "" && b.Namespace != d.Subject.Namespace ||
					!slices.Contains(services, b.Name) {
					continue
				}
				if drawn++; drawn > mostRoutes {
					continue
				}
				below := "/"
				if len(rule.Matches) > 0 && rule.Matches[0].Path.Value != "" {
					below = rule.Matches[0].Path.Value
				}
				d.gatewayRoute(path, r, i, below, b.Name)
			}
		}
	}
	d.left("rules of HTTPRoutes", max(0, drawn-mostRoutes), mostRoutes)
}

func (d *deriver) gatewayRoute(path string, r gatewayRoute, rule int, below, service string) {
	ns := d.Subject.Namespace
	a := API{Section: sectionRoutes, To: serviceID(ns, service), Name: "HTTPRoute " + r.Metadata.Name, Protocol: "HTTP",
		Path: below,
		Host: strings.Join(r.Spec.Hostnames, ", "), Authentication: "none", Certainty: seq.Inferred,
		Proof: proof(path, fmt.Sprintf("items[metadata.name=%s].spec.rules[%d].backendRefs[].name", r.Metadata.Name, rule),
			service),
		You: d.may(listOf("gateway.networking.k8s.io", "httproutes", ns)),
		Try: Try{Command: "kubectl get httproutes" + d.namespace(), Prints: r.Metadata.Name}}
	if a.Certainty = seq.Inferred; r.accepted() {
		a.Certainty = seq.Observed
	} else {
		a.Note = "no Gateway has accepted it"
	}
	gateway := "no Gateway"
	if len(r.Spec.ParentRefs) > 0 {
		gateway = r.Spec.ParentRefs[0].Name
	}
	a.From = d.add(Component{ID: "gateway " + ns + "/" + gateway, Kind: RouteKind, Name: "Gateway " + gateway,
		Proof: a.Proof})
	d.call(a)
}

// whatIsLeft counts what a map of the whole cluster does not draw, and tells what was cut off.
func (d *deriver) whatIsLeft() {
	if d.Subject.Name != "" {
		return
	}
	for _, c := range counted {
		var l struct{ Items []struct{} }
		full := limited(c.path, 1)
		if !d.get(full, &l) {
			d.hide("how many "+c.name+" there are", d.why(full), "")
			continue
		}
		if n := d.more(full); n >= 0 {
			d.left(c.name, len(l.Items)+n, 0)
		} else {
			d.left(c.name, -1, 0)
		}
	}
}
