package trace

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

func (t *Trace) observeAudit(a *Audit) {
	// One request can have several entries, of tries that were turned away and the one that was not.
	if old := t.audits[a.ID]; (old == nil || cmp.Or(cmp.Compare(old.Code/300, a.Code/300), a.Completed.Compare(old.Completed), cmp.Compare(old.Code, a.Code)) > 0) && t.subject.named(a.Namespace, cmp.Or(podOf(a), t.subject.Name)) {
		t.audits[a.ID] = a
		t.result = nil
	}
}

// podOf is the Pod that an entry is about by its name, or nothing where the name does not tell.
func podOf(a *Audit) string {
	if a.Resource == "pods" {
		return a.Name
	}
	return ""
}

func (t *Trace) observeSpan(s *Span) {
	if id := s.TraceID + s.ID; t.spans[id] == nil {
		t.spans[id] = s
		t.result = nil
	}
}

// apiCall is one request to the API server as the audit log, spans, or both tell of it.
type apiCall struct {
	id       string // the Audit-ID
	audit    *Audit
	server   *Span // the API server's
	client   *Span // the client's own, where it has one
	txn      *Span // the last transaction that etcd ran for it
	key      string
	verb     string // as in RBAC
	resource string
	sub      string
	name     string
	code     int
	how      string // how it was found to be about its revision, where nothing says so
}

// records are what the audit log and spans of a run tell of one Pod.
type records struct {
	calls []*apiCall // by when they were received
	pods  map[uint64]*apiCall
	event map[eventKey]*apiCall
	spans spanTree
}

// spanTree is all spans with the ways between them.
type spanTree struct {
	byID     map[string]*Span // span ids are random: they are unique beyond their trace
	children map[string][]*Span
	roots    []*Span // those whose parent is not here, by start
}

func newSpanTree(all map[string]*Span) spanTree {
	tree := spanTree{byID: map[string]*Span{}, children: map[string][]*Span{}}
	sorted := slices.SortedFunc(maps.Values(all), func(a, b *Span) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	for _, s := range sorted {
		tree.byID[s.ID] = s
	}
	for _, s := range sorted {
		if tree.byID[s.Parent] != nil && s.Parent != s.ID {
			tree.children[s.Parent] = append(tree.children[s.Parent], s)
		} else {
			tree.roots = append(tree.roots, s)
		}
	}
	return tree
}

// walk visits a span and all below it. Garbage can make circles, but none that a root leads to: each span has one parent.
func (t spanTree) walk(s *Span, visit func(*Span)) {
	visit(s)
	for _, c := range t.children[s.ID] {
		t.walk(c, visit)
	}
}

func (t spanTree) all(visit func(*Span)) {
	for _, r := range t.roots {
		t.walk(r, visit)
	}
}

// readRecords joins audit entries and spans into calls.
func (t *Trace) readRecords(uid string) records {
	r := records{pods: map[uint64]*apiCall{}, event: map[eventKey]*apiCall{}, spans: newSpanTree(t.spans)}
	byID := map[string]*apiCall{}
	for _, a := range t.audits {
		if a.UID != "" && a.UID != uid {
			continue
		}
		byID[a.ID] = &apiCall{id: a.ID, audit: a, verb: a.Verb, resource: a.Resource, sub: a.Subresource, name: a.Name, code: a.Code}
	}
	r.spans.all(func(s *Span) {
		id := s.Attributes["audit-id"]
		if id == "" || s.Service != "apiserver" || s.Attributes["http.request.method"] == "" {
			return
		}
		c := byID[id]
		if c == nil {
			if c = t.spanCall(s, r.spans); c == nil {
				return
			}
			byID[id] = c
		}
		c.server = s
		for _, l := range s.Links {
			c.client = cmp.Or(c.client, r.spans.byID[l])
		}
		if c.client == nil && s.Parent != "" && r.spans.byID[s.Parent] != nil && r.spans.byID[s.Parent].Service != "apiserver" {
			c.client = r.spans.byID[s.Parent]
		}
		r.spans.walk(s, func(x *Span) {
			if strings.HasSuffix(x.Name, " etcd3") && c.key == "" {
				c.key = x.Attributes["key"]
			}
			if x.Service == "etcd" && x.Name == "txn" && x.Attributes["read_only"] != "true" && (c.txn == nil || c.txn.Start.Before(x.Start)) {
				c.txn = x
			}
		})
	})
	t.forgetEarlier(byID)
	r.calls = slices.SortedFunc(maps.Values(byID), func(a, b *apiCall) int {
		return cmp.Or(a.received().Compare(b.received()), cmp.Compare(a.id, b.id))
	})
	return r
}

// forgetEarlier leaves out what came before the request that made our Pod: it is about another Pod of that name.
func (t *Trace) forgetEarlier(calls map[string]*apiCall) {
	var begin time.Time
	for id, q := range t.requests {
		if !q.acts() || q.Sent.IsZero() {
			continue
		}
		if begin = q.Sent.Add(-skewSuspected); calls[id] != nil {
			begin = calls[id].received()
			break
		}
	}
	maps.DeleteFunc(calls, func(_ string, c *apiCall) bool {
		return c.received().Before(begin) && c.verb != "list" && c.verb != "watch"
	})
}

// spanCall reads from a span of the API server what its request was about, if it was about our Pod.
func (t *Trace) spanCall(s *Span, tree spanTree) *apiCall {
	path, ok := strings.CutPrefix(cmp.Or(s.Attributes["url.path"], s.Attributes["http.target"]), "/api/v1/namespaces/"+t.subject.Namespace+"/")
	path, _, _ = strings.Cut(path, "?")
	parts := append(strings.Split(path, "/"), "", "", "")
	verbs := map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}
	c := &apiCall{id: s.Attributes["audit-id"], verb: verbs[s.Attributes["http.request.method"]], resource: parts[0], name: parts[1], sub: parts[2]}
	c.code = statusCode(s.Attributes["http.response.status_code"])
	if !ok || c.verb == "" {
		return nil
	}
	ours := false
	tree.walk(s, func(x *Span) {
		key := x.Attributes["key"]
		if key == "/pods/"+t.subject.Namespace+"/"+t.subject.Name {
			ours = true
		}
		if name, ok := strings.CutPrefix(key, "/events/"+t.subject.Namespace+"/"); ok && strings.HasPrefix(name, t.subject.Name+".") {
			ours, c.name = true, name
		}
	})
	if c.resource == "pods" && c.name == "" && c.verb == "create" {
		c.name = t.subject.Name
	}
	if !ours && !(c.resource == "pods" && c.name == t.subject.Name) {
		return nil
	}
	return c
}

func statusCode(s string) (n int) {
	for _, r := range s {
		if r < '0' || r > '9' || n > 999 {
			return 0
		}
		n = 10*n + int(r-'0')
	}
	return n
}

// received is when the API server had the request, on its clock.
func (c *apiCall) received() time.Time {
	if c.server != nil {
		return c.server.Start
	}
	if c.audit != nil {
		return c.audit.Received
	}
	return time.Time{}
}

// completed is when it had answered.
func (c *apiCall) completed() time.Time {
	if c.server != nil {
		return c.server.End
	}
	if c.audit != nil {
		return c.audit.Completed
	}
	return time.Time{}
}

// wrote reports whether the request succeeded and may have changed an object.
func (c *apiCall) wrote() bool {
	return c.code < 300 && c.verb != "get" && c.verb != "list" && c.verb != "watch" && (c.server == nil || c.audit != nil || c.txn != nil)
}

// actor is who made the request, by what the API server knows of it: authentication, not the client's word.
func (c *apiCall) actor() (Participant, bool) {
	if c.audit == nil {
		agent := ""
		if c.server != nil {
			agent = c.server.Attributes["user_agent.original"]
		}
		p, ok := components[strings.SplitN(agent, "/", 2)[0]] // its own word
		return p, ok
	}
	user := c.audit.User
	switch {
	case strings.HasPrefix(user, "system:node:"):
		return Kubelet, true
	case user == "system:kube-scheduler":
		return Scheduler, true
	case user == "system:kube-controller-manager" || strings.HasPrefix(user, "system:serviceaccount:kube-system:") && strings.HasSuffix(user, "-controller"):
		return ControllerManager, true
	case user == "system:apiserver":
		return APIServer, true
	case user == "":
		return UnknownClient, false
	}
	return Participant("user " + user), true
}
