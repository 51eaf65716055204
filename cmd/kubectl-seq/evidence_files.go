package main

// The files that evidence is read from: here, or on nodes.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/logfile"
)

// log is a file of records and what becomes of its lines.
type log struct {
	name string
	is   func([]byte) error // whether a line is of the right sort
	line func([]byte)
	lost func(string)
	back int64 // how much of what is there already is read as well
}

// lookBack is how much of a node's file is read from before we knew that a Pod is there: its kubelet may have known for
// longer, and what it sends at a time takes up to some 100 KB.
const lookBack = 1 << 20

// follow reads what is added to a file from now on. The first line there is has to be of the right sort.
func (e *evidence) follow(ctx context.Context, config *rest.Config, l log) error {
	f, err := openLog(config, l.name)
	if err != nil {
		return err
	}
	size, err := f.Size(ctx)
	if err != nil {
		return err
	}
	begin, err := f.ReadFrom(ctx, 0)
	if err != nil {
		return err
	}
	if first, _, whole := bytes.Cut(begin, []byte("\n")); whole {
		if err := l.is(first); err != nil {
			return err
		}
	}
	from, line := max(0, size-l.back), l.line
	if from > 0 && l.back > 0 { // in the middle of a line
		line = func(b []byte) { line = l.line }
	}
	e.wg.Go(func() {
		if err := logfile.Follow(ctx, f, from, func(b []byte) { line(b) }, l.lost); err != nil {
			l.lost(err.Error())
		}
		if c, ok := f.(io.Closer); ok {
			c.Close()
		}
	})
	return nil
}

// onNodes is PATH of node:PATH.
func onNodes(name string) (path string, ok bool) {
	path, ok = strings.CutPrefix(name, "node:")
	return path, ok && strings.HasPrefix(path, "/")
}

func onNode(node, path string) string { return "node:" + node + ":" + path }

// files are what a flag's value stands for: node:PATH is that file on each node of the control plane.
func files(ctx context.Context, config *rest.Config, name string) (all []string, err error) {
	path, ok := onNodes(name)
	if !ok {
		return []string{name}, nil
	}
	c, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	nodes, err := listNodes(ctx, c)
	if err != nil {
		return nil, err
	}
	control, err := controlPlane(nodes)
	for _, n := range control {
		all = append(all, onNode(n, path))
	}
	return all, err
}

// openLog opens FILE, or node:NAME:PATH.
func openLog(config *rest.Config, name string) (logfile.File, error) {
	place, ok := strings.CutPrefix(name, "node:")
	if !ok {
		return logfile.Open(name)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	node, path, _ := strings.Cut(place, ":")
	return logfile.OnNode(client, server.String(), node, path)
}

func listNodes(ctx context.Context, c corev1client.NodesGetter) ([]corev1.Node, error) {
	nodes, err := c.Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, hinted(fmt.Errorf("find the control-plane node: %w", err), "name it: node:NAME:PATH")
	}
	return nodes.Items, nil
}

var errNoControlPlane = errors.New("no node has the label node-role.kubernetes.io/control-plane")

// controlPlane are the nodes that run API servers: those with the label of that role, or the only one.
func controlPlane(nodes []corev1.Node) (names []string, err error) {
	for _, n := range nodes {
		if _, ok := n.Labels["node-role.kubernetes.io/control-plane"]; ok || len(nodes) == 1 {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return nil, hinted(errNoControlPlane, "name it: node:NAME:PATH")
	}
	return names, nil
}
