package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// laneRoom is the narrowest lane in terminal cells.
const laneRoom = 10

// columns are the lanes of a terminal picture: where each stands.
type columns struct {
	lanes   []seq.Participant
	runtime seq.Participant
	width   int // of the whole line
	before  int // the first cell right of the times
}

const afterLanes = 2

// plan places the lanes: all that are expected, if there is room, else those that have something.
func (y Style) plan(r Report, f figure) (c columns, ok bool) {
	c = columns{width: y.Width, runtime: r.Run.Runtime, before: y.timeWidth() + 1}
	needed := func(n int) int { return c.before + n*laneRoom + afterLanes }
	if r.Outcome.Name == "" {
		all := figure{lanes: slices.Clone(f.lanes)}
		for _, p := range r.Run.Expected {
			if !slices.ContainsFunc(all.lanes, func(q seq.Participant) bool {
				return laneRank(p, c.runtime) == laneRank(q, c.runtime) && (p == q || p == seq.Runtime)
			}) {
				all.lanes = append(all.lanes, p)
			}
		}
		all.sortLanes(c.runtime)
		if c.lanes = all.lanes; needed(len(c.lanes)) <= c.width {
			return c, true
		}
	}
	c.lanes = f.lanes
	return c, needed(len(c.lanes)) <= c.width
}

// holds reports whether everything in the figure has its place.
func (c columns) holds(f figure) bool {
	return !slices.ContainsFunc(f.lanes, func(p seq.Participant) bool { return c.index(p) < 0 })
}

// index is the place of a participant, or -1. A runtime keeps its lane when its name becomes known.
func (c columns) index(p seq.Participant) int {
	return slices.IndexFunc(c.lanes, func(q seq.Participant) bool {
		return p == q || q == seq.Runtime && p == c.runtime
	})
}

// at is the cell of a lifeline.
func (c columns) at(lane int) int {
	room := c.width - c.before - afterLanes
	return c.before + (2*lane+1)*room/(2*len(c.lanes))
}

// names is the line above the lifelines.
func (y Style) names(c columns) string {
	cells := newCanvas(c.width)
	for i, p := range c.lanes {
		room := c.at(min(i+1, len(c.lanes)-1)) - c.at(i) - 1
		if i == len(c.lanes)-1 {
			room = 2 * (c.width - c.at(i))
		}
		name := short(p)
		name = strings.TrimRight(fit(name, min(room, runewidth.StringWidth(name))), " ")
		w := runewidth.StringWidth(name)
		cells.text(min(c.at(i)-(w-1)/2, c.width-1-w), name, y.colour(p)+";"+bold)
	}
	return y.ascii(cells.String(y))
}

// laneLine draws one row between the lifelines. Open has how many calls each lane is answering.
func (y Style) laneLine(c columns, x row, label, at string, open []int) string {
	cells := newCanvas(c.width)
	cells.text(0, y.ascii(at), "")
	for i, p := range c.lanes {
		line := y.pick("│", "|")
		if open[i] > 0 {
			line = y.pick("┃", "H")
		}
		cells.text(c.at(i), line, y.colour(p)+";"+dim)
	}
	from, to := c.index(x.sender), c.index(x.receiver)
	sgr, mark := y.colour(x.From), y.glyphs().observed
	if x.Certainty == seq.Inferred {
		sgr, mark = sgr+";"+dim, y.glyphs().inferred
	}
	if from == to {
		cells.text(c.at(from), y.glyphs().note, sgr)
		cells.beside(c.before, c.at(from)-1, c.at(from)+1, label)
	} else {
		y.arrow(c, cells, c.at(from), c.at(to), x, sgr, label)
	}
	cells.text(c.width-2, mark, "")
	return y.ascii(cells.String(y))
}

// arrow draws a message, with its label on it where that has room, else beside it.
func (y Style) arrow(c columns, cells canvas, from, to int, x row, sgr, label string) {
	shaft, head := y.pick("─", "-"), y.pick("▶", ">")
	if x.Kind != seq.RequestKind {
		shaft = y.pick("╌", ".")
	}
	if x.Certainty == seq.Inferred {
		head = y.pick("▷", ")")
	}
	left, right := from+1, to-1
	if to < from {
		left, right = to+1, from-1
		head = map[string]string{"▶": "◀", "▷": "◁", ">": "<", ")": "("}[head]
	}
	for i := left; i <= right; i++ {
		cells.text(i, shaft, sgr)
	}
	if to > from {
		cells.text(right, head, sgr)
	} else {
		cells.text(left, head, sgr)
	}
	w := runewidth.StringWidth(label)
	if spare := right - left - 4 - w; spare >= 0 { // the head, and two cells of the shaft at least
		cells.text(left+1+(spare+1)/2, " "+label+" ", "")
		return
	}
	cells.beside(c.before, left-1, right+1, label)
}

// label is what stands on an arrow: an answer has its duration, a write its revision.
func (y Style) label(f figure, x row) string {
	label, right := Plain(x.Label), ""
	switch {
	case x.closes >= 0:
		if right = y.right(f.rows[x.closes].Step, x.Step); x.To.IsClient() {
			label, right = right, ""
		}
	case !x.opens:
		right = y.right(x.Step, nil)
	}
	return y.ascii(strings.TrimRight(label+"  "+right, " "))
}

// laneLines draws the steps between lifelines. Where the lanes do not fit it says so and goes on as a listing.
func (l *Live) laneLines(r Report, settled int) []line {
	f := newFigure(r, l.Detail)
	if l.columns.width != l.Width || !l.columns.holds(f) {
		c, ok := l.plan(r, f)
		if !ok {
			l.lanes = false
			l.aside = c.tooNarrow()
			return l.lines(r, settled)
		}
		l.columns = c
	}
	firm := make(map[seq.Key]bool, settled)
	for _, s := range r.Steps[:settled] {
		firm[s.Key] = true
	}
	head := l.names(l.columns)
	open := make([]int, len(l.columns.lanes))
	at := l.timesOf(f, r)
	var out []line
	for i, x := range f.rows {
		if x.closes >= 0 {
			open[l.columns.index(x.sender)]--
		}
		text := append([]string{l.laneLine(l.columns, x, l.label(f, x), at[i], open)}, l.notes(x.Step, r.origin())...)
		if x.opens {
			open[l.columns.index(x.receiver)]++
		}
		out = append(out, line{key: x.Key, head: head, text: text, settled: firm[x.Key]})
	}
	return out
}

// pick is a glyph by the locale.
func (y Style) pick(unicode, ascii string) string {
	if y.ASCII {
		return ascii
	}
	return unicode
}

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

// beside writes a label to the right of the cells from left to right, or to their left where that has more room, and
// shortens it to the room there is. The cells before those belong to the time, the rightmost to the mark.
func (c canvas) beside(before, left, right int, label string) {
	w := runewidth.StringWidth(label)
	roomRight, roomLeft := len(c)-afterLanes-right-3, left-before-2
	if w > roomRight && roomLeft > roomRight {
		label = " " + strings.TrimRight(fit(label, min(w, roomLeft)), " ") + " "
		c.text(left-runewidth.StringWidth(label), label, "")
		return
	}
	c.text(right+1, " "+strings.TrimRight(fit(label, max(1, min(w, roomRight))), " ")+" ", "")
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

// tooNarrow says why there are no lanes.
func (c columns) tooNarrow() string {
	return fmt.Sprintf("%d lanes need %d columns and there are %d: a listing instead.", len(c.lanes),
		c.before+len(c.lanes)*laneRoom+afterLanes, c.width)
}
