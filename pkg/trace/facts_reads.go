package trace

// Bounds of writes by our own reads.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// What our own reads prove of writes, all on our own clock. Lists and GETs are sent without a resourceVersion, so their
// answers are no older than the request: what an answer lacks was committed after the request was sent, and what it has
// was committed before the answer came. A watch bounds what it delivers from above only.

// read is one answered request of ours that only looked.
type read struct {
	*seq.Request
	rv uint64 // of the list, or of the object that a GET returned
}

// readReads selects the requests that bound writes.
func readReads(requests []*seq.Request) (all []read) {
	for _, q := range requests {
		if q.Docker != nil || q.Verb != "list" && q.Verb != "get" || q.Sent.IsZero() || q.FirstByte.IsZero() ||
			q.Status == 0 {
			continue
		}
		if rv, ok := parseRevision(q.ResourceVersion); ok || q.Verb == "get" && q.Status == 404 {
			all = append(all, read{q, rv})
		}
	}
	return all
}

// readCovers reports whether the answer tells which revisions of an object, or of an Event, had been written by then.
// That of a list does so for all resources that share its counter.
func (c *scene) readCovers(r read, resource, uid string) bool {
	switch {
	case r.rv == 0:
		return false
	case r.Verb == "get":
		return uid != "" && r.Object.UID == uid
	}
	return r.Resource == resource || c.sharesPodCounter(r.Resource) && c.sharesPodCounter(resource)
}

// notBefore is the latest instant that a revision cannot have been written before: a read that did not have it was sent
// then. It is zero where no read tells.
func (c *scene) notBefore(rv uint64, resource, uid string) (at time.Time) {
	for _, r := range c.reads {
		if c.readCovers(r, resource, uid) && r.rv < rv {
			at = instant.Later(at, r.Sent)
		}
	}
	return at
}

// notAfter is the earliest instant by which a revision had certainly been written: a read that had it was answered
// then. It is zero where no read tells.
func (c *scene) notAfter(rv uint64, resource, uid string) (at time.Time) {
	for _, r := range c.reads {
		if c.readCovers(r, resource, uid) && r.rv >= rv {
			at = instant.Sooner(at, r.FirstByte)
		}
	}
	return at
}

// absent is the latest instant at which the object is known not to have been created yet, or zero: a GET of its name
// found nothing, and a later read found the object.
func (s *story) absent() (at time.Time) {
	var there time.Time // the last read that returned it
	for _, r := range s.reads {
		if r.Verb == "get" && r.rv > 0 && r.Object.UID == s.object.UID {
			there = instant.Later(there, r.Sent)
		}
	}
	for _, r := range s.reads {
		if r.rv == 0 && r.Resource == s.resource && r.Object.Same(s.object) && r.FirstByte.Before(there) {
			at = instant.Later(at, r.Sent)
		}
	}
	return at
}
