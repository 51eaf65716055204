package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// recordings writes those of the scenarios to files of their names.
func recordings(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, s := range scenario.All(t) {
		if err := os.WriteFile(filepath.Join(dir, s.Name), s.File("recording.jsonl").Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Instructive pairs: a golden file has the pair's name, and in it what each command line prints.
func TestCompare(t *testing.T) {
	anywhere(t)
	dir := recordings(t)
	for _, pair := range [][2]string{{"plain", "probes"}, {"plain", "crash"}, {"plain", "evidence"},
		{"plain", "deployment"}, {"deployment", "job"}, {"plain", "plain"}, {"plain", "show"}, {"delete", "delete-hook"},
		{"exec", "exec-kill"}, {"plain", "quota"}} {
		name := filepath.Join("testdata/compare", pair[0]+"-"+pair[1]+".txtar")
		var got txtar.Archive
		for _, flags := range []string{"-o listing --detail=normal", "-o listing --detail=brief --explain",
			"-o mermaid --detail=brief"} {
			args := append([]string{"compare", filepath.Join(dir, pair[0]), filepath.Join(dir, pair[1])},
				strings.Fields(flags)...)
			out, errOut, err := replayed(t.Context(), args...)
			if err != nil || errOut != "" {
				t.Errorf("%s %s: %v %s", name, flags, err, errOut)
			}
			got.Files = append(got.Files, txtar.File{Name: flags, Data: []byte(strings.ReplaceAll(out, dir+"/", ""))})
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(&got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(txtar.Format(&got))); diff != "" {
			t.Errorf("%s (-) is not what is said now (+); -update writes it anew:\n%s", name, diff)
		}
	}
}

// The words name the phase, whatever the run is called.
func TestCompareNamesThePhase(t *testing.T) {
	dir := recordings(t)
	for pair, want := range map[[2]string]string{
		{"plain", "probes"}:              "B took 446 ms–1.56 s more, likely ≈ 1.542 s: 1.49–1.54 s of it in startup+",
		{"probes", "plain"}:              "A took 446 ms–1.56 s more, likely ≈ 1.542 s: 1.49–1.54 s of it in startup+",
		{"plain", "plain"}:               "A and B are the same run: there is no difference.",
		{"plain", "crash"}:               "They did not end alike: A as Ready, B as Stuck.",
		{"plain", "no-such-tag"}:         "Only A has create, start, ready. Only B has retry (1645 ms …).\n",
		{"scheduled-eventtime", "plain"}: "likely ≈ 8.295 s: likely ≈ 7.229 s of it in pending, which B has not; ",
		{"plain", "deployment"}:          "A is about a Pod, B about a Deployment.",
		{"delete", "delete-hook"}:        "of it in stop; ",
		{"plain", "quota"}:               "refused by apiserver",
	} {
		out, _, err := replayed(t.Context(), "compare", filepath.Join(dir, pair[0]), filepath.Join(dir, pair[1]))
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v, no %q in\n%s", pair, err, want, out)
		}
	}
}

func TestCompareFiles(t *testing.T) {
	dir := recordings(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	out, _, err := replayed(t.Context(), "compare", "-", file("probes")) // the demo is standard input
	if err != nil || !strings.Contains(out, "A  standard input: Pod default/web") ||
		!strings.Contains(out, "B  probes: ") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := os.WriteFile(file("cut"), demo[:len(demo)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, err := replayed(t.Context(), "compare", file("plain"), file("cut")); err != nil ||
		errOut != "note: recording B is cut off; this is everything before the cut\n" {
		t.Errorf("%v, %q", err, errOut)
	}
	for want, args := range map[string][]string{
		"two recordings expected, 1 given":      {file("plain")},
		"only one of the two can be -":          {"-", "-"},
		"no such file":                          {file("plain"), file("none")},
		"not a recording":                       {file("plain"), "compare.go"},
		"the recording is empty":                {os.DevNull, file("plain")},
		"--output=lanes: must be one of html, ": {file("plain"), file("probes"), "-o", "lanes"},
		"--detail=much: must be one of":         {file("plain"), file("probes"), "--detail", "much"},
		"nowhere/page":                          {file("plain"), file("probes"), "-o", "html=" + file("nowhere/page")},
	} {
		if _, _, err := replayed(t.Context(), append([]string{"compare"}, args...)...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	if _, _, err := replayed(t.Context(), "compare", file("plain"), file("probes"), "-o", "html="+file("page"), "-o",
		"json="+file("documents"), "-o", "mermaid"); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file("page"))
	if err != nil || !bytes.HasPrefix(page, []byte("<!DOCTYPE html>")) {
		t.Errorf("%v: %.40s", err, page)
	}
	documents, err := os.ReadFile(file("documents"))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]int{}
	for line := range bytes.Lines(documents) {
		var d struct{ Type string }
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		types[d.Type]++
	}
	if types["comparison"] != 1 || types["phase"] != 7 || types["step"] < 30 {
		t.Errorf("documents: %v", types)
	}
}

func TestCompareCompletes(t *testing.T) {
	for line, want := range map[string]string{
		"compare ":               "jsonl :8",
		"compare a.jsonl ":       "jsonl :8",
		"compare a b ":           ":4",
		"compare a b -o ":        "html json listing mermaid :4",
		"compare a b --detail b": "brief :36",
	} {
		offered, directive, _ := completes(t, apiServer(), strings.Split(line, " ")...)
		if got := strings.TrimSpace(strings.Join(offered, " ") + " " + directive); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
