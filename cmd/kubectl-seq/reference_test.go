package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// referencePages are docs/reference: a page for each verb, one for the flags of all, and one that lists them. It is
// made of what cobra and pflag know, so that no page says what the program does not.
func referencePages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	var index strings.Builder
	index.WriteString("# Reference\n\n" + remark + "\n\n" + verbs(root))
	index.WriteString("\n[Flags of every verb](global-flags.md): which cluster, and as whom.\n\n## Exit codes\n\n" +
		exitCodes())
	index.WriteString("\n## All flags\n\n" + flagTable(root, 1))
	pages["README.md"] = index.String()
	pages["global-flags.md"] = "# Flags of every verb\n\n" + remark +
		"\n\nThey are kubectl's own, and what `kubectl seq options` lists. `--help` of a verb has the help of that " +
		"verb.\n\n" + flagsOf(root.PersistentFlags())
	for _, cmd := range own(root) {
		pages[cmd.Name()+".md"] = page(cmd)
	}
	return pages
}

const remark = "<!-- Made by `make docs` of what the program knows of itself. -->"

// own are the verbs that have a page: help has nothing to say there, and what options lists is a page of its own.
func own(root *cobra.Command) (all []*cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "help" && cmd.Name() != "options" {
			all = append(all, cmd)
		}
	}
	return all
}

func page(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n%s.\n\n```\n%s\n```\n", cmd.CommandPath(), remark, cmd.Short, synopsis(cmd))
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlso: `%s`.\n", strings.Join(cmd.Aliases, "`, `"))
	}
	if long := strings.TrimSpace(cmd.Long); long != "" && long != cmd.Short+"." {
		for _, paragraph := range strings.Split(long, "\n\n") {
			b.WriteString("\n" + prose(paragraph))
		}
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(&b, "\n`%s`: %s.\n", synopsis(sub), sub.Short)
		}
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n```\n%s\n```\n",
			strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	if flags := cmd.NonInheritedFlags(); flags.HasAvailableFlags() {
		b.WriteString("\n## Flags\n\n" + flagsOf(flags))
	}
	b.WriteString("\n[Flags of every verb](global-flags.md), [all verbs](README.md)\n")
	return b.String()
}

func synopsis(cmd *cobra.Command) string { return strings.TrimSuffix(cmd.UseLine(), " [flags]") }

// prose is a paragraph of help; from its first indented line on, its form counts.
func prose(paragraph string) string {
	lines := strings.Split(strings.TrimRight(paragraph, "\n"), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "  ") || strings.HasPrefix(l, "\t") })
	if i < 0 {
		i = len(lines)
	}
	var b strings.Builder
	for _, l := range lines[:i] {
		b.WriteString(cell(l) + "\n")
	}
	if i < len(lines) {
		fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.Join(lines[i:], "\n"))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// row is what a flag is in all verbs where it means the same.
type row struct{ flag, preset, usage string }

func rowOf(f *pflag.Flag) row {
	name, usage := pflag.UnquoteUsage(f)
	flag := "--" + f.Name
	if f.Shorthand != "" {
		flag = "-" + f.Shorthand + ", " + flag
	}
	if name != "" {
		flag += " " + name
	}
	r := row{"`" + flag + "`", "", cell(usage)}
	if !slices.Contains([]string{"", "[]", "false", "0", "0s"}, f.DefValue) {
		r.preset = "`" + f.DefValue + "`"
	}
	return r
}

func (r row) String() string { return fmt.Sprintf("| %s | %s | %s |", r.flag, r.preset, r.usage) }

func each(fs *pflag.FlagSet, do func(row)) {
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			do(rowOf(f))
		}
	})
}

func flagsOf(fs *pflag.FlagSet) string {
	var b strings.Builder
	b.WriteString("| flag | default | |\n|---|---|---|\n")
	each(fs, func(r row) { fmt.Fprintln(&b, r) })
	return b.String()
}

// flagTable has the flags that at least so many verbs have.
func flagTable(root *cobra.Command, least int) string {
	by := map[row][]string{}
	for _, cmd := range own(root) {
		each(cmd.NonInheritedFlags(), func(r row) { by[r] = append(by[r], cmd.Name()) })
	}
	var b strings.Builder
	b.WriteString("| flag | default | | verbs |\n|---|---|---|---|\n")
	byName := func(a, b row) int {
		name := func(r row) string { return r.flag[strings.Index(r.flag, "--"):] }
		return cmp.Or(cmp.Compare(name(a), name(b)), slices.Compare(by[a], by[b]))
	}
	for _, r := range slices.SortedFunc(maps.Keys(by), byName) {
		if len(by[r]) >= least {
			fmt.Fprintf(&b, "%s %s |\n", r, families(root, by[r]))
		}
	}
	return b.String()
}

// families names verbs, and those of which all are there that begin alike by that: create….
func families(root *cobra.Command, names []string) string {
	has := func(prefix string) (of, all int) {
		for _, cmd := range own(root) {
			if name := cmd.Name(); name == prefix || strings.HasPrefix(name, prefix+"-") {
				if all++; slices.Contains(names, name) {
					of++
				}
			}
		}
		return of, all
	}
	var short []string
	for _, name := range names {
		family, _, _ := strings.Cut(name, "-")
		if of, all := has(family); of == all && all > 1 {
			name = family + "…"
		}
		if !slices.Contains(short, name) {
			short = append(short, name)
		}
	}
	return strings.Join(short, ", ")
}

func verbs(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("| verb | |\n|---|---|\n")
	for _, cmd := range own(root) {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", cmd.Name(), cmd.Name(), cell(cmd.Short))
	}
	return b.String()
}

func exitCodes() string {
	var b strings.Builder
	b.WriteString("| exit code | |\n|---|---|\n")
	for _, e := range exitTable {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, cell(e.meaning))
	}
	return b.String()
}

// words are what is written as code in a table: a flag.
var words = regexp.MustCompile(`--[a-z][a-z-]*`)

// cell is text for Markdown.
func cell(text string) string {
	return words.ReplaceAllString(strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(text), "`$0`")
}
