//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced  = regexp.MustCompile("(?s)\n```\n(.*?)```")
	numbers = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	random  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
	spaces  = regexp.MustCompile(`\s+`)
	moment  = regexp.MustCompile(`^[+≈-]\S+`)
	lasts   = regexp.MustCompile(`  +[≈≤]? ?[\d.–]+ m?s( \([^)]*\))?( [●○])?$`)
)

// lessonDesk is a directory in which the commands of a lesson can be run, with the plugin, kubectl and the docs in it;
// and a kubeconfig for them, with a namespace of their own.
func lessonDesk(t *testing.T) (ns, dir, own string) {
	t.Helper()
	ns, dir = ownNamespace(t), t.TempDir()
	own = filepath.Join(dir, "config")
	if err := os.WriteFile(own, dataOf(t, os.Getenv("KUBECONFIG")), 0o600); err != nil {
		t.Fatal(err)
	}
	runKubectl(t, "", "--kubeconfig="+own, "config", "set-context", "--current", "--namespace="+ns)
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"docs": docs, "kubectl-seq": plugin, "kubectl": kubectlPath(t)} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return ns, dir, own
}

// Who teaches the lesson sees what it shows: all its commands are run, and each line of a step that is in it has to
// come, whatever its times and revisions.
func TestLesson(t *testing.T) {
	t.Parallel()
	ns, dir, own := lessonDesk(t)
	alike := []string{ns, "lesson"}
	nodes, _ := nodeNames(t)
	for _, n := range nodes {
		alike = append(alike, n, "node1")
	}
	asInLesson := strings.NewReplacer(alike...)
	var out string // of the last commands
	var waiting func()
	shown := 0
	for _, block := range fenced.FindAllStringSubmatch(string(dataOf(t, "../../docs/lesson.md")), -1) {
		if !strings.HasPrefix(block[1], "k") { // it is output
			got := likeness(out)
			for line := range strings.Lines(block[1]) {
				if moment.MatchString(line) || strings.HasPrefix(line, "Ready in") || strings.HasPrefix(line, "Stuck after") {
					if shown++; !strings.Contains(got, strings.TrimSpace(likeness(line))) {
						t.Errorf("the lesson shows %q, which does not come:\n%s", line, out)
					}
				}
			}
			continue
		}
		out = ""
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
			switch {
			case strings.HasPrefix(line, "kubectl seq"), strings.HasPrefix(line, "kubectl create configmap"):
			default: // of the cluster, not of the lesson
				continue
			}
			text := new(bytes.Buffer)
			cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, text, text
			cmd.Env = append(os.Environ(), "KUBECONFIG="+own, "PATH="+dir+":"+os.Getenv("PATH"))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			finish := func() {
				want := 0
				if strings.Contains(line, "no-such-tag") {
					want = 2
				}
				cmd.Wait()
				code, printed := cmd.ProcessState.ExitCode(), asInLesson.Replace(text.String())
				if code == 137 && strings.Contains(line, "kill 1") {
					// it was killed with its container before it could end by itself
					code, printed = 0, strings.NewReplacer("exits with 137", "exits with 0", "exit code 137", "exit code 0",
						"Ready after", "Ready in").Replace(printed)
				}
				if code != want {
					t.Errorf("%s: exit %d:\n%s", line, code, text)
				}
				out += printed
			}
			if strings.Contains(line, "needs-config") { // the next command is for another terminal
				waiting = finish
				runKubectl(t, "", "wait", "-n", ns, "--for=create", "pod/greeter", "--timeout=60s")
				runKubectl(t, "", "wait", "-n", ns,
					"--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError", "pod/greeter",
					"--timeout=60s")
				continue
			}
			finish()
			if waiting != nil {
				waiting()
				waiting = nil
			}
		}
	}
	if shown < 30 {
		t.Errorf("only %d lines of the lesson are looked at", shown)
	}
}

// likeness is a text without what is different each time.
func likeness(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = lasts.ReplaceAllString(strings.TrimRight(line, "\n"), "")
		line = spaces.ReplaceAllString(numbers.ReplaceAllString(random.ReplaceAllString(moment.ReplaceAllString(line, ""),
			""), "#"), " ")
		fmt.Fprintln(&b, strings.TrimRight(strings.ReplaceAll(line, "# s", "# ms"), " ●○"))
	}
	return b.String()
}
