//go:build e2e

package collector

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
