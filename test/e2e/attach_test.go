//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// What an object has kept is held against what really happened: each step must have happened, by whom it says, within
// its window.
func TestShow(t *testing.T) {
	t.Parallel()
	crashing := func(p *corev1.Pod) bool {
		all := p.Status.ContainerStatuses
		return len(all) > 0 && all[0].RestartCount >= 1 && all[0].State.Terminated != nil
	}
	for name, c := range map[string]struct {
		is    func(*corev1.Pod) bool
		then  func(*testing.T) // once it is so
		steps []string
		name  string
	}{
		"probes": {is: isReady, name: "Ready",
			steps: []string{"kubectl-create POST pods (probes)", "scheduler POST pods/binding (NODE)", "kubelet RunPodSandbox",
				"kubelet CreateContainer web", "kubelet StartContainer beside",
				"kubelet PATCH pods/status: PodReadyToStartContainers", "kubelet PATCH pods/status: Ready"}},
		"crash": {is: crashing, name: "Stuck",
			steps: []string{"kubelet StartContainer app", "container/app exits with 1", "kubelet BackOff"}},
		"held": {then: endHeld, is: isReady, name: "Deleting", steps: []string{"unknown client DELETE pods (held)",
			"kubelet StopContainer app", "kubelet DELETE pods (held)"}},
	} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			r := record(t)
			start(t, name, c.is)
			if c.then != nil {
				c.then(t)
			}
			d, errOut, code := replayed(t, "show", "pod/"+name, "--detail=full")
			if code != 0 || d.outcome.Outcome != c.name {
				t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
			}
			hasRows(t, d, placed(t, name, c.steps...)...)
			tr := r.of(t, name, func(tr *truth.Truth) bool { return len(tr.StartCalls()) >= 3 && len(tr.Writes) >= 4 }, d.uid)
			for _, s := range d.steps {
				if !happened(s, tr) {
					t.Errorf("%v: nothing of that in\n%v\n%v", s, tr.Writes, tr.StartCalls())
				}
			}
		})
	}
}

// nodeOf is where a Pod is.
func nodeOf(t *testing.T, pod string) string {
	t.Helper()
	p, err := client(t).Pods(namespace(t)).Get(t.Context(), pod, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Spec.NodeName
}

// placed are rows with the Pod's node for NODE.
func placed(t *testing.T, pod string, rows ...string) []string {
	t.Helper()
	return strings.Split(strings.ReplaceAll(strings.Join(rows, "\n"), "NODE", nodeOf(t, pod)), "\n")
}

// endHeld deletes the Pod that a finalizer holds, and waits until its kubelet has ended it.
func endHeld(t *testing.T) {
	t.Cleanup(func() {
		runKubectl(t, "", "patch", "pod", "held", "--type=merge", "--patch", `{"metadata": {"finalizers": null}}`)
	})
	runKubectl(t, "", "delete", "pod", "held", "--wait=false")
	waitFor(t, "held", func(p *corev1.Pod) bool {
		return p.DeletionGracePeriodSeconds != nil && *p.DeletionGracePeriodSeconds == 0
	})
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions,
		func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
}

// happened reports whether something that really happened is what a step tells of.
func happened(s step, tr *truth.Truth) bool {
	within := func(from, to time.Time) bool {
		if s.At == "during" { // the instant is from within the request, whose etcd transaction is all that is known here
			from = from.Add(-500 * time.Millisecond)
		}
		return (s.Earliest == nil || !to.Before(*s.Earliest)) && (s.Latest == nil || !from.After(*s.Latest))
	}
	actor := func(w truth.Write) bool {
		return s.From == truth.Actor(w.User) || s.From == "apiserver" || s.From == "unknown client" ||
			strings.HasPrefix(s.From, "kubectl-") && truth.Actor(w.User) == "kubectl"
	}
	rpc := cri(s)
	switch {
	case rpc != "":
		return slices.ContainsFunc(tr.Calls, func(c truth.Call) bool {
			return c.RPC == rpc &&
				(s.Kind == "request" && within(c.Start, c.Start) || s.Kind == "response" && within(c.End, c.End))
		})
	case apiWrite(s) || s.To == "etcd" && s.Kind == "request":
		return slices.ContainsFunc(slices.Concat(tr.Writes, tr.Events), func(w truth.Write) bool {
			verb := w.Verb == s.Verb || s.Verb == "" && (w.Verb == "patch" || w.Verb == "update")
			same := verb && w.Resource == s.Resource && w.Subresource == s.Subresource &&
				(s.ResourceVersion == "" || s.ResourceVersion == w.Revision)
			return (same || s.To == "etcd") && actor(w) && within(w.Start, w.End)
		})
	}
	return true
}

// What kubectl prints is enough, without any cluster; it leaves managedFields out.
func TestShowFile(t *testing.T) {
	apart(t)
	start(t, "plain", isReady)
	printed := runKubectl(t, "", "get", "pods,events", "-o", "yaml")
	file := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(file, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"show", "-f", file, "pod/plain"}, {"show", "-f", "-", "po/plain"}} {
		cmd := exec.Command(plugin, append(args, "-o", "json")...)
		cmd.Env = []string{"HOME=" + t.TempDir(), "KUBECONFIG=/nowhere"}
		cmd.Stdin = strings.NewReader(printed)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		d := parse(t, string(out))
		hasRows(t, d, placed(t, "plain", "unknown client POST pods (plain)", "scheduler POST pods/binding (NODE)",
			"kubelet StartContainer app", "kubelet PATCH pods/status: Ready")...)
		if d.outcome.Outcome != "Ready" {
			t.Errorf("%+v", d.outcome)
		}
	}
}

// whileWatching runs the plugin, calls then once its watches are open, and returns how it ended.
func whileWatching(t *testing.T, then func(), args ...string) (d document, errOut string, code int) {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "kept.jsonl")
	args, file := besideJSON(t, append(args, "-o", "json", "--record="+kept))
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, args...))
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) {
			text, _ := os.ReadFile(kept)
			return bytes.Contains(text, []byte(`"verb":"watch","resource":"pods"`)), nil
		})
	if err != nil {
		t.Fatalf("no watch was opened: %v", err)
	}
	then()
	cmd.Wait()
	text := holdPrinted(t, out.String(), file, args)
	if again, errOut, code := runSeq(t, "replay", kept, "-o", "json",
		"--speed=max"); code != cmd.ProcessState.ExitCode() || again != text {
		t.Errorf("replay: exit %d, not %d: %s (-live +replay)\n%s", code, cmd.ProcessState.ExitCode(), errOut,
			cmp.Diff(text, again))
	}
	return live(t, text), stderr.String(), cmd.ProcessState.ExitCode()
}

// someManager is a name that a test has kubectl give itself.
const someManager = "somebody"

// live are the steps of a run that happened while it looked, which are held to the truth as those of any other run are.
// The parts of kubectl are one client there.
func live(t *testing.T, out string) document {
	d := parse(t, out)
	var run struct{ Looked time.Time }
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&run); err != nil {
		t.Fatal(err)
	}
	kept := d.steps[:0]
	index := map[int]int{}
	for _, s := range d.steps {
		if strings.HasPrefix(s.Rule, "past-") || s.Best != nil && s.Best.Before(run.Looked) ||
			s.Earliest != nil && (s.Rule == "event-write" || s.Rule == "etcd-write" && s.Resource == "events") &&
				s.Earliest.Before(run.Looked) {
			continue
		}
		index[s.Index] = len(kept)
		s.Index = len(kept)
		if strings.HasPrefix(s.From, "kubectl-") || s.From == someManager {
			s.From = "kubectl"
		}
		kept = append(kept, s)
	}
	for i := range kept {
		after := []int{}
		for _, k := range kept[i].After {
			if n, ok := index[k]; ok {
				after = append(after, n)
			}
		}
		kept[i].After = after
	}
	d.steps, d.looked = kept, run.Looked
	if d.printed != nil {
		var p printed
		for k, r := range d.printed.rows {
			var shown []int
			for _, i := range d.printed.shown[k] {
				if n, ok := index[i]; ok {
					shown = append(shown, n)
				}
			}
			p.rows, p.shown = append(p.rows, r), append(p.shown, shown)
		}
		d.printed = &p
	}
	return d
}

// Who may get a Pod, and neither list nor watch, is shown what it has kept, and what becomes of it, by asking again and
// again.
func TestFewRights(t *testing.T) {
	apart(t)
	allowVerbs(t, "reader", []string{"create", "get"}, "pods", "pods/exec")
	start(t, "trapped", isReady)
	for _, c := range []struct {
		args, outcome string
		code          int
	}{
		{"show pod/trapped", "Ready", 0},
		{"watch pod/trapped --until=ready", "Ready", 0},
		{"watch pod/none --wait --timeout=2s", "Timeout", 124},
		{"exec trapped --linger=1m -- kill 1", "Ready", 0},
	} {
		out, errOut, code := runSeq(t, append([]string{"--as=reader", "-o", "json"}, strings.Fields(c.args)...)...)
		if o := parse(t, out).outcome; code != c.code || o.Outcome != c.outcome {
			t.Errorf("%s: exit %d, %+v: %s", c.args, code, o, errOut)
		}
	}
	for args, want := range map[string]string{
		"show pod/trapped --as=nobody":              "is not in the list that you may read",
		"watch pod/trapped --as=nobody":             "", // the picture says it
		"delete-pod trapped --as=reader":            `cannot delete resource "pods"`,
		"exec trapped -c app --as=nobody -- kill 1": `cannot get resource "pods/exec"`,
	} {
		if out, errOut, code := runSeq(t, strings.Fields(args)...); code != 1 || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit %d: %s%s", args, code, out, errOut)
		}
	}
}

func TestWatchWait(t *testing.T) {
	apart(t)
	_, errOut, code := runSeq(t, "watch", "pod/plain", "--until=ready")
	if code != 1 || !strings.Contains(errOut, "not found") || !strings.Contains(errOut, "--wait") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	r := record(t)
	d, errOut, code := whileWatching(t, func() { start(t, "plain", isReady) }, "watch", "po", "plain", "--wait",
		"--until=ready")
	if code != 0 || d.outcome.Outcome != "Ready" {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	s := judged(t, d, r.of(t, "plain", wholeFor(d), d.uids()...), likelyWithin)
	t.Logf("%d writes, %d pairs", s.Writes, s.Pairs)
}

// Who waits for a Pod knows when it was made, and bound, to the last time that it was not there: 0.1 s before, where
// the machine keeps up.
func TestWatchWaitBounds(t *testing.T) {
	apart(t)
	remove(t, "present")
	kept := filepath.Join(t.TempDir(), "kept.jsonl")
	began := record(t)
	go func() {
		_ = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
			func(context.Context) (bool, error) { return waitsFor(t, began, "present"), nil })
		runKubectl(t, "", "create", "-f", scenarioFile("present"))
	}()
	out, errOut, code := runSeq(t, "watch", "pod/present", "--wait", "--until=ready", "-o", "json", "--record="+kept)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	file, err := os.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := recording.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var absent time.Time
	for _, o := range r.Observations {
		if q := o.Request; q != nil && q.Poll && q.Status == 404 {
			absent = q.Sent
		}
	}
	if absent.IsZero() {
		t.Fatal("nobody looked before the Pod was there")
	}
	n := 0
	for _, s := range parse(t, out).steps {
		if apiWrite(s) && s.Verb == "create" && s.Resource == "pods" {
			n++
			if s.Earliest == nil || s.Earliest.Before(absent) || s.Latest == nil {
				t.Errorf("%v: the Pod was not there at %v", s, absent)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d steps make and bind it", n)
	}
}

// hasRows looks for rows that begin so: from whom, and the label.
func hasRows(t *testing.T, d document, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !slices.ContainsFunc(d.steps, func(s step) bool { return strings.HasPrefix(s.From+" "+s.Label, want) }) {
			t.Errorf("no %q in\n%v", want, d.steps)
		}
	}
}

// What others write, in one second and with any name, is theirs, and what was taken away is nobody's.
func TestWatchOthers(t *testing.T) {
	apart(t)
	start(t, "plain", isReady)
	r := record(t)
	d, errOut, code := whileWatching(t, func() {
		runKubectl(t, "", "label", "pod", "plain", "a=1")
		runKubectl(t, "", "label", "pod", "plain", "a-")
		runKubectl(t, "", "annotate", "--overwrite", "pod", "plain", "b=1")
		runKubectl(t, "", "annotate", "--overwrite", "pod", "plain", "b=2")
		runKubectl(t, "", "label", "--field-manager="+someManager, "pod", "plain", "c=1")
		runKubectl(t, "", "patch", "pod", "plain", `-p={"metadata":{"finalizers":["example.com/hold"]}}`)
		runKubectl(t, "", "delete", "pod", "plain", "--grace-period=1", "--wait=false")
		waitFor(t, "plain", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
		runKubectl(t, "", "patch", "pod", "plain", "--type=json", `-p=[{"op":"remove","path":"/metadata/finalizers"}]`)
	}, "watch", "pod/plain")
	if code != 0 || d.outcome.Outcome != "Deleted" {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	hasRows(t, d, "kubectl PATCH pods: metadata.labels.a=1", "unknown client write pods: removes metadata.labels.a",
		"kubectl PATCH pods: metadata.annotations.b", "kubectl write pods: metadata.labels.c=1",
		"kubectl PATCH pods: finalizer example.com/hold", "unknown client DELETE pods",
		"unknown client write pods: removes finalizer example.com/hold")
	if n := count(d.steps, func(s step) bool { return s.Label == "PATCH pods: metadata.annotations.b" }); n != 2 {
		t.Errorf("%d annotations", n)
	}
	tr := r.of(t, "plain", wholeFor(d), d.uids()...)
	d.begun(tr)
	judged(t, d, tr, likelyWithin)
}

// What is changed of a Pod that runs, by subresources of their own, and what its kubelet then reports.
func TestWatchChanges(t *testing.T) {
	apart(t)
	start(t, "resized", isReady)
	r := record(t)
	d, errOut, code := whileWatching(t, func() {
		runKubectl(t, "", "patch", "pod", "resized", "--subresource=resize",
			`-p={"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"20m"}}}]}}`)
		waitFor(t, "resized", func(p *corev1.Pod) bool {
			is := p.Status.ContainerStatuses[0].AllocatedResources.Cpu()
			return is != nil && is.MilliValue() == 20
		})
		runKubectl(t, "", "set", "image", "pod/resized", "app=docker.io/library/busybox:1")
		waitFor(t, "resized",
			func(p *corev1.Pod) bool { return isReady(p) && p.Status.ContainerStatuses[0].RestartCount == 1 })
		runKubectl(t, "", "debug", "resized", "--image=busybox:1", "--container=dbg", "--profile=general", "--", "true")
		waitFor(t, "resized", func(p *corev1.Pod) bool {
			all := p.Status.EphemeralContainerStatuses
			return len(all) == 1 && all[0].State.Terminated != nil
		})
		runKubectl(t, "", "delete", "pod", "resized")
	}, "watch", "pod/resized")
	if code != 0 || d.outcome.Outcome != "Deleted" {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	hasRows(t, d, "kubectl PATCH pods/resize: ", "kubectl PATCH pods/ephemeralcontainers: ")
	tr := r.of(t, "resized", wholeFor(d), d.uids()...)
	d.begun(tr)
	judged(t, d, tr, likelyWithin)
}

// watchedEnd is how a Pod comes to its end, and what must be told of it.
type watchedEnd struct {
	pod    string
	is     func(*corev1.Pod) bool
	end    func(*testing.T)
	want   string
	reason string // of the outcome
}

func (c watchedEnd) check(t *testing.T) {
	t.Helper()
	start(t, c.pod, c.is)
	r := record(t)
	d, errOut, code := whileWatching(t, func() { c.end(t) }, "watch", "pod/"+c.pod)
	if code != 0 || d.outcome.Outcome != "Deleted" || d.outcome.Reason != c.reason {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	if n := count(d.steps, func(s step) bool { return s.From+" "+s.Label == c.want }); n != 1 {
		t.Errorf("%d of %q in\n%v", n, c.want, d.steps)
	}
	tr := r.of(t, c.pod, wholeFor(d), d.uids()...)
	d.begun(tr)
	judged(t, d, tr, likelyWithin)
}

// Whoever deletes a Pod that has finished, or evicts one, makes several revisions by one request.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	evict := func(t *testing.T, pod, options string) {
		runKubectl(t, `{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"`+pod+`"},
			"deleteOptions":{`+options+`}}`,
			"create", "--raw", "/api/v1/namespaces/"+namespace(t)+"/pods/"+pod+"/eviction", "-f", "-")
	}
	for name, c := range map[string]watchedEnd{
		"finished": {"completes", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded },
			func(t *testing.T) { runKubectl(t, "", "delete", "pod", "completes") }, "unknown client DELETE pods", "Deleted"},
		"forced": {"plain", isReady,
			func(t *testing.T) { runKubectl(t, "", "delete", "pod", "plain", "--force", "--grace-period=0") },
			"unknown client DELETE pods", "Deleted"},
		"evicted": {"plain", isReady, func(t *testing.T) { evict(t, "plain", `"gracePeriodSeconds":1`) },
			"unknown client POST pods/eviction", "EvictionByEvictionAPI"},
		"evicted too late": {"lingers", isReady, func(t *testing.T) {
			runKubectl(t, "", "delete", "pod", "lingers", "--wait=false")
			evict(t, "lingers", "")
		}, "unknown client POST pods/eviction", "Deleted"},
		"deleted again": {"lingers", isReady, func(t *testing.T) {
			runKubectl(t, "", "delete", "pod", "lingers", "--wait=false")
			runKubectl(t, "", "delete", "pod", "lingers", "--wait=false", "--grace-period=1")
			runKubectl(t, "", "delete", "pod", "lingers", "--wait=false", "--grace-period=0", "--force")
		}, "unknown client DELETE pods: deletionGracePeriodSeconds=1", "Deleted"},
		"preempted": {"host-port", isReady, func(t *testing.T) {
			runKubectl(t, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"more-urgent"},
				"spec":{"priorityClassName":"system-cluster-critical","terminationGracePeriodSeconds":0,
				"nodeSelector":{"kubernetes.io/hostname":"`+nodeOf(t, "host-port")+`"},"containers":[{
					"name":"app","image":"busybox:1","command":["sleep","1000"],"ports":[{"containerPort":80,"hostPort":31999}]}]}}`,
				"create", "-f", "-")
			runKubectl(t, "", "wait", "--for=condition=Ready", "pod/more-urgent", "--timeout=60s")
			runKubectl(t, "", "delete", "pod", "more-urgent")
		}, "scheduler DELETE pods", "PreemptionByScheduler"},
	} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			c.check(t)
		})
	}
}

// Not beside others: the taint ends every Pod of the node.
func TestWatchTainted(t *testing.T) {
	watchedEnd{"host-port", isReady, func(t *testing.T) {
		node := nodeOf(t, "host-port")
		runKubectl(t, "", "taint", "node", node, "example.com/away=yes:NoExecute")
		runKubectl(t, "", "wait", "--for=delete", "pod/host-port", "--timeout=60s")
		runKubectl(t, "", "taint", "node", node, "example.com/away:NoExecute-")
	}, "controller-manager/taint-eviction DELETE pods", "DeletionByTaintManager"}.check(t)
}

// A controller ends what is too much, adopts what its selector matches, and lets go of what it does not match any more.
func TestWatchReplicaSet(t *testing.T) {
	apart(t)
	runKubectl(t, "", "create", "-f", workloadFile("replicaset"))
	t.Cleanup(func() { runKubectl(t, "", "delete", "-f", workloadFile("replicaset"), "--ignore-not-found") })
	runKubectl(t, "", "wait", "--for=jsonpath={.status.availableReplicas}=2", "replicaset/web", "--timeout=60s")
	start(t, "stray", isReady)
	r := record(t)
	d, errOut, code := whileWatching(t, func() {
		runKubectl(t, "", "scale", "replicaset", "web", "--replicas=1")
		runKubectl(t, "", "wait", "--for=jsonpath={.status.replicas}=1", "replicaset/web", "--timeout=60s")
		runKubectl(t, "", "scale", "replicaset", "web", "--replicas=2")
		runKubectl(t, "", "label", "pod", "stray", "--overwrite", "app=web")
		runKubectl(t, "", "wait", "--for=jsonpath={.metadata.ownerReferences[0].name}=web", "pod/stray", "--timeout=60s")
		runKubectl(t, "", "label", "pod", "stray", "--overwrite", "app=other")
		runKubectl(t, "", "wait", "--for=jsonpath={.status.availableReplicas}=2", "replicaset/web", "--timeout=60s")
		runKubectl(t, "", "delete", "replicaset", "web")
	}, "watch", "replicaset/web")
	if code != 0 || d.outcome.Outcome != "Deleted" {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	hasRows(t, d, "kubectl PATCH replicasets/scale: spec.replicas=1",
		"controller-manager/replicaset DELETE pods", "controller-manager/replicaset PATCH pods: owned by ReplicaSet web",
		"kubectl PATCH pods: metadata.labels.app=other",
		"controller-manager/replicaset PATCH pods: no longer owned by ReplicaSet web",
		"controller-manager/garbage-collector DELETE pods")
	if i := slices.IndexFunc(d.steps, func(s step) bool { return s.Label == "" }); i >= 0 {
		t.Errorf("a row says nothing: %+v", d.steps[i])
	}
	tr := r.of(t, "web", wholeFor(d), d.uids()...)
	d.begun(tr)
	judged(t, d, tr, likelyWithin)
}

// A rollout is followed to its end: the Deployment's two ReplicaSets, the new Pods and the end of the old ones.
func TestWatchRollout(t *testing.T) {
	apart(t)
	runKubectl(t, "", "apply", "-f", workloadFile("deployment"))
	t.Cleanup(func() { runKubectl(t, "", "delete", "-f", workloadFile("deployment"), "--ignore-not-found") })
	runKubectl(t, "", "rollout", "status", "deployment/web", "--timeout=60s")
	r := record(t)
	d, errOut, code := whileWatching(t, func() {
		runKubectl(t, "", "set", "env", "deployment/web", "AGAIN=yes")
		runKubectl(t, "", "rollout", "status", "deployment/web", "--timeout=60s")
		runKubectl(t, "", "delete", "deployment", "web")
	}, "watch", "deploy/web")
	if code != 0 || d.outcome.Outcome != "Deleted" {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	for _, want := range []string{"kubectl PATCH deployments: spec.template",
		"controller-manager/deployment POST replicasets", "controller-manager/replicaset POST pods",
		"controller-manager/deployment PUT replicasets: spec.replicas=0",
		"controller-manager/replicaset DELETE pods", "kubelet StopContainer app", "kubectl DELETE deployments"} {
		if !slices.ContainsFunc(d.steps, func(s step) bool {
			return strings.HasPrefix(s.From+" "+s.Label, want) ||
				strings.HasPrefix("kubectl "+s.Label, want) && s.From == "unknown client"
		}) {
			t.Errorf("no %q", want)
		}
	}
	tr := r.of(t, "web", wholeFor(d), d.uids()...)
	d.begun(tr)
	s := judged(t, d, tr, likelyWithin)
	t.Logf("%d writes, %d pairs, %d of %d actors unknown", s.Writes, s.Pairs, s.ActorsUnknown, s.WritesFound)

	// One that is done is known to be.
	runKubectl(t, "", "apply", "-f", workloadFile("deployment"))
	if out, errOut, code := runSeq(t, "watch", "deployments.apps/web", "--until=available", "-o", "json"); code != 0 ||
		parse(t, out).outcome.Outcome != "Available" {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
