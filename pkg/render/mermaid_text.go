package render

// Texts in Mermaid diagrams.

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mermaidWidth is how wide a label is, in characters: Mermaid draws it as wide as it is, and moves the lanes apart.
const mermaidWidth = 40

// mermaidLabelLines is how many lines a label has at the most.
func (y Style) mermaidLabelLines() int {
	switch y.Detail {
	case seq.Brief:
		return 2
	case seq.Normal:
		return 4
	}
	return 50
}

// mermaidLines breaks a text into lines, of which it has some at the most; the tail stays.
func mermaidLines(s, tail string, width, most int) string {
	lines := wrap(Plain(s), width)
	if len(lines) > most {
		last := strings.TrimRight(runewidth.Truncate(lines[most-1], width-1, ""), " ") + "…"
		lines = append(lines[:most-1:most-1], last)
	}
	if last := len(lines) - 1; runewidth.StringWidth(lines[last]+tail) <= width {
		lines[last] += tail
	} else {
		lines = append(lines, strings.TrimSpace(tail))
	}
	for i := range lines {
		lines[i] = mermaidText(lines[i])
	}
	return strings.Join(lines, "<br/>")
}

// mermaidText makes a string safe for any place of a sequence diagram: Mermaid decodes #NUMBER; into the character.
// What could be syntax anywhere is written so.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range Plain(s) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune(" .,:'/()+-_…–≤≈○✗", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	text := b.String()
	switch head, _, wraps := strings.Cut(strings.ToLower(text), ":"); {
	case strings.TrimSpace(text) == "":
		return "#160;" // an empty text is a syntax error
	case wraps && strings.HasSuffix(strings.TrimSpace(head), "wrap"): // wrap: and nowrap: are instructions
		return strings.Replace(text, ":", "#58;", 1)
	}
	return text
}

// markdownText makes a string safe for a line of Markdown.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range Plain(s) {
		if strings.ContainsRune("\\`*_{}[]<>#+!|&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
