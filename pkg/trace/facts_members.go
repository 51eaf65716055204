package trace

// Which objects are part of a run.

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// members are the objects that a run is about: those our requests are about, all that came of them, and what else takes
// part. The subject is the first; beyond the roots they come in the order of their first revisions.
type members struct {
	objects []seq.Object
	roots   int               // so many of them are what requests are about
	since   map[string]uint64 // of what was no part of it at first, the revision by which it became one
}

func (t *store) members(requests []*seq.Request) members {
	roots := t.rootObjects(requests)
	n := len(roots)
	newest := map[string]metav1.Object{}
	children := map[string][]string{}
	for uid, f := range t.objects {
		if f.last == nil {
			continue
		}
		newest[uid] = f.last.object
		for owner := range f.owners {
			children[owner] = append(children[owner], uid)
		}
	}
	in := map[string]bool{}
	var add func(uid string)
	add = func(uid string) {
		if uid == "" || in[uid] || newest[uid] == nil {
			return
		}
		in[uid] = true
		for _, child := range children[uid] {
			add(child)
		}
	}
	for _, o := range roots {
		add(o.UID)
	}
	for _, q := range requests {
		if m := newest[q.Object.UID]; q.ActsOnExisting() && m != nil {
			t.addReactions(m, newest, children, add)
		}
	}
	joined := map[string]bool{}
	for len(in) > 0 { // until nothing more takes part
		n := len(in)
		for uid, m := range newest {
			if !in[uid] && t.takesPart(m, newest, in) {
				joined[uid] = true
				add(uid)
			}
		}
		if len(in) == n {
			break
		}
	}
	since := map[string]uint64{}
	for uid := range joined {
		since[uid] = t.joinedBy(uid, in)
	}
	for _, o := range roots {
		delete(in, o.UID)
	}
	onlyMakes := t.attachedAt.IsZero() && !slices.ContainsFunc(requests, (*seq.Request).ActsOnExisting)
	for uid := range in {
		if f := t.objects[uid]; f.isAdopted() || onlyMakes && f.wasMadeBefore() {
			since[uid] = f.first.rv + 1 // what it was before is not of the run
		}
	}
	rest := slices.SortedFunc(maps.Keys(in), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.objects[a].oldestRevision(), t.objects[b].oldestRevision()), cmp.Compare(a, b))
	})
	for _, uid := range rest {
		roots = append(roots, seq.ObjectOf(newest[uid]))
	}
	return members{roots, n, since}
}

// joinedBy is the revision by which an EndpointSlice first named a Pod of the run: what it said before is of others.
// Any other object counts as a whole.
func (t *store) joinedBy(uid string, in map[string]bool) (rv uint64) {
	for pod, n := range t.objects[uid].endpoints {
		if in[pod] && (rv == 0 || n < rv) {
			rv = n
		}
	}
	return rv
}

// oldestRevision is the first that is known; 0 for none.
func (f *facts) oldestRevision() uint64 {
	if f.first == nil {
		return 0
	}
	return f.first.rv
}

// addReactions adds the owners of what we delete, or run a command in, up to the top, and what they made meanwhile.
func (t *store) addReactions(m metav1.Object, newest map[string]metav1.Object, children map[string][]string,
	add func(string)) {
	for _, owner := range m.GetOwnerReferences() {
		uid := string(owner.UID)
		above := newest[uid]
		if above == nil {
			continue
		}
		siblings, more := children[uid]
		if !more { // garbage can make circles
			continue
		}
		delete(children, uid) // but for these
		add(uid)
		for _, s := range siblings {
			if f := t.objects[s]; f != nil && f.isNew() {
				add(s)
			}
		}
		t.addReactions(above, newest, children, add)
	}
}

// isAdopted reports whether the object was there, without a controller, before one took it into its care.
func (f *facts) isAdopted() bool {
	return f.first != nil && !f.first.added && len(f.owners) > 0 && metav1.GetControllerOf(f.first.object) == nil
}

// wasMadeBefore reports whether a controller had made the object when we listed.
func (f *facts) wasMadeBefore() bool {
	return f.first != nil && f.first.listed && !f.first.added && metav1.GetControllerOf(f.first.object) != nil
}

// isNew reports whether a watch showed how the object came.
func (f *facts) isNew() bool {
	return f.first != nil && f.first.added
}

// takesPart reports whether an object that is owned by none of the others is still part of what happens: an
// EndpointSlice that names, or has named, one of the Pods, a claim that one of them uses, a volume that is bound to
// such a claim.
func (t *store) takesPart(m metav1.Object, all map[string]metav1.Object, in map[string]bool) bool {
	u, ok := m.(*unstructured.Unstructured)
	if !ok {
		return false
	}
	switch u.GetKind() {
	case "EndpointSlice":
		for pod := range t.objects[string(u.GetUID())].endpoints {
			if in[pod] {
				return true
			}
		}
	case "PersistentVolumeClaim":
		for uid, o := range all {
			p, ok := o.(*corev1.Pod)
			if !ok || !in[uid] || p.Namespace != u.GetNamespace() {
				continue
			}
			for _, v := range p.Spec.Volumes {
				if v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == u.GetName() {
					return true
				}
			}
		}
	case "PersistentVolume":
		uid, _, _ := unstructured.NestedString(u.Object, "spec", "claimRef", "uid")
		return in[uid]
	}
	return false
}
