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
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const (
	deployed  = "otelcol-seq"   // the namespace of the Collector, and the name of its Lease
	namespace = "seq-collector" // that of the Pods
)

const sends = `
receivers:
  seq: {stuck_after: 1s}
exporters:
  otlp_http: {endpoint: "http://${env:KUBERNETES_SERVICE_HOST}:%d", compression: none}
connectors:
  span_metrics: {metrics_flush_interval: 1s}
processors:
  tail_sampling: # of the Pods of the test all, of others none
    decision_wait: 1s
    policies:
    - {name: own, type: string_attribute, string_attribute: {key: k8s.namespace.name, values: [` + namespace + `]}}
service:
  pipelines:
    traces: {processors: [tail_sampling], exporters: [otlp_http]}
    traces/all: {receivers: [seq], exporters: [span_metrics]}
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

	s.scrape(t, first)

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
	s.mu.Lock()
	if len(s.sampled) > 0 {
		t.Errorf("tail sampling has let through %q", s.sampled)
	}
	s.mu.Unlock()
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
	for _, want := range []string{"POST pods/binding", "RunPodSandbox", "CreateContainer", "StartContainer", "sandbox",
		"start"} {
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

// scrape keeps in METRICS, if that is set, what a Pod of the Collector has for Prometheus, once it has a histogram.
func (s *sink) scrape(t *testing.T, pod string) {
	t.Helper()
	page := func(port string) string {
		return kubectl(t, "", "get", "--raw", "/api/v1/namespaces/"+deployed+"/pods/"+pod+":"+port+"/proxy/metrics")
	}
	var histograms string
	await(t, "histograms of starts for Prometheus", func() bool {
		histograms = page("9464")
		return strings.Contains(histograms, `seq_outcome="Ready"`) && strings.Contains(histograms, `seq_phase="sandbox"`)
	})
	own := page("8888")
	for _, name := range []string{"otelcol_seq_pods_in_flight ", "otelcol_seq_folds{", "otelcol_seq_lag_bucket{"} {
		if !strings.Contains(own, "\n"+name) {
			t.Errorf("no %s among\n%s", name, own)
		}
	}
	if file := os.Getenv("METRICS"); file != "" {
		if err := os.WriteFile(file, []byte(histograms+own), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocs has the Collector look at each configuration that docs/cluster.md has: what only adds to one, beside that of
// collector/deploy.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile("(?s)(?:```yaml|<<'EOF')\n(.*?)\n(?:```|EOF)").FindAllSubmatch(page, -1)
	if len(all) < 2 {
		t.Fatalf("%d configurations", len(all))
	}
	for i, x := range all {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, x[1], 0o644); err != nil {
			t.Fatal(err)
		}
		args := []string{"validate", "--config=" + file}
		if !bytes.Contains(x[1], []byte("receivers:\n  seq:")) {
			args = []string{"validate", "--config=../../collector/deploy/config.yaml", "--config=" + file}
		}
		if out, err := exec.Command("../../bin/otelcol-seq", args...).CombinedOutput(); err != nil {
			t.Errorf("%d: %v\n%s\n%s", i, err, x[1], out)
		}
	}
}
