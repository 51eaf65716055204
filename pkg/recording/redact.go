package recording

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// redactor replaces what may be secret. It gives equal values one number, so that a change still shows as one.
type redactor map[string]int

func (r redactor) value(s *string) {
	if *s == "" {
		return
	}
	if r[*s] == 0 {
		r[*s] = len(r) + 1
	}
	*s = fmt.Sprint("redacted ", r[*s])
}

func (r redactor) annotations(all map[string]string) {
	for k, v := range all {
		if !plainAnnotations[k] {
			r.value(&v)
		}
		all[k] = v
	}
}

// plainAnnotations are those by which Kubernetes itself says what it has done: what holds an object may be told by
// them.
var plainAnnotations = map[string]bool{"kubernetes.io/limit-ranger": true, "volume.kubernetes.io/selected-node": true,
	"volume.kubernetes.io/storage-provisioner": true}

// observation returns o with copies of what it replaces.
func (r redactor) observation(o seq.Observation) seq.Observation {
	switch {
	case o.Change != nil && o.Change.Pod != nil:
		o.Change = &seq.Change{Type: o.Change.Type, Pod: r.pod(o.Change.Pod)}
	case o.Change != nil && o.Change.Object != nil:
		o.Change = &seq.Change{Type: o.Change.Type, Object: r.object(o.Change.Object)}
	case o.Request != nil && o.Request.Answer != nil:
		request := *o.Request
		request.Answer = r.object(request.Answer)
		o.Request = &request
	case o.Request != nil && (o.Request.Pod != nil || o.Request.SentPod != nil):
		request := *o.Request
		request.SentPod, request.Pod = r.pod(request.SentPod), r.pod(request.Pod)
		o.Request = &request
	case o.Lookup != nil && o.Lookup.Found != nil:
		lookup := *o.Lookup
		lookup.Found = r.object(lookup.Found)
		o.Lookup = &lookup
	case o.Engine != nil: // labels are among its attributes
		event := *o.Engine
		event.Attributes = map[string]string{}
		for _, name := range []string{"name", "image", "container", "exitCode", "signal", "type"} {
			if v, ok := o.Engine.Attributes[name]; ok {
				event.Attributes[name] = v
			}
		}
		o.Engine = &event
	case o.Event != nil && o.Event.Event != nil:
		o.Event = &seq.EventChange{Type: o.Event.Type, Event: o.Event.Event.DeepCopy()}
		r.annotations(o.Event.Event.Annotations)
	}
	return o
}

func (r redactor) object(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	for _, field := range []string{"data", "stringData", "binaryData"} {
		r.values(u.Object[field])
	}
	r.walk(u.Object)
	return u
}

// walk replaces annotations and the values of environment variables and headers, wherever they are: workloads have
// templates of Pods, and templates of such.
func (r redactor) walk(v any) {
	switch x := v.(type) {
	case map[string]any:
		for key, below := range x {
			switch key {
			case "annotations":
				r.values(below)
			case "env", "httpHeaders":
				items, _ := below.([]any)
				for _, e := range items {
					if m, ok := e.(map[string]any); ok {
						r.field(m, "value")
					}
				}
			case "managedFields":
			default:
				r.walk(below)
			}
		}
	case []any:
		for _, e := range x {
			r.walk(e)
		}
	}
}

func (r redactor) values(v any) {
	m, _ := v.(map[string]any)
	for key := range m {
		if !plainAnnotations[key] {
			r.field(m, key)
		}
	}
}

func (r redactor) field(m map[string]any, key string) {
	if s, ok := m[key].(string); ok {
		r.value(&s)
		m[key] = s
	}
}

func (r redactor) pod(p *corev1.Pod) *corev1.Pod {
	if p == nil {
		return nil
	}
	p = p.DeepCopy()
	r.annotations(p.Annotations)
	for _, c := range p.Spec.InitContainers {
		r.container(c)
	}
	for _, c := range p.Spec.Containers {
		r.container(c)
	}
	for _, c := range p.Spec.EphemeralContainers {
		r.container(corev1.Container(c.EphemeralContainerCommon))
	}
	for _, all := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses,
		p.Status.EphemeralContainerStatuses} {
		for _, c := range all {
			for _, s := range []corev1.ContainerState{c.State, c.LastTerminationState} {
				if s.Terminated != nil && s.Terminated.Reason != "StartError" && s.Terminated.Reason != "ContainerCannotRun" {
					// that message is the runtime's
					r.value(&s.Terminated.Message)
				}
			}
		}
	}
	return p
}

// container replaces what c refers to.
func (r redactor) container(c corev1.Container) {
	for i := range c.Env {
		r.value(&c.Env[i].Value)
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p != nil {
			r.headers(p.HTTPGet)
		}
	}
	if c.Lifecycle != nil {
		for _, h := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if h != nil {
				r.headers(h.HTTPGet)
			}
		}
	}
}

func (r redactor) headers(get *corev1.HTTPGetAction) {
	if get != nil {
		for i := range get.HTTPHeaders {
			r.value(&get.HTTPHeaders[i].Value)
		}
	}
}
