package render

// The lines of a terminal picture.

import (
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// lanePicture draws rows of a figure between lifelines.
type lanePicture struct {
	Style
	columns columns
	figure  figure
	open    []int // how many calls each lane is answering
}

// place is that of a lane of the figure among the columns.
func (p *lanePicture) place(lane int) int { return p.columns.index(p.figure.lanes[lane]) }

// titleLines is how many lines a title has at the most.
const titleLines = 5

// names are the lines above the lifelines: each name in as many as it needs, so that none runs into the next.
func (y Style) names(c columns) []string {
	if len(c.lanes) == 0 {
		return nil
	}
	pitch := (c.width - c.before - afterLanes) / len(c.lanes)
	names := make([][]string, len(c.lanes))
	for i, p := range c.lanes {
		names[i] = broken(titleIn(p, pitch-1), pitch-1, titleLines)
	}
	for i, p := range c.lanes { // a neighbour may leave more room
		for room := pitch + pitch/2; room >= pitch; room-- {
			if wider := broken(titleIn(p, room), room, titleLines); c.apart(names, i, widest(wider)) {
				names[i] = wider
				break
			}
		}
	}
	lines := 0
	for _, name := range names {
		lines = max(lines, len(name))
	}
	out := make([]string, lines)
	for n := range out {
		cells := newCanvas(c.width)
		for i, p := range c.lanes {
			if k := n - lines + len(names[i]); k >= 0 { // the last line of each stands right above its lifeline
				w := runewidth.StringWidth(names[i][k])
				cells.text(min(c.at(i)-(w-1)/2, c.width-w), names[i][k], y.colour(p)+";"+bold)
			}
		}
		out[n] = y.ascii(cells.String(y))
	}
	return out
}

// titleIn is the title in so much room.
func titleIn(p seq.Participant, room int) string {
	switch {
	case room < len("controller") && p.IsController():
		return short(p)
	case room < len("apiserver") && p == seq.APIServer:
		return "api server"
	case room < len("scheduler") && p == seq.Scheduler:
		return "sche- duler"
	}
	return title(p)
}

// apart reports whether a name of that width leaves a blank to its neighbours, and to the edges.
func (c columns) apart(names [][]string, i, width int) bool {
	left, right := c.at(i)-(width-1)/2, c.at(i)+width/2
	if left < c.before || right >= c.width {
		return false
	}
	if i > 0 && left-(c.at(i-1)+widest(names[i-1])/2) < 2 {
		return false
	}
	return i+1 == len(names) || c.at(i+1)-(widest(names[i+1])-1)/2-right >= 2
}

func widest(lines []string) (w int) {
	for _, l := range lines {
		w = max(w, runewidth.StringWidth(l))
	}
	return w
}

// broken breaks a name into so many lines at the most, between its words, and where it must be inside of one.
func broken(name string, room, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.SplitAfter(breaks.Replace(name), "\x00") {
		word = strings.TrimSuffix(word, "\x00")
		if line != "" && runewidth.StringWidth(line+strings.TrimRight(word, " ")) > room {
			lines, line = append(lines, strings.TrimRight(line, " ")), ""
		}
		for line += word; runewidth.StringWidth(strings.TrimRight(line, " ")) > room; {
			head := runewidth.Truncate(line, max(2, room), "")
			lines, line = append(lines, head), line[len(head):]
		}
	}
	if line = strings.TrimRight(line, " "); line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	if len(lines) > most {
		last := strings.TrimRight(fit(strings.Join(lines[most-1:], ""), max(2, room)), " ")
		lines = append(lines[:most-1:most-1], last)
	}
	return lines
}

// breaks marks with NUL where a name may be broken: after its words, and in those that Kubernetes has put together.
var breaks = strings.NewReplacer("-", "-\x00", "/", "/\x00", " ", " \x00", "slice", "\x00slice", "set", "\x00set",
	"volume", "\x00volume", "claim", "\x00claim")

// lifelines is a line with nothing but those.
func (p *lanePicture) lifelines() canvas {
	cells := newCanvas(p.columns.width)
	for i, who := range p.columns.lanes {
		line := p.pick("│", "|")
		if p.open[i] > 0 {
			line = p.pick("┃", "H")
		}
		cells.text(p.columns.at(i), line, p.colour(who)+";"+dim)
	}
	return cells
}

// phase is the line above the first row of a phase: its name, in the column of the times. Of a wait without a row it
// says how long that was.
func (p *lanePicture) phase(name, took string) string {
	cells, sgr := p.lifelines(), phaseHue(name).sgr
	name = p.pick("▾ ", "v ") + Plain(name)
	cells.text(0, strings.TrimRight(fit(name, p.columns.before-1), " "), sgr+";"+bold)
	if took != "" {
		cells.text(p.columns.at(0)+1, " "+took+" ", sgr)
	}
	return p.ascii(cells.String(p.Style))
}

// row draws one message, its label in as many lines as that needs where one does not do.
func (p *lanePicture) row(x row, at string) (lines []string) {
	c := p.columns
	from, to := c.at(p.place(x.from)), c.at(p.place(x.to))
	sgr, mark, text := p.colour(x.From), p.glyphs().observed, ""
	if x.Certainty == seq.Inferred {
		sgr, mark = sgr+";"+dim, p.glyphs().inferred
	}
	label := p.label(p.figure, x)
	if x.Failed {
		text, label = failed.sgr, p.glyphs().failed+" "+label
	}
	where := c.beside(min(from, to), max(from, to), label)
	for i, part := range where.wrapped(label) {
		cells := p.lifelines()
		if i == 0 {
			cells.text(0, p.ascii(at), "")
			p.shaft(cells, from, to, x, sgr)
			cells.text(c.width-afterLanes, mark, text)
		}
		cells.text(where.begin(part), " "+part+" ", text)
		lines = append(lines, p.ascii(cells.String(p.Style)))
	}
	return lines
}

// shaft draws the arrow of a message, or the sign of a note.
func (p *lanePicture) shaft(cells canvas, from, to int, x row, sgr string) {
	if from == to {
		cells.text(from, p.glyphs().note, sgr)
		return
	}
	shaft, head := p.pick("─", "-"), p.pick("▶", ">")
	if x.Kind != seq.RequestKind {
		shaft = p.pick("╌", ".")
	}
	if x.Certainty == seq.Inferred {
		head = p.pick("▷", ")")
	}
	if x.Failed {
		head, sgr = p.glyphs().failed, failed.sgr
	}
	left, right := from+1, to-1
	if to < from {
		left, right = to+1, from-1
		if other, ok := map[string]string{"▶": "◀", "▷": "◁", ">": "<", ")": "("}[head]; ok {
			head = other
		}
	}
	for i := left; i <= right; i++ {
		cells.text(i, shaft, sgr)
	}
	if to > from {
		cells.text(right, head, sgr)
	} else {
		cells.text(left, head, sgr)
	}
}

// spot is where the label of a message stands: from one cell to before another, with one to spare on either side.
type spot struct {
	from, to int
	centered bool // on the arrow
	leftward bool // to the left of it
}

// labelLines is how many lines a label has at the most.
const labelLines = 4

// beside is the place of a label beside or on an arrow from one cell to another: on it where it has room, else to its
// right, else to its left; where no line is long enough, in several where there is most room.
func (c columns) beside(left, right int, label string) spot {
	all := []spot{{from: right + 1, to: c.width - afterLanes}, {from: c.before, to: left, leftward: true}}
	if right > left {
		all = append([]spot{{from: left + 3, to: right - 2, centered: true}}, all...)
	}
	best := all[0]
	for _, p := range all {
		if p.room() >= runewidth.StringWidth(label) {
			return p
		}
		if p.room() > best.room() {
			best = p
		}
	}
	return best
}

func (p spot) room() int { return p.to - p.from - 2 }

// wrapped are the lines of a label there.
func (p spot) wrapped(label string) []string {
	room := max(1, p.room())
	lines := wrap(label, room)
	if len(lines) > labelLines {
		last := strings.TrimRight(fit(strings.Join(lines[labelLines-1:], " "), room), " ")
		lines = append(lines[:labelLines-1:labelLines-1], last)
	}
	return lines
}

// begin is the cell at which a line begins: the blank before it. To the left of an arrow it stands close to that.
func (p spot) begin(line string) int {
	spare := p.room() - runewidth.StringWidth(line)
	switch {
	case p.centered:
		return p.from + (spare+1)/2
	case p.leftward:
		return p.from + spare
	}
	return p.from
}

// pick is a glyph by the locale.
func (y Style) pick(unicode, ascii string) string {
	if y.ASCII {
		return ascii
	}
	return unicode
}
