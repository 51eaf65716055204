package trace

// What of an object decides which objects are part of a run.

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// addRevision takes a revision, in the place of what was known of it.
func (t *store) addRevision(f *facts, r *revision) {
	uid := string(r.object.GetUID())
	was, names := f.standing(), false
	if i, known := f.revisionAt(r.rv); known {
		f.revisions[i] = r
	} else {
		f.revisions = slices.Insert(f.revisions, i, r)
	}
	if f.first == nil || r.rv <= f.first.rv {
		f.first = r
	}
	if f.last == nil || r.rv >= f.last.rv {
		f.last = r
	}
	for _, o := range r.object.GetOwnerReferences() {
		f.owners[string(o.UID)], t.owning[string(o.UID)] = true, true
	}
	for _, e := range r.slice() {
		if rv, known := f.endpoints[e.Pod]; !known || r.rv < rv {
			if f.endpoints == nil {
				f.endpoints = map[string]uint64{}
			}
			if f.endpoints[e.Pod] = r.rv; !known {
				t.named[e.Pod] = append(t.named[e.Pod], uid)
			}
			names = true
		}
	}
	if !f.orphans && r.object.GetDeletionTimestamp() != nil &&
		slices.Contains(r.object.GetFinalizers(), orphanFinalizer) {
		f.orphans = true
		defer t.newOfAll()
	}
	t.newOf(uid)
	switch is := f.standing(); {
	case is == was:
		if names {
			t.naming = append(t.naming, uid)
		}
	case was.revision == 0 && is.volumeClaims == "" && !special[is.last.Kind] && !is.madeBefore:
		t.appeared = append(t.appeared, uid)
	default:
		t.versionOfMembers = t.version
	}
	if was.revision == 0 {
		name := seq.ObjectOf(r.object)
		name.UID = ""
		t.byName[name] = append(t.byName[name], uid)
	}
}

// special are the kinds of objects that are part of a run by other means than their owners, see takesPart.
var special = map[string]bool{"EndpointSlice": true, "PersistentVolumeClaim": true, "PersistentVolume": true}

// standing is all of an object by which objects are part of a run, see members.
type standing struct {
	first, last           seq.Object
	revision              uint64 // the first
	added                 bool   // see facts.isNew
	madeBefore            bool   // see facts.wasMadeBefore
	owners                int
	volumeClaims, claimOf string
}

func (f *facts) standing() standing {
	s := standing{owners: len(f.owners)}
	if f.last == nil {
		return s
	}
	s.first, s.last, s.revision, s.added = seq.ObjectOf(f.first.object), seq.ObjectOf(f.last.object), f.first.rv, f.isNew()
	s.madeBefore = f.wasMadeBefore()
	switch o := f.last.object.(type) {
	case *corev1.Pod:
		for _, v := range o.Spec.Volumes {
			if v.PersistentVolumeClaim != nil {
				s.volumeClaims += v.PersistentVolumeClaim.ClaimName + " "
			}
		}
	case *unstructured.Unstructured:
		if o.GetKind() == "PersistentVolume" {
			s.claimOf, _, _ = unstructured.NestedString(o.Object, "spec", "claimRef", "uid")
		}
	}
	return s
}
