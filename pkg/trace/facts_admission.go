package trace

// What admission made of a create, and which webhooks were consulted.

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// consulted is one webhook that the API server asked about our Pod.
type consulted struct {
	name     string
	answer   string // what it did, where that is known
	inferred bool
	evidence seq.Evidence
	span     *seq.Span // or nil
}

var deniedBy = regexp.MustCompile(`admission webhook "([^"]+)" denied the request(?:: (.*))?`)

func (s *story) ownCreate() *seq.Request {
	for _, q := range s.requests {
		if q.Verb == "create" {
			return q
		}
	}
	return nil
}

// consulted finds the webhooks: the API server's spans and audit log name those it asked, a refusal names the one that
// denied. Else, where only one is set up for Pods and the Pod was changed, it is likely to have been that one.
func (s *story) consulted(q *seq.Request, changed []string) []consulted {
	var all []consulted
	add := func(c consulted) {
		if !slices.ContainsFunc(all, func(o consulted) bool { return o.name == c.name }) {
			all = append(all, c)
		}
	}
	for _, c := range s.records.calls {
		if c.id != q.ID {
			continue
		}
		mutated := map[string]bool{}
		if c.audit != nil {
			for _, w := range c.audit.Webhooks {
				mutated[w.Name] = mutated[w.Name] || w.Mutated // in any round
			}
		}
		answer := func(name string) string {
			if is, known := mutated[name]; known && !is {
				return "changes nothing"
			} else if is {
				return "changes the Pod"
			}
			return ""
		}
		if c.server != nil {
			s.records.spans.walk(c.server, func(x *seq.Span) {
				if name := x.Attributes["webhook"]; name != "" && strings.HasSuffix(x.Name, " webhook") {
					add(consulted{name: name, answer: answer(name), evidence: x.Evidence(), span: x})
				}
			})
		}
		if c.audit != nil {
			for _, w := range c.audit.Webhooks {
				e := c.auditEvidence()
				e.Text = "the entry says that webhook " + w.Name + " of " + w.Configuration + " was asked; " + e.Text
				add(consulted{name: w.Name, answer: answer(w.Name), evidence: e})
			}
		}
	}
	if m := deniedBy.FindStringSubmatch(q.Message); m != nil && q.Status >= 300 {
		denied := consulted{name: m[1], answer: "denies: " + m[2],
			evidence: seq.Evidence{Source: "http", Text: "the answer to our own request names it", At: q.FirstByte}}
		if i := slices.IndexFunc(all, func(o consulted) bool { return o.name == m[1] }); i >= 0 {
			all[i].answer = denied.answer
		}
		add(denied)
	}
	if len(all) == 0 && slices.ContainsFunc(changed, func(word string) bool { return !builtIn.MatchString(word) }) &&
		s.webhooks != nil && len(s.webhooks.Mutating) == 1 {
		e := seq.Evidence{Source: "http",
			Text: "it is the only mutating webhook for Pods, and the answer to our own request is not what it " +
				"asked for",
			ResourceVersion: q.ResourceVersion, At: q.FirstByte}
		all = append(all, consulted{name: s.webhooks.Mutating[0], answer: "changes the Pod", inferred: true, evidence: e})
	}
	return all
}

// builtIn are changes that plugins of the API server itself make, where a namespace is set up so.
var builtIn = regexp.MustCompile(`kubernetes\.io/limit-ranger|\.resources` +
	`|spec\.(imagePullSecrets|priorityClassName|nodeSelector|tolerations)`)

// admissionOf is what a create changed. It takes long to find out, and is asked again after every observation.
type admissionOf struct {
	create  *seq.Request
	changed []string
}

func (t *store) admitted(q *seq.Request) []string {
	if t.admission.create != q {
		t.admission = admissionOf{q, changedByAdmission(q)}
	}
	return t.admission.changed
}

// changedByAdmission says what the API server stored beyond or instead of what the request asked for, its own defaults
// aside.
func changedByAdmission(q *seq.Request) []string {
	if q == nil || q.SentPod == nil || q.Pod == nil {
		return nil
	}
	var words []string
	object.Differ("", wantedOf(q.SentPod), wantedOf(q.Pod), func(path string, was, is reflect.Value) {
		switch {
		case !was.IsValid() && !isDefaulted(path):
			words = append(words, "adds "+path+object.Suffix(is))
		case was.IsValid() && !is.IsValid():
			words = append(words, "removes "+path)
		case was.IsValid() && !isDefaulted(path):
			words = append(words, "changes "+path+object.Suffix(is))
		}
	})
	return words
}

// defaulted are the fields that the API server itself fills in, by defaulting or by the admission plugins that are
// always on (ServiceAccount, Priority, DefaultTolerationSeconds): of the spec, of a container, and of a volume, however
// deep.
var (
	defaulted = fields(`restartPolicy terminationGracePeriodSeconds dnsPolicy serviceAccount serviceAccountName
		securityContext schedulerName priority preemptionPolicy enableServiceLinks nodeName overhead
		tolerations[node.kubernetes.io/not-ready] tolerations[node.kubernetes.io/unreachable]`)
	defaultedOfContainer = fields(`terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext
		resources resources.requests ports[].protocol ports[].hostPort
		volumeMounts[/var/run/secrets/kubernetes.io/serviceaccount] volumeMounts[].recursiveReadOnly
		env[].valueFrom.fieldRef.apiVersion env[].valueFrom.resourceFieldRef.divisor`)
	defaultedOfProbe = fields(`timeoutSeconds periodSeconds successThreshold failureThreshold grpc.service
		httpGet.scheme httpGet.path`)
	defaultedOfHook   = fields("httpGet.scheme httpGet.path")
	defaultedOfVolume = fields("defaultMode apiVersion type iscsiInterface fsType expirationSeconds volumeMode")
)

func fields(all string) sets.Set[string] { return sets.New(strings.Fields(all)...) }

func isDefaulted(path string) bool {
	path, ok := strings.CutPrefix(path, "spec.")
	list, rest, listed := strings.Cut(path, "[")
	name, field, _ := strings.Cut(rest, "]")
	field = strings.TrimPrefix(field, ".")
	switch {
	case !ok:
		return false
	case defaulted.Has(path):
		return true
	case !listed:
		return false
	case list == "volumes" && field == "":
		return strings.HasPrefix(name, "kube-api-access-")
	case list == "volumes":
		return defaultedOfVolume.Has(field[strings.LastIndex(field, ".")+1:])
	case list != "containers" && list != "initContainers":
		return false
	}
	if of, rest, _ := strings.Cut(field, "."); strings.HasSuffix(of, "Probe") {
		return defaultedOfProbe.Has(rest)
	} else if of == "lifecycle" {
		_, rest, _ = strings.Cut(rest, ".")
		return defaultedOfHook.Has(rest)
	}
	if defaultedOfContainer.Has(field) || strings.HasPrefix(field, "resources.requests") {
		return true
	}
	before, rest, _ := strings.Cut(field, "[") // an element of a list in a container
	_, after, _ := strings.Cut(rest, "]")
	return defaultedOfContainer.Has(before + "[]" + after)
}

// wanted is what of a Pod a client can ask for.
type wanted struct {
	Metadata struct {
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Finalizers  []string          `json:"finalizers,omitempty"`
	} `json:"metadata"`
	Spec corev1.PodSpec `json:"spec"`
}

func wantedOf(p *corev1.Pod) reflect.Value {
	w := &wanted{Spec: p.Spec}
	w.Metadata.Labels, w.Metadata.Annotations, w.Metadata.Finalizers = p.Labels, p.Annotations, p.Finalizers
	return reflect.ValueOf(w)
}
