//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// gone waits until the Pod is no longer there.
func gone(t *testing.T, name string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			_, err := client(t).Pods(namespace(t)).Get(ctx, name, metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
	if err != nil {
		t.Errorf("Pod %s is still there", name)
	}
}

// waitFor waits until the Pod is there and as it should be.
func waitFor(t *testing.T, name string, is func(*corev1.Pod) bool) {
	t.Helper()
	if err := becomes(client(t).Pods(namespace(t)), name, is); err != nil {
		t.Fatal(err)
	}
}

// becomes is waitFor for other goroutines than the test's.
func becomes(pods corev1client.PodInterface, name string, is func(*corev1.Pod) bool) error {
	err := wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			p, err := pods.Get(ctx, name, metav1.GetOptions{})
			return err == nil && is(p), nil
		})
	if err != nil {
		return fmt.Errorf("Pod %s: %w", name, err)
	}
	return nil
}

func remove(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() {
		now := int64(0)
		client(t).Pods(namespace(t)).Delete(context.Background(), name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	})
}

func TestListing(t *testing.T) {
	out, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("plain"), "--detail=brief", "--rm")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	at := 0
	for _, want := range []string{
		"kubectl .* apiserver .* POST pods .* 201 Created", "apiserver .* etcd ", "apiserver .* scheduler .* watch",
		"scheduler .* picks [a-z]", "scheduler .* apiserver .* POST pods/binding",
		"apiserver .* etcd ", "apiserver .* kubelet .* watch", "kubelet .* containerd .* RunPodSandbox",
		"kubelet .* containerd .* CreateContainer app", "kubelet .* containerd .* StartContainer app",
		"containerd .* runc .* create", "runc .* container/app .* exec",
		"kubelet .* apiserver .* PATCH pods/status: Running, app running, (PodReadyToStartContainers, )?Ready",
		"apiserver .* etcd ", "Ready in ",
		"sandbox ", "The [a-z]+ phase is the largest", // of a slow machine it may be another
	} {
		loc := regexp.MustCompile(want).FindStringIndex(out[at:])
		if loc == nil {
			t.Fatalf("no %q in what is left of the listing:\n%s", want, out)
		}
		at += loc[1]
	}
	if !strings.Contains(errOut, `pod "plain" deleted`) || strings.Contains(out, "\x1b") {
		t.Errorf("stderr %q, stdout:\n%s", errOut, out)
	}
	gone(t, "plain")
}

func TestMistakesLeaveNothingBehind(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"namespace missing", "web --image=busybox:1 -n nowhere",
			`create Pod in "nowhere": namespaces "nowhere" not found (hint: kubectl create namespace nowhere`},
		{"no rights", "web --image=busybox:1 --as=nobody",
			`"nobody" cannot create resource "pods" in API group "" in the namespace "default" (hint: see what you may do`},
		{"no cluster", "web --image=busybox:1 --server=https://127.0.0.1:1", "connection refused (hint: is the cluster up?"},
		{"invalid Pod", "web --image=busybox:1 --port=99999", "spec.containers[0].ports[0].containerPort"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, errOut, code := runSeq(t, append([]string{"create-pod"}, strings.Fields(c.args)...)...)
			if code != 1 || !strings.HasPrefix(errOut, "error: ") || !strings.Contains(errOut, c.want) ||
				strings.Count(errOut, "\n") != 1 {
				t.Errorf("exit %d, stderr %q", code, errOut)
			}
		})
	}
	gone(t, "web")
}

func TestNameTaken(t *testing.T) {
	remove(t, "taken")
	if _, errOut, code := runSeq(t, "create-pod", "taken", "--image=busybox:1", "--until=scheduled", "--", "sleep",
		"1000"); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	// --rm removes only what this very run has made.
	out, errOut, code := runSeq(t, "create-pod", "taken", "--image=busybox:1", "--rm")
	if code != 1 || !strings.Contains(errOut,
		"already exists (hint: choose another name, or see what it is: kubectl get pod taken -n default)") ||
		!strings.Contains(out, "409 Conflict") || strings.Contains(out, "kubelet") {
		t.Errorf("exit %d, stderr %q, stdout:\n%s", code, errOut, out)
	}
	if p, err := client(t).Pods(namespace(t)).Get(t.Context(), "taken", metav1.GetOptions{}); err != nil ||
		p.DeletionTimestamp != nil {
		t.Errorf("the other's Pod was touched: %v", err)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, args, outcome, reason string
		code                        int
	}{
		{"completes", "--until=completed", "Succeeded", "", 0},
		{"plain", "--until=scheduled", "Scheduled", "", 0},
		{"plain", "--until=running", "Running", "", 0},
		{"unschedulable", "--timeout=5s", "Stuck", "Unschedulable", 2},
		{"no-such-tag", "--timeout=30s", "Stuck", "ErrImagePull", 2},
		{"unhealthy", "--timeout=12s", "Stuck", "ContainersNotReady|Unhealthy", 2},
		{"fails", "--until=completed", "Failed", "Error", 2},
		{"plain", "--timeout=150ms", "Timeout", "", 124},
		{"warm", "--until=completed --timeout=9s", "Timeout", "", 124}, // its probe failed, and does not any more
	} {
		t.Run(c.name+c.args, func(t *testing.T) {
			apart(t)
			remove(t, c.name)
			out, errOut, code := runSeq(t,
				append([]string{"create-pod", "-f", scenarioFile(c.name), "-o", "json", "--rm"}, strings.Fields(c.args)...)...)
			o := parse(t, out).outcome
			if code != c.code || o.ExitCode != c.code || o.Outcome != c.outcome ||
				!regexp.MustCompile("^("+c.reason+"|ImagePullBackOff)$").MatchString(o.Reason) {
				t.Errorf("exit %d, outcome %+v, stderr %q", code, o, errOut)
			}
			gone(t, c.name)
		})
	}
}

func TestInterrupt(t *testing.T) {
	remove(t, "unschedulable")
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "create-pod", "-f", scenarioFile("unschedulable"), "--rm"))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "unschedulable", func(p *corev1.Pod) bool { return len(p.Status.Conditions) > 0 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(out.String(), "Interrupted after") ||
		!strings.Contains(errOut.String(), "deleted") {
		t.Errorf("exit %d, stderr %q, stdout:\n%s", code, errOut.String(), out.String())
	}
	gone(t, "unschedulable")
}

// A reader that has seen enough is no error, and the Pod is removed all the same.
func TestClosedPipe(t *testing.T) {
	remove(t, "plain")
	cmd := inPlace(t,
		exec.CommandContext(t.Context(), plugin, "create-pod", "-f", scenarioFile("plain"), "--rm", "--settle=0s"))
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd.Stdout = w
	err = cmd.Run()
	w.Close()
	if err != nil || strings.Contains(errOut.String(), "error") {
		t.Errorf("%v: %s", err, errOut.String())
	}
	gone(t, "plain")
}

// The apiserver counts the requests: a run makes six. Where the machine is slow it may ask more, but not for Pods.
func TestRequestsPerRun(t *testing.T) {
	r := record(t)
	remove(t, "plain")
	if _, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("plain"), "-o", "json"); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	want := map[string]int{"create pods ": 1, "list events ": 2, "list pods ": 1, "watch events ": 1, "watch pods ": 1,
		"get  ": 1}
	made := map[string]int{}
	// Watches are logged when they end. What is missing in the end is told below.
	_ = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 20*time.Second, true,
		func(context.Context) (bool, error) {
			clear(made)
			for line := range strings.Lines(string(r.read(t, "audit.log"))) {
				var e struct {
					UserAgent, Verb, RequestURI string
					ObjectRef                   struct{ Resource, Subresource string }
				}
				if json.Unmarshal([]byte(line), &e) == nil && strings.HasPrefix(e.UserAgent, "kubectl-seq/") &&
					(strings.Contains(e.RequestURI, "plain") || e.Verb == "create" || e.ObjectRef.Resource == "") {
					made[e.Verb+" "+e.ObjectRef.Resource+" "+e.ObjectRef.Subresource]++
				}
			}
			return cmp.Equal(want, made), nil
		})
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}

func TestWithoutEvents(t *testing.T) {
	apart(t)
	allow(t, "student", "pods")
	remove(t, "plain")
	out, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("plain"), "--as=student")
	if code != 0 || !strings.Contains(out, "StartContainer app") ||
		strings.Count(out, `cannot list resource "events"`) != 1 {
		t.Errorf("exit %d, stderr %q, stdout:\n%s", code, errOut, out)
	}
}
