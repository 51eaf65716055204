package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	for _, dir := range []string{"seq", "apimap", "apiread", "audit", "compare", "docker", "httprecord", "logfile", "otlp", "percentile", "recording",
		"render", "serve", "trace", "watch"} {
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
					dir == "render" && (i == "pkg/compare" || i == "pkg/percentile") ||
					(dir == "render" || dir == "apiread") && i == "pkg/apimap" ||
					i == "pkg/logfile" || i == "pkg/httprecord"
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
