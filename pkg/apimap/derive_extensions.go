package apimap

// Whom the API server asks: admission webhooks, and API servers that answer for a group.

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

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

// webhook is one that the API server asks, of either kind.
type webhook struct {
	kind, configuration, name string
	index                     int
	client                    admissionv1.WebhookClientConfig
	rules                     []admissionv1.RuleWithOperations
	policy                    *admissionv1.FailurePolicyType
	effects                   *admissionv1.SideEffectClass
	namespaces, objects       *metav1.LabelSelector
	conditions                int
	unsure                    bool // whether it chooses the Pod's namespace
}

// webhooks draws those that may be asked about the Pod; without a Pod, all.
func (d *deriver) webhooks() {
	all := d.registered()
	if d.Subject.Name != "" {
		all = slices.DeleteFunc(all, func(w webhook) bool { return !d.concerns(w) })
		var namespace struct{}
		for i := range all {
			s := all[i].namespaces
			all[i].unsure = s != nil && len(s.MatchLabels)+len(s.MatchExpressions) > 0 &&
				!d.get(of(core, "", "namespaces", d.Subject.Namespace), &namespace)
		}
	}
	for _, w := range all[:min(len(all), mostExtensions)] {
		d.webhook(w)
	}
	d.left("webhooks", len(all)-min(len(all), mostExtensions), mostExtensions)
}

// registered are all webhooks, those that may change an object first, as the API server asks them.
func (d *deriver) registered() (all []webhook) {
	var mutating admissionv1.MutatingWebhookConfigurationList
	var validating admissionv1.ValidatingWebhookConfigurationList
	for path, into := range map[string]any{mutatingPath: &mutating, validatingPath: &validating} {
		if path = limited(path, mostListed); !d.get(path, into) {
			d.hide("admission webhooks", d.why(path), d.needs(path,
				"list mutatingwebhookconfigurations and validatingwebhookconfigurations"))
		}
		d.left("webhook configurations", d.more(path), mostListed)
	}
	for _, c := range mutating.Items {
		for i, w := range c.Webhooks {
			all = append(all, webhook{"mutating", c.Name, w.Name, i, w.ClientConfig, w.Rules, w.FailurePolicy, w.SideEffects,
				w.NamespaceSelector, w.ObjectSelector, len(w.MatchConditions), false})
		}
	}
	for _, c := range validating.Items {
		for i, w := range c.Webhooks {
			all = append(all, webhook{"validating", c.Name, w.Name, i, w.ClientConfig, w.Rules, w.FailurePolicy, w.SideEffects,
				w.NamespaceSelector, w.ObjectSelector, len(w.MatchConditions), false})
		}
	}
	return all
}

// concerns reports whether a webhook may be asked about the Pod, by its rules and selectors.
func (d *deriver) concerns(w webhook) bool {
	has := func(all []string, one string) bool { return slices.Contains(all, one) || slices.Contains(all, "*") }
	if !slices.ContainsFunc(w.rules, func(r admissionv1.RuleWithOperations) bool {
		return has(r.APIGroups, "") && slices.ContainsFunc(r.Resources, func(x string) bool {
			return x == "*" || x == "*/*" || x == "pods" || strings.HasPrefix(x, "pods/")
		})
	}) {
		return false
	}
	var namespace corev1.Namespace
	if !d.get(of(core, "", "namespaces", d.Subject.Namespace), &namespace) {
		return true // it may
	}
	return selects(w.namespaces, namespace.Labels) && (d.pod == nil || selects(w.objects, d.pod.Labels))
}

// selects reports whether a selector has these labels; without one, or with one that is not understood, it has.
func selects(s *metav1.LabelSelector, of map[string]string) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err != nil || selector.Matches(labels.Set(of))
}

func (d *deriver) webhook(w webhook) {
	path := limited(mutatingPath, mostListed)
	if w.kind == "validating" {
		path = limited(validatingPath, mostListed)
	}
	a := API{Section: sectionExtensions, From: apiserver, Name: w.kind + " webhook", Protocol: "HTTPS", Port: 443,
		Authentication: "certificate of the webhook; what the API server shows is in a file of its own",
		Certainty:      seq.Observed}
	field := fmt.Sprintf("items[metadata.name=%s].webhooks[%d].clientConfig", w.configuration, w.index)
	if s := w.client.Service; s != nil {
		a.Host = s.Name + "." + s.Namespace + ".svc"
		if s.Port != nil {
			a.Port = int(*s.Port)
		}
		if s.Path != nil {
			a.Path = *s.Path
		}
		a.Proof = proof(path, field+".service", withPort(a.Host, a.Port)+a.Path)
	} else if w.client.URL != nil {
		a.Host, a.Port = address(*w.client.URL)
		if u, err := url.Parse(*w.client.URL); err == nil {
			a.Path = u.Path
		}
		a.Proof = proof(path, field+".url", *w.client.URL)
	}
	about := ""
	if w.policy != nil {
		about = "failurePolicy " + string(*w.policy)
	}
	if a.Note = about; w.conditions > 0 {
		a.Note += fmt.Sprintf("; %d matchConditions decide further", w.conditions)
	}
	if w.unsure {
		a.Certainty = seq.Inferred
		a.Note += "; its namespaceSelector decides further: the namespace's labels cannot be read"
	}
	a.To = d.add(Component{ID: string(seq.Webhook(w.name)), Kind: ExtensionKind, Name: "webhook " + w.name, About: about,
		Proof: a.Proof})
	a.You = d.may(Permission{Verb: "create", Resource: "pods", Namespace: d.Subject.Namespace})
	resource := w.kind + "webhookconfiguration"
	a.Try = Try{Command: "kubectl get " + resource + " " + quoted(w.configuration) + " -o name", Prints: w.configuration}
	dry := w.effects != nil && (*w.effects == admissionv1.SideEffectClassNone ||
		*w.effects == admissionv1.SideEffectClassNoneOnDryRun)
	if d.Subject.Name != "" && dry {
		a.Try = Try{Command: "kubectl run seq-map-try --image=busybox --dry-run=server -o name" + d.namespace()}
		a.Note += "; the command has it asked, and creates nothing"
	}
	d.call(a)
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

// metrics reports whether an API is that of kubectl top.
func metrics(a service) bool { return a.Spec.Group == "metrics.k8s.io" }

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
