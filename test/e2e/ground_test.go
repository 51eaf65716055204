//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// The folder and the files in it that a node keeps of itself: hack/cluster and hack/kind write them there.
const (
	recordsFolder = "/var/log/kubernetes/"
	auditLog      = "audit.log"   // on the nodes of the control plane
	spansFile     = "spans.jsonl" // on every node
)

// withRecords are the flags that make the cluster's own records evidence; a run ends as soon as all is there.
var withRecords = []string{"--audit-log=node:" + recordsFolder + auditLog, "--spans=node:" + recordsFolder + spansFile,
	"--evidence-timeout=30s"}

// nodeNames are the nodes of the cluster, and those among them that are the control plane.
func nodeNames(t testing.TB) (all, control []string) {
	t.Helper()
	nodes, err := client(t).Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		all = append(all, n.Name)
		if _, ok := n.Labels["node-role.kubernetes.io/control-plane"]; ok {
			control = append(control, n.Name)
		}
	}
	if len(control) == 0 {
		t.Fatalf("none of the nodes %v has the label of the control plane", all)
	}
	return all, control
}

// onNode is a file that a node keeps of itself.
type onNode struct{ node, file string }

// recorded are the files that the cluster has.
func recorded(t testing.TB) (files []onNode) {
	t.Helper()
	all, control := nodeNames(t)
	for _, n := range control {
		files = append(files, onNode{n, auditLog})
	}
	for _, n := range all {
		files = append(files, onNode{n, spansFile})
	}
	return files
}

// records are what the cluster writes of itself from some moment on, read through the API as a user could.
type records struct{ files []*growing }

// growing is what a file has got since it was offset long.
type growing struct {
	onNode
	offset int
	data   []byte
}

// record begins to read where the files end now.
func record(t testing.TB) *records {
	t.Helper()
	r := &records{}
	for _, f := range recorded(t) {
		_, size := tail(t, f, -1)
		// what ends there is a whole line, or one that is being written
		r.files = append(r.files, &growing{onNode: f, offset: max(0, size-1)})
	}
	return r
}

// read returns all lines that the files of that name have got since then, one node's after the other's.
func (r *records) read(t testing.TB, name string) (all []byte) {
	t.Helper()
	for _, f := range r.files {
		if f.file != name {
			continue
		}
		more, _ := tail(t, f.onNode, f.offset+len(f.data))
		f.data = append(f.data, more...)
		since := f.data
		if f.offset > 0 {
			_, since, _ = bytes.Cut(since, []byte("\n"))
		}
		all = append(all, since[:bytes.LastIndexByte(since, '\n')+1]...)
	}
	return all
}

// tail reads a file of a node from an offset on; with -1 it reads nothing. It returns the size as well.
func tail(t testing.TB, f onNode, from int) (data []byte, size int) {
	t.Helper()
	last := from < 0
	header := fmt.Sprintf("bytes=%d-", from)
	if last {
		header = "bytes=-1"
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config(t).Host+"/api/v1/nodes/"+f.node+
		"/proxy/logs/"+strings.TrimPrefix(recordsFolder, "/var/log/")+f.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", header)
	res, err := httpClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Sscanf(res.Header.Get("Content-Range")[strings.LastIndexByte(res.Header.Get("Content-Range"), '/')+1:], "%d",
		&size)
	if last || res.StatusCode == http.StatusRequestedRangeNotSatisfiable { // nothing new
		return nil, size
	}
	if data, err = io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusPartialContent {
		t.Fatalf("read %v from %d: %s, %v", f, from, res.Status, err)
	}
	return data, size
}

// audited is the audit log of the first node of the control plane: all of it where there is one.
func audited(t testing.TB) onNode {
	t.Helper()
	_, control := nodeNames(t)
	return onNode{control[0], auditLog}
}

// of waits until the records of a Pod are whole and returns them: spans come a few seconds late.
func (r *records) of(t testing.TB, name string, whole func(*truth.Truth) bool, uids ...string) *truth.Truth {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		tr, err := truth.Read(r.read(t, auditLog), r.read(t, spansFile), uids...)
		if err == nil && whole(tr) {
			return tr
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster's records of %s did not become whole: %v, %+v", name, err, tr)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
