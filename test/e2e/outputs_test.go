//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A recording gives what the live run gave, to the last byte, however the run ended.
func TestReplayIsTheRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pod, args string
		code      int
	}{
		{"plain", "", 0},
		{"init", "", 0},
		{"sidecar", "", 0},
		{"probes", "", 0},
		{"completes", "--until=completed", 0},
		{"fails", "--until=completed", 2},
		{"unschedulable", "--timeout=3s", 2},
		{"plain", "--timeout=150ms", 124},
		{"refused", "-n nowhere", 1},
		{"image-name", "", 2},
		{"no-command", "", 2},
		{"deadline", "--until=completed", 2},
	} {
		t.Run(c.pod+c.args, func(t *testing.T) {
			apart(t)
			remove(t, c.pod)
			dir := t.TempDir()
			kept, live := filepath.Join(dir, "kept.jsonl"), filepath.Join(dir, "live.json")
			args := append([]string{"create-pod", "-f", scenarioFile(c.pod), "--rm", "--record=" + kept, "-o", "json=" + live},
				strings.Fields(c.args)...)
			if _, errOut, code := runSeq(t, args...); code != c.code {
				t.Fatalf("exit %d: %s", code, errOut)
			}
			again, errOut, code := runSeq(t, "replay", kept, "-o", "json", "--speed=max")
			if code != c.code || errOut != "" {
				t.Errorf("replay: exit %d: %s", code, errOut)
			}
			if d := cmp.Diff(read(t, live), again); d != "" {
				t.Errorf("-live +replay:\n%s", d)
			}
			gone(t, c.pod)
		})
	}
}

func TestOutputsOfOneRun(t *testing.T) {
	remove(t, "plain")
	dir := t.TempDir()
	args := []string{"create-pod", "-f", scenarioFile("plain"), "--rm", "-o", "listing"}
	for _, format := range []string{"lanes", "mermaid", "html", "json"} {
		args = append(args, "-o", format+"="+filepath.Join(dir, format))
	}
	out, errOut, code := runSeq(t, args...)
	if code != 0 || !strings.Contains(out, "Ready in ") {
		t.Fatalf("exit %d: %s\n%s", code, errOut, out)
	}
	for format, want := range map[string]string{"lanes": "─▶│", "mermaid": "kubelet->>+runtime: StartContainer app",
		"html": `"label":"StartContainer app"`, "json": `"outcome":"Ready"`} {
		if text := read(t, filepath.Join(dir, format)); !strings.Contains(text, want) {
			t.Errorf("%s has no %q:\n%s", format, want, text)
		}
	}
}

// Files are written with what there is, when the run is interrupted and when nobody reads its output any more.
func TestFilesOfRunsThatEndEarly(t *testing.T) {
	remove(t, "unschedulable")
	path := filepath.Join(t.TempDir(), "run.json")
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "create-pod", "-f", scenarioFile("unschedulable"), "--rm",
		"-o", "listing", "-o", "json="+path))
	cmd.Stdout = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "unschedulable", func(p *corev1.Pod) bool { return len(p.Status.Conditions) > 0 })
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if o := parse(t, read(t, path)).outcome; o.Outcome != "Interrupted" || o.ExitCode != 130 {
		t.Errorf("%+v", o)
	}
	gone(t, "unschedulable")

	remove(t, "plain")
	cmd = inPlace(t, exec.CommandContext(t.Context(), plugin, "create-pod", "-f", scenarioFile("plain"), "--rm",
		"--settle=0s", "-o", "json="+path))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd.Stdout = w
	err = cmd.Run()
	w.Close()
	if steps := parse(t, read(t, path)).steps; err != nil || len(steps) == 0 {
		t.Errorf("%v: %d steps", err, len(steps))
	}
	gone(t, "plain")
}

// What is in a Secret is in no recording, whatever the container does with it.
func TestRecordKeepsSecretsOut(t *testing.T) {
	apart(t)
	secrets := client(t).Secrets(namespace(t))
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "seq-secret"},
		StringData: map[string]string{"password": "hunter2"}}
	if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { secrets.Delete(context.Background(), "seq-secret", metav1.DeleteOptions{}) })
	pod := `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "secrets", "annotations": {"note": "hunter2"}}, "spec": {
		"restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
		"volumes": [{"name": "s", "secret": {"secretName": "seq-secret"}}],
		"containers": [{"name": "app", "image": "busybox:1", "command": ["sh", "-c", "cat /s/password > /dev/termination-log; exit 3"], "volumeMounts": [{"name": "s", "mountPath": "/s"}],
			"env": [{"name": "PLAIN", "value": "hunter2"}, {"name": "REFERENCE", "valueFrom": {"secretKeyRef": {"name": "seq-secret", "key": "password"}}}]}]}}`
	dir := t.TempDir()
	file, kept := filepath.Join(dir, "pod.json"), filepath.Join(dir, "run.jsonl")
	if err := os.WriteFile(file, []byte(pod), 0o644); err != nil {
		t.Fatal(err)
	}
	remove(t, "secrets")
	out, errOut, code := runSeq(t, "create-pod", "-f", file, "--record="+kept, "--until=completed", "--rm",
		"--detail=full", "-o", "listing", "-o", "html="+filepath.Join(dir, "page.html"))
	if code != 2 {
		t.Fatalf("exit %d: %s\n%s", code, errOut, out)
	}
	for name, text := range map[string]string{"recording": read(t, kept), "listing": out,
		"page": read(t, filepath.Join(dir, "page.html"))} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the secret is in the %s", name)
		}
	}
	if text := read(t, kept); !strings.Contains(text, "REFERENCE") || !strings.Contains(text, "redacted") {
		t.Error("the recording is not of that Pod")
	}
	gone(t, "secrets")
}
