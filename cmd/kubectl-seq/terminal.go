package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// terminal says how to write to out: its width, whether it takes colours and more than ASCII, and, where it is a
// terminal that can be redrawn, how to ask for its size.
func terminal(out io.Writer, color string, getenv func(string) string) (s render.Style, size func() (width, height int),
	err error) {
	s = render.Style{Width: render.FileWidth}
	f, ok := out.(*os.File)
	if tty := ok && term.IsTerminal(int(f.Fd())); tty && getenv("TERM") != "dumb" {
		size = func() (int, int) {
			if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w, h
			}
			return 80, 24
		}
		s.Width, _ = size()
		s.Color = getenv("NO_COLOR") == ""
	}
	force, err := choose("color", color, map[string]*bool{"auto": nil, "always": new(true), "never": new(false)})
	if force != nil {
		s.Color = *force
	}
	s.ASCII = !utf8Locale(getenv)
	return s, size, err
}

// utf8Locale follows the order of setlocale(3). No locale at all, as in many containers, is taken for UTF-8.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToUpper(getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return true
}
