//go:build e2e

// Package collector runs the built Collector on a real cluster, as collector/deploy has it: two replicas, of which the
// leader is killed, and the next one is asked to leave.
package collector

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const (
	deployed  = "otelcol-seq"   // the namespace of the Collector, and the name of its Lease
	namespace = "seq-collector" // that of the Pods
)

// overlay is collector/deploy with the test as the place to send to.
const overlay = `
resources: [%s]
configMapGenerator:
- name: otelcol-seq-config
  namespace: otelcol-seq
  behavior: merge
  files: [test.yaml]
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --config=/etc/otelcol-seq/test.yaml}
`

const sends = `
receivers:
  seq: {stuck_after: 1s}
exporters:
  otlp_http: {endpoint: "http://${env:KUBERNETES_SERVICE_HOST}:%d", compression: none}
connectors:
  span_metrics: {metrics_flush_interval: 1s}
service:
  pipelines:
    traces: {exporters: [otlp_http, span_metrics]}
    logs: {exporters: [otlp_http]}
    metrics: {exporters: [otlp_http, prometheus]}
`

// Each Pod's start comes at least once, whole and under its one id, whoever leads: also of what was held when the
// leader was killed, and of what began while nobody led.
func TestFailover(t *testing.T) {
	if os.Getenv("NODE_PID") == "" {
		t.Fatal("set NODE_PID to the pid of a node of hack/cluster that has the image (make test does)")
	}
	kubectl(t, "", "wait", "namespace", namespace, deployed, "--for=delete", "--timeout=2m") // of a run before
	kubectl(t, "", "create", "namespace", namespace)
	t.Cleanup(func() { kubectl(t, "", "delete", "namespace", namespace, "--wait=false") })
	s := newSink(t, namespace, os.Getenv("NODE_PID"))
	deploy(t, s.port())
	var first string
	await(t, "a leader", func() bool {
		first = leader(t)
		return first != ""
	})
	kubectl(t, "", "wait", "-n", namespace, "serviceaccount/default", "--for=create", "--timeout=2m")

	kubectl(t, "", "create", "deployment", "before", "-n", namespace, "--image=busybox:1", "--replicas=2", "--", "sleep",
		"1000")
	kubectl(t, "", "create", "job", "job", "-n", namespace, "--image=busybox:1", "--", "true")
	apply(t, held)
	var uid string
	for _, pods := range []string{"app=before", "batch.kubernetes.io/job-name=job"} {
		await(t, "traces of "+pods, func() bool { return s.have(uids(t, pods)) })
	}
	await(t, "a log record of the Pod that is held", func() bool {
		uid = strings.Join(uids(t, "is=held"), "")
		return s.heldBy(fmt.Sprintf("%x", seq.NewTraceContext("", uid).TraceID)) == "kubelet"
	})
	kubectl(t, "", "wait", "-n", deployed, "configmap/otelcol-seq", "--for=create", "--timeout=2m")

	kill(t, first)
	kubectl(t, "", "create", "deployment", "meanwhile", "-n", namespace, "--image=busybox:1", "--replicas=3", "--",
		"sleep", "1000")
	kubectl(t, "", "create", "configmap", "late", "-n", namespace, "--from-literal=a=b")
	var second string
	await(t, "another leader", func() bool {
		second = leader(t)
		return second != "" && second != first
	})
	for _, pods := range []string{"app=meanwhile", "is=held"} {
		await(t, "traces of "+pods, func() bool { return s.have(uids(t, pods)) })
	}

	evict(t, second)
	kubectl(t, "", "create", "deployment", "after", "-n", namespace, "--image=busybox:1", "--replicas=2", "--", "sleep",
		"1000")
	await(t, "traces of app=after", func() bool { return s.have(uids(t, "app=after")) })
	t.Logf("led by %s, then %s, then %s", first, second, leader(t))

	s.check(t)
	s.checkOwners(t)
	s.checkHistograms(t)
	for line := range strings.Lines(kubectl(t, "", "logs", "-n", deployed, "-l", "app.kubernetes.io/name=otelcol-seq",
		"--tail=-1")) {
		if strings.Contains(line, "forbidden") || strings.Contains(line, "\tERROR\t") || strings.Contains(line, "panic") {
			t.Errorf("the Collector says: %s", line)
		}
	}
}

// held is a Pod that waits for a ConfigMap.
const held = `
apiVersion: v1
kind: Pod
metadata: {name: held, namespace: ` + namespace + `, labels: {is: held}}
spec:
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000"]
    envFrom: [{configMapRef: {name: late}}]
`

// deploy has the Collector run, until the end of the test.
func deploy(t *testing.T, to int) {
	t.Helper()
	dir := t.TempDir()
	from, err := filepath.Abs("../../hack/cluster/collector")
	if err != nil {
		t.Fatal(err)
	}
	if from, err = filepath.Rel(dir, from); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"kustomization.yaml": fmt.Sprintf(overlay, from),
		"test.yaml": fmt.Sprintf(sends, to)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(kubectl(t, "", "get", "pods,leases,configmaps", "-n", deployed, "-o", "wide"))
			t.Log(kubectl(t, "", "logs", "-n", deployed, "-l", "app.kubernetes.io/name=otelcol-seq", "--tail=100", "--prefix"))
		}
		kubectl(t, "", "delete", "-k", dir, "--wait=false")
	})
	kubectl(t, "", "apply", "-k", dir)
	kubectl(t, "", "rollout", "status", "-n", deployed, "deployment/otelcol-seq", "--timeout=2m")
}

// leader is the Pod that holds the Lease, or nothing.
func leader(t *testing.T) string {
	t.Helper()
	holder := kubectl(t, "", "get", "lease", deployed, "-n", deployed, "--ignore-not-found", "-o",
		"jsonpath={.spec.holderIdentity}")
	pod, _, _ := strings.Cut(holder, "_")
	return pod
}

// kill kills a Pod's process, which has no time to note or to tell anything.
func kill(t *testing.T, pod string) {
	t.Helper()
	found := false
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if exe, _ := os.Readlink(link); exe != "/otelcol-seq" {
			continue
		}
		process := filepath.Dir(link)
		if host, _ := os.ReadFile(process + "/root/etc/hostname"); strings.TrimSpace(string(host)) != pod {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(process))
		found = syscall.Kill(pid, syscall.SIGKILL) == nil
	}
	if !found {
		t.Fatalf("the process of %s is not on this machine", pod)
	}
}

// evict has a Pod leave in order, as when its node is drained, if the PodDisruptionBudget lets it.
func evict(t *testing.T, pod string) {
	t.Helper()
	kubectl(t, "", "wait", "-n", deployed, "poddisruptionbudget/otelcol-seq",
		"--for=jsonpath={.status.disruptionsAllowed}=1", "--timeout=2m")
	kubectl(t, `{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "`+pod+`"}}`, "create", "--raw",
		"/api/v1/namespaces/"+deployed+"/pods/"+pod+"/eviction", "-f", "-")
}

// have reports whether a trace of each has come; there has to be one.
func (s *sink) have(uids []string) bool {
	return len(uids) > 0 && !slices.ContainsFunc(uids, func(uid string) bool { return len(s.of(uid)) == 0 })
}

// check holds what came against what was there.
func (s *sink) check(t *testing.T) {
	t.Helper()
	all := uids(t, "")
	if len(all) != 9 {
		t.Errorf("%d Pods", len(all))
	}
	for _, uid := range s.uids() {
		if !slices.Contains(all, uid) {
			t.Errorf("%s: no such Pod", s.of(uid)[0].outcome)
		}
		context := seq.NewTraceContext("", uid)
		for i, x := range s.of(uid) {
			t.Logf("%s, the %d. time: %d spans", x.outcome, i+1, len(x.spans))
			if x.id != fmt.Sprintf("%x", context.TraceID) || x.root != fmt.Sprintf("%x", context.Span("run")) {
				t.Errorf("%s is trace %s, span %s", x.outcome, x.id, x.root)
			}
			if len(x.orphans) > 0 {
				t.Errorf("%s: not below anything: %q", x.outcome, x.orphans)
			}
			if !strings.HasSuffix(x.outcome, " Ready") && !strings.HasSuffix(x.outcome, " Succeeded") {
				t.Errorf("%s", x.outcome)
			}
		}
		if !slices.ContainsFunc(s.of(uid), start.whole) {
			t.Errorf("%s: no trace has all of it: %q", s.of(uid)[0].outcome, s.of(uid))
		}
	}
}

// whole reports whether a trace has what is in each start.
func (x start) whole() bool {
	for _, want := range []string{"POST pods/binding", "RunPodSandbox", "CreateContainer", "StartContainer"} {
		found := false
		for _, name := range x.spans {
			found = found || strings.HasPrefix(name, want)
		}
		if !found {
			return false
		}
	}
	return true
}

// checkOwners holds the traces of what made the Pods against that.
func (s *sink) checkOwners(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for of := range strings.Lines(kubectl(t, "", "get", "pods", "-n", namespace, "-o",
		`jsonpath={range .items[*]}{.metadata.uid} {.metadata.ownerReferences[0].uid}{"\n"}{end}`)) {
		uid, owner, _ := strings.Cut(strings.TrimSpace(of), " ")
		want := ""
		if owner != "" {
			want = fmt.Sprintf("%x", seq.NewTraceContext("", owner).TraceID)
		}
		if got := s.owners[uid]; got != want {
			t.Errorf("Pod %s is in trace %q of its owner, want %q", uid, got, want)
		}
	}
}

// checkHistograms looks for those that docs/cluster.md asks for, by the names that OTLP has for them; and that none is
// of one Pod, of which there would be ever more.
func (s *sink) checkHistograms(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	phase, start, perPod := false, false, ""
	for name := range s.histograms {
		phase = phase || strings.HasPrefix(name, "traces.span.metrics.duration ") &&
			strings.Contains(name, " seq.phase=sandbox ")
		start = start || strings.Contains(name, " k8s.namespace.name="+namespace+" seq.outcome=Ready ")
		if strings.Contains(name, "meanwhile") {
			perPod = name
		}
	}
	if !phase || !start || perPod != "" {
		t.Errorf("histograms of phases: %t, of starts: %t, of one object: %q", phase, start, perPod)
	}
}

// uids are those of the Pods with these labels.
func uids(t *testing.T, labels string) []string {
	t.Helper()
	return strings.Fields(kubectl(t, "", "get", "pods", "-n", namespace, "-l", labels, "-o",
		"jsonpath={.items[*].metadata.uid}"))
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	kubectl(t, manifest, "apply", "-f", "-")
}

// await waits for what is nobody's event.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	begun := time.Now()
	for !is() {
		if time.Since(begun) > 3*time.Minute {
			t.Fatalf("not within three minutes: %s", what)
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("%s: after %s", what, time.Since(begun).Round(100*time.Millisecond))
}

// kubectl is what it prints.
func kubectl(t *testing.T, in string, args ...string) string {
	t.Helper()
	c := exec.Command("kubectl", args...)
	c.Stdin = strings.NewReader(in)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		t.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	return string(out)
}
