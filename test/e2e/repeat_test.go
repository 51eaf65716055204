//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// seriesDocument is one of those of a series, of which each has some of these.
type seriesDocument struct {
	Type, Name, Verdict, Measure, Outcome string
	Runs, Asked, Failed, Warmup           json.RawMessage
	Subject                               struct{ Name string }
	Measures                              []struct {
		Name              string
		Seconds, Min, Max float64
	}
	Percentiles []struct {
		Percent           float64
		Run               int
		Failed            bool
		Seconds, Min, Max *float64
	}
}

func seriesDocuments(t *testing.T, text string) (all []seriesDocument) {
	for line := range strings.Lines(text) {
		var d seriesDocument
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, d)
	}
	return all
}

// noPods fails the test if any is left in a namespace.
func noPods(t *testing.T, namespace string) {
	t.Helper()
	list, err := client(t).Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		t.Errorf("Pod %s is left", p.Name)
	}
}

// Of five runs, and one before them, each is within the bounds that are told of it, their median is one of them, an
// objective is judged, and nothing is left.
func TestRepeat(t *testing.T) {
	t.Parallel()
	namespace := freshNamespace(t, "seq-repeat")
	out, errOut, code := runSeq(t, "create-pod", "web", "-n", namespace, "--image=busybox:1", "--repeat=5", "--warmup=1",
		"--parallel=2", "--slo=p50<10m", "-o", "json", "--", "sleep", "1000")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	noPods(t, namespace)
	took := map[string]map[int]float64{}
	var verdict seriesDocument
	runs := 0
	for _, d := range seriesDocuments(t, out) {
		switch d.Type {
		case "series":
			if string(d.Runs) != "5" || string(d.Failed) != "0" || string(d.Warmup) != "1" {
				t.Errorf("%s runs, %s failed, %s to warm up", d.Runs, d.Failed, d.Warmup)
			}
		case "measured":
			runs++
			if d.Outcome != "Ready" || !strings.HasPrefix(d.Subject.Name, "web-") || len(d.Measures) < 6 {
				t.Errorf("%+v", d)
			}
			for _, m := range d.Measures {
				if m.Min > m.Seconds || m.Seconds > m.Max {
					t.Errorf("%s: %v…%v, likely %v", m.Name, m.Min, m.Max, m.Seconds)
				}
				if took[m.Name] == nil {
					took[m.Name] = map[int]float64{}
				}
				took[m.Name][runs] = m.Seconds
			}
		case "percentiles":
			for _, p := range d.Percentiles {
				if p.Seconds == nil || *p.Seconds != took[d.Measure][p.Run] {
					t.Errorf("p%v of %s is not that of run %d: %v", p.Percent, d.Measure, p.Run, took[d.Measure])
				}
			}
		case "verdict":
			verdict = d
		}
	}
	if runs != 5 || verdict.Verdict != "kept" || verdict.Measure != "pod-startup" || took["pod-startup"] == nil ||
		took["sandbox"] == nil {
		t.Errorf("%d runs, verdict %+v, measures %v", runs, verdict, took)
	}
}

// Runs that fail count, are told, and decide.
func TestRepeatedFailures(t *testing.T) {
	t.Parallel()
	namespace := freshNamespace(t, "seq-repeat-fails")
	out, errOut, code := runSeq(t, "create-pod", "web", "-n", namespace, "--image=nowhere:1", "--image-pull-policy=Never",
		"--repeat=2", "--slo=p90<10m")
	if code != 2 || !strings.Contains(out, "failed: 2 runs (run 1, 2): Stuck: ErrImageNeverPull") ||
		!strings.Contains(out, "p90<10m: broken: 2 of 2 runs missed it") {
		t.Errorf("exit %d, stderr %s, stdout:\n%s", code, errOut, out)
	}
	noPods(t, namespace)
}

// Each Deployment has a name of its own, and is gone with its Pods in the end.
func TestRepeatedDeployment(t *testing.T) {
	t.Parallel()
	namespace := freshNamespace(t, "seq-repeat-deployment")
	out, errOut, code := runSeq(t, "create-deployment", "web", "-n", namespace, "--image=busybox:1", "--repeat=2",
		"--parallel=2", "--slo=p50<10m", "--", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
	if code != 124 || !strings.Contains(out, "web: 2 runs") || !strings.Contains(out,
		"p50<10m: not decided: none of 2 runs missed it; with 5 runs, and no other that misses it, it would be kept") {
		t.Errorf("exit %d, stderr %s, stdout:\n%s", code, errOut, out)
	}
	noPods(t, namespace)
}

// An interrupt ends a series with what there is, and leaves nothing.
func TestInterruptedSeries(t *testing.T) {
	t.Parallel()
	namespace := freshNamespace(t, "seq-repeat-interrupted")
	cmd := exec.CommandContext(t.Context(), plugin, "create-pod", "web", "-n", namespace, "--image=busybox:1",
		"--repeat=1000", "--", "sleep", "1000")
	var out strings.Builder
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(progress)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "2 of 1000 runs, pod-startup  p50 ") {
			cmd.Process.Signal(os.Interrupt)
		}
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(out.String(),
		"runs of 1000, then it was interrupted") || !strings.Contains(out.String(), "pod-startup ") {
		t.Errorf("exit %d:\n%s", code, out.String())
	}
	noPods(t, namespace)
}
