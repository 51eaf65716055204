package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mostMessages is how many messages one diagram has at the most: more than fill a slide, or a page.
const mostMessages = 40

// Mermaid writes the report as a Mermaid sequence diagram. Solid arrows are requests, dashed ones answers and what a
// watch delivers, those that end in a cross failed; ○ marks what is inferred. Each phase has a background of its own.
//
// Of more messages than one diagram has room for it writes Markdown instead: an overview, and a diagram of each phase.
func Mermaid(w io.Writer, r Report, y Style) error {
	y = y.of(r)
	f := newFigure(r, y.Detail)
	d := mermaidDocument{Style: y, report: r, figure: f, at: y.timesOf(f, r), begun: map[int]int{}}
	d.items = slices.DeleteFunc(f.items((*repetition).loops), func(x item) bool { return x.folded != nil })
	if d.messages(d.items) <= mostMessages {
		d.single()
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
	items  []item      // that are drawn
	at     []string    // when each row was
	drawn  int         // so many messages, by which the next is numbered
	begun  map[int]int // so many stretches of each phase
}

func (d *mermaidDocument) printf(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// rowsOf are the rows of these, and those within their loops.
func (d *mermaidDocument) rowsOf(items []item) (rows []int) {
	for _, x := range items {
		if x.again != nil {
			rows = append(rows, x.again.oneTurn(d.figure)...)
		} else if x.isRow() {
			rows = append(rows, x.at)
		}
	}
	return rows
}

// messages is how many of the rows, and of those of loops, are arrows.
func (d *mermaidDocument) messages(items []item) (n int) {
	for _, i := range d.rowsOf(items) {
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
func (d *mermaidDocument) single() {
	m := d.diagram(d.items)
	m.head(d.title(), 1)
	m.body(d.items)
	m.outcome()
	d.Write(m.Bytes())
}

// sections are what several diagrams show.
func (d *mermaidDocument) sections() []section[item] {
	return sections(d.items, func(x item) (phase int, ok bool) {
		if !x.isRow() {
			return -1, false
		}
		return d.figure.rows[x.at].phase, true
	}, func(s section[item]) bool { return d.messages(s.items) >= mostMessages || s.rows == 2*mostMessages })
}

// several writes an overview, and a diagram of each section.
func (d *mermaidDocument) several() {
	sections := d.sections()
	d.printf("# %s\n", markdownText(d.report.Run.Subject.String()))
	d.printf("%s inferred. Times and messages are numbered through all diagrams.\n", d.glyphs().inferred)
	d.fenced(d.overview(sections))
	for i, s := range sections {
		messages := d.messages(s.items)
		name := sectionName(d.report.Phases, s.phase, d.drawn+1, d.drawn+messages)
		d.printf("\n## %d. %s\n", i+1, markdownText(name))
		m := d.diagram(s.items)
		m.head(fmt.Sprintf("%s: %d. %s", mermaidText(d.report.Run.Subject.String()), i+1, mermaidText(name)), d.drawn+1)
		m.body(s.items)
		if d.drawn += messages; i == len(sections)-1 {
			m.outcome()
		}
		d.fenced(m)
	}
}

func (d *mermaidDocument) fenced(m *mermaid) { d.printf("```mermaid\n%s```", m.String()) }

// overview has a note for each section, over the lanes that have a part in it.
func (d *mermaidDocument) overview(sections []section[item]) *mermaid {
	m := d.diagram(d.items)
	m.head(d.title(), 0)
	drawn := 0
	for i, s := range sections {
		if i == mostMessages {
			m.left(fmt.Sprintf("%d more parts are not in this overview", len(sections)-i))
			break
		}
		over := d.diagram(s.items)
		messages := d.messages(s.items)
		note := fmt.Sprintf("%d. %s", i+1, mermaidText(sectionName(d.report.Phases, s.phase, drawn+1, drawn+messages)))
		drawn += messages
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
	for _, x := range d.items {
		if x.wait != nil && x.wait.phase != before {
			before = -1
		}
		if !x.isRow() {
			continue
		}
		is := d.figure.rows[x.at].phase
		if is == phase && before != phase {
			n++
		}
		before = is
	}
	return n
}
