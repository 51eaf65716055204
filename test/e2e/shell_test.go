//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// installed is a directory with kubectl, the plugin and, if any, what kubectl asks for the plugin's completions.
func installed(t *testing.T, completer string) string {
	t.Helper()
	dir := t.TempDir()
	self, err := filepath.Abs(plugin)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"kubectl": kubectlPath(t), "kubectl-seq": self} {
		if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "kubectl_complete-seq")
	switch completer {
	case "link":
		err = os.Symlink("kubectl-seq", path)
	case "file":
		err = os.WriteFile(path, dataOf(t, filepath.Join("..", "..", "cmd", "kubectl-seq", "kubectl_complete-seq")), 0o755)
	case "printed":
		out, _, _ := runSeq(t, "completion", "kubectl")
		err = os.WriteFile(path, []byte(out), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// at runs a command that is found in a directory, which is the whole PATH.
func at(t *testing.T, dir, name string, args ...string) (out, errOut string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, name), args...)
	cmd.Env = append(inPlace(t, cmd).Env, "PATH="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

func TestPluginOfKubectl(t *testing.T) {
	for _, completer := range []string{"", "link", "file", "printed"} {
		dir := installed(t, completer)
		out, errOut, code := at(t, dir, "kubectl", "plugin", "list")
		if code != 0 || errOut != "" || strings.Count(out, dir) != 1 || !strings.Contains(out, dir+"/kubectl-seq\n") {
			t.Errorf("plugin list with %q: exit %d: %s%s", completer, code, out, errOut)
		}
		if out, errOut, code := at(t, dir, "kubectl", "seq", "demo", "--speed=max"); code != 0 ||
			!strings.Contains(out, "Ready in") || errOut != "" {
			t.Errorf("exit %d: %s%s", code, out, errOut)
		}
	}
}

// What the program says of itself does not depend on how it is started.
func TestNameOfTheFile(t *testing.T) {
	t.Parallel()
	dir := installed(t, "")
	for _, name := range []string{"kubectl-seq.exe", "seq", "kubectl-other"} {
		if err := os.Symlink("kubectl-seq", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{"", "--help", "create-pod --help", "completion --help", "options", "help create",
		"crate-pod", "create-pod --imgae", "delete-pod", "exec web", "completion bash", "completion kubectl"} {
		want, wantErr, wantCode := at(t, dir, "kubectl", append([]string{"seq"}, strings.Fields(args)...)...)
		if want+wantErr == "" {
			t.Errorf("kubectl seq %s says nothing", args)
		}
		for _, name := range []string{"kubectl-seq", "kubectl-seq.exe", "seq", "kubectl-other"} {
			out, errOut, code := at(t, dir, name, strings.Fields(args)...)
			if out != want || errOut != wantErr || code != wantCode {
				t.Errorf("%s %s: exit %d: %s%s", name, args, code, out, errOut)
			}
		}
	}
}

// Whoever pages through what is printed, and stops, is told nothing.
func TestPager(t *testing.T) {
	dir := installed(t, "")
	start(t, "trapped", ready)
	for _, args := range []string{"demo --speed=max", "demo --speed=max -o lanes", "demo --speed=max -o html",
		"show pod/trapped", "sources --wait=1ms 2>/dev/null", "version", "options", "create-pod --help", "completion bash"} {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -o pipefail; kubectl seq "+args+" | head -c 1")
		cmd.Env = append(inPlace(t, cmd).Env, "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) != 1 {
			t.Errorf("%s: %v: %q", args, err, out)
		}
	}
}

// kubectl runs kubectl_complete-seq, in each of the forms that there are.
func TestCompletionThroughKubectl(t *testing.T) {
	t.Parallel()
	namespace, _ := elsewhere(t)
	for _, completer := range []string{"link", "file", "printed"} {
		dir := installed(t, completer)
		for args, want := range map[string]string{
			"create-p":               "create-pod\tCreate a Pod and show the sequence of its start|:4|",
			"create-pod --until r":   "ready|running|:36|",
			"create-pod --image ":    "busybox:1|:36|",
			"create-pod --image=bus": "busybox:1|:36|",
			"delete-pod ":            "gated|:4|",
			"create-pod -n " + namespace[:len(namespace)-2]: namespace + "|:4|",
			"create-pod --context ":                         "lab|:4|",
			"exec gated -c ":                                "app|:4|",
			"replay ":                                       "jsonl|:8|",
		} {
			out, _, code := at(t, dir, "kubectl", append([]string{"__complete", "seq"}, strings.Split(args, " ")...)...)
			if got := strings.ReplaceAll(out, "\n", "|"); code != 0 || got != want {
				t.Errorf("%s, %s: exit %d: %q, not %q", completer, args, code, got, want)
			}
		}
	}
}

// A user types a line into a shell, presses TAB, and looks at what has become of it.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	elsewhere(t)
	for _, shell := range []struct{ argv, load string }{
		{"bash --norc --noprofile",
			"source /usr/share/bash-completion/bash_completion; source <(kubectl completion bash); source <(kubectl seq " +
				"completion bash)"},
		{"zsh -f", "autoload -U compinit; compinit -u; source <(kubectl completion zsh); source <(kubectl seq completion " +
			"zsh)"},
		{"fish --no-config", "kubectl completion fish | source; kubectl seq completion fish | source"},
	} {
		argv := strings.Fields(shell.argv)
		t.Run(argv[0], func(t *testing.T) {
			path := installed(t, "link") + ":" + os.Getenv("PATH")
			for line, want := range map[string]string{
				"kubectl-seq create-p":                  "kubectl-seq create-pod",
				"kubectl seq create-p":                  "kubectl seq create-pod",
				"kubectl-seq create-pod web --until=re": "kubectl-seq create-pod web --until=ready",
				"kubectl seq create-pod --image=busy":   "kubectl seq create-pod --image=busybox:1",
				"kubectl seq delete-pod g":              "kubectl seq delete-pod gated",
			} {
				tab(t, path, argv, shell.load, line, want)
			}
		})
	}
}

// tab has a shell complete a line, and fails unless it becomes as it should.
func tab(t *testing.T, path string, argv []string, load, line, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], "-i")...)
	cmd.Env = append(inPlace(t, cmd).Env, "PATH="+path, "HOME="+t.TempDir(), "TERM=xterm", "EDITOR=emacs")
	cmd.Dir = t.TempDir()
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var seen bytes.Buffer
	until := func(mark string) bool {
		b := make([]byte, 4096)
		for !strings.Contains(seen.String(), mark) {
			n, err := f.Read(b)
			if seen.Write(b[:n]); err != nil { // the time was up
				t.Errorf("%s: no %q in %q", line, mark, seen.String())
				return false
			}
		}
		return true
	}
	fmt.Fprintf(f, "%s; echo load''ed\n", load)
	// TAB, then to the line's beginning: it becomes the arguments of a command that prints it.
	if until("loaded") {
		fmt.Fprintf(f, "%s\t\x01printf '<%%s>' \n", line)
		until("<" + strings.ReplaceAll(want, " ", "><") + ">")
	}
	cancel()
	cmd.Wait()
}
