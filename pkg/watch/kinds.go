package watch

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Scope is what a Follower follows in one namespace.
type Scope struct {
	Namespace string
	// Name is that of the one Pod to follow. Without it, every Pod whose name begins with one of the Prefixes is
	// followed, and so is every object of one of the Kinds.
	Name     string
	Prefixes []string
	Any      bool // every Pod is followed, and whatever Events are about
	Kinds    []Kind
	// Past has all Events that there are observed, not only those to come, and an Attach once all lists have been
	// answered.
	Past bool
	// Target is the object that the run is about, where it need not be there yet.
	Target *Target
}

// Target is an object that is waited for.
type Target struct {
	Kind
	Object seq.Object
}

// Kind is one kind of objects as the API serves it.
type Kind struct {
	schema.GroupVersionResource
	Namespaced bool
	Any        bool // whatever the objects are called
}

// Pods are the kind of which every run has some.
var Pods = Kind{GroupVersionResource: corev1.SchemeGroupVersion.WithResource("pods"), Namespaced: true}

// Includes reports whether an object of that name may be part of the run: controllers name what they make after its
// owner, and cut what gets too long.
func (s Scope) Includes(name string) bool {
	return s.Name != "" || s.Any || slices.ContainsFunc(s.Prefixes, func(p string) bool {
		if len(p) > 40 {
			return strings.HasPrefix(name, p[:40])
		}
		return name == p || strings.HasPrefix(name, p+"-")
	})
}

// includesClaim reports whether a claim of that name may be a StatefulSet's: TEMPLATE-NAME-ORDINAL.
func (s Scope) includesClaim(name string) bool {
	return slices.ContainsFunc(s.Prefixes, func(p string) bool { return strings.Contains(name, "-"+p+"-") })
}

// kind is one kind of object that is followed.
type kind struct {
	resource string
	fields   string
	list     func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch    func(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
	keep     func(runtime.Object) bool // it is followed
	observe  func(typ string, o runtime.Object) seq.Observation
}

// one is the selector of the one object that is followed, or nothing.
func (f *Follower) one(field string) string {
	if f.Name == "" {
		return ""
	}
	return field + "=" + f.Name
}

func (f *Follower) pods() kind { return f.podKind(f.client.Pods(f.Namespace)) }

func (f *Follower) podKind(c corev1client.PodInterface) kind {
	return kind{
		resource: "pods",
		fields:   f.one("metadata.name"),
		keep:     f.named,
		list:     func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
		watch: func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			return c.Watch(ctx, o)
		},
		observe: func(typ string, o runtime.Object) seq.Observation {
			p, _ := o.(*corev1.Pod)
			return seq.Observation{Change: &seq.Change{Type: typ, Pod: p}}
		},
	}
}

func (f *Follower) events() kind {
	c := f.client.Events(f.Namespace)
	return kind{
		resource: "events",
		fields:   f.one("involvedObject.kind=Pod,involvedObject.name"),
		keep: func(o runtime.Object) bool {
			e, ok := o.(*corev1.Event)
			if !ok {
				return false
			}
			about := e.InvolvedObject
			return f.Includes(about.Name) || f.strays.isAdopted(about.Name) ||
				about.Kind == "PersistentVolumeClaim" && f.includesClaim(about.Name)
		},
		list:  func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
		watch: c.Watch,
		observe: func(typ string, o runtime.Object) seq.Observation {
			e, _ := o.(*corev1.Event)
			return seq.Observation{Event: &seq.EventChange{Type: typ, Event: e}}
		},
	}
}

var endpointSlices = discoveryv1.SchemeGroupVersion.WithResource("endpointslices")

// endpointSlices come as protobuf: they have up to a hundred endpoints, and a revision for each Pod that becomes ready.
func (f *Follower) endpointSlices() kind {
	c := f.slices.EndpointSlices(f.Namespace)
	return kind{
		resource: endpointSlices.Resource,
		list:     func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
		watch:    c.Watch,
		keep:     func(runtime.Object) bool { return true },
		observe: func(typ string, o runtime.Object) seq.Observation {
			return seq.Observation{Change: &seq.Change{Type: typ, Object: sliceAsJSON(o)}}
		},
	}
}

// sliceAsJSON is an EndpointSlice as JSON would say it; nil of anything else.
func sliceAsJSON(o runtime.Object) *unstructured.Unstructured {
	s, ok := o.(*discoveryv1.EndpointSlice)
	if !ok {
		return nil
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s)
	if err != nil {
		return nil
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"))
	return u
}

// others are the kinds beside Pods and Events.
func (f *Follower) others() (all []kind) {
	for _, x := range f.Kinds {
		if x.GroupVersionResource == endpointSlices && x.Any {
			all = append(all, f.endpointSlices())
			continue
		}
		var c dynamic.ResourceInterface = f.dynamic.Resource(x.GroupVersionResource)
		if x.Namespaced {
			c = f.dynamic.Resource(x.GroupVersionResource).Namespace(f.Namespace)
		}
		k := kind{
			resource: x.Resource,
			list:     func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
			watch:    c.Watch,
			keep:     f.named,
			observe: func(typ string, o runtime.Object) seq.Observation {
				u, _ := o.(*unstructured.Unstructured)
				return seq.Observation{Change: &seq.Change{Type: typ, Object: u}}
			},
		}
		if x.Any {
			k.keep = func(runtime.Object) bool { return true }
		}
		all = append(all, k)
	}
	return all
}
