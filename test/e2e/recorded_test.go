//go:build e2e

package e2e

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

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
			audit, spans := recorded.from.more(t, auditLog), recorded.from.more(t, spansFile)
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
