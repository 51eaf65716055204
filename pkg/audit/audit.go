// Package audit reads entries of the API server's audit log, which are JSON, one a line.
package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// entry is what is read of an audit.k8s.io/v1 Event.
type entry struct {
	Kind           string `json:"kind"`
	Stage          string `json:"stage"`
	Level          string `json:"level"`
	AuditID        string `json:"auditID"`
	Verb           string `json:"verb"`
	UserAgent      string `json:"userAgent"`
	User           struct{ Username string }
	ResponseStatus struct {
		Code    int
		Message string
	}
	ObjectRef struct {
		Resource, Subresource, Namespace, Name, UID string
	}
	RequestObject  object
	ResponseObject struct {
		object
		Kind           string
		InvolvedObject struct{ Kind, UID, Name string } // of a core Event
		Regarding      struct{ Kind, UID, Name string } // of an events.k8s.io one
		Spec           struct {
			ClaimRef struct{ Namespace, Name string }
		}
	}
	RequestReceivedTimestamp, StageTimestamp time.Time
	Annotations                              map[string]string
}

type object struct {
	Metadata struct{ UID, Name, ResourceVersion string }
}

// Parse reads one line. It returns nil for an entry that is not about an object of one of these names in the namespace,
// an Event of it, or the volume of a claim of that name there, or not of the stage at which a request has been
// answered.
func Parse(line []byte, namespace string, named func(string) bool) (*seq.Audit, error) {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("audit entry: %w", err)
	}
	if e.Kind != "Event" || e.AuditID == "" {
		return nil, fmt.Errorf("audit entry: this is no audit.k8s.io Event")
	}
	claim := e.ResponseObject.Spec.ClaimRef
	ofClaim := e.ObjectRef.Resource == "persistentvolumes" && claim.Namespace == namespace && named(claim.Name)
	if e.Stage != "ResponseComplete" && e.Stage != "Panic" || e.ObjectRef.Namespace != namespace && !ofClaim {
		return nil, nil
	}
	a := &seq.Audit{
		ID: e.AuditID, Level: e.Level, Verb: e.Verb, User: e.User.Username, UserAgent: e.UserAgent,
		Resource: e.ObjectRef.Resource, Subresource: e.ObjectRef.Subresource, Namespace: e.ObjectRef.Namespace,
		Name: cmp.Or(e.ObjectRef.Name, e.ResponseObject.Metadata.Name),
		Code: e.ResponseStatus.Code, Message: e.ResponseStatus.Message, Received: e.RequestReceivedTimestamp,
		Completed: e.StageTimestamp,
	}
	a.Webhooks = webhooks(e.Annotations)
	switch a.Resource {
	case "pods":
		if !named(a.Name) {
			return nil, nil
		}
		if e.ResponseObject.Kind == "Pod" {
			a.UID, a.ResourceVersion = e.ResponseObject.Metadata.UID, e.ResponseObject.Metadata.ResourceVersion
		}
		a.UID = cmp.Or(a.UID, e.RequestObject.Metadata.UID, e.ObjectRef.UID)
	case "events":
		about := e.ResponseObject.InvolvedObject
		if about.UID == "" {
			about = e.ResponseObject.Regarding
		}
		// Without the Event itself its name tells: the object's, a dot, the time.
		if !named(about.Name) && !(about.Name == "" && named(eventOf(a.Name))) {
			return nil, nil
		}
		a.UID, a.ResourceVersion = about.UID, e.ResponseObject.Metadata.ResourceVersion
	default:
		if !ofClaim && (!known(a.Resource) || !named(a.Name)) {
			return nil, nil
		}
		a.UID, a.ResourceVersion = cmp.Or(e.ResponseObject.Metadata.UID,
			e.ObjectRef.UID), e.ResponseObject.Metadata.ResourceVersion
	}
	return a, nil
}

// mutation is what the names of annotations about mutating webhooks begin with; round and index follow.
const mutation = "mutation.webhook.admission.k8s.io/"

func webhooks(annotations map[string]string) []seq.AuditWebhook {
	var all []seq.AuditWebhook
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		var w struct {
			Configuration, Webhook string
			Mutated                bool
		}
		if strings.HasPrefix(name, mutation) && json.Unmarshal([]byte(annotations[name]), &w) == nil && w.Webhook != "" {
			all = append(all, seq.AuditWebhook{Configuration: w.Configuration, Name: w.Webhook, Mutated: w.Mutated})
		}
	}
	return all
}

// eventOf is the object that an Event is about, by its name.
func eventOf(name string) string { return name[:max(0, strings.LastIndexByte(name, '.'))] }

// known reports whether a run can be about objects of a resource, or tell of them.
func known(resource string) bool {
	return slices.ContainsFunc(seq.ObjectKinds, func(k seq.ObjectKind) bool { return k.Resource == resource })
}
