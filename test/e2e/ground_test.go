//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/logfile"
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

// nodeNames are the nodes of the cluster on which a kubelet has ever reported, and those among them that are the
// control plane. A test may make a node that is none.
func nodeNames(t testing.TB) (all, control []string) {
	t.Helper()
	nodes, err := client(t).Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		if n.Status.NodeInfo.KubeletVersion == "" {
			continue
		}
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

// onNode names a file that a node keeps of itself.
type onNode struct{ node, name string }

// recordings are the files that the cluster has.
func recordings(t testing.TB) (files []onNode) {
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

// growing is what a file has got since record, through its rotation.
type growing struct {
	onNode
	log    logfile.File
	offset int64 // of what is not read yet
	middle bool  // data may begin in the middle of a line
	data   []byte
}

// record begins to read where the files end now.
func record(t testing.TB) *records {
	t.Helper()
	r := &records{}
	for _, f := range recordings(t) {
		log, size := f.open(t)
		// what ends there is a whole line, or one that is being written
		r.files = append(r.files, &growing{onNode: f, log: log, offset: max(0, size-1), middle: size > 0})
	}
	recorded.Lock()
	defer recorded.Unlock()
	if recorded.from == nil {
		recorded.from = &records{}
		for _, f := range r.files {
			also := *f
			recorded.from.files = append(recorded.from.files, &also)
		}
	}
	return r
}

// read returns all lines that the files of that name have got since then, one node's after the other's.
func (r *records) read(t testing.TB, name string) (all []byte) {
	t.Helper()
	for _, f := range r.files {
		if f.name != name {
			continue
		}
		f.readOn(t)
		since := f.data
		if f.middle {
			_, since, _ = bytes.Cut(since, []byte("\n"))
		}
		all = append(all, since[:bytes.LastIndexByte(since, '\n')+1]...)
	}
	return all
}

// more returns the lines that the files of that name have got since the last time, and forgets them.
func (r *records) more(t testing.TB, name string) (all []byte) {
	t.Helper()
	for _, f := range r.files {
		if f.name != name {
			continue
		}
		f.readOn(t)
		if f.middle {
			_, since, whole := bytes.Cut(f.data, []byte("\n"))
			if !whole {
				continue
			}
			f.data, f.middle = since, false
		}
		end := bytes.LastIndexByte(f.data, '\n') + 1
		all = append(all, f.data[:end]...)
		f.data = bytes.Clone(f.data[end:])
	}
	return all
}

// readOn reads what there is by now.
func (f *growing) readOn(t testing.TB) {
	t.Helper()
	for {
		more, err := f.log.ReadFrom(t.Context(), f.offset)
		if errors.Is(err, logfile.ErrShorter) {
			if more, err = f.log.Rotated(t.Context(), f.offset); err == nil {
				f.data, f.offset = append(f.data, more...), 0
				continue
			}
		}
		if err != nil {
			t.Fatalf("read %v: %v", f.onNode, err)
		}
		if len(more) == 0 {
			return
		}
		f.data, f.offset = append(f.data, more...), f.offset+int64(len(more))
	}
}

// open opens the file, and says how long it is.
func (f onNode) open(t testing.TB) (log logfile.File, size int64) {
	t.Helper()
	log, err := logfile.OnNode(httpClient(t), config(t).Host, f.node, recordsFolder+f.name)
	if err == nil {
		size, err = log.Size(t.Context())
	}
	if err != nil {
		t.Fatalf("open %v: %v", f, err)
	}
	return log, size
}
