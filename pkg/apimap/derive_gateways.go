package apimap

// Routes of Gateways that lead to the Pod.

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

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
				if b.Port != 0 && !d.hasPort(b.Name, "", b.Port) {
					d.hide("rule of HTTPRoute "+r.Metadata.Name+" for Service "+b.Name,
						fmt.Sprintf("the Service has no port %d: the rule leads nowhere", b.Port), "")
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
