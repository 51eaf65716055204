package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// objects is the client of a kind.
func (f *Follower) objects(k Kind) dynamic.ResourceInterface {
	if k.Namespaced {
		return f.dynamic.Resource(k.GroupVersionResource).Namespace(f.Namespace)
	}
	return f.dynamic.Resource(k.GroupVersionResource)
}

// CreateObject makes an object that is no Pod, as an observed request. Follow must have returned before.
func (f *Follower) CreateObject(ctx context.Context, k Kind,
	o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	record := f.acting("create", k, seq.Object{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()})
	c := f.objects(k)
	return create(ctx, f, record, func(ctx context.Context) (*unstructured.Unstructured, error) {
		return c.Create(ctx, o, createOptions)
	}, func(ctx context.Context) (*unstructured.Unstructured, error) {
		return c.Get(ctx, o.GetName(), metav1.GetOptions{})
	})
}

// acting is the record of a request that the run is about: it is observed when it is sent, too.
func (f *Follower) acting(verb string, k Kind, o seq.Object) *traced {
	record := f.record(seq.Request{Verb: verb, Resource: k.Resource, Object: o})
	record.sent = func(r seq.Request) { f.emit(seq.Observation{Received: r.Sent, Request: &r}) }
	return record
}

// Remove deletes the object with that uid and no other, unobserved, and what it owns after it. One that is already gone
// is no error.
func (f *Follower) Remove(ctx context.Context, k Kind, name string, uid types.UID) error {
	return f.remove(ctx, k, name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(uid)),
		PropagationPolicy: new(metav1.DeletePropagationBackground)})
}

// RemoveSoon does that with a grace period of one second, and returns once the object and what it owned are gone. It is
// an error where the context ends before, or where we may not look.
func (f *Follower) RemoveSoon(ctx context.Context, k Kind, name string, uid types.UID) error {
	policy := metav1.DeletePropagationForeground
	if k == Pods { // which own nothing
		policy = metav1.DeletePropagationBackground
	}
	if err := f.remove(ctx, k, name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(uid)),
		PropagationPolicy: &policy, GracePeriodSeconds: new(int64(1))}); err != nil {
		return err
	}
	return utilwait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		is, err := f.objects(k).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) || err == nil && is.GetUID() != uid:
			return true, nil
		case apierrors.IsForbidden(err):
			return false, err
		}
		return false, nil
	})
}

func (f *Follower) remove(ctx context.Context, k Kind, name string, options metav1.DeleteOptions) error {
	for {
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

// Delete asks for the deletion of an object, as an observed request. Without a uid it is the Pod that was there when
// Follow looked; grace is the grace period in seconds, or nil for its own. The policy says what becomes of what it
// owns: the garbage collector deletes that after it (background), before it (foreground), or leaves it (orphan).
func (f *Follower) Delete(ctx context.Context, k Kind, o seq.Object, grace *int64,
	policy metav1.DeletionPropagation) error {
	if o.UID == "" && f.there != nil {
		o.UID = string(f.there.UID)
	}
	if o.UID == "" {
		return apierrors.NewNotFound(k.GroupResource(), o.Name)
	}
	record := f.acting("delete", k, o)
	record.Set(func(q *seq.Request) { q.Propagation = string(policy) })
	options := metav1.DeleteOptions{GracePeriodSeconds: grace, Preconditions: metav1.NewUIDPreconditions(o.UID),
		PropagationPolicy: &policy}
	body, err := json.Marshal(options)
	if err != nil {
		return err
	}
	request := f.client.RESTClient().Delete().AbsPath(k.path(o)).SetHeader("Accept",
		runtime.ContentTypeJSON).SetHeader("Content-Type", runtime.ContentTypeJSON)
	result := request.Body(body).Do(withRecord(ctx, record))
	if err = result.Error(); err == nil { // which reads what the server says, as Raw does not
		text, _ := result.Raw()
		err = deleted(record, text)
	}
	f.answered(record, err)
	return err
}

// path is where the API has an object.
func (k Kind) path(o seq.Object) string {
	p := "/api/" + k.Version
	if k.Group != "" {
		p = "/apis/" + k.Group + "/" + k.Version
	}
	if k.Namespaced {
		p += "/namespaces/" + o.Namespace
	}
	return p + "/" + k.Resource + "/" + o.Name
}

// deleted reads the answer to a delete: the object where it is still there, else a Status.
func deleted(record *traced, text []byte) error {
	var u unstructured.Unstructured
	if err := json.Unmarshal(text, &u); err != nil {
		return fmt.Errorf("the answer to the delete: %w", err)
	}
	if u.GetKind() == "Status" {
		return nil
	}
	var pod *corev1.Pod
	if u.GetKind() == "Pod" {
		pod = &corev1.Pod{}
		if err := json.Unmarshal(text, pod); err != nil {
			return fmt.Errorf("the answer to the delete: %w", err)
		}
	}
	record.Set(func(q *seq.Request) {
		q.ResourceVersion = u.GetResourceVersion()
		if q.Pod = pod; pod == nil {
			q.Answer = &u
		}
	})
	return nil
}
