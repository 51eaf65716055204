package watch

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	record := &traced{request: trace.Request{Verb: "create", Resource: "pods", Object: trace.Object{Kind: "Pod", Namespace: f.Namespace, Name: f.Name}}}
	record.sent = func(r trace.Request) { f.emit(trace.Observation{Received: r.Sent, Request: &r}) }
	made, err := f.client.Pods(f.Namespace).Create(withRecord(ctx, record), pod, metav1.CreateOptions{FieldManager: "kubectl-seq"})
	if err == nil {
		record.set(func(q *trace.Request) {
			q.Pod, q.ResourceVersion, q.Object.UID = made, made.ResourceVersion, string(made.UID)
		})
	}
	f.answered(record, err)
	return made, err
}

// Delete removes the Pod with that uid and no other. One that is already gone is no error.
func (f *Follower) Delete(ctx context.Context, uid types.UID) error {
	err := f.client.Pods(f.Namespace).Delete(ctx, f.Name, *metav1.NewPreconditionDeleteOptions(string(uid)))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

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
