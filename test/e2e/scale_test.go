//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
)

// fakeNode is the label, the taint and the annotation of nodes that KWOK plays.
const fakeNode = "kwok.x-k8s.io/node"

// fakeNodes adds nodes that KWOK plays until the end of the benchmark.
func fakeNodes(b *testing.B, n int) {
	kwok := exec.Command(os.Getenv("KWOK"), "--kubeconfig="+os.Getenv("KUBECONFIG"),
		"--config=../../hack/kwok/stages.yaml",
		"--manage-nodes-with-annotation-selector="+fakeNode+"=fake", "--node-lease-duration-seconds=40",
		"--cidr=10.128.0.0/16")
	kwok.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var errOut bytes.Buffer
	kwok.Stderr = &errOut
	if err := kwok.Start(); err != nil {
		b.Fatalf("KWOK=%q, hack/bench builds it: %v", os.Getenv("KWOK"), err)
	}
	nodes := client(b).Nodes()
	mine := metav1.ListOptions{LabelSelector: fakeNode}
	b.Cleanup(func() {
		if err := nodes.DeleteCollection(context.Background(), metav1.DeleteOptions{}, mine); err != nil {
			b.Error(err)
		}
		kwok.Process.Kill()
		kwok.Wait()
		if b.Failed() {
			b.Log(errOut.String())
		}
	})
	for i := range n {
		name := map[string]string{fakeNode: "fake"}
		room := v1.ResourceList{"cpu": resource.MustParse("32"), "memory": resource.MustParse("256Gi"),
			"pods": resource.MustParse("110")}
		_, err := nodes.Create(b.Context(), &v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("kwok-%d", i), Labels: name, Annotations: name},
			Spec:       v1.NodeSpec{Taints: []v1.Taint{{Key: fakeNode, Effect: v1.TaintEffectNoSchedule}}},
			Status:     v1.NodeStatus{Capacity: room, Allocatable: room},
		}, metav1.CreateOptions{})
		if err != nil {
			b.Fatal(err)
		}
	}
	until(b, "the fake nodes are ready", func() bool {
		list, err := nodes.List(b.Context(), mine)
		if err != nil {
			return false
		}
		for _, node := range list.Items {
			if len(node.Spec.Taints) > 1 { // not-ready is one, too
				return false
			}
		}
		return len(list.Items) == n
	})
}

// until waits for what is nobody's event.
func until(b testing.TB, what string, is func() bool) {
	b.Helper()
	err := wait.PollUntilContextTimeout(b.Context(), 50*time.Millisecond, 2*time.Minute, true,
		func(context.Context) (bool, error) { return is(), nil })
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// crowdFile is a Deployment of that many Pods with a Service, for the fake nodes.
const crowdFile = `
apiVersion: v1
kind: Service
metadata: {name: crowd}
spec: {selector: {app: crowd}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: crowd}
spec:
  replicas: %d
  selector: {matchLabels: {app: crowd}}
  template:
    metadata: {labels: {app: crowd}}
    spec:
      nodeSelector: {kwok.x-k8s.io/node: fake}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers: [{name: app, image: "busybox:1", command: [sleep, "1000"]}]
`

// BenchmarkScale follows a Deployment from 0 to that many Pods, which KWOK plays on nodes of its own, in a terminal,
// beside kubectl get pods --watch of the same Pods. It fails where a watch was lost or a Pod is missing. CPU and memory
// are those of a run that records nothing, as kubectl records nothing.
func BenchmarkScale(b *testing.B) {
	fakeNodes(b, 20)
	namespace := freshNamespace(b, "seq-scale")
	for _, pods := range []int{200, 2000} {
		b.Run(strconv.Itoa(pods), func(b *testing.B) {
			manifest := filepath.Join(b.TempDir(), "crowd.yaml")
			if err := os.WriteFile(manifest, fmt.Appendf(nil, crowdFile, pods), 0o644); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				kept := filepath.Join(b.TempDir(), "crowd.jsonl")
				run, get := growDeployment(b, namespace, manifest, "--record="+kept)
				reportLags(b, kept, pods, run.seen, get.seen)
				run, get = growDeployment(b, namespace, manifest)
				for name, t := range map[string]*terminal{"seq": run, "get-w": get} {
					u := t.cmd.ProcessState.SysUsage().(*syscall.Rusage)
					b.ReportMetric(float64(u.Maxrss)/1024, "MiB-"+name)
					b.ReportMetric((t.cmd.ProcessState.UserTime() + t.cmd.ProcessState.SystemTime()).Seconds(), "cpu-s-"+name)
				}
			}
		})
	}
}

// growDeployment creates the Deployment with the plugin, beside kubectl, and deletes it once it is available and both
// have ended.
func growDeployment(b *testing.B, namespace, manifest string, flags ...string) (run, get *terminal) {
	get = onTerminal(b, `\d+`, kubectl, "get", "pods", "--watch", "-n", namespace,
		`-o=jsonpath={.metadata.resourceVersion}{"\n"}`)
	<-time.After(time.Second) // nothing tells when its watch is open
	run = onTerminal(b, `revision \d+`,
		append([]string{plugin, "create", "-f", manifest, "-n", namespace, "--timeout=10m"}, flags...)...)
	<-run.done
	run.stop()
	get.stop()
	if code := run.cmd.ProcessState.ExitCode(); code != 0 {
		b.Fatalf("exit %d", code)
	}
	b.StopTimer()
	defer b.StartTimer()
	if out, err := exec.Command(kubectl, "delete", "-n", namespace, "--cascade=foreground", "-f",
		manifest).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return run, get
}

// reportLags reports how long what a recording has took to be seen by either.
func reportLags(b *testing.B, kept string, pods int, seen, seenGet map[string]time.Time) {
	file, err := os.Open(kept)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	r, err := recording.Read(file)
	if err != nil {
		b.Fatal(err)
	}
	received, last := arrivals(b, r, pods)
	lag, lagGet := lags(received, seen, "revision "), lags(received, seenGet, "")
	reportMS(b, lag, "ms-lag-seq")
	reportMS(b, lagGet, "ms-lag-get-w")
	b.ReportMetric(float64(slices.Max(lag))/1e6, "ms-max-lag-seq")
	b.ReportMetric(float64(slices.Max(lagGet))/1e6, "ms-max-lag-get-w")
	b.ReportMetric(float64(seen["revision "+last].Sub(received[last]))/1e6, "ms-available-told")
	b.ReportMetric(float64(len(r.Observations)), "observations")
	b.ReportMetric(received[last].Sub(r.Started).Seconds(), "s-available")
}

// arrivals are when each revision of an object or Event reached the plugin, and the revision by which the Deployment
// was available.
func arrivals(b *testing.B, r *recording.Recording, pods int) (received map[string]time.Time, available string) {
	received = map[string]time.Time{}
	names := map[string]bool{}
	for _, o := range r.Observations {
		switch {
		case o.Gap != nil:
			b.Errorf("lost: %+v", *o.Gap)
		case o.Change != nil && o.Change.Pod != nil:
			names[o.Change.Pod.Name] = true
			received[o.Change.Pod.ResourceVersion] = o.Received
		case o.Change != nil && o.Change.Object != nil:
			u := o.Change.Object
			received[u.GetResourceVersion()] = o.Received
			ready, _, _ := unstructured.NestedInt64(u.Object, "status", "availableReplicas")
			if available == "" && u.GetKind() == "Deployment" && ready == int64(pods) {
				available = u.GetResourceVersion()
			}
		case o.Event != nil:
			received[o.Event.Event.ResourceVersion] = o.Received
		}
	}
	if len(names) != pods || available == "" {
		b.Errorf("%d Pods, available by revision %q", len(names), available)
	}
	return received, available
}

// lags are how long after its receipt each revision was seen.
func lags(received, seen map[string]time.Time, prefix string) (all []time.Duration) {
	for rv, at := range received {
		if shown, ok := seen[prefix+rv]; ok {
			all = append(all, shown.Sub(at))
		}
	}
	return all
}

// freshNamespace makes a namespace that takes Pods, until the end of the benchmark.
func freshNamespace(b testing.TB, name string) string {
	c := client(b)
	if _, err := c.Namespaces().Create(b.Context(), &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
		metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			b.Error(err)
		}
	})
	until(b, "the namespace has its ServiceAccount", func() bool {
		_, err := c.ServiceAccounts(name).Get(b.Context(), "default", metav1.GetOptions{})
		return err == nil
	})
	return name
}
