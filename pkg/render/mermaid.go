package render

import (
	"bytes"
	"fmt"
	"io"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mostMessages is how many messages one diagram has at the most: more than fill a slide, or a page.
const mostMessages = 40

// Mermaid writes the report as a Mermaid sequence diagram. Solid arrows are requests, dashed ones answers and what a
// watch delivers, those that end in a cross failed; ○ marks what is inferred. Each phase has a background of its own.
//
// Of more messages than one diagram has room for it writes Markdown instead: an overview, and a diagram of each phase.
func Mermaid(w io.Writer, r Report, y Style) error {
	y.clock = r.looks()
	f := newFigure(r, y.Detail)
	d := mermaidDocument{Style: y, report: r, figure: f, at: y.timesOf(f, r), begun: map[int]int{}}
	d.findLoops()
	if d.messages(d.rows) <= mostMessages {
		d.single(d.rows)
	} else {
		d.several()
	}
	_, err := w.Write(d.Bytes())
	return err
}

// mermaidDocument is one diagram, or a text with several.
type mermaidDocument struct {
	Style
	bytes.Buffer
	report Report
	figure figure
	rows   []int                 // of the figure, those that are drawn as they came
	loops  map[int][]*repetition // by the row that they stand before; those at the end by how many rows there are
	waits  map[int][]phasePart   // likewise, before what repeats
	at     []string              // when each row was
	drawn  int                   // so many messages, by which the next is numbered
	begun  map[int]int           // so many stretches of each phase
}

func (d *mermaidDocument) printf(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// rowsFrom are the numbers from one to before another.
func rowsFrom(from, to int) (rows []int) {
	for i := from; i < to; i++ {
		rows = append(rows, i)
	}
	return rows
}

// withLoops are these rows, and those within the loops that stand before them, or after the last of all.
func (d *mermaidDocument) withLoops(rows []int) (all []int) {
	for _, i := range rows {
		for _, x := range d.loopsAt(i) {
			all = append(all, x.oneTurn(d.figure)...)
		}
		all = append(all, i)
	}
	for _, x := range d.loopsAfter(rows) {
		all = append(all, x.oneTurn(d.figure)...)
	}
	return all
}

// messages is how many of the rows, and of those of loops, are arrows.
func (d *mermaidDocument) messages(rows []int) (n int) {
	for _, i := range d.withLoops(rows) {
		if d.figure.rows[i].Kind != seq.NoteKind {
			n++
		}
	}
	return n
}

func (d *mermaidDocument) title() string {
	return fmt.Sprintf("%s (%s inferred)", mermaidText(d.report.Run.Subject.String()), d.glyphs().inferred)
}

// single writes everything as one diagram.
func (d *mermaidDocument) single(rows []int) {
	m := d.diagram(rows)
	m.head(d.title(), 1)
	m.body(rows)
	m.outcome()
	d.Write(m.Bytes())
}

// section is what one of several diagrams shows: a stretch of one phase.
type section struct {
	phase int // of the report, or -1
	rows  []int
}

// sections divide the rows where the phase changes, and where one diagram has no room for more. What stands in no
// phase stands with what comes before it.
func (d *mermaidDocument) sections() (all []section) {
	for _, i := range d.rows {
		x, n := d.figure.rows[i], len(all)
		if n == 0 || x.phase != all[n-1].phase && x.phase >= 0 && all[n-1].phase >= 0 ||
			d.messages(all[n-1].rows) >= mostMessages || len(all[n-1].rows) == 2*mostMessages {
			all, n = append(all, section{phase: x.phase}), n+1
		}
		s := &all[n-1]
		if s.rows = append(s.rows, i); s.phase < 0 {
			s.phase = x.phase
		}
	}
	return all
}

// several writes an overview, and a diagram of each section.
func (d *mermaidDocument) several() {
	sections := d.sections()
	d.printf("# %s\n", markdownText(d.report.Run.Subject.String()))
	d.printf("%s inferred. Times and messages are numbered through all diagrams.\n", d.glyphs().inferred)
	d.fenced(d.overview(sections))
	for i, s := range sections {
		name := d.sectionName(s)
		d.printf("\n## %d. %s\n", i+1, markdownText(name))
		m := d.diagram(s.rows)
		m.head(fmt.Sprintf("%s: %d. %s", mermaidText(d.report.Run.Subject.String()), i+1, mermaidText(name)), d.drawn+1)
		m.body(s.rows)
		if d.drawn += d.messages(s.rows); i == len(sections)-1 {
			m.outcome()
		}
		d.fenced(m)
	}
}

func (d *mermaidDocument) fenced(m *mermaid) { d.printf("```mermaid\n%s```", m.String()) }

// sectionName is that of its phase.
func (d *mermaidDocument) sectionName(s section) string {
	if s.phase < 0 {
		return "in no phase"
	}
	return d.report.Phases[s.phase].Name
}

// overview has a note for each section, over the lanes that have a part in it.
func (d *mermaidDocument) overview(sections []section) *mermaid {
	m := d.diagram(d.rows)
	m.head(d.title(), 0)
	for i, s := range sections {
		if i == mostMessages {
			m.left(fmt.Sprintf("%d more parts are not in this overview", len(sections)-i))
			break
		}
		over := d.diagram(s.rows)
		note := fmt.Sprintf("%d. %s", i+1, mermaidText(d.sectionName(s)))
		if s.phase >= 0 && d.stretches(s.phase) == 1 {
			note += "<br/>" + m.phaseTook(s.phase)
		}
		m.printf("    Note over %s: %s", over.across(), note)
	}
	m.outcome()
	return m
}

// stretches is how many there are of a phase, with others between.
func (d *mermaidDocument) stretches(phase int) (n int) {
	before := -1
	for _, i := range d.rows {
		x := d.figure.rows[i]
		if x.phase == phase && before != phase {
			n++
		}
		before = x.phase
	}
	return n
}
