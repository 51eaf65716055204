package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/tools/txtar"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mapRecording is a file with the snapshot of a scenario.
func mapRecording(t *testing.T, name string) string {
	t.Helper()
	a, err := txtar.ParseFile("../../pkg/apimap/testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".jsonl")
	if err := os.WriteFile(path, a.Files[0].Data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The recording of a map is replayed in each format, to standard output and to files.
func TestReplayMap(t *testing.T) {
	path := mapRecording(t, "pod")
	for format := range render.MapFormats {
		out, errOut, err := replayed(t.Context(), "replay", path, "-o", format)
		if err != nil || errOut != "" || out == "" {
			t.Errorf("-o %s: %v: %s", format, err, errOut)
		}
		file := filepath.Join(t.TempDir(), "map")
		if _, errOut, err = replayed(t.Context(), "replay", path, "-o", format+"="+file); err != nil || errOut != "" {
			t.Errorf("-o %s=FILE: %v: %s", format, err, errOut)
		}
		if data, err := os.ReadFile(file); err != nil || format != "listing" && string(data) != out {
			t.Errorf("-o %s=FILE is not what -o %[1]s prints: %v", format, err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.jsonl")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	out, errOut, err := replayed(t.Context(), "replay", cut)
	if err != nil || !strings.Contains(errOut, "cut off") || !strings.Contains(out, "Pod maptry/web") {
		t.Errorf("a recording that is cut off: %v: %s%s", err, errOut, out)
	}
	if _, _, err := replayed(t.Context(), "replay", path, "-o", "lanes"); err == nil || !strings.Contains(err.Error(),
		"must be one of") {
		t.Errorf("-o lanes: %v", err)
	}
}

// Wrong usage says what to do, before anything is asked.
func TestMapUsage(t *testing.T) {
	for args, want := range map[string]string{
		"map deployment/web":                   `a map is of a Pod, not of "deployment" (hint: kubectl seq map pod/NAME)`,
		"map pod/":                             "names no Pod",
		"map pod/a/b":                          "names no Pod",
		"map pod/..":                           `invalid Pod name ".."`,
		"map .":                                `invalid Pod name "."`,
		"map web --namespace=..":               `invalid namespace ".."`,
		"map --processes":                      "--processes needs a Pod (hint: kubectl seq map pod/NAME --processes)",
		"map web -o lanes":                     "--output=lanes: must be one of html, json, listing, mermaid, svg",
		"map web --detail=x":                   "--detail=x: must be one of",
		"create-pod web --image=x -o map-html": "-o map-html needs a file",
		"create-pod web --image=x -o map-html=a -o map-html=b":             "-o map-html is given twice",
		"create-pod web --image=x -o map-html=a --repeat=3":                "-o map-html shows one run",
		"create-pod web --image=x -o map-html=/nowhere/map.html":           "--output=html=/nowhere/map.html: open",
		"create-deployment web --image=x -o map-html=a --server=127.0.0.1": "--output=map-html: must be one of",
	} {
		_, _, err := replayed(t.Context(), append(strings.Fields(args), "--server=https://127.0.0.1:1")...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// A server that refuses all, or knows nothing of what is asked, gets a map that says so; one that is not there, an
// error.
func TestMapOfARefusingServer(t *testing.T) {
	var asked atomic.Int32
	for _, code := range []int{http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			http.Error(w, "no\x1b[2J", code)
		}))
		t.Cleanup(s.Close)
		out, errOut, err := replayed(t.Context(), "map", "pod/web", "--server="+s.URL)
		if err != nil || !strings.Contains(out, "Not seen: Pod web") || strings.Contains(out, "\x1b[2J") {
			t.Errorf("%d: %v: %s\n%s", code, err, errOut, out)
		}
	}
	if n := asked.Load(); n < 3*20 || n > 3*60 {
		t.Errorf("%d requests for three maps", n)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	if _, _, err := replayed(t.Context(), "map", "pod/web", "--server="+gone.URL); err == nil || !strings.Contains(err.Error(), `pods "web" not found`) {
		t.Errorf("404: %v", err)
	}
	var out, errOut bytes.Buffer
	root := newRoot(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut})
	root.SetArgs([]string{"map", "--server=https://127.0.0.1:1"})
	if err := root.ExecuteContext(t.Context()); err == nil || out.Len() > 0 {
		t.Errorf("nobody answers: %v, %s", err, &out)
	}
}

// What a map says you may do is of the user on whose behalf it was read; so are its commands.
func TestMapCommandsImpersonate(t *testing.T) {
	o := followOptions{connection: []string{"--context=lab"}, config: &rest.Config{Impersonate: rest.ImpersonationConfig{
		UserName: "jane", UID: "7", Groups: []string{"dev", "the ops"}}}}
	s := &apimap.Snapshot{Subject: seq.Object{Kind: "Pod", Namespace: "shop", Name: "web"}}
	m, _ := lit(s, o.mapFlags(), nil, seq.Normal)
	want := "kubectl --context=lab --as=jane --as-uid=7 --as-group=dev '--as-group=the ops' get pod web -n shop"
	if m.APIs[0].Try.Command != want {
		t.Errorf("%s, not %s", m.APIs[0].Try.Command, want)
	}
}
