package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// answered emits the finished record of a request of ours.
func (f *Follower) answered(r *traced, err error) {
	if s, ok := err.(apierrors.APIStatus); ok {
		r.Set(func(q *seq.Request) { q.Message = s.Status().Message })
	}
	request := r.Get()
	f.emit(seq.Observation{Received: f.now(), Request: &request})
}

// createOptions are those of kubectl create, which has a field refused that its object's kind does not have.
var createOptions = metav1.CreateOptions{FieldManager: seq.FieldManager, FieldValidation: metav1.FieldValidationStrict}

// Create makes the Pod. Follow must have returned before.
func (f *Follower) Create(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	record := f.acting("create", Pods, seq.Object{Kind: "Pod", Namespace: f.Namespace, Name: pod.Name})
	record.Set(func(q *seq.Request) { q.SentPod = pod })
	c := f.client.Pods(f.Namespace)
	made, err := create(ctx, f, record, func(ctx context.Context) (*corev1.Pod, error) {
		return c.Create(ctx, pod, createOptions)
	}, func(ctx context.Context) (*corev1.Pod, error) { return c.Get(ctx, pod.Name, metav1.GetOptions{}) })
	if err == nil && f.created != nil {
		f.created(made)
	}
	return made, err
}

// create sends what makes an object. Where it may have made one although there is no answer, it gets that, and says so.
func create[T metav1.Object](ctx context.Context, f *Follower, record *traced, send,
	get func(context.Context) (T, error)) (made T, err error) {
	made, err = send(withRecord(ctx, record))
	q := record.Get()
	if err != nil && !q.Sent.IsZero() && answerLost(err) && f.knownUIDs[q.Resource] != nil {
		if there, ok := findMade(ctx, f.knownUIDs[q.Resource], get, err); ok {
			f.emit(seq.Observation{Received: f.now(),
				Loss: &seq.Loss{Source: "http",
					What: "the answer to the create: " + err.Error() + "; the " + q.Object.Kind + " is there", Count: 1}})
			record.Set(func(q *seq.Request) { q.Status, q.StatusText = 0, "" })
			f.answered(record, nil)
			return there, nil
		}
	}
	if err == nil {
		record.Set(func(q *seq.Request) {
			q.ResourceVersion, q.Object.UID = made.GetResourceVersion(), string(made.GetUID())
			switch o := any(made).(type) {
			case *corev1.Pod:
				q.Pod = o
			case *unstructured.Unstructured:
				q.Answer = o
			}
		})
	}
	f.answered(record, err)
	return made, err
}

// answerLost reports whether a request may have been carried out although it failed.
func answerLost(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || passing(err) && !apierrors.IsTooManyRequests(err)
}

// findMade looks for the object that our create may have made although it failed, among which are none of those that
// were there before. Where the server did answer, it has made one by then or not at all.
func findMade[T metav1.Object](ctx context.Context, before map[types.UID]bool, get func(context.Context) (T, error),
	failure error) (made T, ok bool) {
	var answered apierrors.APIStatus
	for range 5 {
		o, err := get(ctx)
		switch {
		case err == nil:
			ours := slices.ContainsFunc(o.GetManagedFields(),
				func(e metav1.ManagedFieldsEntry) bool { return e.Manager == seq.FieldManager && e.Subresource == "" })
			return o, ours && !before[o.GetUID()]
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err) && errors.As(failure, &answered):
			return made, false
		}
		wait(ctx, pause)
	}
	return made, false
}

// Version asks the server for its version, such as v1.37.2.
func (f *Follower) Version(ctx context.Context) (string, error) {
	record := f.record(seq.Request{Verb: "get"})
	var v version.Info
	body, err := f.client.RESTClient().Get().AbsPath("/version").SetHeader("Accept",
		runtime.ContentTypeJSON).DoRaw(withRecord(ctx, record))
	if err == nil {
		if err = json.Unmarshal(body, &v); err != nil {
			err = fmt.Errorf("read the server's version: %w", err)
		}
	}
	record.Set(func(q *seq.Request) { q.ServerVersion = v.GitVersion })
	f.answered(record, err)
	return v.GitVersion, err
}
