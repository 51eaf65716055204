package trace

// Symptoms of a Pod without a node, and of one that its node does not act on.

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

func scheduledFalse(p *corev1.Pod) *corev1.PodCondition {
	for i, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// unscheduled is a Pod without a node of which the scheduler, or a gate, says why.
func unscheduled(s *story, _ time.Time) (finding, bool) {
	p := s.newest()
	c := scheduledFalse(p)
	if p.Spec.NodeName != "" || c == nil {
		return finding{}, false
	}
	first := s.unbroken(func(p *corev1.Pod) bool { o := scheduledFalse(p); return o != nil && o.Reason == c.Reason })
	f := finding{by: scheduler(p), mayMend: s.roomIsMade(), reason: c.Reason, message: c.Message,
		replacements: placement(p, c.Message)}
	if f.mayMend && p.Status.NominatedNodeName != "" {
		f.reason = "Preempting"
	}
	claims := s.claimWords()
	f.about = leadingReason(f.message) + claims
	f.replacements = append(f.replacements, "{claims}", claims, "{siblings}", s.siblingsPlaced())
	f = findingOf(f, first, s.last(), "condition PodScheduled is False: "+c.Reason)
	f.heldSince = s.toOurClock(scheduler(p), c.LastTransitionTime.Time)
	for _, e := range s.events {
		if e.event.Reason == "FailedScheduling" {
			f.evidence = append(f.evidence, e.evidence())
			break
		}
	}
	return f, true
}

var nodeCount = regexp.MustCompile(`(?:^|\s)(\d+) (?:node\(s\) )?([^,]*?)(?:,|\.(?:\s|$))`)

// usualReason is what rules out nodes that are for other Pods, wherever else the trouble lies.
var usualReason = re(`taint|Pod's node affinity/selector`)

// leadingReason is a message of the scheduler with only those of its reasons that rule out the most nodes, not counting
// such as are not for this Pod. How preemption went is no reason.
func leadingReason(message string) string {
	message, _, _ = strings.Cut(message, " preemption: ")
	head, reasons, _ := strings.Cut(message, ": ")
	var leading []string
	most := 0
	for _, m := range nodeCount.FindAllStringSubmatch(reasons, -1) {
		n, _ := strconv.Atoi(m[1])
		if usualReason.MatchString(m[0]) || n < most {
			continue
		}
		if n > most {
			leading, most = nil, n
		}
		leading = append(leading, strings.Trim(m[0], " ,."))
	}
	if len(leading) == 0 {
		return message
	}
	return head + ": " + strings.Join(leading, ", ") + "."
}

// placement are words for what the Pod asks for of a node, and for what else the scheduler's message says.
func placement(p *corev1.Pod, message string) []string {
	var gates, keys, spread, ports, labels, terms, affinity, names []string
	for _, g := range p.Spec.SchedulingGates {
		gates = append(gates, g.Name)
	}
	for _, t := range p.Spec.TopologySpreadConstraints {
		if t.TopologyKey != corev1.LabelHostname { // which every node has
			keys = append(keys, t.TopologyKey)
		}
		limits := fmt.Sprintf("maxSkew %d", t.MaxSkew)
		if t.MinDomains != nil {
			limits += fmt.Sprintf(", minDomains %d", *t.MinDomains)
		}
		spread = append(spread, t.TopologyKey+" ("+limits+")")
	}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, port := range c.Ports {
			if port.HostPort > 0 {
				ports = append(ports, fmt.Sprint(port.HostPort))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Spec.NodeSelector)) {
		labels = append(labels, key+"="+p.Spec.NodeSelector[key])
	}
	if a := p.Spec.Affinity; a != nil && a.NodeAffinity != nil {
		if r := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution; r != nil {
			labels = append(labels, nodeTerms(r.NodeSelectorTerms)...)
		}
	}
	selector := ""
	if len(labels) > 0 {
		selector = ": " + strings.Join(labels, ", ")
	}
	if a := p.Spec.Affinity; a != nil {
		if a.PodAffinity != nil {
			affinity = affinityTerms(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		}
		if a.PodAntiAffinity != nil {
			terms = affinityTerms(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		}
		if a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
			for _, t := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
				for _, f := range t.MatchFields {
					names = append(names, f.Values...)
				}
			}
		}
	}
	nodes := "the"
	if m := re(`^\d+/(\d+) nodes`).FindStringSubmatch(message); m != nil {
		nodes = m[1]
	}
	main, _, _ := strings.Cut(message, " preemption: ")
	_, reasons, _ := strings.Cut(main, ": ")
	others := ""
	if parts := nodeCount.FindAllStringSubmatch(reasons, -1); len(parts) > 1 {
		others = "; in all: " + strings.TrimSuffix(reasons, ".")
	}
	evenEmpty := ""
	if m := unhelpful.FindStringSubmatch(message); m != nil && m[1] == m[2] {
		evenEmpty = ", even if no other Pod were there"
	}
	return []string{"{spread}", strings.Join(spread, ", "), "{affinityTerms}", strings.Join(affinity, "; "),
		"{nodeNames}", strings.Join(names, ", "), "{requests}", requests(p), "{evenEmpty}", evenEmpty, "{gates}",
		strings.Join(gates, ", "), "{topologyKeys}", strings.Join(keys, ", "),
		"{ports}", strings.Join(ports, ", "), "{selector}", selector, "{terms}", strings.Join(terms, "; "),
		"{nodes}", nodes, "{others}", others, "{nominated}", p.Status.NominatedNodeName}
}

// nodeTerms are words for what a node affinity asks of a node's labels: one of the terms, each with all it names.
func nodeTerms(terms []corev1.NodeSelectorTerm) []string {
	var all []string
	for _, t := range terms {
		var words []string
		for _, e := range t.MatchExpressions {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Key, e.Operator, strings.Join(e.Values, ", "))))
		}
		if len(words) > 0 {
			all = append(all, strings.Join(words, " and "))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return []string{strings.Join(all, " or ")}
}

// unhelpful is that the scheduler need not end other Pods of a lower priority, as that would give the Pod no node.
var unhelpful = re(`preemption: 0/(\d+) nodes are available: (\d+) Preemption is not helpful`)

// affinityTerms are words for which Pods are meant.
func affinityTerms(terms []corev1.PodAffinityTerm) (all []string) {
	for _, t := range terms {
		all = append(all, metav1.FormatLabelSelector(t.LabelSelector)+" by "+t.TopologyKey)
	}
	return all
}

// requests are words for what a Pod asks for: its containers together, or an init container that asks for more.
func requests(p *corev1.Pod) string {
	var words []string
	for name, q := range resourcehelper.PodRequests(p, resourcehelper.PodResourcesOptions{}) {
		words = append(words, string(name)+" "+q.String())
	}
	if len(words) == 0 {
		return ""
	}
	slices.Sort(words)
	return " (" + strings.Join(words, ", ") + ")"
}

// siblingsPlaced says which Pods of the same owner have a node.
func (s *story) siblingsPlaced() string {
	o := s.owner()
	if o == nil {
		return ""
	}
	var names []string
	for _, p := range o.children() {
		if p != s && p.isPod() && len(p.revisions) > 0 && p.newest().Spec.NodeName != "" && !p.podEnded() {
			names = append(names, p.object.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", " + strings.Join(names[:min(3, len(names))], ", ") + ", of the same owner"
}

// roomIsMade reports whether somebody is at work for the Pod: the scheduler evicts others, or an autoscaler adds a
// node.
func (s *story) roomIsMade() bool {
	for _, e := range s.events {
		if e.event.Reason == "TriggeredScaleUp" || e.event.Reason == "Nominated" {
			return true
		}
	}
	return s.newest().Status.NominatedNodeName != ""
}

// missingClaim is that a claim for devices that the Pod asks for is not there, or could not be made of its template.
// The scheduler says nothing of such a Pod: see PreEnqueue of its plugin DynamicResources.
func missingClaim(s *story, _ time.Time) (finding, bool) {
	p := s.newest()
	if p.Spec.NodeName != "" || len(p.Spec.ResourceClaims) == 0 {
		return finding{}, false
	}
	for _, name := range deviceClaimsOf(p) {
		if l, ok := s.lookedUp("ResourceClaim", p.Namespace, name); ok && l.Found == nil {
			f := findingOf(finding{by: scheduler(p), reason: "NoResourceClaim",
				message: fmt.Sprintf("resourceclaim %q not found", name)}, s.revisions[0], s.last(),
				"spec.nodeName is empty, and spec.resourceClaims has "+name)
			f.evidence = append(f.evidence, l.evidence())
			return f, true
		}
	}
	return s.newestEvent(seq.Controller("resourceclaim"),
		func(e *emitted) bool { return e.event.Reason == "FailedResourceClaimCreation" })
}

// deviceClaimsOf are the ResourceClaims that a Pod names.
func deviceClaimsOf(p *corev1.Pod) (names []string) {
	for _, c := range p.Spec.ResourceClaims {
		if c.ResourceClaimName != nil {
			names = append(names, *c.ResourceClaimName)
		}
	}
	return names
}

// noScheduler is a Pod that no scheduler has said anything of.
func noScheduler(s *story, _ time.Time) (finding, bool) {
	if s.newest().Spec.NodeName != "" || object.Condition(s.newest(), corev1.PodScheduled) != "" ||
		s.newest().Status.NominatedNodeName != "" {
		return finding{}, false
	}
	for _, e := range s.events {
		if e.emitter == scheduler(s.newest()) {
			return finding{}, false
		}
	}
	f := finding{by: scheduler(s.newest()), reason: "Pending",
		message:      "no binding, no status and no Event of a scheduler",
		replacements: []string{"{scheduler}", s.newest().Spec.SchedulerName}}
	f = findingOf(f, s.revisions[0], s.last(), "spec.nodeName is empty, and there is no condition PodScheduled")
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// missingNode is a Pod on a node that is not there.
func missingNode(s *story, _ time.Time) (finding, bool) {
	bound := s.boundInSilence()
	node, known := s.lookedUp("Node", "", s.node)
	if bound == nil || !known || node.Found != nil {
		return finding{}, false
	}
	f := findingOf(finding{by: seq.UnknownClient, reason: "NoNode", message: fmt.Sprintf("nodes %q not found", s.node)},
		bound, bound, "spec.nodeName is "+s.node)
	f.evidence = append(f.evidence, node.evidence())
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// silentKubelet is a bound Pod that its kubelet has not touched.
func silentKubelet(s *story, now time.Time) (finding, bool) {
	bound := s.boundInSilence()
	if bound == nil {
		return finding{}, false
	}
	f := findingOf(finding{by: seq.Kubelet, reason: "Pending",
		message: "no status and no Event of the kubelet of " + s.node, mayMend: true}, bound, bound,
		"spec.nodeName is "+s.node+", and nothing came of it")
	if age, over, ok := s.leaseAge(); ok {
		f.message += fmt.Sprintf("; when we asked, it had renewed its lease %.0f s before", age.Seconds())
		f.mayMend = !over || now.Sub(s.leases[s.node].at) > 2*silence
		f.evidence = append(f.evidence, seq.Evidence{Source: "http",
			Text: fmt.Sprintf("Lease kube-node-lease/%s, which lasts %d s", s.node, s.leases[s.node].Seconds),
			At:   s.leases[s.node].Renewed})
	}
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// leaseAge is how old the Lease of the Pod's node was when we asked, and whether it was over.
func (s *story) leaseAge() (age time.Duration, over, ok bool) {
	l, ok := s.leases[s.node]
	if !ok {
		return 0, false, false
	}
	age = l.at.Sub(l.Renewed.Add(-s.clocks.Offset(seq.Kubelet)))
	return age, age >= time.Duration(l.Seconds)*time.Second, true
}

// boundInSilence is the revision that gave the Pod its node, if the node's kubelet has not been heard of since.
func (s *story) boundInSilence() (bound *write) {
	for _, w := range s.revisions {
		switch {
		case w.pod.Status.Phase != corev1.PodPending || w.pod.Status.StartTime != nil || w.isStatusPatch():
			return nil
		case bound == nil && w.pod.Spec.NodeName != "":
			bound = w
		}
	}
	for _, e := range s.events {
		if e.emitter == seq.Kubelet {
			return nil
		}
	}
	return bound
}
