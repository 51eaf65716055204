package render

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// What a program writes meanwhile stands above the tail, which is drawn again below it.
func TestPrintAboveTheTail(t *testing.T) {
	var screen bytes.Buffer
	l := NewLive("listing", Style{Detail: seq.Normal}, &screen, func() (int, int) { return 80, 10 })
	if err := l.Update(sample(), 2, "waiting"); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]io.Writer{"the same": &screen,
		"another on the same terminal": struct{ io.Writer }{&screen}} {
		screen.Reset()
		if err := l.Print(w, "hello\n"); err != nil {
			t.Fatal(err)
		}
		got := screen.String()
		got = strings.ReplaceAll(strings.TrimSuffix(got, "\x1b[J"), "\x1b[K", "")
		if head, tail, ok := strings.Cut(got, "hello\n"); !ok ||
			!strings.HasSuffix(strings.TrimSuffix(head, "\x1b[J"), "A\r") || !strings.Contains(tail, "yours") ||
			!strings.HasSuffix(strings.TrimRight(tail, " \n"), "waiting") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\r\nc":              "a\tb\r\nc",
		"\x1b[31mred\n":          "\x1b[31mred\x1b[0m\n",
		"\x1b[2J\x1b]0;x\x07\n":  `\u001b[2J\u001b]0;x\u0007` + "\n",
		"10 %\r20 %\n":           `10 %\u000d20 %` + "\n",
		"\xff\u202emoc\n":        `\xff\u202emoc` + "\n",
		"日本\n" + "\n":            "日本\n\n",
		"\x1b[1mtwo\nlines\x1b[": "\x1b[1mtwo\x1b[0m\nlines" + `\u001b[`,
	} {
		if got := Lines(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
