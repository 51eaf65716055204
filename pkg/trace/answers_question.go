package trace

// What a run should ask the cluster, because the answer would explain what is seen.

import (
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Questions returns what would help to know now, each once.
func (t *Trace) Questions() []seq.Question {
	c := t.resolve().scene
	var all []seq.Question
	for _, s := range c.podStories() {
		if w := s.boundInSilence(); w != nil && t.now.Sub(w.received) >= silence*3/5 { // so that the answer is there in time
			all = append(all, seq.Question{Kind: "lease", Node: s.node})
		}
	}
	for _, s := range c.podStories() {
		all = append(all, s.unknownNode(t.now)...)
		all = append(all, s.unknownVolumes(t.now)...)
	}
	for _, s := range c.rootStories() {
		if s.object.Kind == "PersistentVolumeClaim" && len(s.revisions) > 0 && s.deletionBegun() && !s.isGone() {
			all = append(all, seq.Question{Kind: "users", Object: s.object})
		}
	}
	for _, s := range c.podStories() {
		if _, known := t.runtimes[s.node]; !known && s.awaitsRuntime(t.now) {
			all = append(all, seq.Question{Kind: "node", Node: s.node})
		}
	}
	for _, s := range c.stories {
		if slices.Contains(c.rootStories(), s) || s.goneWithoutWord() {
			all = append(all, t.missingOwners(s)...)
		}
	}
	if t.webhooks == nil && len(c.subject().admitted) > 0 {
		all = append(all, seq.Question{Kind: "webhooks", Node: ""})
	}
	asked := map[seq.Question]bool{}
	return slices.DeleteFunc(all, func(q seq.Question) bool {
		twice := asked[q]
		asked[q] = true
		return twice
	})
}

// goneWithoutWord reports whether the object went at once, and nothing says who deleted it: no kubelet and no finalizer
// held it until its owner could be asked for.
func (s *story) goneWithoutWord() bool {
	return len(s.revisions) > 0 && s.last().endsLife() && s.last().deleted && s.last().actor.name == seq.UnknownClient
}

// missingOwners asks for the owners that an object refers to and that nothing has shown: what refers to nothing is
// deleted. Those of an object that was there before are asked for when somebody has deleted it.
func (t *Trace) missingOwners(s *story) (all []seq.Question) {
	if len(s.revisions) == 0 || s.attached() && (!s.deletionBegun() || s.isGone() && !s.goneWithoutWord()) ||
		slices.ContainsFunc(s.ownRequests, func(q *seq.Request) bool { return q.Verb == "delete" }) {
		return nil
	}
	for _, ref := range s.last().object.GetOwnerReferences() {
		if t.objects[string(ref.UID)] == nil {
			all = append(all, seq.Question{Kind: "owner", APIVersion: ref.APIVersion,
				Object: seq.Object{Kind: ref.Kind, Namespace: s.object.Namespace, Name: ref.Name, UID: string(ref.UID)}})
		}
	}
	return all
}

// unknownNode asks for the node of a Pod that nobody acts on: whether there is one.
func (s *story) unknownNode(now time.Time) []seq.Question {
	if len(s.revisions) == 0 || s.node == "" || s.isGone() {
		return nil
	}
	silent := s.boundInSilence()
	asked, grace := s.toBeDeletedSince()
	overdue := !asked.IsZero() && now.After(asked.Add(grace+silence))
	if (silent == nil || now.Sub(silent.received) < silence*3/5) && !overdue {
		return nil
	}
	all := []seq.Question{{Kind: "object", APIVersion: "v1", Object: seq.Object{Kind: "Node", Name: s.node}}}
	if overdue {
		all = append(all, seq.Question{Kind: "lease", Node: s.node})
	}
	return all
}

// unknownVolumes asks for the claims of a Pod that has waited for long, before its binding or for its sandbox, and for
// what makes their volumes, or attaches them.
func (s *story) unknownVolumes(now time.Time) (all []seq.Question) {
	if len(s.revisions) == 0 || s.podEnded() || s.deletionBegun() ||
		len(claimsOf(s.newest())) == 0 && len(deviceClaimsOf(s.newest())) == 0 {
		return nil
	}
	waits := s.inSandbox()
	if s.newest().Spec.NodeName == "" {
		waits = s.revisions[0]
	}
	if waits == nil || now.Sub(waits.received) < silence*3/5 {
		return nil
	}
	object := func(apiVersion, kind, namespace, name string) {
		all = append(all, seq.Question{Kind: "object", APIVersion: apiVersion,
			Object: seq.Object{Kind: kind, Namespace: namespace, Name: name}})
	}
	if s.newest().Spec.NodeName == "" {
		for _, name := range deviceClaimsOf(s.newest()) {
			object("resource.k8s.io/v1", "ResourceClaim", s.object.Namespace, name)
		}
	}
	for _, name := range claimsOf(s.newest()) {
		object("v1", "PersistentVolumeClaim", s.object.Namespace, name)
		claim, ok := s.lookedUp("PersistentVolumeClaim", s.object.Namespace, name)
		if !ok || claim.Found == nil {
			continue
		}
		spec := claim.spec()
		if volume, _ := spec["volumeName"].(string); volume != "" && s.newest().Spec.NodeName != "" {
			object("v1", "PersistentVolume", "", volume)
			if l, ok := s.lookedUp("PersistentVolume", "", volume); ok && l.Found != nil {
				if _, attachment := attachmentOf(l.Found, s.node); attachment != "" {
					object("storage.k8s.io/v1", "VolumeAttachment", "", attachment)
				}
			}
		} else if class, _ := spec["storageClassName"].(string); class != "" {
			object("storage.k8s.io/v1", "StorageClass", "", class)
		}
	}
	return all
}

// prompt is within what a node brings up a Pod whose image it has: then a container says what its runtime is.
const prompt = 300 * time.Millisecond

// awaitsRuntime reports whether a Pod has waited for its first container for longer than usual.
func (s *story) awaitsRuntime(now time.Time) bool {
	for _, w := range s.revisions {
		if w.pod.Spec.NodeName != "" {
			return s.reporter() == seq.Kubelet && !s.podEnded() && now.Sub(w.received) >= prompt
		}
	}
	return false
}
