package watch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Command is what to run in a container.
type Command struct {
	Container      string
	Args           []string
	ListsProcesses bool                            // it only looks at the container's processes
	Stdin          io.Reader                       // or nil
	Stdout, Stderr io.Writer                       // a command with a terminal has but one output
	Terminal       remotecommand.TerminalSizeQueue // it is to have one, of these sizes; or nil
}

// Exec runs a command in a container of a Pod, as an observed request, and returns once it has ended. That its exit
// code is not 0 is no error. Like kubectl it asks for a WebSocket, and for SPDY where it does not get one: that is
// another request.
func (f *Follower) Exec(ctx context.Context, pod seq.Object, c Command) error {
	if pod.UID == "" && f.there != nil {
		pod.UID = string(f.there.UID)
	}
	switched, err := f.exec(ctx, pod, c, http.MethodGet,
		func(config *rest.Config, r *rest.Request) (remotecommand.Executor, error) {
			return remotecommand.NewWebSocketExecutor(config, http.MethodGet, r.URL().String())
		})
	if switched || !httpstream.IsUpgradeFailure(err) && !httpstream.IsHTTPSProxyError(err) {
		return err
	}
	refused := reason(err)
	if apierrors.IsBadRequest(refused) || apierrors.IsNotFound(refused) { // so would the other be
		return refused
	}
	switched, err = f.exec(ctx, pod, c, http.MethodPost,
		func(config *rest.Config, r *rest.Request) (remotecommand.Executor, error) {
			return remotecommand.NewSPDYExecutor(config, http.MethodPost, r.URL())
		})
	if _, ok := refused.(apierrors.APIStatus); ok && !switched { // which says more
		return refused
	}
	return err
}

// reason is what the server said of a connection that it did not switch.
func reason(err error) error {
	var upgrade *httpstream.UpgradeFailureError
	if errors.As(err, &upgrade) {
		return upgrade.Cause
	}
	return err
}

// exec makes one request of it, and reports whether its connection was switched.
func (f *Follower) exec(ctx context.Context, pod seq.Object, c Command, method string,
	make func(*rest.Config, *rest.Request) (remotecommand.Executor, error)) (switched bool, err error) {
	request := f.client.RESTClient().Verb(method).Namespace(pod.Namespace).Resource("pods").
		Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: c.Container, Command: c.Args, Stdin: c.Stdin != nil, Stdout: true, Stderr: c.Terminal == nil,
			TTY: c.Terminal != nil,
		}, scheme.ParameterCodec)
	executor, err := make(f.config, request)
	if err != nil {
		return false, err
	}
	record := f.acting("exec", Pods, pod)
	record.Set(func(q *seq.Request) {
		q.Exec = &seq.Exec{Container: c.Container, Command: c.Args, ListsProcesses: c.ListsProcesses}
	})
	record.switched = record.sent
	var found bytes.Buffer
	if c.ListsProcesses {
		c.Stdout, c.Stderr = &found, io.Discard
	}
	stdout := &counted{f: f, to: c.Stdout, record: record, field: func(e *seq.Exec) *int { return &e.Stdout }}
	streams := remotecommand.StreamOptions{Stdin: c.Stdin, Stdout: stdout, Tty: c.Terminal != nil,
		TerminalSizeQueue: c.Terminal}
	if !streams.Tty {
		streams.Stderr = &counted{f: f, to: c.Stderr, record: record, field: func(e *seq.Exec) *int { return &e.Stderr }}
	}
	err = executor.StreamWithContext(withRecord(ctx, record), streams)
	if c.ListsProcesses && ctx.Err() == nil { // else somebody may still write it
		record.setExec(func(e *seq.Exec) { e.Processes = readProcesses(found.String()) })
	}
	return record.Get().Status == http.StatusSwitchingProtocols, f.ended(record, err)
}

// ended emits how a command ended, or why there was none.
func (f *Follower) ended(record *traced, err error) error {
	at := f.now()
	if record.Get().Status != http.StatusSwitchingProtocols {
		record.Set(func(q *seq.Request) {
			q.Message = reason(err).Error()
			if s, ok := reason(err).(apierrors.APIStatus); ok { // the WebSocket's transport keeps the response to itself
				q.Status, q.Message = int(s.Status().Code), s.Status().Message
			}
			q.StatusText = http.StatusText(q.Status)
		})
		f.answered(record, nil)
		return err
	}
	var code exec.ExitError
	record.setExec(func(e *seq.Exec) {
		switch e.Ended = at; {
		case err == nil:
			e.ExitCode = new(0)
		case errors.As(err, &code):
			e.ExitCode, err = new(code.ExitStatus()), nil
		default:
			e.Error = err.Error()
		}
	})
	f.answered(record, nil)
	return err
}

// counted passes on what a command writes, and counts it.
type counted struct {
	f      *Follower
	to     io.Writer
	record *traced
	field  func(*seq.Exec) *int
}

func (w *counted) Write(p []byte) (int, error) {
	at, first := w.f.now(), false
	w.record.setExec(func(e *seq.Exec) {
		*w.field(e) += len(p)
		if first = e.Output.IsZero(); first {
			e.Output = at
		}
	})
	if first {
		request := w.record.Get()
		w.f.emit(seq.Observation{Received: at, Request: &request})
	}
	return w.to.Write(p)
}
