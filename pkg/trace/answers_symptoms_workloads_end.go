package trace

// Symptoms of workloads that are to be deleted.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// endingObject is what an object that is to be deleted, or what it made, waits for.
func endingObject(s *story, _ time.Time) (finding, bool) {
	u := s.unstructured()
	if !s.deletionBegun() || u == nil {
		return finding{}, false
	}
	if s.isGone() {
		i := slices.IndexFunc(s.podsBelow(), func(p *story) bool { return p.isThere() && !p.deletionBegun() })
		if i < 0 || s.orphans() { // those that are to end tell what holds them
			return finding{}, false
		}
		p := s.podsBelow()[i]
		f := finding{by: seq.UnknownClient, reason: "PodsEnd", message: "Pod " + p.object.Name + " is still there",
			replacements: []string{"{pods}", "Pod " + p.object.Name}}
		return findingOf(f, s.firstDeleting(), s.last(), "it is gone"), true
	}
	f, ok := s.finalizers()
	switch {
	case ok && strings.HasPrefix(f.message, "foregroundDeletion"):
		waits := ""
		if child := s.childThatStays(); child != nil {
			waits = ": " + child.object.Kind + " " + child.object.Name + " is still there"
		}
		f.replacements = append(f.replacements, "{waits}", waits)
	case ok && s.object.Kind == "PersistentVolumeClaim":
		if l, known := s.usersOf(s.object); known && len(l.Users) > 0 {
			var names []string
			for _, o := range l.Users {
				names = append(names, o.Kind+" "+o.Name)
			}
			f.message += "; used by " + strings.Join(names, ", ")
			f.evidence = append(f.evidence, l.evidence())
		}
	case s.object.Kind == "Namespace":
		f = finding{by: seq.UnknownClient, reason: "Finalizers", message: "kubernetes"}
		var left, all []string
		for _, c := range object.List(u, "status", "conditions") {
			if all = append(all, fmt.Sprint(c["message"])); c["status"] == "True" {
				left = append(left, fmt.Sprint(c["message"]))
			}
		}
		f.message += ": " + cmp.Or(strings.Join(left, "; "), strings.Join(all, "; "), "its controller has not said what is "+
			"left")
		f = findingOf(f, s.firstDeleting(), s.last(), "spec.finalizers")
		f.heldSince, _ = s.toBeDeletedSince()
		ok = true
	}
	f.countsFrom = f.since.Add(time.Second)
	return f, ok
}

// podThatEnds is a Pod below a deleted object that is still there, or nil.
func (s *story) podThatEnds() *story {
	if s.orphans() {
		return nil
	}
	for _, p := range s.podsBelow() {
		if p.isThere() {
			return p
		}
	}
	return nil
}

// isThere reports whether a Pod is there, and is its controller's.
func (s *story) isThere() bool { return len(s.revisions) > 0 && !s.isGone() && !s.isReleased() }

func (s *story) childThatStays() *story {
	for _, c := range s.children() {
		if len(c.revisions) > 0 && !c.isGone() {
			return c
		}
	}
	return nil
}
