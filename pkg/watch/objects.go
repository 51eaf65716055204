package watch

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// objects is the client of a kind.
func (f *Follower) objects(k Kind) dynamic.ResourceInterface {
	if k.Namespaced {
		return f.dynamic.Resource(k.GroupVersionResource).Namespace(f.Namespace)
	}
	return f.dynamic.Resource(k.GroupVersionResource)
}

// CreateObject makes an object that is no Pod, as an observed request. Follow must have returned before.
func (f *Follower) CreateObject(ctx context.Context, k Kind, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	record := f.acting("create", k, trace.Object{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()})
	made, err := f.objects(k).Create(withRecord(ctx, record), o, metav1.CreateOptions{FieldManager: manager})
	if err == nil {
		record.set(func(q *trace.Request) {
			q.Answer, q.ResourceVersion, q.Object.UID = made, made.GetResourceVersion(), string(made.GetUID())
		})
	}
	f.answered(record, err)
	return made, err
}

// acting is the record of a request that the run is about: it is observed when it is sent, too.
func (f *Follower) acting(verb string, k Kind, o trace.Object) *traced {
	record := &traced{request: trace.Request{Verb: verb, Resource: k.Resource, Object: o}}
	record.sent = func(r trace.Request) { f.emit(trace.Observation{Received: r.Sent, Request: &r}) }
	return record
}

// RemoveObject deletes the object with that uid and no other, unobserved, and what it owns after it. One that is already gone is
// no error.
func (f *Follower) RemoveObject(ctx context.Context, k Kind, name string, uid types.UID) error {
	for {
		options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(uid)), PropagationPolicy: new(metav1.DeletePropagationBackground)}
		err := f.objects(k).Delete(ctx, name, options)
		switch {
		case apierrors.IsNotFound(err) || apierrors.IsConflict(err):
			return nil
		case err == nil || !answerLost(err) || ctx.Err() != nil:
			return err
		}
		wait(ctx, pause)
	}
}
