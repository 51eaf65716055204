package watch

import (
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Of an object of another name the last revisions are kept, and emitted before the one by which it is adopted; it stays
// part of the run when it is let go. Of one that another controller has, nothing is kept.
func TestStrays(t *testing.T) {
	f := &Follower{Scope: Scope{Prefixes: []string{"web"}}, out: make(chan seq.Observation, 100)}
	k := f.podKind(nil)
	seen := func(name string, rv int, owner string) bool {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "stray", ResourceVersion: strconv.Itoa(rv)}}
		if owner != "" {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: owner, Controller: new(true)}}
		}
		return f.take(k, "MODIFIED", p, time.Unix(int64(rv), 0))
	}
	for rv := 1; rv <= 6; rv++ {
		if seen("stray", rv, "") {
			t.Fatal("a stray belongs to the run")
		}
	}
	if !seen("stray", 7, "web") || !seen("stray", 8, "") {
		t.Fatal("what a controller of the run has, or had, is no part of it")
	}
	var got []string
	for len(f.out) > 0 {
		o := <-f.out
		got = append(got, o.Change.Pod.ResourceVersion)
		if at := strconv.FormatInt(o.Received.Unix(), 10); at != o.Change.Pod.ResourceVersion {
			t.Errorf("revision %s is received at %s", o.Change.Pod.ResourceVersion, at)
		}
	}
	if want := []string{"3", "4", "5", "6", "7", "8"}; !slices.Equal(got, want) {
		t.Errorf("emitted %v, want %v", got, want)
	}
	seen("other", 9, "")
	seen("other", 10, "another")
	if len(f.strays.newest) != 0 {
		t.Error("what another controller has is kept")
	}
}
