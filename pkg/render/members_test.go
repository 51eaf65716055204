package render

import (
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// A Pod that is about to go, or that has ended, is not called ready, however it was before.
func TestMemberState(t *testing.T) {
	for _, c := range []struct {
		m    seq.Member
		want string
	}{
		{seq.Member{State: seq.State{Ready: true}, Took: time.Second}, "1000 ms"},
		{seq.Member{State: seq.State{Ready: true}}, "ready"},
		{seq.Member{State: seq.State{Ready: true, Deleting: true}, Took: time.Second}, "ending"},
		{seq.Member{State: seq.State{Failed: true, Ready: true}, Took: time.Second}, "failed"},
		{seq.Member{State: seq.State{Failed: true, Deleting: true}}, "failed"},
		{seq.Member{State: seq.State{Succeeded: true}}, "completed"},
		{seq.Member{State: seq.State{Deleted: true, Succeeded: true}, Took: time.Second}, "gone"},
		{seq.Member{}, "not ready"},
	} {
		if got := (Style{}).memberState(c.m); got != c.want {
			t.Errorf("%+v is %q, want %q", c.m.State, got, c.want)
		}
	}
}
