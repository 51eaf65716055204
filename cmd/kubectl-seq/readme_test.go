package main

import (
	"os"
	"strings"
	"testing"
)

// The README shows what the program prints; `go run ./hack/pictures` draws it again.
func TestREADMEIsUpToDate(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for fence, args := range map[string]string{"```\n$ kubectl seq demo\n": "", "```mermaid\n": "-o mermaid --detail=brief"} {
		out, _, err := replayed(t.Context(), append([]string{"demo", "--speed=max"}, strings.Fields(args)...)...)
		if err != nil || !strings.Contains(string(readme), fence+out+"```\n") {
			t.Errorf("the README does not show demo %s (%v):\n%s", args, err, out)
		}
	}
	_, past, _ := strings.Cut(string(readme), "crashes again and again:\n\n```\n")
	past, _, _ = strings.Cut(past, "```")
	listing, err := os.ReadFile("../../pkg/trace/testdata/show-crash.txtar")
	if err != nil || past == "" {
		t.Fatalf("%v, %q", err, past)
	}
	for line := range strings.Lines(past) {
		if !strings.Contains(string(listing), line) {
			t.Errorf("the README shows %q, which the scenario does not have", line)
		}
	}
	for _, e := range exitTable {
		if !strings.Contains(string(readme), e.meaning) && !strings.Contains(strings.ReplaceAll(string(readme), "`", ""), e.meaning) {
			t.Errorf("the README does not explain exit code %d: %s", e.code, e.meaning)
		}
	}
}
