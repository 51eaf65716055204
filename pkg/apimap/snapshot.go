package apimap

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Snapshot is all that a map is derived from.
type Snapshot struct {
	Plugin  string     `json:"plugin"`            // version of the program that read it
	Context string     `json:"context,omitempty"` // of the kubeconfig
	Taken   time.Time  `json:"taken"`             // when the first question was asked
	Subject seq.Object `json:"subject"`           // the Pod; without a name the map is of control plane and nodes
	Client  Client     `json:"client"`            // what the kubeconfig says
	// that processes were asked for
	Processes bool     `json:"processes,omitempty"`
	Answers   []Answer `json:"-"` // in the order of the questions
}

// Client is what a kubeconfig says of its user, without anything secret.
type Client struct {
	Server         string `json:"server"`                 // URL of the API server
	Proxy          string `json:"proxy,omitempty"`        // host of the proxy on the way there
	Authentication string `json:"authentication"`         // kind: client certificate, token, exec plugin NAME, …
	Impersonates   string `json:"impersonates,omitempty"` // the user of --as
}

// Answer is what the API server said to one question.
type Answer struct {
	Ask        string          `json:"ask"`                  // method and path
	Permission *Permission     `json:"permission,omitempty"` // that it is about, where it is an access review
	Status     int             `json:"status,omitempty"`     // of HTTP; 0 where no answer came
	Error      string          `json:"error,omitempty"`      // the server's words, or why no answer came
	Body       json.RawMessage `json:"body,omitempty"`       // what is kept of it; a text is a string
}

// Question is one request.
type Question struct {
	Method, Path string // the path with its query
	Body         any    // of a POST, or nil
	Metadata     bool   // only the metadata of objects are asked for
	Text         bool   // the answer is no JSON
	Permission   *Permission
	Keep         []string // the fields of the answer that are kept, [] left out; those below are kept, too
}

// Ask is by what the answer is found.
func (q Question) Ask() string {
	if q.Permission != nil {
		return q.Method + " " + q.Path + " " + q.Permission.String()
	}
	return q.Method + " " + q.Path
}

// Answer makes one of what the server said, of which only what is kept stays.
func (q Question) Answer(status int, body []byte, err error) Answer {
	a := Answer{Ask: q.Ask(), Permission: q.Permission, Status: status}
	if err != nil {
		a.Error = err.Error()
		return a
	}
	if q.Text {
		a.Body, _ = json.Marshal(string(body))
		return a
	}
	var is any
	if err := json.Unmarshal(body, &is); err != nil {
		a.Error = "the answer is no JSON: " + err.Error()
		return a
	}
	a.Body, _ = json.Marshal(keep(is, q.Keep))
	return a
}

// Permission is what an access review is about: a verb and a resource, or a path of no resource.
type Permission struct {
	Verb      string `json:"verb"`
	Group     string `json:"group,omitempty"`
	Resource  string `json:"resource,omitempty"` // with its subresource, such as pods/log
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Path      string `json:"path,omitempty"`
}

// String is the permission in the words of RBAC, and its namespace. The name is left out: the map has it beside it. So
// is the group, but where the core has a resource of the same name.
func (p Permission) String() string {
	if p.Path != "" {
		return p.Verb + " " + p.Path
	}
	text := p.Verb + " " + p.Resource
	if p.Group == metricsGroup {
		text += "." + p.Group
	}
	if p.Namespace != "" {
		text += " -n " + p.Namespace
	}
	return text
}

// review is the question whether you have a permission.
func (p Permission) review() Question {
	spec := map[string]any{}
	if p.Path != "" {
		spec["nonResourceAttributes"] = map[string]any{"verb": p.Verb, "path": p.Path}
	} else {
		resource, sub, _ := strings.Cut(p.Resource, "/")
		spec["resourceAttributes"] = map[string]any{"verb": p.Verb, "group": p.Group, "resource": resource,
			"subresource": sub, "namespace": p.Namespace, "name": p.Name}
	}
	return Question{Method: "POST", Path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Permission: &p,
		Body: map[string]any{"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec},
		Keep: []string{"status.allowed", "status.denied", "status.evaluationError"}}
}

// keep returns what is kept of a value: the fields at these paths, through lists and below.
func keep(is any, paths []string) any {
	switch x := is.(type) {
	case []any:
		all := make([]any, len(x))
		for i := range x {
			all[i] = keep(x[i], paths)
		}
		return all
	case map[string]any:
		out := map[string]any{}
		for name, value := range x {
			var below []string
			for _, path := range paths {
				first, rest, deeper := cut(path, name)
				switch {
				case !first:
				case deeper:
					below = append(below, rest)
				default:
					out[name] = value
				}
			}
			if _, whole := out[name]; !whole && below != nil {
				out[name] = keep(value, below)
			}
		}
		return out
	}
	return is
}

// cut reports whether a path begins with a field, and what follows. A prefix of names ends in *; a name with dots or
// slashes is in quotes.
func cut(path, field string) (first bool, rest string, deeper bool) {
	head, rest, deeper := strings.Cut(path, ".")
	if strings.HasPrefix(path, `"`) {
		head, rest, _ = strings.Cut(path[1:], `"`)
		rest, deeper = strings.CutPrefix(rest, ".")
	}
	if prefix, ok := strings.CutSuffix(head, "*"); ok {
		return strings.HasPrefix(field, prefix), rest, deeper
	}
	return head == field, rest, deeper
}

// found is the answer to a request, or nil where it was not asked.
func (s *Snapshot) found(ask string) *Answer {
	for i := range s.Answers {
		if s.Answers[i].Ask == ask {
			return &s.Answers[i]
		}
	}
	return nil
}

// get reads the answer to a GET.
func (s *Snapshot) get(path string, into any) bool {
	a := s.found("GET " + path)
	return a != nil && a.Status == 200 && a.Error == "" && json.Unmarshal(a.Body, into) == nil
}

// why says why a GET gave nothing.
func (s *Snapshot) why(path string) string {
	a := s.found("GET " + path)
	switch {
	case a == nil:
		return "not asked for"
	case a.Status == 403:
		return "403: your permissions do not allow it"
	case a.Status == 404:
		return "404: this cluster has none"
	case a.Status != 0 && a.Status != 200:
		return fmt.Sprintf("%d: %s", a.Status, a.Error)
	case a.Error != "":
		return a.Error
	}
	return "the answer cannot be read"
}
