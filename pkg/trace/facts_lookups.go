package trace

// What the API server answered about objects that are no part of the run.

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// lookupKey is what was asked for: an object, or the Pods that use it.
type lookupKey struct {
	object seq.Object // without its uid
	users  bool
}

// lookup is the newest answer about one object.
type lookup struct {
	*seq.Lookup
	at time.Time // when it reached us
}

func (t *store) observeLookup(l *seq.Lookup, received time.Time) {
	key := lookupKey{l.Object, l.Users != nil}
	key.object.UID = ""
	old, known := t.lookups[key]
	if known && !received.After(old.at) {
		return
	}
	t.lookups[key] = lookup{l, received}
	t.version++
	t.lookedUp = t.lookedUp || !known || !old.says(l) // no message depends on it
}

// says reports whether the answer is the same as another one.
func (l lookup) says(o *seq.Lookup) bool {
	revision := func(u *unstructured.Unstructured) string {
		if u == nil {
			return ""
		}
		return u.GetResourceVersion()
	}
	return revision(l.Found) == revision(o.Found) && slices.Equal(l.Users, o.Users)
}

// lookedUp finds the answer about an object that is no part of the run. Where there is none yet, ok is false.
func (c *scene) lookedUp(kind, namespace, name string) (l lookup, ok bool) {
	l, ok = c.lookups[lookupKey{object: seq.Object{Kind: kind, Namespace: namespace, Name: name}}]
	return l, ok
}

// usersOf are the Pods that use an object, as far as they were asked for.
func (c *scene) usersOf(o seq.Object) (l lookup, ok bool) {
	o.UID = ""
	l, ok = c.lookups[lookupKey{o, true}]
	return l, ok
}

func (l lookup) spec() map[string]any { return object.Spec(l.Found) }

// evidence is what the answer proves.
func (l lookup) evidence() seq.Evidence {
	text := "the answer to our GET of " + l.Object.Kind + " " + l.Object.Name
	switch {
	case l.Users != nil:
		text = "the answer to our list of the Pods of namespace " + l.Object.Namespace
	case l.Found == nil:
		text += ": not found"
	}
	e := seq.Evidence{Source: "http", Text: text, At: l.at}
	if l.Found != nil {
		e.ResourceVersion = l.Found.GetResourceVersion()
	}
	return e
}
