package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Every direct dependency, and every module of its own below hack, has a row that says why; no row is left over.
func TestDependenciesHaveReasons(t *testing.T) {
	want := firsts(t, "../../go.mod", `(?m)^(?:\t|require )(\S+) v\S+$`) // an indirect one has a comment
	for _, pattern := range []string{"*", "*/tools/*"} {
		files, err := filepath.Glob("../../hack/" + pattern + "/go.mod")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			want = append(want, path.Dir(filepath.ToSlash(f))[len("../../"):])
		}
	}
	got := firsts(t, "../../docs/dependencies.md", "(?m)^\\| `([^`]+)` \\| [^|]+ \\|$")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("go.mod (-) and docs/dependencies.md (+) differ:\n%s", diff)
	}
}

// What observes, keeps, compares and draws knows the vocabulary and nothing of the reconstruction.
func TestPackagesPointOneWay(t *testing.T) {
	for _, dir := range []string{"seq", "audit", "compare", "docker", "httprecord", "logfile", "otlp", "recording",
		"render", "trace", "watch"} {
		files, err := filepath.Glob("../../pkg/" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("pkg/%s: %v, %d files", dir, err, len(files))
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			for _, i := range firsts(t, f, `(?m)^\t?(?:import )?"github\.com/kubectl-seq/kubectl-seq/(\S+)"$`) {
				allowed := i == "pkg/seq" || i == "pkg/"+dir+"/internal" || strings.HasPrefix(i, "pkg/"+dir+"/internal/") ||
					dir == "render" && i == "pkg/compare" || i == "pkg/logfile" || i == "pkg/httprecord"
				if !allowed || dir == "seq" {
					t.Errorf("%s imports %s", f, i)
				}
			}
		}
	}
}

// firsts are what the first group of a pattern matches in a file.
func firsts(t *testing.T, file, pattern string) (all []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	return all
}

// A line of Go is at most 120 characters long, but for texts that are as they are.
func TestLinesAreShort(t *testing.T) {
	const most = 120
	for _, pattern := range []string{"cmd/*", "pkg/*", "pkg/*/internal/*", "test/*", "hack/*"} {
		files, err := filepath.Glob("../../" + pattern + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(files))
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			raw := false
			for i, line := range strings.Split(string(text), "\n") {
				quotes := strings.Count(line, "`")
				if n := utf8.RuneCountInString(line); n > most && !raw && quotes == 0 {
					t.Errorf("%s:%d has %d characters", f, i+1, n)
				}
				raw = raw != (quotes%2 == 1)
			}
		}
	}
}
