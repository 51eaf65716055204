//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// largestIn finds a phase that is named for what one of two runs took longer.
func largestIn(phase string) *regexp.Regexp {
	return regexp.MustCompile(`s\s(of\sit|more)\sin\s` + phase)
}

// comparedPod is one that sleeps, with what it has besides.
const comparedPod = `
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 40
  containers:
  - name: app
    image: busybox:1
    imagePullPolicy: %s
    command: [sh, -c, "trap 'sleep %d; exit 0' TERM; while true; do sleep 0.1; done"]
    readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1, initialDelaySeconds: %d}
`

var delayed = regexp.MustCompile(`Only in B: a fixed wait of (19\.\d|20\.0) s in probing`)

// Of two Pods that are made and deleted one always pulls its image, is probed late, and takes its time to end: the
// words name the phase, and a page and documents say the same.
func TestCompareNamesThePhase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if _, errOut, code := runSeq(t, "create-pod", "compare-image", "--image=busybox:1", "--rm", "--", "sleep",
		"1000"); code != 0 { // the image is on the node
		t.Fatalf("exit %d: %s", code, errOut)
	}
	for name, pod := range map[string]string{
		"compare-quick": fmt.Sprintf(comparedPod, "compare-quick", "IfNotPresent", 0, 0),
		"compare-slow":  fmt.Sprintf(comparedPod, "compare-slow", "Always", 15, 20),
	} {
		remove(t, name)
		if err := os.WriteFile(file(name+".yaml"), []byte(pod), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, errOut, code := runSeq(t, "create-pod", "-f", file(name+".yaml"), "--record="+file(name)); code != 0 {
			t.Fatalf("%s: exit %d: %s\n%s", name, code, errOut, out)
		}
		if out, errOut, code := runSeq(t, "delete-pod", name, "--record="+file(name+"-end")); code != 0 {
			t.Fatalf("%s: exit %d: %s\n%s", name, code, errOut, out)
		}
	}
	out, errOut, code := runSeq(t, "compare", file("compare-quick"), file("compare-slow"), "-o", "json="+file("json"),
		"-o", "html="+file("html"), "-o", "mermaid="+file("mermaid"))
	t.Log(out)
	if code != 0 || errOut != "" {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	verdict := ""
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "B took ") || strings.HasPrefix(line, "Which of them took longer ") { // on a slow machine
			verdict = line
		}
	}
	// The kubelet counts from the container's start in whole seconds, so up to one of the 20 is missing.
	if !largestIn(`probing(\+ready)?`).MatchString(out) || !delayed.MatchString(out) {
		t.Errorf("the phase is not named: %q", verdict)
	}
	longer := map[string]string{}
	for line := range strings.Lines(read(t, file("json"))) {
		var d struct{ Type, Name, Longer string }
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		longer[d.Type+d.Name] = d.Longer
	}
	// A probe that succeeds at once leaves no probing that could be told from ready.
	longer["phaseprobing"] = cmp.Or(longer["phaseprobing"], longer["phaseprobing+ready"])
	for _, document := range []string{"comparison", "phaseprobing", "phasepull"} {
		if longer[document] != "b" {
			t.Errorf("%s: longer is %q: %v", document, longer[document], longer)
		}
	}
	for _, format := range []string{"html", "mermaid"} {
		first, _, _ := strings.Cut(strings.TrimSpace(verdict), ";") // which Mermaid has escaped
		if text := read(t, file(format)); !strings.Contains(text, first) {
			t.Errorf("%s has not the verdict %q", format, verdict)
		}
	}
	out, errOut, code = runSeq(t, "compare", file("compare-slow-end"), file("compare-quick-end"))
	t.Log(out)
	if code != 0 || errOut != "" || !largestIn("stop").MatchString(out) {
		t.Errorf("exit %d: %s: stop is not named", code, errOut)
	}
	if out, _, code = runSeq(t, "compare", file("compare-slow"), file("compare-slow")); code != 0 ||
		!strings.Contains(out, "A and B are the same run: there is no difference.") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}
