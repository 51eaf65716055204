package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	admissionregistration "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// askAgain is how old an answer gets before its question is asked anew.
const askAgain = 5 * time.Second

// Ask asks the cluster, unless it has been asked just now or cannot answer; answers are observations. It does not wait,
// and is not safe for concurrent use.
func (f *Follower) Ask(ctx context.Context, q seq.Question) {
	if f.now().Before(f.asked[q].Add(askAgain)) || f.refused[q] != nil && f.refused[q].Load() {
		return
	}
	f.asked[q] = f.now()
	if f.refused[q] == nil {
		f.refused[q] = new(atomic.Bool)
	}
	refused := f.refused[q]
	f.asking.Add(1)
	f.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, askAgain)
		defer cancel()
		var o seq.Observation
		var err error
		switch q.Kind {
		case "lease":
			o.Lease, err = f.lease(ctx, q.Node)
		case "node":
			o.Node, err = f.node(ctx, q.Node)
		case "owner":
			o.Change, err = f.missingOwner(ctx, q)
		case "object":
			o.Lookup, err = f.lookup(ctx, q)
		case "users":
			o.Lookup, err = f.users(ctx, q)
		default:
			o.Webhooks, err = f.webhooks(ctx)
		}
		f.asking.Add(-1)
		if err != nil || o.Lease == nil && o.Node == nil && o.Webhooks == nil && o.Change == nil && o.Lookup == nil {
			refused.Store(q.Kind == "owner" || apierrors.IsForbidden(err) || apierrors.IsNotFound(err))
			return
		}
		o.Received = f.now()
		f.emit(o)
	})
}

// Asking reports whether a question has not been answered yet.
func (f *Follower) Asking() bool { return f.asking.Load() > 0 }

func (f *Follower) lease(ctx context.Context, node string) (*seq.Lease, error) {
	c, err := coordination.NewForConfigAndClient(f.config, f.http)
	if err != nil {
		return nil, err
	}
	record := f.record(seq.Request{Verb: "get", Resource: "leases"})
	l, err := c.Leases("kube-node-lease").Get(withRecord(ctx, record), node, metav1.GetOptions{})
	f.answered(record, err)
	if err != nil || l.Spec.RenewTime == nil || l.Spec.LeaseDurationSeconds == nil {
		return nil, err
	}
	return &seq.Lease{Node: node, Renewed: l.Spec.RenewTime.Time, Seconds: int(*l.Spec.LeaseDurationSeconds)}, nil
}

func (f *Follower) node(ctx context.Context, name string) (*seq.Node, error) {
	c, err := corev1client.NewForConfigAndClient(f.config, f.http)
	if err != nil {
		return nil, err
	}
	record := f.record(seq.Request{Verb: "get", Resource: "nodes"})
	n, err := c.Nodes().Get(withRecord(ctx, record), name, metav1.GetOptions{})
	f.answered(record, err)
	if err != nil {
		return nil, err
	}
	runtime, _, _ := strings.Cut(n.Status.NodeInfo.ContainerRuntimeVersion, "://")
	return &seq.Node{Name: name, Runtime: seq.Participant(runtime)}, nil
}

// get returns the object that is asked for, or nil where the API server knows nothing of its name.
func (f *Follower) get(ctx context.Context, q seq.Question) (*unstructured.Unstructured, error) {
	group, err := schema.ParseGroupVersion(q.APIVersion)
	if err != nil {
		return nil, err
	}
	resource, _ := meta.UnsafeGuessKindToResource(group.WithKind(q.Object.Kind))
	record := f.record(seq.Request{Verb: "get", Resource: resource.Resource})
	is, err := f.dynamic.Resource(resource).Namespace(q.Object.Namespace).Get(withRecord(ctx, record), q.Object.Name,
		metav1.GetOptions{})
	f.answered(record, err)
	// An address that leads nowhere, as that of a kind without namespaces, is not found either.
	if apierrors.IsNotFound(err) && strings.Contains(err.Error(), fmt.Sprintf("%q not found", q.Object.Name)) {
		return nil, nil
	}
	return is, err
}

// lookup answers with the object that is asked for, or that there is none.
func (f *Follower) lookup(ctx context.Context, q seq.Question) (*seq.Lookup, error) {
	is, err := f.get(ctx, q)
	if err != nil {
		return nil, err
	}
	if is != nil {
		is.SetManagedFields(nil)
		is.SetAnnotations(without(is.GetAnnotations(), corev1.LastAppliedConfigAnnotation))
	}
	return &seq.Lookup{Object: q.Object, Found: is}, nil
}

func without(m map[string]string, key string) map[string]string {
	delete(m, key)
	return m
}

// users answers with the Pods that use a claim.
func (f *Follower) users(ctx context.Context, q seq.Question) (*seq.Lookup, error) {
	c, err := corev1client.NewForConfigAndClient(f.config, f.http)
	if err != nil {
		return nil, err
	}
	record := f.record(seq.Request{Verb: "list", Resource: "pods"})
	list, err := c.Pods(q.Object.Namespace).List(withRecord(ctx, record), metav1.ListOptions{})
	f.answered(record, err)
	if err != nil {
		return nil, err
	}
	l := &seq.Lookup{Object: q.Object, Users: []seq.Object{}}
	for i := range list.Items {
		p := &list.Items[i]
		if slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == q.Object.Name ||
				v.Ephemeral != nil && p.Name+"-"+v.Name == q.Object.Name
		}) {
			l.Users = append(l.Users, seq.Object{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: string(p.UID)})
		}
	}
	return l, nil
}

// missingOwner says that an owner is gone, if the API server knows nothing of its name, or another by that name. It
// returns nil where the owner is there.
func (f *Follower) missingOwner(ctx context.Context, q seq.Question) (*seq.Change, error) {
	is, err := f.get(ctx, q)
	if err != nil || is != nil && string(is.GetUID()) == q.Object.UID {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(q.APIVersion)
	u.SetKind(q.Object.Kind)
	u.SetNamespace(q.Object.Namespace)
	u.SetName(q.Object.Name)
	u.SetUID(types.UID(q.Object.UID))
	return &seq.Change{Type: "GONE", Object: u}, nil
}

func (f *Follower) webhooks(ctx context.Context) (*seq.Webhooks, error) {
	c, err := admissionregistration.NewForConfigAndClient(f.config, f.http)
	if err != nil {
		return nil, err
	}
	record := f.record(seq.Request{Verb: "list", Resource: "mutatingwebhookconfigurations"})
	list, err := c.MutatingWebhookConfigurations().List(withRecord(ctx, record), metav1.ListOptions{})
	f.answered(record, err)
	if err != nil {
		return nil, err
	}
	out := &seq.Webhooks{Mutating: []string{}}
	for _, configuration := range list.Items {
		for _, w := range configuration.Webhooks {
			if slices.ContainsFunc(w.Rules, forPods) {
				out.Mutating = append(out.Mutating, w.Name)
			}
		}
	}
	return out, nil
}

// forPods reports whether a webhook is asked when a Pod is created. Selectors and conditions are not looked at: they
// can only make it less likely.
func forPods(r admissionregistrationv1.RuleWithOperations) bool {
	has := func(all []string, one string) bool { return slices.Contains(all, one) || slices.Contains(all, "*") }
	created := slices.Contains(r.Operations, admissionregistrationv1.Create) ||
		slices.Contains(r.Operations, admissionregistrationv1.OperationAll)
	return created && has(r.APIGroups, "") && (has(r.Resources, "pods") || slices.Contains(r.Resources, "*/*"))
}
