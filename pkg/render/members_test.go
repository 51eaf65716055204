package render

import (
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// A Pod that is about to go, or that has ended, is not called ready, however it was before.
func TestMemberState(t *testing.T) {
	for _, c := range []struct {
		m    trace.Member
		want string
	}{
		{trace.Member{State: trace.State{Ready: true}, Took: time.Second}, "1.00 s"},
		{trace.Member{State: trace.State{Ready: true}}, "ready"},
		{trace.Member{State: trace.State{Ready: true, Deleting: true}, Took: time.Second}, "ending"},
		{trace.Member{State: trace.State{Failed: true, Ready: true}, Took: time.Second}, "failed"},
		{trace.Member{State: trace.State{Failed: true, Deleting: true}}, "failed"},
		{trace.Member{State: trace.State{Succeeded: true}}, "completed"},
		{trace.Member{State: trace.State{Deleted: true, Succeeded: true}, Took: time.Second}, "gone"},
		{trace.Member{}, "not ready"},
	} {
		if got := memberState(c.m); got != c.want {
			t.Errorf("%+v is %q, want %q", c.m.State, got, c.want)
		}
	}
}
