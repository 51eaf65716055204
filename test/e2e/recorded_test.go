//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// records are what the cluster writes of itself from some moment on, read through the API as a user could.
type records struct {
	offset map[string]int
	begun  map[string]bool   // it is at the beginning of a line, or was
	data   map[string][]byte // for those who look at the lines themselves
}

func newRecords() *records {
	return &records{offset: map[string]int{}, begun: map[string]bool{}, data: map[string][]byte{}}
}

// record begins to read where the files end now.
func record(t testing.TB) *records {
	t.Helper()
	r := newRecords()
	for _, file := range []string{"audit.log", "spans.jsonl"} {
		_, size := tail(t, file, -1)
		r.offset[file] = max(0, size-1) // what ends there is a whole line, or one that is being written
	}
	recorded.Lock()
	defer recorded.Unlock()
	if recorded.from == nil {
		recorded.from = newRecords()
		maps.Copy(recorded.from.offset, r.offset)
	}
	return r
}

// read returns all that a file has got since then.
func (r *records) read(t testing.TB, file string) []byte {
	t.Helper()
	r.data[file] = append(r.data[file], r.more(t, file)...)
	return r.data[file]
}

// more returns what a file has got since the last time, from the beginning of a line on.
func (r *records) more(t testing.TB, file string) []byte {
	t.Helper()
	more, _ := tail(t, file, r.offset[file])
	if !r.begun[file] && r.offset[file] > 0 {
		_, since, whole := bytes.Cut(more, []byte("\n"))
		if !whole {
			return nil // of a line that began before
		}
		r.offset[file] += len(more) - len(since)
		more = since
	}
	r.begun[file] = true
	r.offset[file] += len(more)
	return more
}

// tail reads a file of the node from an offset on; with -1 it reads nothing. It returns the size as well.
func tail(t testing.TB, file string, from int) (data []byte, size int) {
	t.Helper()
	last := from < 0
	header := fmt.Sprintf("bytes=%d-", from)
	if last {
		header = "bytes=-1"
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		config(t).Host+"/api/v1/nodes/node1/proxy/logs/kubernetes/"+file, nil)
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
		t.Fatalf("read %s from %d: %s, %v", file, from, res.Status, err)
	}
	return data, size
}

// recorded is what the cluster has recorded since the first test that holds something against it. What so many look at
// is read once.
var recorded = struct {
	sync.Mutex
	*truth.Records
	from *records
	read time.Time
}{Records: truth.NewRecords()}

// of waits until the records of a Pod are whole and returns them: spans come a few seconds late.
func (r *records) of(t testing.TB, name string, whole func(*truth.Truth) bool, uids ...string) *truth.Truth {
	t.Helper()
	var tr *truth.Truth
	untilRecorded(t, "the records of "+name, func(all *truth.Records) (is bool, err error) {
		if tr, err = all.Of(uids...); err != nil {
			return false, err
		}
		return whole(tr), nil
	})
	return tr
}

// untilRecorded reads what the cluster records until it is what somebody waits for.
func untilRecorded(t testing.TB, what string, is func(*truth.Records) (bool, error)) {
	t.Helper()
	looked := func() (bool, error) {
		recorded.Lock()
		defer recorded.Unlock()
		if time.Since(recorded.read) > 200*time.Millisecond { // else another test just did
			audit, spans := recorded.from.more(t, "audit.log"), recorded.from.more(t, "spans.jsonl")
			recorded.read = time.Now()
			if err := errors.Join(recorded.AddAudit(audit), recorded.AddSpans(spans)); err != nil {
				t.Fatal(err)
			}
		}
		return is(recorded.Records)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		is, err := looked()
		if is {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not become whole: %v", what, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
