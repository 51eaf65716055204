package trace_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// obstacle is what is said of a Pod with that status after so long.
func obstacle(image string, held time.Duration, statuses ...corev1.ContainerStatus) (seq.Obstacle, bool) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u", ResourceVersion: "7"},
		Spec: corev1.PodSpec{NodeName: "node1", Containers: []corev1.Container{{Name: "app", Image: image}}}}
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, StartTime: &metav1.Time{Time: begin},
		ContainerStatuses: statuses}
	tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
	tr.Observe(seq.Observation{Received: begin, Change: &seq.Change{Type: "MODIFIED", Pod: pod}})
	tr.Observe(seq.Observation{Received: begin.Add(held)})
	return tr.Obstacle()
}

func fixedWaits(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "app",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// What runtimes and registries write decides whether somebody has to act; what only stands in a name does not.
func TestCausesByTheirTexts(t *testing.T) {
	for _, c := range []struct {
		image, reason, message, want string
		dead                         bool // after half a minute
	}{
		{"sdk:8.0.403", "ErrImagePull",
			`failed to do request: Head "https://r/v2/sdk/manifests/8.0.403": dial tcp 10.0.0.1:443: i/o timeout (sdk:8.0.403)`,
			"registry", false},
		{"r/tls-proxy:9", "ErrImagePull", "failed to resolve image: r/tls-proxy:9: not found", "no-image", true},
		{"a:1", "ErrImagePull", "no match for platform in manifest: not found", "image-platform", true},
		{"a:1", "ErrImagePull", "failed to prepare extraction snapshot: parent snapshot sha256:00 does not exist: not found",
			"image-store", false},
		{"a:1", "ErrImagePull", "pull access denied, repository does not exist or may require authorization", "image-rights",
			true},
		{"a:1", "ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized", "image-rights", true},
		{"a:1", "CreateContainerError", "context deadline exceeded", "create-late", false},
		{"a:1", "CreateContainerConfigError", `secret "x" not found`, "no-config", true},
		{"a:1", "CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition", "config",
			false},
		{"a:1", "RunContainerError", "context deadline exceeded", "run-failed", false},
		{"a:1", "RunContainerError", `exec: "x": executable file not found in $PATH`, "no-program", true},
	} {
		if o, ok := obstacle(c.image, 30*time.Second, fixedWaits(c.reason, c.message)); !ok || o.Name != c.want ||
			o.DeadEnd != c.dead {
			t.Errorf("%s: %s: %s, dead end %v; want %s, %v", c.reason, c.message, o.Name, o.DeadEnd, c.want, c.dead)
		}
	}
	if o, _ := obstacle("a:1", 5*time.Second,
		fixedWaits("CreateContainerConfigError", `secret "x" not found`)); o.DeadEnd {
		t.Error("who makes the Secret was not waited for")
	}
}

// What the API server answers where no cluster of ours can be brought to answer it.
func TestRefusalsByTheirTexts(t *testing.T) {
	for _, c := range []struct {
		status            int
		text, message     string
		want, by, explain string
	}{
		{500, "Internal Server Error", "etcdserver: request timed out", "etcd", "etcd",
			"the API server could not store it, since etcd does not do its part: request timed out"},
		{429, "Too Many Requests", "the server has received too many requests and has asked us to try again later",
			"too-many-requests", "apiserver",
			"the API server has more requests than it takes at a time (API Priority and Fairness)"},
	} {
		begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		tr.Observe(seq.Observation{Received: begin, Request: &seq.Request{Verb: "create", Resource: "pods", ID: "x",
			Started: begin,
			Object:  seq.Object{Kind: "Pod", Namespace: "default", Name: "web"}, FirstByte: begin, Status: c.status,
			StatusText: c.text, Message: c.message}})
		if o, ok := tr.Obstacle(); !ok || o.Name != c.want || string(o.By) != c.by || o.Explain != c.explain {
			t.Errorf("%s: %+v", c.message, o)
		}
	}
}

// A server that says nonsense is survived.
func TestTwoStatusesOfOneName(t *testing.T) {
	running := corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	if o, ok := obstacle("a:1", time.Second, running, fixedWaits("ErrImagePull", "not found")); !ok ||
		len(o.Evidence) == 0 {
		t.Errorf("%+v", o)
	}
	ended := corev1.ContainerStatus{Name: "app",
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}
	if _, ok := obstacle("a:1", time.Second, running, ended); !ok {
		t.Error("nothing is said")
	}
}
