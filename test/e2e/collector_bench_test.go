//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// traced has the Collector follow one namespace, and write a line for each trace.
const traced = `
receivers:
  seq: {namespaces: [%s]}
connectors:
  span_metrics: {exclude_dimensions: [span.name], dimensions: [{name: seq.phase}, {name: seq.outcome}]}
exporters:
  file: {path: %s}
  debug:
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [seq], exporters: [file, span_metrics]}
    metrics: {receivers: [span_metrics], exporters: [debug]}
`

// BenchmarkCollector has the Collector of OTELCOL_SEQ follow a Deployment from 0 to 1,000 Pods, which KWOK plays,
// beside kubectl's watches of Pods and of Events. It fails where a trace is missing.
func BenchmarkCollector(b *testing.B) {
	const pods = 1000
	fakeNodes(b, 20)
	namespace := freshNamespace(b, "seq-collected")
	dir := b.TempDir()
	manifest, config := filepath.Join(dir, "crowd.yaml"), filepath.Join(dir, "collector.yaml")
	starts := filepath.Join(dir, "starts")
	for name, text := range map[string]string{manifest: fmt.Sprintf(crowdFile, pods),
		config: fmt.Sprintf(traced, namespace, starts)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		collector := beside(b, os.Getenv("OTELCOL_SEQ"), "--config="+config)
		watches := []*exec.Cmd{beside(b, kubectl, "get", "pods", "-n", namespace, "--watch"),
			beside(b, kubectl, "get", "events", "-n", namespace, "--watch")}
		<-time.After(3 * time.Second) // nothing tells when all watches are open
		begun := time.Now()
		if out, err := exec.Command(kubectl, "create", "-n", namespace, "-f", manifest).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		until(b, "all traces", func() bool {
			text, _ := os.ReadFile(starts)
			return bytes.Count(text, []byte("\n")) >= pods
		})
		b.ReportMetric(time.Since(begun).Seconds(), "s-traced")
		cpu, memory := spent(b, collector)
		b.ReportMetric(cpu, "cpu-s-seq")
		b.ReportMetric(memory, "MiB-seq")
		cpu, memory = 0, 0
		for _, w := range watches {
			c, m := spent(b, w)
			cpu, memory = cpu+c, memory+m
		}
		b.ReportMetric(cpu, "cpu-s-kubectl")
		b.ReportMetric(memory, "MiB-kubectl")
	}
}

// beside starts a program that ends with the benchmark.
func beside(b *testing.B, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		b.Fatalf("hack/bench says where it is: %v", err)
	}
	return c
}

// spent ends a program; it returns its CPU time in seconds, and its peak memory in MiB.
func spent(b *testing.B, c *exec.Cmd) (cpu, memory float64) {
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		b.Errorf("%s: %v", c.Path, err)
	}
	c.Wait()
	u := c.ProcessState.SysUsage().(*syscall.Rusage)
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), float64(u.Maxrss) / 1024
}
