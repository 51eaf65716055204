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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// answered emits the finished record of a request of ours.
func (f *Follower) answered(r *traced, err error) {
	if s, ok := err.(apierrors.APIStatus); ok {
		r.set(func(q *trace.Request) { q.Message = s.Status().Message })
	}
	request := r.get()
	f.emit(trace.Observation{Received: f.now(), Request: &request})
}

// Create makes the Pod. Follow must have returned before.
func (f *Follower) Create(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	record := &traced{request: trace.Request{Verb: "create", Resource: "pods", Object: trace.Object{Kind: "Pod", Namespace: f.Namespace, Name: pod.Name}, Asked: pod}}
	record.sent = func(r trace.Request) { f.emit(trace.Observation{Received: r.Sent, Request: &r}) }
	made, err := f.client.Pods(f.Namespace).Create(withRecord(ctx, record), pod, metav1.CreateOptions{FieldManager: manager})
	if err != nil && !record.get().Sent.IsZero() && answerLost(err) && f.created == nil { // else any Pod of that name may be an older one
		if there := f.findMade(ctx, pod.Name, err); there != nil {
			f.emit(trace.Observation{Received: f.now(), Loss: &trace.Loss{Source: "http", What: "the answer to the create: " + err.Error() + "; the Pod is there", Count: 1}})
			record.set(func(q *trace.Request) { q.Status, q.StatusText = 0, "" })
			f.answered(record, nil)
			f.afterCreate(there)
			return there, nil
		}
	}
	if err == nil {
		f.afterCreate(made)
		record.set(func(q *trace.Request) {
			q.Pod, q.ResourceVersion, q.Object.UID = made, made.ResourceVersion, string(made.UID)
		})
	}
	f.answered(record, err)
	return made, err
}

// manager is what managedFields call us.
const manager = "kubectl-seq"

func (f *Follower) afterCreate(p *corev1.Pod) {
	if f.created != nil {
		f.created(p)
	}
}

// answerLost reports whether a request may have been carried out although it failed.
func answerLost(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || passing(err) && !apierrors.IsTooManyRequests(err)
}

// findMade looks for the Pod that our create may have made although it failed. Where the server did answer, it has made
// one by then or not at all.
func (f *Follower) findMade(ctx context.Context, name string, failure error) *corev1.Pod {
	var answered apierrors.APIStatus
	for range 5 {
		p, err := f.client.Pods(f.Namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case err == nil:
			ours := slices.ContainsFunc(p.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager && e.Subresource == "" })
			if ours && (f.there == nil || f.there.UID != p.UID) {
				return p
			}
			return nil
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err) && errors.As(failure, &answered):
			return nil
		}
		wait(ctx, pause)
	}
	return nil
}

// Known is the Pod of that name that was there when Follow looked, or nil.
func (f *Follower) Known() *corev1.Pod { return f.there }

// Version asks the server for its version, such as v1.37.2.
func (f *Follower) Version(ctx context.Context) (string, error) {
	record := &traced{request: trace.Request{Verb: "get"}}
	var v version.Info
	body, err := f.client.RESTClient().Get().AbsPath("/version").SetHeader("Accept", runtime.ContentTypeJSON).DoRaw(withRecord(ctx, record))
	if err == nil {
		if err = json.Unmarshal(body, &v); err != nil {
			err = fmt.Errorf("read the server's version: %w", err)
		}
	}
	record.set(func(q *trace.Request) { q.ServerVersion = v.GitVersion })
	f.answered(record, err)
	return v.GitVersion, err
}
