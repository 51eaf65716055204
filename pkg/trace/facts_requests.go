package trace

// Requests of our own, each in the form that says most of it.

import (
	"cmp"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func (t *store) observeRequest(r *seq.Request) {
	if r.Verb == "list" {
		if rv, ok := parseRevision(r.ResourceVersion); ok {
			if old := t.lists[r.Resource]; old == 0 || rv < old {
				t.lists[r.Resource] = rv
				if len(t.objects) > 0 { // else nothing depends on it
					t.newOfAll()
				}
			}
		}
	}
	if old := t.requests[r.ID]; old != nil && !isNewerForm(r, old) {
		return
	}
	t.requests[r.ID] = r
	if m := r.AnswerObject(); m != nil && r.Verb == "create" {
		t.observeObject(m, revision{})
	}
	if !t.isAside(r) {
		t.newOfAll()
		return
	}
	t.asides = append(t.asides, r.ID)
	t.version++
	if rv, ok := parseRevision(r.ResourceVersion); ok && r.Verb == "list" {
		t.bound(rv, r.FirstByte)
	}
}

// isAside reports whether a request tells of no object of the run but when it had been written: one for an object that
// is none, or one that lists what has been listed before; and any that only looks while no object is known. With
// records, more may be known of it.
func (t *store) isAside(r *seq.Request) bool {
	if len(t.audits)+len(t.spans) > 0 {
		return false
	}
	succeeds := r.Status == 0 || r.Status == 200
	return r.Verb == "list" && succeeds || r.Verb == "get" && !t.mayBeOfRun(r.Object) ||
		len(t.objects) == 0 && r.Docker == nil && succeeds && (r.Verb == "get" || r.Verb == "watch")
}

// mayBeOfRun reports whether an object of that name is known, or is asked for by a request that acts.
func (t *store) mayBeOfRun(o seq.Object) bool {
	if o.Same(t.subject) || len(t.byName[seq.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}]) > 0 {
		return true
	}
	for _, q := range t.requests {
		if q.Acts() && o.Same(q.Object) {
			return true
		}
	}
	return false
}

// bound notes what a list says when it was written: what is newer than the list, and what came only after it was
// answered.
func (t *store) bound(rv uint64, answered time.Time) {
	for uid, f := range t.objects {
		if f.newest > rv || f.received.After(answered) {
			t.bounded[uid], t.changed[uid] = true, true
		}
	}
}

// isNewerForm compares two forms of one request: the answered one says all that the sent one says, and a later try what
// an earlier one did not come to.
func isNewerForm(q, o *seq.Request) bool {
	answered := func(q *seq.Request) int { return min(q.Status, 1) }
	return cmp.Or(cmp.Compare(answered(q), answered(o)), q.Sent.Compare(o.Sent), q.FirstByte.Compare(o.FirstByte),
		cmp.Compare(q.Status, o.Status), cmp.Compare(execProgress(q.Exec), execProgress(o.Exec)),
		cmp.Compare(dockerProgress(q.Docker), dockerProgress(o.Docker))) > 0
}

// execProgress is how far the command is known to have come. Not by its times: a clock can be set back.
func execProgress(e *seq.Exec) int {
	switch {
	case e == nil:
		return 0
	case !e.Ended.IsZero():
		return 3
	case !e.Output.IsZero():
		return 2
	}
	return 1
}

// dockerProgress is how far the answer is known to have come.
func dockerProgress(d *seq.Docker) int {
	switch {
	case d == nil:
		return 0
	case !d.Ended.IsZero():
		return 3
	case !d.Output.IsZero():
		return 2
	}
	return 1
}
