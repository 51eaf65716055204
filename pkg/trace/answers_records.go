package trace

// Whether audit log and spans have covered all that is to be expected of them.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// RecordsComplete reports that the audit log, spans, or both have covered all that they can be expected to tell of what
// has been seen: every write, every Pod's sandbox and every start of a container.
func (t *Trace) RecordsComplete(audit, spans bool) bool {
	return !slices.ContainsFunc(t.resolve().scene.stories, func(s *story) bool { return !s.recordsComplete(audit, spans) })
}

// recordsComplete waits for no record of a volume: it is in no namespace, and only some of its records tell whose it
// is.
func (s *story) recordsComplete(audit, spans bool) bool {
	if s.object.Namespace == "" && s.subject().object.Namespace != "" {
		return true
	}
	covered := func(c *apiCall) bool { return c != nil && (!audit || c.audit != nil) && (!spans || c.etcdTxn != nil) }
	for _, w := range s.revisions {
		if w.isOfRun() && !w.isFirstOfTwo() && !w.endsEviction() && !covered(s.records.callOf[w.rv]) {
			return false
		}
	}
	for _, e := range s.events {
		if !covered(s.records.callOfEvent[eventKey{string(e.event.UID), e.rv}]) {
			return false
		}
	}
	return s.sort().recorded(s, audit, spans)
}

// podRecorded reports whether spans tell of the Pod's sandbox and of every start of a container; of a Pod that was
// there before, of its end.
func podRecorded(s *story, _, spans bool) bool {
	switch {
	case !spans:
		return true
	case s.begins().IsZero():
		starts, traced := s.tracedStarts()
		return traced && (len(starts) == 0 || s.sandboxTimed())
	}
	return !s.deletionBegun() || s.node == "" || slices.ContainsFunc(s.criCalls,
		func(c criCall) bool { return c.rpc == "StopPodSandbox" && c.server != nil })
}

// commandRecorded reports whether records tell of the commands that have ended, and of every start of a container.
func commandRecorded(s *story, audit, spans bool) bool {
	_, traced := s.tracedStarts()
	return s.execRecordsComplete(audit, spans) && (traced || !spans)
}

// tracedStarts are the container starts of the run, and whether spans tell of each.
func (s *story) tracedStarts() (starts []containerStart, traced bool) {
	had := s.livesBefore()
	starts = slices.DeleteFunc(s.starts(), func(r containerStart) bool { return r.attempt < had[r.step.Container] })
	for _, r := range starts {
		if !slices.ContainsFunc(s.criCalls, func(c criCall) bool { return c.key() == r.call && s.traced(c) }) {
			return starts, false
		}
	}
	return starts, true
}

// execRecordsComplete is that for commands that have ended.
func (s *story) execRecordsComplete(audit, spans bool) bool {
	for _, x := range s.execs((*seq.Request).Acts) {
		logged := slices.ContainsFunc(s.records.calls, func(c *apiCall) bool {
			return c.id == x.ID && (!audit || c.audit != nil) && (!spans || c.server != nil)
		})
		recorded := slices.ContainsFunc(s.execRecords,
			func(e execSpans) bool { return e.ID == x.ID && e.runc != nil && e.wait != nil })
		if !x.Exec.Ended.IsZero() && !logged || spans && x.Exec.ExitCode != nil && !recorded {
			return false
		}
	}
	return true
}

// traced reports whether the runtime's spans of a call are there, down to those of its shim, which come on their own.
func (s *story) traced(c criCall) bool {
	if c.server == nil || c.server.Service != "containerd" {
		return c.server != nil
	}
	found := false
	s.records.spans.walk(c.server, func(x *seq.Span) { found = found || x.Name == taskStart })
	return found
}
