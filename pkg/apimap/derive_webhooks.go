package apimap

// Admission webhooks that the API server asks.

import (
	"cmp"
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

// request is one about a Pod that webhooks may be asked about.
type request struct {
	operation admissionv1.OperationType
	resource  string // with its subresource
	verb      string // that allows it
	labels    string // which object objectSelector looks at: the Pod, one without labels, or none that can have any
}

// The objects of requests, by their labels.
const (
	ofPod    = "Pod"
	ofObject = "object"
	ofNone   = "options"
)

// requests are those about a Pod, the usual first.
var requests = []request{
	{admissionv1.Create, "pods", "create", ofPod},
	{admissionv1.Update, "pods", "patch", ofPod},
	{admissionv1.Delete, "pods", "delete", ofPod},
	{admissionv1.Connect, "pods/exec", "create", ofNone},
	{admissionv1.Connect, "pods/attach", "create", ofNone},
	{admissionv1.Connect, "pods/portforward", "create", ofNone},
	{admissionv1.Connect, "pods/proxy", "create", ofNone},
	{admissionv1.Update, "pods/status", "patch", ofPod},
	{admissionv1.Update, "pods/ephemeralcontainers", "patch", ofPod},
	{admissionv1.Update, "pods/resize", "patch", ofPod},
	{admissionv1.Create, "pods/binding", "create", ofObject},
	{admissionv1.Create, "pods/eviction", "create", ofObject},
}

func (r request) String() string { return string(r.operation) + " " + r.resource }

// permission is what allows a request about the Pod.
func (r request) permission(pod seq.Object) Permission {
	p := Permission{Verb: r.verb, Resource: r.resource, Namespace: pod.Namespace, Name: pod.Name}
	if r.operation == admissionv1.Create && r.resource == "pods" {
		p.Name = ""
	}
	return p
}

// asked are the requests about the Pod that a webhook may be asked about, by its rules and its objectSelector.
func (d *deriver) asked(w webhook) []request {
	return slices.DeleteFunc(slices.Clone(requests), func(r request) bool {
		if !slices.ContainsFunc(w.rules, func(x admissionv1.RuleWithOperations) bool { return matches(x, r) }) {
			return true
		}
		switch selector := w.objects; {
		case selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0:
			return false
		case r.labels == ofNone:
			return true
		case r.labels == ofObject:
			return !selects(selector, nil)
		}
		return d.pod != nil && !selects(w.objects, d.pod.Labels)
	})
}

// matches reports whether a rule is about a request, as the API server's own matcher does
// (k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules).
func matches(x admissionv1.RuleWithOperations, r request) bool {
	if x.Scope != nil && *x.Scope == admissionv1.ClusterScope ||
		!has(x.APIGroups, "") || !has(x.APIVersions, "v1") ||
		!slices.Contains(x.Operations, r.operation) && !slices.Contains(x.Operations, admissionv1.OperationAll) {
		return false
	}
	resource, sub, _ := strings.Cut(r.resource, "/")
	return slices.ContainsFunc(x.Resources, func(y string) bool {
		is, below, _ := strings.Cut(y, "/")
		return (is == "*" || is == resource) && (below == "*" || below == sub)
	})
}

func has(all []string, one string) bool {
	return slices.Contains(all, one) || slices.Contains(all, "*")
}

// webhooks draws those that may be asked about the Pod; without a Pod, all.
func (d *deriver) webhooks() {
	all := d.concerned()
	for _, w := range all[:min(len(all), mostExtensions)] {
		d.webhook(w)
	}
	d.left("webhooks", len(all)-min(len(all), mostExtensions), mostExtensions)
}

// concerned are the webhooks that may be asked about the Pod; without a Pod, all.
func (d *deriver) concerned() []webhook {
	all := d.registered()
	if d.Subject.Name == "" {
		return all
	}
	all = slices.DeleteFunc(all, func(w webhook) bool { return !d.concerns(w) })
	var namespace struct{}
	for i := range all {
		s := all[i].namespaces
		all[i].unsure = s != nil && len(s.MatchLabels)+len(s.MatchExpressions) > 0 &&
			!d.get(of(core, "", "namespaces", d.Subject.Namespace), &namespace)
	}
	return all
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
	if len(d.asked(w)) == 0 {
		return false
	}
	var namespace corev1.Namespace
	if !d.get(of(core, "", "namespaces", d.Subject.Namespace), &namespace) {
		return true // it may
	}
	return selects(w.namespaces, namespace.Labels)
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
	a.You = d.may(d.guard(w))
	a.Note = strings.TrimPrefix(a.Note+"; asked about "+strings.Join(d.about(w), ", "), "; ")
	a.Try = d.tryWebhook(w)
	switch {
	case strings.HasPrefix(a.Try.Command, "kubectl get "):
		a.Note += "; the command shows how it is registered, and does not have it asked"
	case strings.Contains(a.Try.Command, "--dry-run=server"):
		a.Note += "; the command has it asked, and changes nothing"
	}
	d.call(a)
}

// about are the requests that a webhook is asked about, in words.
func (d *deriver) about(w webhook) (all []string) {
	if d.Subject.Name != "" {
		for _, r := range d.asked(w) {
			all = append(all, r.String())
		}
		return all
	}
	for _, r := range w.rules {
		operations := make([]string, len(r.Operations))
		for i, o := range r.Operations {
			operations[i] = string(o)
		}
		all = append(all, strings.Join(operations, " and ")+" "+strings.Join(r.Resources, " and "))
	}
	return all
}

// guard is the permission to a request that a webhook is asked about.
func (d *deriver) guard(w webhook) Permission {
	if all := d.asked(w); d.Subject.Name != "" && len(all) > 0 {
		return all[0].permission(d.Subject)
	}
	p := Permission{Verb: "create", Resource: "pods"}
	if len(w.rules) > 0 && len(w.rules[0].Operations) > 0 && len(w.rules[0].Resources) > 0 {
		r := w.rules[0]
		p.Verb, p.Resource = map[admissionv1.OperationType]string{admissionv1.Update: "patch",
			admissionv1.Delete: "delete"}[r.Operations[0]], r.Resources[0]
		p.Verb = cmp.Or(p.Verb, "create")
		if len(r.APIGroups) > 0 {
			p.Group = r.APIGroups[0]
		}
	}
	return p
}

// tryWebhook is a command that has a webhook asked, where one does so for sure and changes nothing; else one that shows
// how it is registered.
func (d *deriver) tryWebhook(w webhook) Try {
	shows := Try{Command: "kubectl get " + w.kind + "webhookconfiguration " + quoted(w.configuration) + " -o yaml",
		Prints: w.name}
	if d.Subject.Name == "" || w.conditions > 0 || w.unsure || w.effects == nil ||
		*w.effects != admissionv1.SideEffectClassNone && *w.effects != admissionv1.SideEffectClassNoneOnDryRun {
		return shows
	}
	for _, r := range d.asked(w) {
		switch {
		case r.String() == "CREATE pods" && selects(w.objects, map[string]string{"run": "seq-map-try"}):
			return Try{Command: "kubectl run seq-map-try --image=busybox --dry-run=server -o name" + d.namespace()}
		case r.String() == "UPDATE pods" && d.pod != nil:
			return Try{Command: "kubectl annotate pod " + quoted(d.Subject.Name) + d.namespace() +
				" seq-map-try=1 --dry-run=server -o name", Prints: d.Subject.Name}
		case r.String() == "CONNECT pods/exec" && d.pod != nil && *w.effects == admissionv1.SideEffectClassNone:
			if run := d.running(); len(run) > 0 {
				return d.exec(run[0].Name, "cat /etc/hostname")
			}
		}
	}
	return shows
}
