package render

// The words of a course: what a teacher writes on the arrows of the briefest diagram.

import (
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// answers are what the end of a call of the CRI means.
var answers = map[string]string{"RunPodSandbox": "the sandbox is ready", "PullImage": "the image is there",
	"CreateContainer": "container %s is created", "StartContainer": "container %s is started"}

// courseLabel is what a teacher would write: what is done to which object, no revision, no duration.
func (y Style) courseLabel(f figure, x row) string {
	label, object := Plain(x.Label), Plain(x.Object.Kind+" "+x.Object.Name)
	call, rest, _ := strings.Cut(label, " ")
	switch {
	case x.Kind == seq.ResponseKind && strings.HasSuffix(label, " returns") && answers[call] != "":
		label = strings.ReplaceAll(answers[call], "%s", Plain(x.Container))
	case x.Kind == seq.ResponseKind && x.Rule.Name == "bound":
		label = object + " is bound"
	case x.Kind == seq.ResponseKind && x.Failed && x.closes >= 0:
		label = strings.TrimSpace(strings.TrimPrefix(label, f.rows[x.closes].Label))
	case x.To == seq.Etcd && x.Verb == "delete":
		label = "remove " + label
	case x.To == seq.Etcd && x.Kind == seq.RequestKind:
		label = "store " + label
	case x.To == seq.APIServer && x.Subresource == "binding":
		label = "bind " + object + " to " + Plain(x.Node)
	case x.To == seq.APIServer && x.Subresource == "eviction" && x.Object.Name != "":
		label = "evict " + object + courseRest(label)
	case x.To == seq.APIServer && x.Subresource == "status" && strings.Contains(label, ": "):
		label = "report " + courseReport(label[strings.Index(label, ": ")+2:])
	case x.To == seq.APIServer && (x.Subresource == "" || x.Subresource == "scale") && x.Object.Name != "" &&
		courseVerbs[call] != "":
		label = courseVerbs[call] + " " + object + courseRest(rest)
	case x.To == seq.Engine && strings.HasPrefix(rest, "containers/"):
		verb, name, _ := strings.Cut(strings.TrimPrefix(rest, "containers/"), " ")
		label = verb + " container " + strings.Trim(name, "()")
	case x.Rule.Name == "runc":
		label += " container " + Plain(x.Container)
	case x.Rule.Name == "kubelet-delivery" && x.Node != "":
		label = strings.Replace(label, ", yours", ", bound to "+Plain(x.Node), 1)
	}
	if tag := f.tags.of(x.Step); !strings.Contains(label, f.tags[x.About]) {
		label += tag
	}
	return y.ascii(label)
}

// courseVerbs are the words for what a request is to do.
var courseVerbs = map[string]string{"POST": "create", "DELETE": "delete", "PATCH": "change", "PUT": "change"}

// courseReport is what a status says that is so, without what is so no more where there is both.
func courseReport(words string) string {
	all := strings.Split(words, ", ")
	is := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return strings.HasPrefix(w, "not ") })
	if len(is) == 0 {
		return words
	}
	return strings.Join(is, ", ")
}

// courseRest is what a label says beyond the resource and the name.
func courseRest(rest string) string {
	if i := strings.IndexAny(rest, ",:"); i >= 0 {
		return rest[i:]
	}
	return ""
}
