package render

// The words of a course: what a teacher writes on the arrows of the briefest diagram.

import (
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
	case x.Kind == seq.ResponseKind && x.Failed && x.closes >= 0:
		label = strings.TrimSpace(strings.TrimPrefix(label, f.rows[x.closes].Label))
	case x.To == seq.Etcd && x.Verb == "delete":
		label = "remove " + label
	case x.To == seq.Etcd && x.Kind == seq.RequestKind:
		label = "store " + label
	case x.To == seq.APIServer && x.Subresource == "binding":
		label = "bind " + object + " to " + Plain(x.Node)
	case x.To == seq.APIServer && x.Subresource == "status" && strings.Contains(label, ": "):
		label = "report " + label[strings.Index(label, ": ")+2:]
	case x.To == seq.APIServer && x.Subresource == "" && x.Object.Name != "" && courseVerbs[call] != "":
		label = courseVerbs[call] + " " + object + courseRest(rest)
	case x.Rule.Name == "runc":
		label += " container " + Plain(x.Container)
	case x.Rule.Name == "kubelet-delivery" && x.Node != "":
		label = strings.Replace(label, ", yours", ", bound to "+Plain(x.Node), 1)
	}
	return y.ascii(label + f.tags.of(x.Step))
}

// courseVerbs are the words for what a request is to do.
var courseVerbs = map[string]string{"POST": "create", "DELETE": "delete"}

// courseRest is what a label says beyond the resource and the name.
func courseRest(rest string) string {
	if i := strings.IndexAny(rest, ",:"); i >= 0 {
		return rest[i:]
	}
	return ""
}
