package trace

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
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

var ruleAdmission = rule{
	Rule: seq.Rule{
		Name:    "admission",
		Trigger: "the answer to our own POST",
		Proves:  "the stored Pod is not the one we sent, or the answer, the audit log or a span names the webhook",
		Gist:    "Admission may change or refuse the Pod before it is stored.",
		Explain: "Before it stores an object the API server hands it to its admission plugins, and to the webhooks that are " +
			"registered for it, which may change it, then to those that may refuse it.",
		Doc: docs + "reference/access-authn-authz/extensible-admission-controllers/",
	},
	of: ofAll, from: seq.APIServer, kind: seq.RequestKind, at: seq.AtStart,
	certainty: seq.Observed, detail: seq.Normal,
	derive: deriveAdmission,
}

// deriveAdmission tells what happened inside the request that made the Pod: which webhooks were asked, and what changed.
func deriveAdmission(s *story, emit func(claim)) {
	q := s.ownCreate()
	if q == nil {
		return
	}
	changed := s.admitted
	hooks := s.consulted(q, changed)
	var last []string
	for _, h := range hooks {
		key := "webhook:" + h.name
		step := seq.Step{Key: key, Call: key, From: seq.APIServer, To: seq.Webhook(h.name), Label: "AdmissionReview: Pod " + s.object.Name, Object: s.object, Clock: seq.APIServer, Evidence: []seq.Evidence{h.evidence}, Window: seq.Window{Earliest: q.Sent, Latest: q.FirstByte}}
		end := step
		end.Key, end.From, end.To, end.Kind, end.At, end.Label = key+":end", step.To, seq.APIServer, seq.ResponseKind, seq.AtEnd, "answers"
		if h.answer != "" {
			end.Label = h.answer
		}
		if h.inferred {
			step.Certainty, end.Certainty = seq.Inferred, seq.Inferred
		}
		if h.span != nil {
			step.Window, step.Best = s.startOf(h.span)
			end.Window, end.Best = s.endOf(h.span)
			step.Shown, end.Shown, step.Precision, end.Precision = true, true, spanPrecision, spanPrecision
		}
		emit(claim{Step: step, after: append(last, callKey(q))})
		emit(claim{Step: end, after: []string{key}, lag: time.Millisecond})
		last = []string{end.Key}
	}
	if len(changed) > 0 {
		note := seq.Step{Key: "admission", From: seq.APIServer, To: seq.APIServer, Kind: seq.NoteKind, At: seq.AtEnd, Label: "admission " + strings.Join(changed, ", "), Object: s.object, Clock: seq.APIServer, Window: seq.Window{Earliest: q.Sent, Latest: q.FirstByte}}
		note.Evidence = []seq.Evidence{{Source: "http", Detail: "the answer to our own request against what it asked for", ResourceVersion: q.ResourceVersion, At: q.FirstByte}}
		emit(claim{Step: note, after: append(last, callKey(q))})
		last = []string{note.Key}
	}
	// Admission comes before storage, or before the refusal.
	for _, key := range []string{callKey(q) + ":end", s.etcdKey(s.createRevision())} {
		there := s.createRevision() != 0
		if strings.HasSuffix(key, ":end") {
			there = q.Status != 0 && !q.FirstByte.IsZero()
		}
		if last != nil && there {
			emit(claim{Step: seq.Step{Key: key, From: seq.APIServer}, after: last})
		}
	}
}

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
				e.Detail = "the entry says that webhook " + w.Name + " of " + w.Configuration + " was asked; " + e.Detail
				add(consulted{name: w.Name, answer: answer(w.Name), evidence: e})
			}
		}
	}
	if m := deniedBy.FindStringSubmatch(q.Message); m != nil && q.Status >= 300 {
		denied := consulted{name: m[1], answer: "denies: " + m[2], evidence: seq.Evidence{Source: "http", Detail: "the answer to our own request names it", At: q.FirstByte}}
		if i := slices.IndexFunc(all, func(o consulted) bool { return o.name == m[1] }); i >= 0 {
			all[i].answer = denied.answer
		}
		add(denied)
	}
	if len(all) == 0 && slices.ContainsFunc(changed, func(word string) bool { return !builtIn.MatchString(word) }) && s.webhooks != nil && len(s.webhooks.Mutating) == 1 {
		e := seq.Evidence{Source: "http", Detail: "it is the only mutating webhook for Pods, and the answer to our own request is not what it asked for", ResourceVersion: q.ResourceVersion, At: q.FirstByte}
		all = append(all, consulted{name: s.webhooks.Mutating[0], answer: "changes the Pod", inferred: true, evidence: e})
	}
	return all
}

// builtIn are changes that plugins of the API server itself make, where a namespace is set up so.
var builtIn = regexp.MustCompile(`kubernetes\.io/limit-ranger|\.resources|spec\.(imagePullSecrets|priorityClassName|nodeSelector|tolerations)`)

// admissionOf is what a create changed. It takes long to find out, and is asked again after every observation.
type admissionOf struct {
	create  *seq.Request
	changed []string
}

func (t *Trace) admitted(q *seq.Request) []string {
	if t.admission.create != q {
		t.admission = admissionOf{q, changedByAdmission(q)}
	}
	return t.admission.changed
}

// changedByAdmission says what the API server stored beyond or instead of what the request asked for, its own defaults aside.
func changedByAdmission(q *seq.Request) []string {
	if q == nil || q.Asked == nil || q.Pod == nil {
		return nil
	}
	asked, stored := plainPod(q.Asked), plainPod(q.Pod)
	var words []string
	differ("", asked, stored, func(path string, was, is any) {
		switch {
		case was == nil && !defaulted.MatchString(path):
			words = append(words, "adds "+path+shortly(is))
		case was != nil && is == nil:
			words = append(words, "removes "+path)
		case was != nil && !defaulted.MatchString(path):
			words = append(words, "changes "+path+shortly(is))
		}
	})
	return words
}

// shortly is a value that is one word, as a suffix.
func shortly(v any) string {
	switch v.(type) {
	case map[string]any, []any:
		return ""
	}
	if text := fmt.Sprint(v); len(text) <= 60 {
		return "=" + text
	}
	return ""
}

// defaulted are the fields that the API server itself fills in, by defaulting or by the admission plugins that are always
// on (ServiceAccount, Priority, DefaultTolerationSeconds).
var defaulted = regexp.MustCompile(`^spec\.(restartPolicy|terminationGracePeriodSeconds|dnsPolicy|serviceAccount|serviceAccountName|securityContext|schedulerName|priority|preemptionPolicy|enableServiceLinks|nodeName` +
	`|tolerations\[node\.kubernetes\.io/(not-ready|unreachable)\]|volumes\[kube-api-access-\w+\]` +
	`|volumes\[[^]]*\](\..*)?\.(defaultMode|apiVersion|type|iscsiInterface|fsType|expirationSeconds|volumeMode)|overhead` +
	`|(initContainers|containers)\[[^]]*\]\.(terminationMessagePath|terminationMessagePolicy|imagePullPolicy|securityContext|resources|resources\.requests.*|ports\[[^]]*\]\.(protocol|hostPort)` +
	`|volumeMounts\[/var/run/secrets/kubernetes\.io/serviceaccount\]|volumeMounts\[[^]]*\]\.recursiveReadOnly` +
	`|(livenessProbe|readinessProbe|startupProbe)\.(timeoutSeconds|periodSeconds|successThreshold|failureThreshold|grpc\.service|httpGet\.(scheme|path))` +
	`|lifecycle\.\w+\.httpGet\.(scheme|path)|env\[[^]]*\]\.valueFrom\.(fieldRef\.apiVersion|resourceFieldRef\.divisor)))$`)

// plainPod is a Pod without what every stored object has.
func plainPod(p *corev1.Pod) map[string]any {
	plain := &corev1.Pod{Spec: p.Spec}
	plain.Labels, plain.Annotations, plain.Finalizers = p.Labels, p.Annotations, p.Finalizers
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(plain)
	if err != nil {
		return nil
	}
	delete(out, "status")
	return out
}

// differ walks two values and reports where they differ, by paths such as spec.containers[app].image.
func differ(path string, was, is any, report func(path string, was, is any)) {
	a, aMap := byKey(was)
	b, bMap := byKey(is)
	switch {
	case aMap && bMap:
		list := isList(is)
		for _, k := range slices.Sorted(maps.Keys(b)) {
			differ(join(path, k, list), a[k], b[k], report)
		}
		for _, k := range slices.Sorted(maps.Keys(a)) {
			if _, there := b[k]; !there {
				report(join(path, k, list), a[k], nil)
			}
		}
	case was == nil && bMap && (isList(is) || collections[path]):
		differ(path, map[string]any{}, is, report)
	case !reflect.DeepEqual(was, is) && !(was == nil && len(b) == 0 && bMap):
		report(path, was, is)
	}
}

// collections are maps whose entries count, where others are objects.
var collections = map[string]bool{"metadata.labels": true, "metadata.annotations": true, "spec.nodeSelector": true}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

func join(path, key string, list bool) string {
	switch {
	case list:
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// byKey sees a list of named things as a map, as the API does when it merges them.
func byKey(v any) (map[string]any, bool) {
	switch x := v.(type) {
	case map[string]any:
		return x, true
	case []any:
		out := map[string]any{}
		for i, e := range x {
			key := fmt.Sprint(i)
			if m, ok := e.(map[string]any); ok {
				for _, name := range []string{"mountPath", "name", "key", "containerPort"} {
					if n, ok := m[name]; ok {
						key = fmt.Sprint(n)
						break
					}
				}
			}
			out[key] = e
		}
		return out, true
	}
	return nil, false
}
