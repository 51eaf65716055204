package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// sourcesTable is the body of docs/sources.md: what each rule and each phase was checked in. The causes have that in
// docs/troubles.md.
func sourcesTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("\n## Steps\n\n| rule | what `--explain` says | documentation | checked in |\n|---|---|---|---|\n")
	for _, r := range trace.Rules() {
		file, words, _ := strings.Cut(r.Source, " ")
		fmt.Fprintf(&b, "| `%s` | %s | [page](%s) | %s |\n", r.Name, inCell(r.Gist), r.Doc,
			sourceLink(scenario.Source{File: file, Words: words}))
	}
	b.WriteString("\n## Phases\n\n| of | phase | checked in |\n|---|---|---|\n")
	all := scenario.Sources(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if table, ok := strings.CutPrefix(name, "phase/"); ok {
			of, phase, _ := strings.Cut(table, "/")
			fmt.Fprintf(&b, "| %s | %s | %s |\n", of, phase, sourceLinks(all[name]))
		}
	}
	return b.String() + "\n"
}

// sourceLinks leads to where something was checked, once to each file.
func sourceLinks(all []scenario.Source) string {
	var links []string
	for _, s := range all {
		if l := sourceLink(s); !slices.Contains(links, l) {
			links = append(links, l)
		}
	}
	return strings.Join(links, ", ")
}

func sourceLink(s scenario.Source) string {
	name := s.File[strings.LastIndex(strings.TrimSuffix(s.File, "/"), "/")+1:]
	return fmt.Sprintf("[%s](%s)", strings.NewReplacer("_", `\_`, "/", "").Replace(name), s.Address())
}
