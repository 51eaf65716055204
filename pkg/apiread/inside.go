package apiread

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// Inside lists what runs in the containers of the snapshot's Pod, by commands of its own, and asks whose the addresses
// are that they are connected to. It says each command before it runs it.
func Inside(ctx context.Context, config *rest.Config, s *apimap.Snapshot, say func(string)) error {
	s.Processes = true
	looks := apimap.Looks(s)
	answers := make([]apimap.Answer, len(looks))
	var wg sync.WaitGroup
	for i, l := range looks {
		say(fmt.Sprintf("runs in container %s of Pod %s, by exec: %s '%s'", l.Container, s.Subject.Name,
			strings.Join(l.Command[:len(l.Command)-1], " "), l.Command[len(l.Command)-1]))
		wg.Go(func() {
			out, err := run(ctx, config, s.Subject.Namespace, s.Subject.Name, l)
			answers[i] = l.Answer(out, err)
		})
	}
	wg.Wait()
	s.Answers = append(s.Answers, answers...)
	c, err := newClient(config)
	if err != nil {
		return err
	}
	return c.round(ctx, s, apimap.Peers(s))
}

// run is what a command prints.
func run(ctx context.Context, config *rest.Config, namespace, pod string, l apimap.Look) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	c, err := corev1client.NewForConfig(config)
	if err != nil {
		return "", err
	}
	r := c.RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: l.Container, Command: l.Command, Stdout: true, Stderr: true},
			scheme.ParameterCodec)
	socket, err := remotecommand.NewWebSocketExecutor(config, "GET", r.URL().String())
	if err != nil {
		return "", err
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", r.URL())
	if err != nil {
		return "", err
	}
	both, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return "", err
	}
	var out, errOut bytes.Buffer
	err = both.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut})
	return out.String(), err
}
