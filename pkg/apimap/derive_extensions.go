package apimap

// API servers that answer for a group.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func (d *deriver) extensions() {
	d.webhooks()
	all := served(d.Snapshot)
	for _, a := range all[:min(len(all), mostExtensions)] {
		d.aggregated(a)
	}
	d.left("aggregated APIs", len(all)-min(len(all), mostExtensions), mostExtensions)
	path := limited(servedPath, mostListed)
	var l struct{}
	if !d.get(path, &l) {
		d.hide("aggregated APIs", d.why(path), d.needs(path, "list apiservices.apiregistration.k8s.io"))
	}
	d.left("APIServices", d.more(path), mostListed)
}

// service is an APIService, as far as it is read.
type service struct {
	Metadata struct{ Name string }
	Spec     struct {
		Group, Version string
		Service        *struct {
			Name, Namespace string
			Port            *int
		}
	}
	Status struct {
		Conditions []struct{ Type, Status, Reason, Message string }
	}
}

func (a service) path() string { return "/apis/" + a.Spec.Group + "/" + a.Spec.Version }

// served are the APIs that another server answers.
func served(s *Snapshot) (all []service) {
	var l struct{ Items []service }
	s.get(limited(servedPath, mostListed), &l)
	return slices.DeleteFunc(l.Items, func(a service) bool { return a.Spec.Service == nil })
}

const metricsGroup = "metrics.k8s.io"

// metrics reports whether an API is that of kubectl top.
func metrics(a service) bool { return a.Spec.Group == metricsGroup }

func (d *deriver) aggregated(x service) {
	s := x.Spec.Service
	a := API{Section: sectionExtensions, From: apiserver, Name: x.Spec.Group + "/" + x.Spec.Version, Protocol: "HTTPS",
		Host: s.Name + "." + s.Namespace + ".svc", Port: 443, Path: x.path(),
		Authentication: "front-proxy client certificate, and the user in X-Remote-User", Certainty: seq.Observed,
		You: d.may(Permission{Verb: "get", Path: x.path()}),
		Try: Try{Command: "kubectl get --raw " + quoted(x.path()), Prints: "APIResourceList"}}
	if s.Port != nil {
		a.Port = *s.Port
	}
	a.Proof = proof(limited(servedPath, mostListed), "items[metadata.name="+x.Metadata.Name+"].spec.service",
		s.Namespace+"/"+s.Name)
	for _, c := range x.Status.Conditions {
		if c.Type == "Available" && c.Status != "True" {
			a.Note = "not available: " + c.Reason + ", " + c.Message
			a.Try = Try{Command: "kubectl get apiservice " + quoted(x.Metadata.Name), Prints: "False"}
		}
	}
	a.To = d.add(Component{ID: serverOf(x), Kind: ExtensionKind, Name: s.Name, About: "namespace " + s.Namespace,
		Proof: a.Proof})
	d.call(a)
	if metrics(x) {
		d.metricsServer(x)
	}
}

// serverOf is the id of who answers an aggregated API.
func serverOf(x service) string {
	return "service " + x.Spec.Service.Namespace + "/" + x.Spec.Service.Name
}
