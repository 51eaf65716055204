package trace_test

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Each rule links to a page that somebody has looked up. Each rule, cause and phase names the file of Kubernetes, the
// runtime or the engine in which it was checked, with words to find there: hack/explained finds them in every supported
// version.
func TestExplanationsWereChecked(t *testing.T) {
	pages := lookedUp(t)
	source := regexp.MustCompile(`^[a-z0-9.]+\.(io|com)/[\w./-]+\.go \w`)
	used := map[string]bool{}
	for _, r := range trace.Rules() {
		if !pages[r.Doc] {
			t.Errorf("rule %q links to %s, which testdata/pages.txt does not list: look it up, then add it", r.Name, r.Doc)
		}
		if used[r.Doc] = true; !source.MatchString(r.Source) {
			t.Errorf("rule %q was checked in %q; want a file and a word in it", r.Name, r.Source)
		}
	}
	all := scenario.Sources(t)
	for _, name := range slices.Concat(prefixed("cause/", trace.CauseNames()), prefixed("phase/", trace.PhaseNames())) {
		if len(all[name]) == 0 {
			t.Errorf("testdata/sources.txt does not say what %s was checked in", name)
		}
		for _, s := range all[name] {
			if s.Words == "" && !pages[s.File] {
				t.Errorf("%s was checked in %s, which testdata/pages.txt does not list", name, s.File)
			}
			if used[s.File] = true; s.Address() == "" {
				t.Errorf("%s was checked in %s: where can that be read?", name, s.File)
			}
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("testdata/sources.txt has a source of %s, which there is not", name)
	}
	for page := range pages {
		if !used[page] {
			t.Errorf("testdata/pages.txt lists %s, and nothing links to it", page)
		}
	}
}

func prefixed(prefix string, names []string) (all []string) {
	for _, n := range names {
		all = append(all, prefix+n)
	}
	return all
}

// What can be found has a row in docs/troubles.md.
func TestCausesAreComplete(t *testing.T) {
	for _, name := range trace.CauseNames() {
		if !slices.ContainsFunc(trace.Causes(), func(c trace.Cause) bool { return c.Name == name }) {
			t.Errorf("no group of causes has %s", name)
		}
	}
}

// lookedUp are the pages, with their anchors, of testdata/pages.txt.
func lookedUp(t *testing.T) map[string]bool {
	f, err := os.Open("testdata/pages.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pages := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if page := lines.Text(); page != "" && !strings.HasPrefix(page, "#") {
			pages[page] = true
		}
	}
	return pages
}

// Texts about Kubernetes that were wrong once.
func TestExplanationsAreTrue(t *testing.T) {
	for name, want := range map[string]string{
		"own-create":     "authenticates and authorizes the client, fills in defaults, lets admission change",
		"stop-container": "at least 2 s",
		"runc":           "start releases that process",
		"run-sandbox":    "the kubelet makes the Pod's cgroup",
		"stop-sandbox":   "first stops the pause container, then has the CNI plugin remove the network",
		"status-patch":   "the Node's status, its Lease, and Events",
		"bind":           "status.nominatedNodeName",
		"exec":           "shareProcessNamespace, hostPID",
		"event-write":    "--event-ttl",
	} {
		for _, r := range trace.Rules() {
			if r.Name == name && !strings.Contains(r.Explain, want) {
				t.Errorf("%s: %q does not say %q", name, r.Explain, want)
			}
		}
	}
}
