//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Who teaches the lesson about the map sees what it shows: its commands are run, and each line that it shows begins one
// of their output.
func TestLessonMap(t *testing.T) {
	t.Parallel()
	ns, dir, own := lessonDesk(t)
	alike := func(s string) string {
		s = numbers.ReplaceAllString(strings.ReplaceAll(s, ns, "lesson"), "#")
		return strings.TrimSpace(regexp.MustCompile(`\s+`).ReplaceAllString(s, " "))
	}
	out, shown, ran := "", 0, 0
	for _, block := range fenced.FindAllStringSubmatch(string(dataOf(t, "../../docs/lesson-map.md")), -1) {
		if !strings.HasPrefix(block[1], "k") { // it is output
			for line := range strings.Lines(block[1]) {
				if shown++; !beginsOne(alike, line, out) {
					t.Errorf("the lesson shows %q, which does not come:\n%s", line, out)
				}
			}
			continue
		}
		out = ""
		for line := range strings.Lines(strings.ReplaceAll(block[1], "lesson:viewer", ns+":viewer")) {
			line = strings.TrimSpace(line)
			if strings.Contains(line, "namespace") { // of the cluster, not of the lesson
				continue
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "KUBECONFIG="+own, "PATH="+dir+":"+os.Getenv("PATH"))
			text, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s", line, err, text)
			}
			out += string(text)
			ran++
		}
	}
	if shown < 15 || ran < 9 {
		t.Errorf("only %d lines are looked at, of %d commands", shown, ran)
	}
}

// beginsOne reports whether a line begins one of an output.
func beginsOne(alike func(string) string, line, out string) bool {
	for printed := range strings.Lines(out) {
		if strings.HasPrefix(alike(printed), alike(line)) {
			return true
		}
	}
	return false
}
