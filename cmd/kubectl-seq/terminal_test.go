package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

func TestTerminal(t *testing.T) {
	_, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Cols: 90, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tty                  bool
		term, noColor, color string
		colored, redrawn     bool
	}{
		{true, "xterm", "", "auto", true, true},
		{true, "", "", "auto", true, true},
		{true, "xterm", "1", "auto", false, true},
		{true, "xterm", "1", "always", true, true},
		{true, "xterm", "", "never", false, true},
		{true, "dumb", "", "auto", false, false},
		{true, "dumb", "", "always", true, false},
		{false, "xterm", "", "auto", false, false},
		{false, "xterm", "", "always", true, false},
	} {
		env := map[string]string{"TERM": c.term, "NO_COLOR": c.noColor}
		style, size, err := terminal(&bytes.Buffer{}, c.color, func(name string) string { return env[name] })
		width := render.FileWidth
		if c.tty {
			style, size, err = terminal(tty, c.color, func(name string) string { return env[name] })
			if c.redrawn {
				width = 90
			}
		}
		if err != nil || style.Color != c.colored || (size != nil) != c.redrawn || style.Width != width {
			t.Errorf("%+v: %v, color %t, redrawn %t, width %d", c, err, style.Color, size != nil, style.Width)
		}
	}
	if _, _, err := terminal(os.Stdout, "sometimes", os.Getenv); err == nil {
		t.Error("--color=sometimes is taken")
	}
}
