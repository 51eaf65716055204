package logfile

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// logRoot is the folder of a node that its kubelet serves below /logs/.
const logRoot = "/var/log/"

// Node is a file below /var/log of a node. It is read through the API server (nodes/proxy), with Range requests on one
// connection: the kubelet's file server knows no other way to read on.
type Node struct {
	client *http.Client
	base   string // URL of its folder
	name   string
}

// OnNode is that file on that node. The client has the caller's credentials.
func OnNode(client *http.Client, server, node, file string) (*Node, error) {
	rest, ok := strings.CutPrefix(path.Clean(file), logRoot)
	if !ok {
		return nil, fmt.Errorf("%s: a kubelet serves only what is below %s", file, logRoot)
	}
	return &Node{client: client,
		base: strings.TrimSuffix(server, "/") + "/api/v1/nodes/" + url.PathEscape(node) + "/proxy/logs/" + path.Dir(rest) +
			"/", name: path.Base(rest)}, nil
}

// get asks for a range of bytes. It returns the size of the file as well, which is -1 where the answer does not tell.
func (n *Node) get(ctx context.Context, name, bytes string) (data []byte, size int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base+name, nil)
	if err != nil {
		return nil, -1, err
	}
	if bytes != "" {
		req.Header.Set("Range", "bytes="+bytes)
	}
	res, err := n.client.Do(req)
	if err != nil {
		return nil, -1, err
	}
	defer res.Body.Close()
	data, err = io.ReadAll(res.Body)
	size = -1
	if _, total, ok := strings.Cut(res.Header.Get("Content-Range"), "/"); ok {
		if s, err := strconv.ParseInt(total, 10, 64); err == nil {
			size = s
		}
	}
	switch {
	case err != nil:
		return nil, size, err
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return nil, size, nil
	case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent:
		return nil, size, &statusError{fmt.Sprintf("%s of the node: %s", name, strings.TrimSpace(res.Status)), res.StatusCode}
	case bytes != "" && res.StatusCode == http.StatusOK && len(data) > 0:
		return nil, size,
			&statusError{fmt.Sprintf("%s of the node: the kubelet did not serve a part of it", name), res.StatusCode}
	}
	return data, size, nil
}

// statusError is an answer that has no part of the file.
type statusError struct {
	text string
	code int
}

func (e *statusError) Error() string { return e.text }

// Size implements File.
func (n *Node) Size(ctx context.Context) (int64, error) {
	_, size, err := n.get(ctx, n.name, "-1")
	if err != nil {
		return 0, err
	}
	return max(0, size), nil
}

// ReadFrom implements File.
func (n *Node) ReadFrom(ctx context.Context, offset int64) ([]byte, error) {
	data, size, err := n.get(ctx, n.name, fmt.Sprintf("%d-%d", offset, offset+chunk-1))
	if err == nil && size >= 0 && size < offset {
		return nil, ErrShorter
	}
	return data, err
}

var link = regexp.MustCompile(`<a href="([^"/]+)"`)

// Rotated implements File. The old file lies beside the new one under a name with its time in it, as the API server's
// rotation has it (audit-2026-01-02T03-04-05.678.log), or with a number behind.
func (n *Node) Rotated(ctx context.Context, offset int64) ([]byte, error) {
	listing, _, err := n.get(ctx, "", "")
	if err != nil {
		return nil, err
	}
	ext := path.Ext(n.name)
	stem := strings.TrimSuffix(n.name, ext)
	var names []string
	for _, m := range link.FindAllStringSubmatch(string(listing), -1) {
		if name, err := url.PathUnescape(m[1]); err == nil &&
			(name == n.name+".1" || strings.HasPrefix(name, stem+"-") && strings.HasSuffix(name, ext)) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no rotated file beside %s", n.name)
	}
	newest := slices.MaxFunc(names, cmp.Compare[string])
	var all []byte
	for {
		data, _, err := n.get(ctx, newest, fmt.Sprintf("%d-%d", offset+int64(len(all)), offset+int64(len(all))+chunk-1))
		if err != nil || len(data) == 0 {
			return all, err
		}
		all = append(all, data...)
	}
}
