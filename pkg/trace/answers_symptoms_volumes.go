package trace

// Symptoms of claims and volumes: of Pods that wait for them, and of the claims themselves.

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

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
		l, ok := s.lookedUp("PersistentVolumeClaim", p.Namespace, name)
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
		provisioner := l.Found.GetAnnotations()[provisionerAnnotation]
		if c, ok := s.lookedUp("StorageClass", "", class); ok && c.Found != nil {
			provisioner, _ = c.Found.Object["provisioner"].(string)
		}
		if provisioner != "" {
			f.message += ", and its provisioner " + provisioner
			words = append(words, "{provisioner}", provisioner)
		}
		answers = append(answers, l.evidence())
		break
	}
	if nominated == "" {
		return finding{}, false
	}
	for _, e := range s.events {
		if e.event.Reason == "BindingConditionsPending" {
			f.reason, f.message = e.event.Reason, e.event.Message
			answers = append(answers, e.evidence())
			break
		}
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

// provisionerAnnotation is by which the controller manager tells who is to make a volume.
const provisionerAnnotation = "volume.kubernetes.io/storage-provisioner"

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
		l, ok := s.lookedUp("PersistentVolumeClaim", s.object.Namespace, name)
		if !ok || l.Found == nil || object.Status(l.Found)["phase"] == "Bound" {
			continue
		}
		all = append(all, s.unboundWords(name, l))
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
}

// unboundWords says of one that is not bound what it waits for.
func (s *story) unboundWords(name string, claim lookup) string {
	wanted, _ := claim.spec()["volumeName"].(string)
	class, _ := claim.spec()["storageClassName"].(string)
	_, named := claim.spec()["storageClassName"]
	words := "claim " + name + ", of StorageClass " + class
	c, known := s.lookedUp("StorageClass", "", class)
	switch {
	case wanted != "":
		return "claim " + name + ", which waits for the PersistentVolume " + wanted
	case class == "" && named:
		return "claim " + name + ", which asks for a PersistentVolume without a class"
	case class == "":
		return "claim " + name + ", which names no StorageClass"
	case !known:
		return words
	case c.Found == nil:
		return words + ", which is not there"
	case c.Found.Object["provisioner"] == "kubernetes.io/no-provisioner":
		return words + ", whose volumes are made by hand (kubernetes.io/no-provisioner)"
	}
	return words + fmt.Sprintf(" with provisioner %v", c.Found.Object["provisioner"])
}

// unattached is a Pod whose kubelet waits for a volume that is not attached to the node, which it says only after two
// minutes.
func unattached(s *story, _ time.Time) (finding, bool) {
	first := s.inSandbox()
	if first == nil {
		return finding{}, false
	}
	for _, name := range claimsOf(s.newest()) {
		claim, ok := s.lookedUp("PersistentVolumeClaim", s.object.Namespace, name)
		if !ok || claim.Found == nil {
			continue
		}
		volume, _ := object.Spec(claim.Found)["volumeName"].(string)
		driver, attachment := "", ""
		if l, ok := s.lookedUp("PersistentVolume", "", volume); ok && l.Found != nil {
			driver, attachment = attachmentOf(l.Found, s.node)
		}
		if attachment == "" {
			continue
		}
		f := finding{by: seq.Kubelet, reason: "AwaitsVolume", message: fmt.Sprintf("volume %s of claim %s, of CSI driver %s",
			volume, name, driver), replacements: []string{"{volume}", volume, "{claim}", name, "{driver}", driver,
			"{attachment}", attachment, "{attacher}", driver}}
		f = findingOf(f, first, s.last(), "containerStatuses: ContainerCreating")
		f.countsFrom = f.since.Add(silence)
		a, known := s.lookedUp("VolumeAttachment", "", attachment)
		switch {
		case known && a.Found == nil:
			f.message += "; it was not asked to be attached: there is no VolumeAttachment " + attachment
		case known && object.Status(a.Found)["attached"] != true:
			f.reason = "NotAttached"
			f.message += "; VolumeAttachment " + attachment + " has attached: false"
			if words := attachError(a.Found); words != "" {
				f.message += ": " + words
			}
		}
		if known {
			f.evidence = append(f.evidence, a.evidence())
		}
		return f, true
	}
	return finding{}, false
}

func attachError(u *unstructured.Unstructured) string {
	words, _, _ := unstructured.NestedString(u.Object, "status", "attachError", "message")
	return words
}

// attachmentOf is the name of the VolumeAttachment by which a CSI volume is wanted at a node, a hash of all three: see
// getAttachmentName in pkg/volume/csi/csi_attacher.go (v1.37).
func attachmentOf(volume *unstructured.Unstructured, node string) (driver, name string) {
	driver, _, _ = unstructured.NestedString(volume.Object, "spec", "csi", "driver")
	handle, _, _ := unstructured.NestedString(volume.Object, "spec", "csi", "volumeHandle")
	if driver == "" {
		return "", ""
	}
	return driver, fmt.Sprintf("csi-%x", sha256.Sum256([]byte(handle+driver+node)))
}

// unboundClaim is why a claim has no volume: the newest Event that says so, be it a Warning or not.
func unboundClaim(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if u == nil || s.object.Kind != "PersistentVolumeClaim" || s.deletionBegun() {
		return finding{}, false
	}
	phase, spec := object.Field(u, "status")["phase"], object.Field(u, "spec")
	if phase != "Pending" && phase != "Lost" {
		return finding{}, false
	}
	binder, who := controllerOf("PersistentVolumeClaim"), seq.Participant("")
	f, ok := s.newestEvent(binder, func(e *emitted) bool {
		who = e.emitter
		return true
	})
	volume, _ := spec["volumeName"].(string)
	class, _ := spec["storageClassName"].(string)
	switch {
	case phase == "Lost" && f.reason != "ClaimLost":
		f = findingOf(finding{by: binder, reason: "ClaimLost", message: "status.phase is Lost"}, s.last(), s.last(),
			"status.phase")
	case !ok:
		f = findingOf(finding{by: binder, reason: "Pending", message: "status.phase is Pending"}, s.revisions[0], s.last(),
			"status.phase")
		if volume != "" {
			f.message += ", spec.volumeName is " + volume
		}
		f.countsFrom = f.since.Add(silence)
	case f.reason == "ProvisioningFailed":
		f.by = who
	}
	f.replacements = []string{"{volume}", volume, "{class}", class, "{who}", namedWho(who)}
	return f, true
}
