package seq

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Observation is one fact as one source saw it, unchanged, with the time it reached us. Exactly one of the pointers is
// set; a Tick is an observation with none: time has passed.
type Observation struct {
	Received time.Time    `json:"received"` // on our own clock
	Request  *Request     `json:"request,omitempty"`
	Change   *Change      `json:"change,omitempty"`
	Event    *EventChange `json:"event,omitempty"`
	Gap      *Gap         `json:"gap,omitempty"`
	Audit    *Audit       `json:"audit,omitempty"`
	Span     *Span        `json:"span,omitempty"`
	Loss     *Loss        `json:"loss,omitempty"`
	Lease    *Lease       `json:"lease,omitempty"`
	Node     *Node        `json:"node,omitempty"`
	Webhooks *Webhooks    `json:"webhooks,omitempty"`
	Lookup   *Lookup      `json:"lookup,omitempty"`
	Attach   *Attach      `json:"attach,omitempty"`

	Engine  *EngineEvent  `json:"engine,omitempty"`
	Runtime *RuntimeEvent `json:"runtime,omitempty"`
}

// Request is one HTTP request of our own. It is observed when it has been sent and again, under the same ID, when it
// has been answered. A zero time means that the instant was not reached, or that a kept connection made it needless.
type Request struct {
	ID     string `json:"id"` // the Audit-ID we sent, which the server uses in its log and on its spans
	Method string `json:"method"`
	Path   string `json:"path"`
	// as in RBAC: create, list, watch, get, …; or exec, which RBAC calls get or create
	Verb            string      `json:"verb"`
	Resource        string      `json:"resource,omitempty"`
	Object          Object      `json:"object,omitzero"`
	Started         time.Time   `json:"started"`
	DNS             time.Time   `json:"dns,omitzero"` // resolved
	Connected       time.Time   `json:"connected,omitzero"`
	TLS             time.Time   `json:"tls,omitzero"`  // handshake done
	Sent            time.Time   `json:"sent,omitzero"` // first byte of the request about to be written
	FirstByte       time.Time   `json:"firstByte,omitzero"`
	Status          int         `json:"status,omitempty"`
	StatusText      string      `json:"statusText,omitempty"`      // as RFC 9110 names the status
	Message         string      `json:"message,omitempty"`         // what an error answer said
	ResourceVersion string      `json:"resourceVersion,omitempty"` // of the object or list in the answer
	FlowSchema      string      `json:"flowSchema,omitempty"`      // uid, from X-Kubernetes-Pf-Flowschema-Uid
	PriorityLevel   string      `json:"priorityLevel,omitempty"`   // uid, from X-Kubernetes-Pf-Prioritylevel-Uid
	ServerDate      time.Time   `json:"serverDate,omitzero"`       // whole seconds on the apiserver's clock
	Warnings        []string    `json:"warnings,omitempty"`        // texts of the Warning headers
	ServerVersion   string      `json:"serverVersion,omitempty"`   // what /version answered, such as v1.37.2
	SentPod         *corev1.Pod `json:"asked,omitempty"`           // what a create sent
	Pod             *corev1.Pod `json:"pod,omitempty"`             // what it, or a delete, was answered
	// what a delete asked for, as metav1.DeletionPropagation
	Propagation string `json:"propagation,omitempty"`
	// one of many that only look whether there is anything new: it bounds what is, and is not drawn
	Poll bool `json:"checks,omitempty"`
	// Answer is that for an object of any other kind.
	Answer *unstructured.Unstructured `json:"answer,omitempty"`
	Exec   *Exec                      `json:"exec,omitempty"`   // what an exec ran
	Docker *Docker                    `json:"docker,omitempty"` // where it was sent to a Docker Engine
}

// Key is that of the message that the request is.
func (q *Request) Key() Key { return Key("call:" + q.ID) }

// Acts reports whether the request is what the run is about, not one that looks.
func (q *Request) Acts() bool {
	if q.Docker != nil {
		return engineActs[q.Verb]
	}
	return q.Verb == "create" || q.Verb == "delete" || q.Verb == "exec" && q.Exec != nil && !q.Exec.ListsProcesses
}

// engineActs are the verbs of requests to an engine that do not only look.
var engineActs = map[string]bool{"pull": true, "create": true, "attach": true, "start": true, "wait": true,
	"kill": true, "delete": true}

// ActsOnExisting reports whether the request acts on an object that was there before.
func (q *Request) ActsOnExisting() bool { return q.Docker == nil && q.Acts() && q.Verb != "create" }

// AnswerObject is what the request was answered with, or nil.
func (q *Request) AnswerObject() metav1.Object {
	switch {
	case q.Pod != nil:
		return q.Pod
	case q.Answer != nil:
		return q.Answer
	}
	return nil
}

// Evidence says what we know of a request of our own at HTTP level.
func (q *Request) Evidence() Evidence {
	detail := fmt.Sprintf("our own request: %s %s", q.Method, q.Path)
	if q.Docker == nil {
		detail += ", Audit-ID " + q.ID
	}
	last := q.Started
	for _, phase := range []struct {
		name string
		at   time.Time
	}{{"DNS", q.DNS}, {"connect", q.Connected}, {"TLS", q.TLS}} {
		if !phase.at.IsZero() {
			detail += fmt.Sprintf(", %s %.1f ms", phase.name, phase.at.Sub(last).Seconds()*1000)
			last = phase.at
		}
	}
	if last.Equal(q.Started) {
		detail += ", on a kept connection"
	}
	return Evidence{Source: "http", Text: detail, At: q.Sent}
}

// Change is one revision of an object as a list or a watch delivered it.
type Change struct {
	// ADDED, MODIFIED or DELETED from a watch, LISTED from a list, GONE from one that lacks it
	Type string      `json:"type"`
	Pod  *corev1.Pod `json:"pod,omitempty"`
	// Object is what changed if it is no Pod.
	Object *unstructured.Unstructured `json:"object,omitempty"`
}

// ChangedObject is what changed, or nil.
func (c *Change) ChangedObject() metav1.Object {
	switch {
	case c.Pod != nil:
		return c.Pod
	case c.Object != nil:
		return c.Object
	}
	return nil
}

// EventChange is one revision of a Kubernetes Event about one of the objects.
type EventChange struct {
	Type  string        `json:"type"`
	Event *corev1.Event `json:"event"`
}

// Gap says that a watch was lost: of the revisions after FromRevision and before ToRevision, some may never have
// reached us. Without ToRevision it is lost for good.
type Gap struct {
	Resource     string `json:"resource"`
	FromRevision string `json:"from"`
	ToRevision   string `json:"to"`
	Reason       string `json:"reason"`
	// Every is how often the resource is asked for from then on, because it cannot be watched; 0 where it is not.
	Every time.Duration `json:"every,omitempty"`
}

// Audit is one entry of the API server's audit log: a request that has been answered. Its times are on the API server's
// clock, in microseconds.
type Audit struct {
	ID          string `json:"id"`
	Level       string `json:"level"` // Metadata, Request or RequestResponse: what else the entry can hold
	Verb        string `json:"verb"`
	User        string `json:"user"`
	UserAgent   string `json:"userAgent"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	// of the Pod, where request or answer say it; of an Event, the Pod's it is about
	UID             string         `json:"uid,omitempty"`
	ResourceVersion string         `json:"resourceVersion,omitempty"` // of the object in the answer
	Code            int            `json:"code"`                      // HTTP status
	Message         string         `json:"message,omitempty"`
	Webhooks        []AuditWebhook `json:"webhooks,omitempty"`
	Received        time.Time      `json:"requestReceived"`
	Completed       time.Time      `json:"completed"`
}

// AuditWebhook is a mutating webhook that was asked within a request, as an audit entry's annotations name it.
type AuditWebhook struct {
	Configuration string `json:"configuration"`
	Name          string `json:"name"`
	Mutated       bool   `json:"mutated"`
}

// Span is one OpenTelemetry span. Its times are on the clock of the machine of its service.
type Span struct {
	Service    string            `json:"service"` // apiserver, etcd, kubelet, containerd
	Name       string            `json:"name"`
	TraceID    string            `json:"traceID"`
	ID         string            `json:"id"`
	Parent     string            `json:"parent,omitempty"`
	Links      []string          `json:"links,omitempty"` // ids of spans of other traces
	Start      time.Time         `json:"start"`
	End        time.Time         `json:"end"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Error      string            `json:"error,omitempty"`
}

// Evidence is the span as what supports a step.
func (s *Span) Evidence() Evidence {
	return Evidence{Source: "spans",
		Text: fmt.Sprintf("%s %s, %.1f ms", s.Service, s.Name, s.End.Sub(s.Start).Seconds()*1000), At: s.Start}
}

// Loss says that a source had something that could not be used.
type Loss struct {
	Source string `json:"source"`
	What   string `json:"what"`
	Count  int    `json:"count"` // so far
}

// Lease is the Lease by which a node's kubelet says that it is alive.
type Lease struct {
	Node    string    `json:"node"`
	Renewed time.Time `json:"renewed"` // on the kubelet's clock, in microseconds
	Seconds int       `json:"seconds"` // how long it lasts
}

// Node is what a node says of itself.
type Node struct {
	Name    string      `json:"name"`
	Runtime Participant `json:"runtime"` // which its kubelet calls, such as containerd
}

// Lookup is what the API server answered when it was asked for an object that is no part of the run.
type Lookup struct {
	Object Object                     `json:"object"`          // which was asked for
	Found  *unstructured.Unstructured `json:"found,omitempty"` // nil where it is not there, or its users were asked for
	Users  []Object                   `json:"users,omitzero"`  // the Pods that use it, where they were asked for
}

// Attach says that the run only looks: what had happened before is part of it, as far as anything has kept it.
type Attach struct {
	// ListsPending says that lists are under way, so that more of that past may come; a later Attach without it says
	// that all of them have been answered, or refused.
	ListsPending bool `json:"looking,omitempty"`
}

// Webhooks are the admission webhooks that the API server asks when a Pod is created, as they are configured.
type Webhooks struct {
	Mutating []string `json:"mutating"` // names, in no order
}
