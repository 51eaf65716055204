package trace

// Audit entries and spans of one request, put together.

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/clock"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

func (t *store) observeAudit(a *seq.Audit) {
	// One request can have several entries, of tries that were turned away and the one that was not.
	if old := t.audits[a.ID]; old == nil ||
		cmp.Or(cmp.Compare(old.Code/300, a.Code/300), a.Completed.Compare(old.Completed), cmp.Compare(old.Code, a.Code)) > 0 {
		t.audits[a.ID] = a
		t.newOfAll()
	}
}

func (t *store) observeSpan(s *seq.Span) {
	if id := s.TraceID + s.ID; t.spans[id] == nil {
		t.spans[id] = s
		t.newOfAll()
	}
}

// apiCall is one request to the API server as the audit log, spans, or both tell of it.
type apiCall struct {
	id        string // the Audit-ID
	audit     *seq.Audit
	server    *seq.Span // the API server's
	client    *seq.Span // the client's own, where it has one
	etcdTxn   *seq.Span // the last transaction that etcd ran for it
	storeKeys []string  // keys of the store that it read or wrote
	verb      string    // as in RBAC
	resource  string
	sub       string
	namespace string
	name      string
	code      int
	joinedHow string // how it was found to be about its revision, where nothing says so
}

// calls are all requests that the audit log and spans of a run tell of, by when they were received.
type calls struct {
	all   []*apiCall
	spans spanTree
}

// records are what the audit log and spans of a run tell of one object.
type records struct {
	calls       []*apiCall            // by when they were received
	callOf      map[uint64]*apiCall   // by revision; nil where there are no calls
	callOfEvent map[eventKey]*apiCall // likewise
	spans       spanTree
}

// recordsOf are the records about one object.
func (c *calls) recordsOf(s *story) records {
	r := records{spans: c.spans}
	for _, x := range c.all {
		if x.concerns(s) {
			r.calls = append(r.calls, x)
		}
	}
	return r
}

// concerns reports whether the call is about an object, or an Event about it.
func (c *apiCall) concerns(s *story) bool {
	if c.namespace != s.object.Namespace || c.audit != nil && c.audit.UID != "" && c.audit.UID != s.object.UID {
		return false
	}
	if c.resource == "events" { // by its name, unless the entry says it: the object's, a dot, the time
		return c.audit != nil && c.audit.UID != "" || c.name[:max(0, strings.LastIndexByte(c.name, '.'))] == s.object.Name
	}
	key := storeKey(s.resource, s.object.Namespace, s.object.Name)
	return c.resource == s.resource && c.name == s.object.Name ||
		slices.ContainsFunc(c.storeKeys, func(k string) bool { return strings.HasSuffix(k, key) })
}

// storeKey is how the key of an object in etcd ends.
func storeKey(resource, namespace, name string) string {
	if namespace != "" {
		namespace += "/"
	}
	return "/" + resource + "/" + namespace + name
}

// readCalls joins audit entries and spans into calls.
func (t *store) readCalls() calls {
	r := calls{spans: newSpanTree(t.spans)}
	byID := map[string]*apiCall{}
	for _, a := range t.audits {
		byID[a.ID] = &apiCall{id: a.ID, audit: a, verb: a.Verb, resource: a.Resource, sub: a.Subresource,
			namespace: a.Namespace, name: a.Name, code: a.Code}
	}
	r.spans.walkAll(func(s *seq.Span) {
		id := s.Attributes["audit-id"]
		if id == "" || s.Service != "apiserver" || s.Attributes["http.request.method"] == "" {
			return
		}
		c := byID[id]
		if c == nil {
			if c = spanCall(s); c == nil {
				return
			}
			byID[id] = c
		}
		c.server = s
		for _, l := range s.Links {
			c.client = cmp.Or(c.client, r.spans.byID[l])
		}
		if c.client == nil && s.Parent != "" && r.spans.byID[s.Parent] != nil &&
			r.spans.byID[s.Parent].Service != "apiserver" {
			c.client = r.spans.byID[s.Parent]
		}
		r.spans.walk(s, func(x *seq.Span) {
			if key := x.Attributes["key"]; key != "" {
				c.storeKeys = append(c.storeKeys, key)
			}
			if x.Service == "etcd" && x.Name == "txn" && x.Attributes["read_only"] != "true" &&
				(c.etcdTxn == nil || c.etcdTxn.Start.Before(x.Start)) {
				c.etcdTxn = x
			}
		})
		for _, key := range c.storeKeys { // of what a create made, only the store's key tells the name
			if _, name, ok := strings.Cut(key, storeKey(c.resource, c.namespace, "")); ok && c.name == "" {
				c.name = name
			}
		}
	})
	t.dropEarlier(byID)
	r.all = slices.SortedFunc(maps.Values(byID), func(a, b *apiCall) int {
		return cmp.Or(a.receivedByServer().Compare(b.receivedByServer()), cmp.Compare(a.id, b.id))
	})
	return r
}

// dropEarlier leaves out what came before the request that the run is about: it is about other objects of that name.
func (t *store) dropEarlier(calls map[string]*apiCall) {
	var first *seq.Request
	for _, q := range t.requests {
		if q.Acts() && !q.Sent.IsZero() &&
			(first == nil || cmp.Or(q.Sent.Compare(first.Sent), cmp.Compare(q.ID, first.ID)) < 0) {
			first = q
		}
	}
	if first == nil {
		return
	}
	begin := first.Sent.Add(-clock.SkewSuspected)
	if calls[first.ID] != nil {
		begin = calls[first.ID].receivedByServer()
	}
	maps.DeleteFunc(calls, func(_ string, c *apiCall) bool {
		return c.receivedByServer().Before(begin) && c.verb != "list" && c.verb != "watch"
	})
}

// verbs of RBAC by the methods of HTTP, for requests about one object.
var verbs = map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}

// spanCall reads from a span of the API server what its request was about, or nil where that is no object:
// /api/v1 or /apis/GROUP/VERSION, then [/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]].
func spanCall(s *seq.Span) *apiCall {
	path, _, _ := strings.Cut(cmp.Or(s.Attributes["url.path"], s.Attributes["http.target"]), "?")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return nil
	}
	c := &apiCall{id: s.Attributes["audit-id"], verb: verbs[s.Attributes["http.request.method"]],
		code: statusCode(s.Attributes["http.response.status_code"])}
	if len(parts) > 2 && parts[0] == "namespaces" {
		c.namespace, parts = parts[1], parts[2:]
	}
	parts = append(parts, "", "")
	c.resource, c.name, c.sub = parts[0], parts[1], parts[2]
	if c.verb == "" {
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

// receivedByServer is when the API server had the request, on its clock.
func (c *apiCall) receivedByServer() time.Time {
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
	return c.code < 300 && c.code != 101 && c.verb != "get" && c.verb != "list" && c.verb != "watch" &&
		(c.server == nil || c.audit != nil || c.etcdTxn != nil)
}

// actor is who made the request, by what the API server knows of it: authentication, not the client's word.
func (c *apiCall) actor() (seq.Participant, bool) {
	if c.audit == nil {
		agent := ""
		if c.server != nil {
			agent = c.server.Attributes["user_agent.original"]
		}
		p, ok := object.Components[strings.SplitN(agent, "/", 2)[0]] // its own word
		return p, ok
	}
	user := c.audit.User
	account, inSystem := strings.CutPrefix(user, "system:serviceaccount:kube-system:")
	if p := controllerBy(func(c controller) bool { return inSystem && c.account == account }); p != "" {
		if c.verb == "delete" && p == seq.Controller("node-lifecycle") { // which deletes no Pods
			p = seq.Controller("taint-eviction")
		}
		return p, true
	}
	switch {
	case strings.HasPrefix(user, "system:node:"):
		return seq.Kubelet, true
	case user == "system:kube-scheduler":
		return seq.Scheduler, true
	case user == "system:kube-controller-manager" || inSystem && strings.HasSuffix(account, "-controller"):
		return seq.ControllerManager, true
	case user == "system:apiserver":
		return seq.APIServer, true
	case user == "":
		return seq.UnknownClient, false
	}
	return seq.Participant("user " + user), true
}

// auditEvidence says what the audit log has of a call.
func (c *apiCall) auditEvidence() seq.Evidence {
	detail := fmt.Sprintf("user %s, agent %s, Audit-ID %s, received to answered %.1f ms%s", c.audit.User,
		strings.SplitN(c.audit.UserAgent, " ", 2)[0], c.audit.ID,
		c.audit.Completed.Sub(c.audit.Received).Seconds()*1000, c.joinedHow)
	return seq.Evidence{Source: "audit", Text: detail, ResourceVersion: c.audit.ResourceVersion, At: c.audit.Received}
}

// toOurClock moves a time of another clock to ours.
func (s *story) toOurClock(p seq.Participant, t time.Time) time.Time {
	return t.Add(-s.clocks.Offset(p))
}

// joinedCall is one write that a call has been joined to.
type joinedCall struct {
	*apiCall
	write, etcd seq.Key // write is empty for our own request, of which we know more
	sent        bool    // the write's step is about when it was sent, not about its commit
	step        seq.Step
}
