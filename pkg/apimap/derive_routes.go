package apimap

// The way to the Pod: Services with their EndpointSlices, Ingresses, routes of Gateways.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

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
	all := limited(daemonSetsPath, mostListed)
	switch {
	case len(names) == 0:
	case !d.get(all, &l):
		d.hide("what makes a Service's address work on the node", d.why(all), d.needs(all, "list daemonsets.apps"))
	case !slices.ContainsFunc(d.daemonSets(), func(x daemonSet) bool { return x.Name == "kube-proxy" }):
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
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		to, stopped := d.target(int(*p.Port), protocol)
		a := API{Section: sectionRoutes, From: from, To: to, Name: "Service", Protocol: string(protocol),
			Host: e.Addresses[0], Port: int(*p.Port), Authentication: "none", Certainty: seq.Observed,
			Proof: proof(path, fmt.Sprintf("items[metadata.name=%s].endpoints[%d].targetRef", x.Name, k), "Pod "+d.pod.Name),
			You:   podNetwork, Try: opens(e.Addresses[0], int(*p.Port), d.pod.Spec.NodeName)}
		if protocol != corev1.ProtocolTCP || stopped != "" {
			a.You, a.Try = d.listsSlices(x)
		}
		for _, sp := range s.Spec.Ports {
			if p.Name != nil && sp.Name == *p.Name {
				a.Note = fmt.Sprintf("its port %d", sp.Port)
			}
		}
		is := func(condition *bool) bool { return condition != nil && *condition }
		why := ""
		switch c := e.Conditions; {
		case stopped != "":
			why = "nobody answers: " + stopped
		case c.Ready == nil || *c.Ready:
		case is(c.Terminating) && is(c.Serving):
			why = "it terminates, and still answers: something is sent there only while no endpoint is ready"
		default:
			why = "not ready: nothing is sent there now"
		}
		if why != "" {
			a.Certainty = seq.Inferred
			a.Note = strings.TrimPrefix(a.Note+"; "+why, "; ")
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
				d.ingress(path, i, rule.Host, x.Path, *x.Backend.Service,
					fmt.Sprintf("items[metadata.name=%s].spec.rules[%d].http.paths[%d].backend.service.name", i.Name, r, p))
			}
		}
		if b := i.Spec.DefaultBackend; b != nil && b.Service != nil && slices.Contains(services, b.Service.Name) {
			if drawn++; drawn <= mostRoutes {
				d.ingress(path, i, "", "", *b.Service, "items[metadata.name="+i.Name+"].spec.defaultBackend.service.name")
			}
		}
	}
	d.left("rules of Ingresses", max(0, drawn-mostRoutes), mostRoutes)
}

func (d *deriver) ingress(path string, i networkingv1.Ingress, host, below string,
	to networkingv1.IngressServiceBackend, field string) {
	if !d.hasPort(to.Name, to.Port.Name, int(to.Port.Number)) {
		d.hide("rule of Ingress "+i.Name+" for Service "+to.Name, fmt.Sprintf(
			"the Service has no port %s: the rule leads nowhere", cmp.Or(to.Port.Name, fmt.Sprint(to.Port.Number))), "")
		return
	}
	a := API{Section: sectionRoutes, To: serviceID(i.Namespace, to.Name), Name: "Ingress rule", Protocol: "HTTP", Port: 80,
		Host: host, Path: below, Authentication: "none", Certainty: seq.Inferred, Proof: proof(path, field, to.Name),
		You: d.may(listOf("networking.k8s.io", "ingresses", i.Namespace)),
		Try: Try{Command: "kubectl get ingresses" + d.namespace(), Prints: i.Name}}
	if secured(i, host) {
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

// hasPort reports whether a Service has a port, by its name or number; of one that cannot be read it may.
func (d *deriver) hasPort(service, name string, number int) bool {
	var s corev1.Service
	if !d.get(of(core, d.Subject.Namespace, "services", service), &s) {
		return true
	}
	return slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		return name != "" && p.Name == name || name == "" && int(p.Port) == number
	})
}

// secured reports whether an Ingress has a certificate for a host: one that lists it, or one for all.
func secured(i networkingv1.Ingress, host string) bool {
	return slices.ContainsFunc(i.Spec.TLS, func(t networkingv1.IngressTLS) bool {
		return len(t.Hosts) == 0 || host != "" && slices.ContainsFunc(t.Hosts, func(x string) bool {
			_, parent, _ := strings.Cut(host, ".")
			return x == host || x == "*."+parent
		})
	})
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
