package scenario

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Source is where an explanation was checked: words of a file of a module, or a page of the documentation.
type Source struct {
	Versions    string // 1.37 is since then, -1.36 until then; empty for every supported version
	File, Words string // the file begins with the path of its module; no words of a page
}

// sourceLine is a line of testdata/sources.txt: whose source it is, as cause/NAME or phase/TABLE/NAME, and which.
var sourceLine = regexp.MustCompile(`^((?:cause|phase/\w+)/\S+)(?: (-?1\.\d+))?` +
	` (?:((?:[a-z0-9.]+\.(?:io|com)|std)/[\w./-]+\.(?:go|md)) (\S.*)|(https://\S+))$`)

// Sources are those of the causes and phases, by whose they are.
func Sources(t testing.TB) map[string][]Source {
	t.Helper()
	text, err := os.ReadFile(pathOf("testdata/sources.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]Source{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := sourceLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("testdata/sources.txt: %q is no name with a file and words, or with an address", line)
			continue
		}
		all[m[1]] = append(all[m[1]], Source{m[2], m[3] + m[5], m[4]})
	}
	return all
}

// repositories are where the files of modules can be read: those of the newest version that was looked at.
var repositories = []struct{ module, address string }{
	{"k8s.io/kubernetes/", "https://github.com/kubernetes/kubernetes/blob/v1.37.2/"},
	{"k8s.io/", "https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/"},
	{"sigs.k8s.io/json/", "https://github.com/kubernetes-sigs/json/blob/main/"},
	{"github.com/containerd/containerd/v2/", "https://github.com/containerd/containerd/blob/v2.4.2/"},
	{"github.com/opencontainers/runc/", "https://github.com/opencontainers/runc/blob/v1.5.2/"},
	{"github.com/docker/docker/", "https://github.com/moby/moby/blob/v28.2.2/"},
	{"github.com/docker/cli/", "https://github.com/docker/cli/blob/v29.9.3/"},
	{"github.com/moby/sys/", "https://github.com/moby/sys/blob/main/"},
	{"go.etcd.io/etcd/api/v3/", "https://github.com/etcd-io/etcd/blob/v3.7.3/api/"},
	{"go.etcd.io/etcd/server/v3/", "https://github.com/etcd-io/etcd/blob/v3.7.3/server/"},
	{"std/", "https://github.com/golang/go/blob/master/src/"},
}

// Address is where the source can be read; it is empty for a module that nobody has said that of.
func (s Source) Address() string {
	if strings.HasPrefix(s.File, "https://") {
		return s.File
	}
	for _, r := range repositories {
		if path, ok := strings.CutPrefix(s.File, r.module); ok {
			return r.address + path
		}
	}
	return ""
}
