//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// trouble is one Pod that does not get where it should, and what must be said of it.
type trouble struct {
	pod, args string
	outcome   string
	cause, by string // causes, with a | between them, where that depends on the cluster
	words     string // that the explanation must have, NODE being the Pod's
	within    time.Duration
}

// unreachable is why a registry has no image: hack/cluster knows an address of its host, at which nobody listens, other
// clusters know none.
const unreachable = "registry|registry-name"

// check runs the Pod and looks at the end of the story.
func (c trouble) check(t *testing.T) {
	t.Helper()
	remove(t, c.pod)
	begun := time.Now()
	out, errOut, code := runSeq(t,
		append([]string{"create-pod", "-f", scenarioFile(c.pod), "-o", "json", "--rm"}, strings.Fields(c.args)...)...)
	d := parse(t, out)
	want := map[string]int{"Stuck": 2, "Failed": 2, "Deleted": 2, "Refused": 1}[c.outcome]
	if code != want || d.outcome.ExitCode != want || d.outcome.Outcome != c.outcome {
		t.Fatalf("exit %d, outcome %+v, stderr %q", code, d.outcome, errOut)
	}
	if took := time.Since(begun); c.within > 0 && took > c.within {
		t.Errorf("it took %v", took)
	}
	o := d.outcome.Obstacle
	c.words = strings.ReplaceAll(c.words, "NODE", d.node)
	switch {
	case o == nil:
		t.Fatalf("nothing is said of why: %+v", d.outcome)
	case !slices.Contains(strings.Split(c.cause, "|"), o.Name) || o.Participant != c.by:
		t.Errorf("%s by %s, want %s by %s", o.Name, o.Participant, c.cause, c.by)
	case !strings.Contains(o.Explain, c.words) || o.Next == "" || o.Reason == "" || o.Message == "" ||
		len(o.Evidence) == 0 || strings.ContainsAny(o.Explain+o.Next, "\n") || strings.Contains(o.Explain+o.Next, "{1}"):
		t.Errorf("%+v", o)
	case c.outcome == "Stuck" && o.Seconds <= 0:
		t.Errorf("held for %v s", o.Seconds)
	}
	if strings.Contains(c.args, "-n ") {
		return // there is none
	}
	gone(t, c.pod)
}

// early is by when a dead end must have been told: what somebody may be about to make is waited for for 20 s.
const early = 60 * time.Second

func TestTroubles(t *testing.T) {
	apart(t)
	for _, c := range []trouble{
		{"unschedulable", "", "Stuck", "node-selector", "scheduler", "labels", early},
		{"too-much-memory", "", "Stuck", "resources", "scheduler", "too little free memory", early},
		{"gated", "--timeout=12s", "Stuck", "gated", "scheduler", "example.com/wait", early},
		{"no-claim", "", "Stuck", "no-claim", "scheduler", "PersistentVolumeClaim missing", early},
		{"no-scheduler", "--timeout=15s", "Stuck", "no-scheduler", "nobody", "its schedulerName is nobody", 0},
		{"image-name", "", "Stuck", "image-name", "kubelet", "Not An Image!", early},
		{"image-never", "", "Stuck", "image-never", "kubelet", "busybox:never-pulled", early},
		{"no-such-tag", "", "Stuck", "no-image", "registry", "busybox:no-such-tag", early},
		{"registry-down", "--timeout=25s", "Stuck", unreachable, "registry", "the registry down.example", 0},
		{"missing-configmap", "", "Stuck", "no-config", "kubelet", "configmap nowhere", early},
		{"missing-key", "", "Stuck", "no-key", "kubelet", "key missing of the ConfigMap kube-root-ca.crt", early},
		{"missing-secret", "", "Stuck", "no-config", "kubelet", "secret missing", early},
		{"missing-volume", "", "Stuck", "no-volume-source", "kubelet", "configmap missing", early},
		{"missing-path", "", "Stuck", "host-path", "kubelet", "/nowhere of NODE", early},
		{"as-root", "", "Stuck", "root", "kubelet", "runs as root, which runAsNonRoot", early},
		{"create-error", "", "Stuck", "seccomp-profile", "containerd", "which is not on NODE", early},
		{"no-command", "", "Stuck", "no-program", "runc", "no program no-such-program", early},
		{"readiness-gate", "--timeout=25s", "Stuck", "readiness-gate", "unknown client", "example.com/load-balanced", 0},
		{"unhealthy", "--timeout=25s", "Stuck", "unready", "container/app", "readiness probe", 0},
		{"liveness", "", "Stuck", "liveness", "container/app", "liveness probe", time.Minute},
		{"startup", "", "Stuck", "startup", "container/app", "startup probe", time.Minute},
		{"init-fails", "", "Stuck", "crash", "container/prepare", "exit code 1", time.Minute},
		{"hook-fails", "", "Stuck", "post-start", "container/app", "postStart hook", time.Minute},
		{"crash", "--until=completed", "Stuck", "crash", "container/app", "exit code 1", time.Minute},
		{"oom", "--until=completed", "Stuck", "oom", "container/app", "more memory than its limit", time.Minute},
		{"fails", "--until=completed", "Failed", "failed-container", "container/app", "exit code 1", early},
		{"deadline", "--until=completed", "Failed", "deadline", "kubelet", "activeDeadlineSeconds, 2 s", early},
		{"refused", "-n nowhere", "Refused", "no-namespace", "apiserver", "no namespace nowhere", early},
	} {
		t.Run(c.pod, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func TestDeadEndIsWaitedOutOnDemand(t *testing.T) {
	apart(t)
	remove(t, "image-name")
	begun := time.Now()
	out, _, code := runSeq(t, "create-pod", "-f", scenarioFile("image-name"), "--rm", "--wait-anyway", "--timeout=6s")
	if code != 2 || time.Since(begun) < 6*time.Second || !regexp.MustCompile(`Stuck after [5-9]\.`).MatchString(out) {
		t.Errorf("exit %d after %v:\n%s", code, time.Since(begun), out)
	}
}

// Somebody makes what is missing; the kubelet tries again after about 10 s, when the run would have given up.
func TestWaitAnywayGetsThere(t *testing.T) {
	apart(t)
	remove(t, "missing-configmap")
	maps := client(t).ConfigMaps(namespace(t))
	t.Cleanup(func() { maps.Delete(context.Background(), "nowhere", metav1.DeleteOptions{}) })
	done := make(chan error, 1)
	c := client(t)
	go func() {
		err := becomes(c.Pods(namespace(t)), "missing-configmap", func(p *corev1.Pod) bool {
			return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil &&
				p.Status.ContainerStatuses[0].State.Waiting.Reason == "CreateContainerConfigError"
		})
		if err == nil {
			_, err = maps.Create(context.Background(),
				&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "nowhere"}, Data: map[string]string{"a": "b"}},
				metav1.CreateOptions{})
		}
		done <- err
	}()
	out, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("missing-configmap"), "--rm", "-o", "json",
		"--wait-anyway")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if d := parse(t, out); code != 0 || d.outcome.Outcome != "Ready" || d.outcome.Obstacle != nil {
		t.Errorf("exit %d: %+v %s", code, d.outcome, errOut)
	}
	gone(t, "missing-configmap")
}

// meanwhile does something to the Pod of that name once it is ready.
func meanwhile(t *testing.T, name string, do func(context.Context) error) {
	t.Helper()
	done := make(chan error, 1)
	c := client(t)
	go func() {
		err := becomes(c.Pods(namespace(t)), name, func(p *corev1.Pod) bool {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					return true
				}
			}
			return false
		})
		if err == nil {
			err = do(context.Background())
		}
		done <- err
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRemovedByOthers(t *testing.T) {
	t.Parallel()
	t.Run("evicted", func(t *testing.T) {
		apart(t)
		meanwhile(t, "evicted", func(ctx context.Context) error {
			return client(t).Pods(namespace(t)).EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "evicted"}})
		})
		trouble{"evicted", "--until=completed", "Deleted", "evicted", "unknown client", "Eviction API", early}.check(t)
	})
	t.Run("deleted", func(t *testing.T) {
		apart(t)
		meanwhile(t, "deleted", func(ctx context.Context) error {
			return client(t).Pods(namespace(t)).Delete(ctx, "deleted", metav1.DeleteOptions{})
		})
		trouble{"deleted", "--until=completed", "Deleted", "deleted", "unknown client", "nothing in it records by whom",
			early}.check(t)
	})
}

func TestTaint(t *testing.T) {
	runKubectl(t, "", "taint", "node", "--all", "example.com/reserved=yes:NoSchedule")
	t.Cleanup(func() { runKubectl(t, "", "taint", "node", "--all", "example.com/reserved:NoSchedule-") })
	// The scheduler learns of it by a watch, which may have to be opened anew where the API server was away.
	scheduled := "True"
	for n := 0; scheduled == "True"; n++ {
		canary := fmt.Sprint("canary-", n)
		remove(t, canary)
		runKubectl(t, "", "run", canary, "--image=busybox:1")
		runKubectl(t, "", "wait", "pod/"+canary,
			"--for=jsonpath={.status.conditions[?(@.type=='PodScheduled')].status}", "--timeout=60s")
		scheduled = runKubectl(t, "", "get", "pod", canary, "-o",
			"jsonpath={.status.conditions[?(@.type=='PodScheduled')].status}")
	}
	trouble{"tainted", "--timeout=8s", "Stuck", "taint", "scheduler", "a taint that the Pod does not tolerate",
		early}.check(t)
}

// processes are those that run that program of the cluster.
func processes(t *testing.T, program string) (pids []int) {
	t.Helper()
	if pids = find(program); len(pids) == 0 {
		t.Fatalf("no %s runs here", program)
	}
	return pids
}

// find is processes for other goroutines than the test's. Programs and kubeconfig of a cluster are below one directory.
func find(program string) (pids []int) {
	programs := filepath.Join(filepath.Dir(os.Getenv("KUBECONFIG")), "../../bin") + "/"
	all, _ := filepath.Glob("/proc/[0-9]*/exe") // the pattern is right
	for _, link := range all {
		exe, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(exe, programs) && filepath.Base(exe) == program {
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func TestStoppedKubelet(t *testing.T) {
	kubelet := processes(t, "kubelet")
	for _, pid := range kubelet {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	resume := func() {
		for _, pid := range kubelet {
			syscall.Kill(pid, syscall.SIGCONT)
		}
	}
	t.Cleanup(resume)
	remove(t, "plain")
	out, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("plain"), "-o", "json", "--timeout=9s")
	o := parse(t, out).outcome
	if code != 2 || o.Obstacle == nil || o.Obstacle.Name != "silent-kubelet" || o.Obstacle.Participant != "kubelet" ||
		!strings.Contains(o.Obstacle.Message, "it had renewed its lease") {
		t.Errorf("exit %d: %+v, %s", code, o, errOut)
	}
	resume()
}

func TestQuota(t *testing.T) {
	t.Parallel()
	c := client(t)
	name := metav1.ObjectMeta{Name: "seq-quota"}
	if _, err := c.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: name},
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Namespaces().Delete(context.Background(), "seq-quota", metav1.DeleteOptions{}) })
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "tiny"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("0")}}}
	if _, err := c.ResourceQuotas("seq-quota").Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			_, err := c.ServiceAccounts("seq-quota").Get(ctx, "default", metav1.GetOptions{})
			q, quotaErr := c.ResourceQuotas("seq-quota").Get(ctx, "tiny", metav1.GetOptions{})
			return err == nil && quotaErr == nil && len(q.Status.Hard) > 0, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	trouble{"plain", "-n seq-quota", "Refused", "quota", "apiserver", "ResourceQuota tiny has no room", early}.check(t)
}

func TestWebhook(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "webhook")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary,
		"../../hack/webhook").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(binary, strconv.Itoa(processes(t, "kube-apiserver")[0]))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	const participant = "webhook inject.example.com"
	t.Run("changes", func(t *testing.T) {
		for name, c := range map[string]struct {
			flags     []string
			certainty string
		}{"inferred": {nil, "inferred"}, "observed": {withRecords, "observed"}} {
			t.Run(name, func(t *testing.T) {
				remove(t, "mutated")
				out, errOut, code := runSeq(t,
					append([]string{"create-pod", "-f", scenarioFile("mutated"), "-o", "json", "--rm"}, c.flags...)...)
				if code != 0 {
					t.Fatalf("exit %d: %s", code, errOut)
				}
				steps := parse(t, out).steps
				asked := count(steps, func(s step) bool { return s.To == participant && s.Certainty == c.certainty })
				changed := count(steps, func(s step) bool {
					return s.Rule == "admission" &&
						s.Label == "admission adds metadata.labels.injected=yes, adds spec.containers[proxy]" && s.Certainty == "observed"
				})
				if asked != 1 || changed != 1 || count(steps, func(s step) bool { return s.To == "container/proxy" }) == 0 {
					t.Errorf("asked %d times, %d changes, in:\n%v", asked, changed, steps)
				}
				gone(t, "mutated")
			})
		}
	})
	t.Run("denies", func(t *testing.T) {
		trouble{"denied", "", "Refused", "webhook-denied", participant, "inject.example.com", early}.check(t)
	})
}
