package trace

// Audit entries and spans, joined to the revisions that they made, and clocks compared by them.

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/clock"
)

// joinRevisions finds the revision that each call made. An entry at level RequestResponse says it, our own request has
// its answer, an Event's name is in the key; the rest is joined by order and time.
func (s *story) joinRevisions() {
	r := &s.records
	if len(r.calls) == 0 {
		return
	}
	r.callOf, r.callOfEvent = map[uint64]*apiCall{}, map[eventKey]*apiCall{}
	known := map[*apiCall]bool{}
	join := func(c *apiCall, w *write) {
		if r.callOf[w.rv] == nil && !known[c] {
			r.callOf[w.rv], known[c] = c, true
		}
	}
	for _, c := range r.calls {
		if !c.wrote() || c.resource != s.resource {
			continue
		}
		for _, w := range slices.Backward(s.revisions) { // a DELETE can make two: its last transaction is the second
			own := w.ownRequest != nil && w.ownRequest.ID == c.id
			names := c.audit != nil && c.audit.ResourceVersion != "" &&
				c.audit.ResourceVersion == w.object.GetResourceVersion() && c.sub != "binding"
			if own || names {
				join(c, w)
			}
		}
	}
	for _, w := range s.revisions {
		if c := s.removal(w, known); c != nil {
			join(c, w)
		}
	}
	s.joinKinds(known, join)
	s.joinEvents()
}

// removal is the call that removed an object by taking away its last finalizer, or nil. Its answer is the object as the
// API server had read it, with an earlier revision, which another call made: it is the last of that kind.
func (s *story) removal(w *write, known map[*apiCall]bool) (last *apiCall) {
	if !w.deleted || w.endsLife() || w.prevObject == nil || len(w.prevObject.GetFinalizers()) == 0 {
		return nil
	}
	for _, c := range s.records.calls {
		if known[c] || !c.wrote() || c.resource != s.resource || c.sub != "" || c.verb != "patch" && c.verb != "update" ||
			c.audit == nil || !c.mayHaveMade(w) {
			continue
		}
		read := slices.ContainsFunc(s.revisions,
			func(o *write) bool { return o.object.GetResourceVersion() == c.audit.ResourceVersion })
		if read && (last == nil || c.committed().After(last.committed())) {
			last = c
		}
	}
	return last
}

// joinKinds pairs calls and revisions of one kind by order and time: both are in the order of their transactions. Some
// of either may be missing, so a pair counts only where it is the same whether the pairing begins with the first or the
// last.
func (s *story) joinKinds(known map[*apiCall]bool, join func(*apiCall, *write)) {
	type kind struct{ verb, sub string }
	calls, writes := map[kind][]*apiCall{}, map[kind][]*write{}
	for _, c := range s.records.calls {
		if c.wrote() && c.resource == s.resource && !known[c] &&
			(c.audit == nil || c.audit.ResourceVersion == "" || c.sub == "binding") {
			k := kind{c.verb, c.sub}
			calls[k] = append(calls[k], c)
		}
	}
	for _, w := range s.revisions {
		if s.records.callOf[w.rv] == nil && w.isOfRun() && !w.isFirstOfTwo() && !w.endsEviction() {
			k := kind{w.actor.verb, w.actor.subresource}
			writes[k] = append(writes[k], w)
		}
	}
	for k, cs := range calls {
		ws := writes[k]
		slices.SortStableFunc(cs, func(a, b *apiCall) int { return a.committed().Compare(b.committed()) })
		first, last := map[int]int{}, map[int]int{}
		i := 0
		for n, c := range cs {
			for m := i; m < len(ws); m++ {
				if c.mayHaveMade(ws[m]) {
					first[n], i = m, m+1
					break
				}
			}
		}
		i = len(ws) - 1
		for n, c := range slices.Backward(cs) {
			for m := i; m >= 0; m-- {
				if c.mayHaveMade(ws[m]) {
					last[n], i = m, m-1
					break
				}
			}
		}
		for n, c := range cs {
			m, ok := first[n]
			if o, also := last[n]; ok && also && m == o {
				c.joinedHow = ", joined to this revision by order and time"
				join(c, ws[m])
			}
		}
	}
}

// committed is the earliest instant at which the call may have taken effect, on the clock of who tells it.
func (c *apiCall) committed() time.Time {
	if c.etcdTxn != nil {
		return c.etcdTxn.Start
	}
	return c.receivedByServer()
}

// slowest bounds how long after its commit a revision reaches us, and how far clocks that were not compared may be
// apart.
const slowest = time.Second

// mayHaveMade reports whether the call may have made the revision, by when we received it.
func (c *apiCall) mayHaveMade(w *write) bool {
	if w.received.IsZero() {
		return false
	}
	done := c.completed()
	if c.etcdTxn != nil {
		done = c.etcdTxn.End
	}
	return w.received.After(c.committed().Add(-clock.SkewSuspected/10)) && w.received.Before(done.Add(slowest))
}

func (s *story) joinEvents() {
	byName := map[string][]*emitted{}
	for _, e := range s.events {
		byName[e.event.Name] = append(byName[e.event.Name], e)
	}
	calls := map[string][]*apiCall{}
	for _, c := range s.records.calls {
		if !c.wrote() || c.resource != "events" || byName[c.name] == nil {
			continue
		}
		found := false
		for _, e := range byName[c.name] {
			if c.audit != nil && c.audit.ResourceVersion != "" {
				if found = true; c.audit.ResourceVersion == e.event.ResourceVersion {
					s.records.callOfEvent[eventKey{string(e.event.UID), e.rv}] = c
				}
			}
		}
		if !found {
			calls[c.name] = append(calls[c.name], c)
		}
	}
	for name, all := range calls {
		if len(all) == len(byName[name]) {
			for i, e := range byName[name] {
				s.records.callOfEvent[eventKey{string(e.event.UID), e.rv}] = all[i]
			}
		}
	}
}

// unjoined counts the writes of Pods in the audit log and spans that no revision could be found for.
func (s *story) unjoined() (n int) {
	joined := map[*apiCall]bool{}
	for _, c := range s.records.callOf {
		joined[c] = true
	}
	for _, c := range s.records.calls {
		if c.wrote() && c.resource == s.resource && !joined[c] && len(s.revisions) > 0 && !s.noop(c) {
			n++
		}
	}
	return n
}

// noop reports whether a write changed nothing: its answer has a revision that another request made.
func (s *story) noop(c *apiCall) bool {
	if c.audit == nil || c.audit.ResourceVersion == "" {
		return false
	}
	rv, _ := parseRevision(c.audit.ResourceVersion)
	return s.records.callOf[rv] != nil && s.records.callOf[rv] != c
}

// attributeWrites replaces who is taken for the writer of a revision by who the API server says it was.
func (s *story) attributeWrites() {
	for _, w := range s.revisions {
		c := s.records.callOf[w.rv]
		if c == nil || w.ownRequest != nil {
			continue
		}
		if c.audit != nil {
			w.actor.verb, w.actor.subresource = c.verb, c.sub
		}
		p, ok := c.actor()
		if ok && shareAccount(p, w.actor.name) {
			p = w.actor.name
		}
		if !ok || p == w.actor.name {
			if ok {
				w.actor.certainty = seq.Observed
			}
			continue
		}
		user := strings.HasPrefix(string(p), "user ")
		if c.audit == nil ||
			user && w.actor.certainty == seq.Observed && w.actor.name != seq.Kubelet && w.actor.name != seq.Scheduler {
			continue // the same client by another name
		}
		if w.actor.name != seq.UnknownClient && !(w.actor.name == seq.ControllerManager && p.IsController()) {
			s.contradictions = append(s.contradictions,
				"audit: revision "+w.object.GetResourceVersion()+" was written by "+c.audit.User+", not by "+string(w.actor.name)+
					" as "+w.actor.because+" had it")
		}
		w.actor.name, w.actor.certainty, w.actor.because = p, seq.Observed, "audit: user "+c.audit.User
	}
}

// recordedRequest is a request of ours that the API server has recorded, whatever it was about.
type recordedRequest struct {
	at             time.Time // when it came there, on the API server's clock
	sent, answered time.Time // on ours
}

// recordedRequests are those of a run, in the order in which they came there.
func (c *scene) recordedRequests() (all []recordedRequest) {
	own := make(map[string]*seq.Request, len(c.requests))
	for _, q := range c.requests {
		if !q.Sent.IsZero() && !q.FirstByte.IsZero() && q.Verb != "watch" {
			own[q.ID] = q
		}
	}
	for _, x := range c.calls.all {
		if q := own[x.id]; q != nil {
			all = append(all, recordedRequest{x.receivedByServer(), q.Sent, q.FirstByte})
		}
	}
	return all
}

// compareClocks measures the clocks of the API server, etcd and the kubelet by what lies within what.
func (s *story) compareClocks() {
	for _, x := range s.recorded {
		s.clocks.Sample(seq.APIServer, x.at, x.sent, x.answered)
	}
	for _, w := range s.revisions {
		if c := s.records.callOf[w.rv]; c != nil && !w.received.IsZero() {
			s.clocks.SampleEvent(seq.APIServer, c.receivedByServer(), time.Time{}, w.received)
		}
	}
	s.clocks.Settle(s.usualDelay())
	api := s.clocks.Offset(seq.APIServer)
	for _, c := range s.records.calls {
		if c.server == nil {
			continue
		}
		if c.client != nil && c.client.Service == "kubelet" {
			s.clocks.Sample(seq.Kubelet, c.client.Start, time.Time{}, c.server.Start.Add(-api))
			s.clocks.Sample(seq.Kubelet, c.client.End, c.server.End.Add(-api), time.Time{})
		}
		if c.etcdTxn != nil {
			s.clocks.Sample(seq.Etcd, c.etcdTxn.Start, c.server.Start.Add(-api), time.Time{})
			s.clocks.Sample(seq.Etcd, c.etcdTxn.End, time.Time{}, c.server.End.Add(-api))
		}
	}
}
