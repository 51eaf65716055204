package trace

// Symptoms of a Pod without a node, and of one that its node does not act on.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	f.about, _, _ = strings.Cut(f.message, " preemption: ") // how that went is no reason
	f.replacements = append(f.replacements, "{claims}", s.claimWords(), "{siblings}", s.siblingsPlaced())
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

// placement are words for what the Pod asks for of a node, and for what else the scheduler's message says.
func placement(p *corev1.Pod, message string) []string {
	var gates, keys, ports, labels, terms []string
	for _, g := range p.Spec.SchedulingGates {
		gates = append(gates, g.Name)
	}
	for _, t := range p.Spec.TopologySpreadConstraints {
		keys = append(keys, t.TopologyKey)
	}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, port := range c.Ports {
			if port.HostPort > 0 {
				ports = append(ports, fmt.Sprint(port.HostPort))
			}
		}
	}
	for _, key := range sortedKeys(p.Spec.NodeSelector) {
		labels = append(labels, key+"="+p.Spec.NodeSelector[key])
	}
	selector := ""
	if len(labels) > 0 {
		selector = ": " + strings.Join(labels, ", ")
	}
	if a := p.Spec.Affinity; a != nil {
		var all []corev1.PodAffinityTerm
		if a.PodAffinity != nil {
			all = append(all, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution...)
		}
		if a.PodAntiAffinity != nil {
			all = append(all, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution...)
		}
		for _, t := range all {
			terms = append(terms, metav1.FormatLabelSelector(t.LabelSelector)+" by "+t.TopologyKey)
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
	return []string{"{gates}", strings.Join(gates, ", "), "{topologyKeys}", strings.Join(keys, ", "),
		"{ports}", strings.Join(ports, ", "), "{selector}", selector, "{terms}", strings.Join(terms, "; "),
		"{nodes}", nodes, "{others}", others, "{nominated}", p.Status.NominatedNodeName}
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
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

// missingClaim is that the claims for devices that the Pod asks for could not be made of their templates.
func missingClaim(s *story, _ time.Time) (finding, bool) {
	if s.newest().Spec.NodeName != "" || len(s.newest().Spec.ResourceClaims) == 0 {
		return finding{}, false
	}
	return s.newestEvent(seq.Controller("resourceclaim"),
		func(e *emitted) bool { return e.event.Reason == "FailedResourceClaimCreation" })
}

// preBind is a Pod that the scheduler has chosen a node for, and whose binding it holds back until something is done.
func preBind(s *story, _ time.Time) (finding, bool) {
	p := s.newest()
	if p.Spec.NodeName != "" || scheduledFalse(p) != nil || s.deletionBegun() {
		return finding{}, false
	}
	nominated := p.Status.NominatedNodeName
	f := finding{by: scheduler(p), reason: "WaitsToBind", message: "status.nominatedNodeName is " + nominated +
		", and spec.nodeName is empty", mayMend: true}
	detail := "status.nominatedNodeName"
	var answers []seq.Evidence
	words := []string{"{scheduler}", string(scheduler(p))}
	for _, name := range claimsOf(p) {
		l, ok := s.ask("PersistentVolumeClaim", p.Namespace, name)
		if !ok || l.Found == nil || object.Status(l.Found)["phase"] != "Pending" {
			continue
		}
		node := l.Found.GetAnnotations()[selectedNodeAnnotation]
		if node == "" {
			continue
		}
		if nominated == "" {
			nominated, detail = node, "spec.nodeName is empty; claim "+name+" has the selected node "+node
		}
		class, _ := object.Spec(l.Found)["storageClassName"].(string)
		f.reason, f.message = "WaitsForVolume", fmt.Sprintf("claim %s is Pending; its annotation %s is %s", name,
			selectedNodeAnnotation, node)
		words = append(words, "{claim}", name, "{class}", class)
		if c, ok := s.ask("StorageClass", "", class); ok && c.Found != nil {
			provisioner, _ := c.Found.Object["provisioner"].(string)
			f.message += ", and its provisioner " + provisioner
			words = append(words, "{provisioner}", provisioner)
		}
		answers = append(answers, l.evidence())
		break
	}
	if nominated == "" {
		return finding{}, false
	}
	first := s.unbroken(func(p *corev1.Pod) bool { return p.Spec.NodeName == "" })
	f = findingOf(f, first, s.last(), detail)
	f.evidence = append(f.evidence, answers...)
	f.replacements = append(words, "{nominated}", nominated)
	f.countsFrom = f.since.Add(silence)
	return f, true
}

// selectedNodeAnnotation is by which the scheduler tells a provisioner where a volume is wanted.
const selectedNodeAnnotation = "volume.kubernetes.io/selected-node"

// claimsOf are the names of the claims that a Pod uses.
func claimsOf(p *corev1.Pod) (names []string) {
	for _, v := range p.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			names = append(names, p.Name+"-"+v.Name)
		}
	}
	return names
}

// claimWords says of the claims of a Pod that are not bound why, as far as that was asked.
func (s *story) claimWords() string {
	var all []string
	for _, name := range claimsOf(s.newest()) {
		l, ok := s.ask("PersistentVolumeClaim", s.object.Namespace, name)
		if !ok || l.Found == nil || object.Status(l.Found)["phase"] == "Bound" {
			continue
		}
		class, _ := object.Spec(l.Found)["storageClassName"].(string)
		words := "claim " + name + ", of StorageClass " + class
		if class == "" {
			words = "claim " + name + ", which names no StorageClass"
		} else if c, ok := s.ask("StorageClass", "", class); ok && c.Found == nil {
			words += ", which is not there"
		} else if ok {
			words += fmt.Sprintf(" with provisioner %v", c.Found.Object["provisioner"])
		}
		all = append(all, words)
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
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
	node, known := s.ask("Node", "", s.node)
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
	if l := s.lease; l != nil && l.Node == s.node {
		since := s.leaseAt.Sub(l.Renewed.Add(-s.clocks.Offset(seq.Kubelet)))
		f.message += fmt.Sprintf("; when we asked, it had renewed its lease %.0f s before", since.Seconds())
		f.mayMend = since < time.Duration(l.Seconds)*time.Second || now.Sub(s.leaseAt) > 2*silence
		f.evidence = append(f.evidence,
			seq.Evidence{Source: "http", Text: fmt.Sprintf("Lease kube-node-lease/%s, which lasts %d s", l.Node, l.Seconds),
				At: l.Renewed})
	}
	f.countsFrom = f.since.Add(silence)
	return f, true
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
