package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
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
		default:
			o.Webhooks, err = f.webhooks(ctx)
		}
		if err != nil || o.Lease == nil && o.Node == nil && o.Webhooks == nil && o.Change == nil {
			refused.Store(q.Kind == "owner" || apierrors.IsForbidden(err) || apierrors.IsNotFound(err))
			return
		}
		o.Received = f.now()
		f.emit(o)
	})
}

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

// missingOwner says that an owner is gone, if the API server knows nothing of its name, or another by that name. It
// returns nil where the owner is there.
func (f *Follower) missingOwner(ctx context.Context, q seq.Question) (*seq.Change, error) {
	group, err := schema.ParseGroupVersion(q.APIVersion)
	if err != nil {
		return nil, err
	}
	resource, _ := meta.UnsafeGuessKindToResource(group.WithKind(q.Owner.Kind))
	record := f.record(seq.Request{Verb: "get", Resource: resource.Resource})
	is, err := f.dynamic.Resource(resource).Namespace(q.Owner.Namespace).Get(withRecord(ctx, record), q.Owner.Name,
		metav1.GetOptions{})
	f.answered(record, err)
	// An address that leads nowhere, as that of a kind without namespaces, is not found either.
	gone := apierrors.IsNotFound(err) && strings.Contains(err.Error(), fmt.Sprintf("%q not found", q.Owner.Name))
	if err == nil && string(is.GetUID()) == q.Owner.UID || err != nil && !gone {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(q.APIVersion)
	u.SetKind(q.Owner.Kind)
	u.SetNamespace(q.Owner.Namespace)
	u.SetName(q.Owner.Name)
	u.SetUID(types.UID(q.Owner.UID))
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
