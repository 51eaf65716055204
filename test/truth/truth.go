// Package truth reads what a cluster recorded of itself, its audit log and its OpenTelemetry spans, and says what
// really happened to one Pod: which writes were made by whom, which calls the kubelet made, and when. It is what the
// steps of a run are held against.
package truth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Write is one successful write to the API that an audit entry and an etcd transaction tell of.
type Write struct {
	Verb, Resource, Subresource string
	User                        string
	// empty where the answer has none: for a bind, and for what removes an object by its last finalizer
	Revision   string
	Reason     string // of an Event
	UID        string // of the object, where the answer has it
	Start, End time.Time
	First      *Call // of a deletion in two transactions, the one that ended the grace period
}

// Call is one call of the CRI by the kubelet.
type Call struct {
	RPC        string
	Pod        string // uid
	Start, End time.Time
}

// Truth is what happened to one Pod, each list in the order of time.
type Truth struct {
	Writes []Write // of the Pod
	Events []Write // of Events about it
	Calls  []Call
}

type auditEntry struct {
	AuditID        string                                                  `json:"auditID"`
	Verb           string                                                  `json:"verb"`
	ResponseStatus struct{ Code int }                                      `json:"responseStatus"`
	User           struct{ Username string }                               `json:"user"`
	ObjectRef      struct{ Resource, Subresource, Namespace, Name string } `json:"objectRef"`
	RequestObject  json.RawMessage                                         `json:"requestObject"`
	ResponseObject struct {
		Metadata struct {
			Name, Namespace, ResourceVersion, UID string
			DeletionGracePeriodSeconds            *int
			Finalizers                            []string
		}
		Reason   string
		Involved struct{ UID string } `json:"involvedObject"`
		About    struct{ UID string } `json:"regarding"`
		Details  struct{ UID string } // of what a delete removed at once
	} `json:"responseObject"`
}

// endsDeletion reports whether it is a status patch of a Pod whose grace period is over, between the two transactions
// of the DELETE: the API server then removes the Pod, and answers with what there was (Update in
// apiserver/pkg/registry/generic/registry/store.go).
func (e *auditEntry) endsDeletion() bool {
	m := e.ResponseObject.Metadata
	return e.Verb == "patch" && e.ObjectRef.Subresource == "status" && m.DeletionGracePeriodSeconds != nil &&
		*m.DeletionGracePeriodSeconds == 0 && len(m.Finalizers) == 0
}

// asksFor is the uid in what the request sent: of a bind, the Pod's. A JSON patch is a list.
func (e *auditEntry) asksFor() string {
	var sent struct{ Metadata struct{ UID string } }
	if json.Unmarshal(e.RequestObject, &sent) != nil {
		return ""
	}
	return sent.Metadata.UID
}

type span struct {
	Name         string      `json:"name"`
	TraceID      string      `json:"traceId"`
	SpanID       string      `json:"spanId"`
	ParentSpanID string      `json:"parentSpanId"`
	Kind         int         `json:"kind"`
	Start        string      `json:"startTimeUnixNano"`
	End          string      `json:"endTimeUnixNano"`
	Attributes   []attribute `json:"attributes"`
	Events       []struct {
		Name string `json:"name"`
	} `json:"events"`
	service string
}

type attribute struct {
	Key   string                       `json:"key"`
	Value struct{ StringValue string } `json:"value"`
}

type batch struct {
	ResourceSpans []struct {
		Resource   struct{ Attributes []attribute } `json:"resource"`
		ScopeSpans []struct{ Spans []span }         `json:"scopeSpans"`
	} `json:"resourceSpans"`
}

// Records are what a cluster has recorded of itself, as far as it has been added. Each line is read once, however often
// somebody asks what happened, and to however many objects.
type Records struct {
	audit, spans []byte // of a line that is still being written
	entries      []entry
	byUID        map[string][]int  // the entries, by the object or what an Event is about
	uidOf        map[string]string // of the newest Pod with a name, which is all that an eviction has
	byAuditID    map[string]*span
	children     map[string][]*span // by the parent's ID
	syncs        map[string][]*span // of a kubelet, by the Pod's uid
	served       map[string][]*span // by a kubelet, by the path
	processes    map[string][]*span // their starts and waits, by the container's ID
}

// entry is a write that the API server has not refused.
type entry struct {
	Write
	auditID string
	evicts  bool
	about   []string // uids of what an Event is about
}

// NewRecords are those of a cluster of which nothing has been read yet.
func NewRecords() *Records {
	return &Records{byUID: map[string][]int{}, uidOf: map[string]string{}, byAuditID: map[string]*span{},
		children: map[string][]*span{}, syncs: map[string][]*span{}, served: map[string][]*span{},
		processes: map[string][]*span{}}
}

// AddAudit reads what an audit log has got since the last time, and fails at a line that is no audit entry.
func (r *Records) AddAudit(more []byte) (err error) {
	r.audit, err = eachLine(append(r.audit, more...), func(line []byte) error {
		var e auditEntry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		r.addEntry(&e)
		return nil
	})
	return err
}

func (r *Records) addEntry(e *auditEntry) {
	name := e.ObjectRef.Namespace + "/" + e.ObjectRef.Name
	if uid := e.ResponseObject.Metadata.UID; uid != "" && e.ObjectRef.Resource == "pods" {
		r.uidOf[name] = uid
	}
	if e.endsDeletion() || // what its own transaction wrote is the end that a DELETE has asked for
		e.ResponseStatus.Code >= 300 || !slices.Contains([]string{"create", "update", "patch", "delete"}, e.Verb) {
		return
	}
	w := entry{auditID: e.AuditID, evicts: e.ObjectRef.Subresource == "eviction",
		about: []string{e.ResponseObject.Involved.UID, e.ResponseObject.About.UID},
		Write: Write{Verb: e.Verb, Resource: e.ObjectRef.Resource, Subresource: e.ObjectRef.Subresource,
			User: e.User.Username, Revision: e.ResponseObject.Metadata.ResourceVersion, Reason: e.ResponseObject.Reason,
			UID: cmp.Or(e.ResponseObject.Metadata.UID, e.ResponseObject.Details.UID)}}
	uids := w.about
	if w.Resource != "events" {
		uids = append(slices.Clone(uids), e.ResponseObject.Metadata.UID, e.ResponseObject.Details.UID, e.asksFor())
		if w.evicts {
			uids = append(uids, r.uidOf[name])
		}
	}
	for _, uid := range uids {
		if all := r.byUID[uid]; uid != "" && (len(all) == 0 || all[len(all)-1] != len(r.entries)) {
			r.byUID[uid] = append(all, len(r.entries))
		}
	}
	r.entries = append(r.entries, w)
}

// AddSpans reads what a file of OTLP JSON lines has got since the last time, and fails at a line that is none.
func (r *Records) AddSpans(more []byte) (err error) {
	r.spans, err = eachLine(append(r.spans, more...), func(line []byte) error {
		all, err := readSpans(line)
		for _, s := range all {
			r.addSpan(s)
		}
		return err
	})
	return err
}

func (r *Records) addSpan(s *span) {
	add := func(to map[string][]*span, key string) {
		if key != "" {
			to[key] = append(to[key], s)
		}
	}
	add(r.children, s.ParentSpanID)
	if id := s.attribute("audit-id"); id != "" && s.Kind == 2 {
		r.byAuditID[id] = s
	}
	switch {
	case s.service == "kubelet" && s.Name == "syncPod":
		add(r.syncs, s.attribute("k8s.pod.uid"))
	case s.service == "kubelet":
		path := s.attribute("url.path")
		if path == "" && strings.HasPrefix(s.Name, somewhere) {
			path = somewhere
		}
		add(r.served, path)
	case s.Name == "process.Start" || s.Name == "process.Wait":
		add(r.processes, s.attribute("process.task.id"))
	}
}

// Of says what happened to the objects with these uids. It fails where a write has no span, or no transaction, yet.
func (r *Records) Of(uids ...string) (*Truth, error) {
	var of []int
	for _, uid := range uids {
		of = append(of, r.byUID[uid]...)
	}
	slices.Sort(of)
	t := &Truth{}
	var idle []Write // without a transaction
	for _, i := range slices.Compact(of) {
		e := r.entries[i]
		w := e.Write
		request := r.byAuditID[e.auditID]
		if request == nil {
			return nil, fmt.Errorf("no span for audit entry %s (%s %s)", e.auditID, w.Verb, w.Resource)
		}
		txn := etcdTxn(request, r.children)
		if txn == nil { // it changed nothing, if its answer has the revision of another
			idle = append(idle, w)
			continue
		}
		w.Start, w.End = txn.times()
		if first := firstTxn(request, r.children); (w.Verb == "delete" || e.evicts) && first != txn {
			w.First = &Call{}
			w.First.Start, w.First.End = first.times()
		}
		if slices.ContainsFunc(e.about, func(uid string) bool { return uid != "" && slices.Contains(uids, uid) }) {
			t.Events = append(t.Events, w)
		} else {
			t.Writes = append(t.Writes, w)
		}
	}
	for _, list := range [][]Write{t.Writes, t.Events} {
		// the log is in the order of the answers
		slices.SortFunc(list, func(a, b Write) int { return a.Start.Compare(b.Start) })
		revisions := map[string]bool{}
		for i := range list {
			w := &list[i]
			if w.Revision != "" && revisions[w.Revision] && (w.Verb == "patch" || w.Verb == "update") {
				w.Revision = "" // it took away the last finalizer, and the object with it: its answer is the object before
			}
			revisions[w.Revision] = true
		}
	}
	for _, w := range idle {
		if !slices.ContainsFunc(slices.Concat(t.Writes, t.Events), func(o Write) bool {
			return o.Revision == w.Revision || o.First != nil && older(w.Revision, o.Revision) // its first has one of its own
		}) {
			return nil, fmt.Errorf("no etcd transaction below the span of %s %s/%s", w.Verb, w.Resource, w.Subresource)
		}
	}
	for _, uid := range uids {
		for _, s := range r.syncs[uid] {
			t.calls(s, uid, r.children)
		}
	}
	slices.SortFunc(t.Writes, func(a, b Write) int { return a.Start.Compare(b.Start) })
	slices.SortFunc(t.Events, func(a, b Write) int { return a.Start.Compare(b.Start) })
	slices.SortFunc(t.Calls, func(a, b Call) int { return a.Start.Compare(b.Start) })
	return t, nil
}

// older compares two revisions, which are decimal numbers.
func older(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }

func (t *Truth) calls(parent *span, pod string, children map[string][]*span) {
	for _, s := range children[parent.SpanID] {
		if rpc, ok := strings.CutPrefix(s.Name, "runtime.v1.RuntimeService/"); ok && s.service == "kubelet" {
			t.call(rpc, pod, s)
		} else if rpc, ok := strings.CutPrefix(s.Name, "runtime.v1.ImageService/"); ok && s.service == "kubelet" {
			t.call(rpc, pod, s)
		} else {
			t.calls(s, pod, children)
		}
	}
}

func (t *Truth) call(rpc, pod string, s *span) {
	start, end := s.times()
	t.Calls = append(t.Calls, Call{rpc, pod, start, end})
}

// wroteNothing reports whether all transactions of an update of the API server failed, each because another write came
// before: what that write had stored was then all that this one wanted (GuaranteedUpdate of
// apiserver/pkg/storage/etcd3).
func (s *span) wroteNothing() bool {
	tried, lost := 0, 0
	for _, e := range s.Events {
		switch e.Name {
		case "Txn call completed":
			tried++
		case "Retry value restored":
			lost++
		}
	}
	return tried > 0 && tried == lost
}

// etcdTxn is the last transaction that etcd ran for a request: an update that lost a race runs several. It is nil where
// none of them wrote.
func etcdTxn(s *span, children map[string][]*span) (last *span) {
	if s.wroteNothing() {
		return nil
	}
	for _, c := range children[s.SpanID] {
		found := etcdTxn(c, children)
		if c.service == "etcd" && c.Name == "txn" {
			found = c
		}
		if found != nil && (last == nil || last.Start < found.Start) {
			last = found
		}
	}
	return last
}

// firstTxn is the first one.
func firstTxn(s *span, children map[string][]*span) (first *span) {
	for _, c := range children[s.SpanID] {
		found := firstTxn(c, children)
		if c.service == "etcd" && c.Name == "txn" {
			found = c
		}
		if found != nil && (first == nil || first.Start > found.Start) {
			first = found
		}
	}
	return first
}

// readSpans reads one line, and keeps of the attributes those that are looked at.
func readSpans(line []byte) ([]*span, error) {
	var b batch
	if err := json.Unmarshal(line, &b); err != nil {
		return nil, err
	}
	var all []*span
	for _, r := range b.ResourceSpans {
		service := ""
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.StringValue
			}
		}
		for _, scope := range r.ScopeSpans {
			for i := range scope.Spans {
				s := &scope.Spans[i]
				s.service = service
				s.Attributes = slices.DeleteFunc(s.Attributes,
					func(a attribute) bool { return !slices.Contains(lookedAt, a.Key) })
				all = append(all, s)
			}
		}
	}
	return all, nil
}

var lookedAt = []string{"audit-id", "k8s.pod.uid", "url.path", "container.id", "process.id", "process.task.id"}

// eachLine calls do with each whole line, and returns what is left.
func eachLine(data []byte, do func([]byte) error) (rest []byte, err error) {
	for {
		line, more, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return bytes.Clone(data), nil
		}
		if err := do(line); err != nil {
			return nil, err
		}
		data = more
	}
}

func (s *span) times() (start, end time.Time) { return unixNano(s.Start), unixNano(s.End) }

func unixNano(s string) time.Time {
	n, _ := strconv.ParseInt(s, 10, 64)
	return time.Unix(0, n)
}

func (s *span) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.StringValue
		}
	}
	return ""
}
