package render

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// canvas is one line of a terminal, cell by cell.
type canvas []cell

type cell struct {
	text string // empty behind a wide character
	sgr  string
}

func newCanvas(width int) canvas {
	c := make(canvas, width)
	for i := range c {
		c[i].text = " "
	}
	return c
}

// text writes a plain string from a cell on, over what is there. What goes beyond the edge is cut.
func (c canvas) text(at int, s, sgr string) {
	for _, r := range s {
		w := runewidth.RuneWidth(r)
		if w == 0 && at > 0 && at <= len(c) {
			c[at-1].text += string(r)
			continue
		}
		if at < 0 || at+w > len(c) {
			return
		}
		c[at] = cell{string(r), sgr}
		for k := 1; k < w; k++ {
			c[at+k] = cell{}
		}
		at += w
	}
}

// String is the line, with colours where the style has them.
func (c canvas) String(y Style) string {
	var b strings.Builder
	for i := 0; i < len(c); {
		k := i
		var run strings.Builder
		for ; k < len(c) && c[k].sgr == c[i].sgr; k++ {
			run.WriteString(c[k].text)
		}
		if sgr := strings.Trim(c[i].sgr, ";"); sgr != "" {
			b.WriteString(y.paint(sgr, run.String()))
		} else {
			b.WriteString(run.String())
		}
		i = k
	}
	return strings.TrimRight(b.String(), " ")
}
