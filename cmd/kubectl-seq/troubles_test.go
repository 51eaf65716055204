package main

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// causesTable is the body of docs/troubles.md: each cause as a run on a cluster has shown it, or as its row says.
func causesTable(t *testing.T) string {
	runs := map[string]seq.Obstacle{}
	for _, s := range scenario.Causes(t) {
		if o, ok := scenario.Fold(s.Subject, s.Observations).Obstacle(); ok {
			runs[s.Name] = o
		}
	}
	var b strings.Builder
	sources := scenario.Sources(t)
	group := ""
	for _, c := range trace.Causes() {
		if c.Group != group {
			group = c.Group
			fmt.Fprintf(&b, "\n## %s\n\n| what is seen | who holds it, and why | what to try |\n|---|---|---|\n", group)
		}
		o, met := runs[c.Name]
		seen, by, why, steps, from := "", c.By, c.Explain, c.NextSteps, ""
		if met {
			seen, by, why, steps = "<br>"+inCell(cmp.Or(o.Reason, "–")+": "+o.Message), string(o.By), o.Explain, o.NextSteps
			from = fmt.Sprintf(" ([run](../pkg/trace/testdata/causes/%s.txtar))", c.Name)
		}
		var try []string
		for _, s := range steps {
			text := inCell(s.Text)
			if s.Command != "" {
				text = strings.TrimSpace(text + " `" + strings.ReplaceAll(s.Command, "|", `\|`) + "`")
			}
			try = append(try, text)
		}
		fmt.Fprintf(&b, "| **%s**%s%s | %s: %s (%s) | %s |\n", c.Name, from, seen, cmp.Or(by, "who is named"),
			inCell(why), sourceLinks(sources["cause/"+c.Name]), strings.Join(try, "<br>"))
	}
	return b.String()
}

// inCell is a text in a cell of a table in Markdown, at most so long that it can be read there.
func inCell(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 240 {
		s = string(r[:240]) + "…"
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`).Replace(s)
}
