//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A lesson is given: its commands are run, and each line that it shows begins one of their output.

func TestLessonMap(t *testing.T) {
	t.Parallel()
	giveLesson(t, "lesson-map.md", 15, 9)
}

func TestLessonControllers(t *testing.T) {
	t.Parallel()
	giveLesson(t, "lesson-controllers.md", 20, 6)
}

// Without a readiness probe requests are refused, with one those that are under way are still lost, and with a preStop
// hook none is.
func TestLessonService(t *testing.T) {
	t.Parallel()
	var counts []string
	for _, c := range giveLesson(t, "lesson-service.md", 14, 10) {
		if strings.HasPrefix(c.line, "docs/lesson/rollout.sh") {
			counts = append(counts, c.printed)
		}
	}
	if len(counts) != 3 || !strings.Contains(counts[0], "refused") || !strings.Contains(counts[1], "EOF") {
		t.Errorf("want refused requests, then lost ones, then neither, not %q", counts)
	}
	for line := range strings.Lines(counts[len(counts)-1]) {
		if !strings.Contains(line, "answered") && !strings.Contains(line, "restarted") {
			t.Errorf("a request is lost in spite of the preStop hook: %s", line)
		}
	}
}

type lessonCommand struct{ line, printed string }

var podNames = regexp.MustCompile(`\b(web|shop)-[0-9a-z]+(-[0-9a-z]{5})?\b`)

// giveLesson runs all commands of a page of docs in a namespace of their own. The page has to show at least so many
// lines of output and to have so many commands.
func giveLesson(t *testing.T, page string, lines, commands int) (ran []lessonCommand) {
	t.Helper()
	ns, dir, own := lessonDesk(t)
	alike := []string{ns, "lesson"}
	nodes, _ := nodeNames(t)
	for _, n := range nodes {
		alike = append(alike, n, "node1")
	}
	asInLesson := strings.NewReplacer(alike...)
	run := func(line string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KUBECONFIG="+own, "PATH="+dir+":"+os.Getenv("PATH"))
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", line, err, text)
		}
		return asInLesson.Replace(string(text))
	}
	out, shown := "", 0
	for _, block := range fenced.FindAllStringSubmatch(string(dataOf(t, "../../docs/"+page)), -1) {
		if !strings.HasPrefix(block[1], "k") && !strings.HasPrefix(block[1], "docs/") { // it is output
			shown += strings.Count(block[1], "\n")
			looks := strings.HasPrefix(ran[len(ran)-1].line, "kubectl get ") // who looks early looks again
			for until := time.Now().Add(time.Minute); looks && missing(block[1], out) != "" && time.Now().Before(until); {
				out = run(ran[len(ran)-1].line)
			}
			if line := missing(block[1], out); line != "" {
				t.Errorf("the lesson shows %q, which does not come:\n%s", line, out)
			}
			continue
		}
		out = ""
		for line := range strings.Lines(strings.ReplaceAll(block[1], "lesson:viewer", ns+":viewer")) {
			if line = strings.TrimSpace(line); strings.Contains(line, "namespace lesson") { // of the cluster, not of the lesson
				continue
			}
			ran = append(ran, lessonCommand{line, run(line)})
			out += ran[len(ran)-1].printed
		}
	}
	if shown < lines || len(ran) < commands {
		t.Errorf("only %d lines are looked at, of %d commands", shown, len(ran))
	}
	return ran
}

// missing is the first line of what a lesson shows that is not in an output.
func missing(shown, out string) string {
	for line := range strings.Lines(shown) {
		if !beginsOne(line, out) {
			return line
		}
	}
	return ""
}

// beginsOne reports whether a line begins one of an output, whatever its times, numbers and random names.
func beginsOne(line, out string) bool {
	alike := func(s string) string { return strings.TrimSpace(likeness(podNames.ReplaceAllString(s, "$1-#"))) }
	line = alike(line)
	for printed := range strings.Lines(out) {
		if strings.HasPrefix(alike(printed), strings.TrimSuffix(line, "…")) {
			return true
		}
	}
	return line == "…"
}
