package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// replayed runs the command line of the whole program, as far as it needs no cluster.
func replayed(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	var out, errOut bytes.Buffer
	root := newRoot(genericiooptions.IOStreams{In: bytes.NewReader(demo), Out: &out, ErrOut: &errOut})
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	return out.String(), errOut.String(), err
}

func TestDemo(t *testing.T) {
	out, _, err := replayed(t.Context(), "demo", "--speed=max")
	if err != nil || !strings.HasPrefix(out, "recorded 20") || !strings.Contains(out, "StartContainer web") ||
		!strings.Contains(out, "Ready in ") {
		t.Errorf("%v:\n%s", err, out)
	}
	again, _, err := replayed(t.Context(), "replay", "-", "--speed=max")
	if err != nil || again != out {
		t.Errorf("the same recording as a file: %v\n%s", err, again)
	}
}

func TestReplayKeepsThePace(t *testing.T) {
	r, err := recording.Read(bytes.NewReader(demo))
	if err != nil {
		t.Fatal(err)
	}
	lasted := r.End.At.Sub(r.Started)
	for speed, want := range map[string]time.Duration{"1": lasted, "10": lasted / 10, "0.5": 2 * lasted, "max": 0} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			if _, _, err := replayed(t.Context(), "demo", "-o", "json", "--speed="+speed); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); (took - want).Abs() > 10*time.Microsecond {
				t.Errorf("--speed=%s took %v, want %v", speed, took, want)
			}
		})
	}
}

func TestEveryPaceGivesTheSame(t *testing.T) {
	want, _, err := replayed(t.Context(), "demo", "-o", "json", "--speed=max")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		if got, _, err := replayed(t.Context(), "demo", "-o", "json"); err != nil || got != want {
			t.Errorf("%v\n%s", err, got)
		}
	})
}

func TestReplayInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		dir := t.TempDir()
		out, _, err := replayed(ctx, "demo", "-o", "json="+filepath.Join(dir, "x"))
		if err != exitError(exitInterrupted) && besides(err) != nil || !strings.Contains(out, "Interrupted after") ||
			strings.Contains(out, "StartContainer") {
			t.Errorf("%v:\n%s", err, out)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "x")); err != nil ||
			!bytes.Contains(data, []byte(`"outcome":"Interrupted"`)) {
			t.Errorf("%v: %s", err, data)
		}
	})
}

func TestCutOffRecordings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut.jsonl")
	for _, length := range []int{len(demo) - 30, len(demo) * 2 / 3, len(demo) / 3} {
		if err := os.WriteFile(path, demo[:length], 0o644); err != nil {
			t.Fatal(err)
		}
		out, errOut, err := replayed(t.Context(), "replay", path, "--speed=max")
		if besides(err) != nil || !strings.Contains(errOut, "note: the recording is cut off") ||
			!strings.Contains(out, "POST pods") {
			t.Errorf("%d bytes: %v, %s\n%s", length, err, errOut, out)
		}
	}
	for want, text := range map[string]string{
		"not a recording":                      `{"type":"run"}`,
		`of version "seq.recording/v9"`:        `{"type":"recording","version":"seq.recording/v9"}`,
		"the recording is empty":               "",
		"header: --until=soon: must be one of": `{"type":"recording","version":"` + recording.Version + `","until":"soon"}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := replayed(t.Context(), "replay", path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := replayed(t.Context(), "demo", "--speed=fast"); err == nil ||
		!strings.Contains(err.Error(), "must be a number above 0, or max") {
		t.Errorf("%v", err)
	}
}

func TestOutputsAreWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("old"), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := replayed(t.Context(), "demo", "--speed=max", "-o", "mermaid", "-o", "json=-", "-o",
		"html="+file("page.html"))
	if err == nil || !strings.Contains(err.Error(), "mermaid and json both go to standard output") {
		t.Errorf("%v", err)
	}
	out, _, err := replayed(t.Context(), "demo", "--speed=max", "-o", "mermaid", "-o", "json="+file("old"), "-o",
		"html="+file("page.html"),
		"-o", "listing="+file("listing"), "-o", "lanes="+file("lanes"), "-o", "json="+os.DevNull)
	if err != nil || !strings.HasPrefix(out, "sequenceDiagram\n") {
		t.Errorf("%v:\n%s", err, out)
	}
	for name, want := range map[string]string{"old": `{"type":"run"`, "page.html": "<!DOCTYPE html>",
		"listing": "recorded ", "lanes": "recorded "} {
		if data, err := os.ReadFile(file(name)); err != nil || !strings.HasPrefix(string(data), want) {
			t.Errorf("%s: %v: %.40s", name, err, data)
		}
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("the null device has become a file: %v", err)
	}
	if _, _, err := replayed(t.Context(), "demo", "-o", "json="+file("new"), "-o",
		"html="+file("nowhere/page.html")); err == nil || !strings.Contains(err.Error(), "nowhere/page.html: ") {
		t.Errorf("%v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("files left: %v (%v)", left, err)
	}
}

// A recording can be drawn with other Pods than the run drew.
func TestReplayOtherPods(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deployment.jsonl")
	s := scenario.Named(t, "deployment")
	if err := os.WriteFile(path, s.File("recording.jsonl").Data, 0o644); err != nil {
		t.Fatal(err)
	}
	for pods, want := range map[string][]string{"all": {"tm7b6/app", "xkrjp/app"}, "first": {"participant p1 as app"},
		"slowest": {"participant p1 as app"}} {
		out, _, err := replayed(t.Context(), "replay", path, "--speed=max", "--pods="+pods, "-o", "mermaid",
			"--detail=brief")
		for _, name := range want {
			if err != nil || !strings.Contains(out, name) {
				t.Errorf("--pods=%s: %v: no %s in\n%s", pods, err, name, out)
			}
		}
	}
	if _, _, err := replayed(t.Context(), "replay", path, "--pods=some"); err == nil {
		t.Error("--pods=some is taken")
	}
}

// A picture plays only if it is asked to, and nothing else can.
func TestAnimate(t *testing.T) {
	still, _, err := replayed(t.Context(), "demo", "--speed=max", "-o", "svg")
	if err != nil || strings.Contains(still, "@keyframes") || !strings.HasPrefix(still, "<svg ") {
		t.Errorf("%v: %.200s", err, still)
	}
	plays, _, err := replayed(t.Context(), "demo", "--speed=max", "-o", "svg", "--animate")
	if err != nil || !strings.Contains(plays, "@keyframes") {
		t.Errorf("%v: %.200s", err, plays)
	}
	if _, _, err := replayed(t.Context(), "demo", "--speed=max", "--animate"); err == nil ||
		!strings.Contains(err.Error(), "-o svg") {
		t.Errorf("a listing does not play: %v", err)
	}
}
