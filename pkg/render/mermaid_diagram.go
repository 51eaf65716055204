package render

// One Mermaid diagram.

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// mermaid is a diagram that is being written.
type mermaid struct {
	Style
	bytes.Buffer
	document *mermaidDocument // nil where it compares runs
	lanes    []int            // of the figure, that it has
	ids      []string         // of all lanes
	hidden   int              // lanes that it has no room for
}

// Mermaid draws no text that is longer; of more lanes, nobody can read a picture.
const (
	mostMermaid = 50_000
	mostLanes   = 24
)

func (m *mermaid) printf(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// diagram is one of these, with the lanes that have something in them.
func (d *mermaidDocument) diagram(items []item) *mermaid {
	m := &mermaid{Style: d.Style, document: d, ids: mermaidIDs(d.figure.lanes, d.report.Run.Runtime)}
	for _, i := range d.rowsOf(items) {
		x := d.figure.rows[i]
		for _, lane := range []int{x.from, x.to} {
			if !slices.Contains(m.lanes, lane) {
				m.lanes = append(m.lanes, lane)
			}
		}
	}
	if slices.Sort(m.lanes); len(m.lanes) > mostLanes {
		m.hidden = len(m.lanes) - mostLanes
		m.lanes = m.lanes[:mostLanes]
	}
	return m
}

// head is what stands above the messages. They are numbered from a number on, or not at all.
func (m *mermaid) head(title string, number int) {
	m.printf("sequenceDiagram")
	m.printf("    title %s", title)
	switch {
	case number == 1:
		m.printf("    autonumber")
	case number > 1:
		m.printf("    autonumber %d", number)
	}
	m.participants()
	if m.hidden > 0 {
		m.left(fmt.Sprintf("%d more lanes are left out, with what is theirs", m.hidden))
	}
}

// participants declares the lanes in their order, those of each node in a box.
func (m *mermaid) participants() {
	box := ""
	for _, i := range m.lanes {
		p, in := m.document.figure.lanes[i], ""
		if onNode(laneRank(p, m.document.report.Run.Runtime)) {
			in = m.document.node(p)
		}
		box = m.enter(box, in)
		m.participant(m.ids[i], title(p))
	}
	m.enter(box, "")
}

// enter ends one box of participants and begins another; "" is none.
func (m *mermaid) enter(box, next string) string {
	if next != box && box != "" {
		m.printf("    end")
	}
	if next != box && next != "" {
		m.printf("    box rgba(128,128,128,0.08) %s",
			strings.NewReplacer("(", "#40;", ")", "#41;").Replace(mermaidText(next)))
	}
	return next
}

// node is the name of the node of a lane; of the one node, or how many there are, where lanes are not told apart by it;
// nothing where none is known.
func (d *mermaidDocument) node(lane seq.Participant) string {
	if name := d.figure.node[lane]; name != "" {
		return "node " + name
	}
	var names []string
	for _, x := range d.figure.rows {
		if x.Node != "" && !slices.Contains(names, x.Node) {
			names = append(names, x.Node)
		}
	}
	switch {
	case len(names) == 0 || len(d.figure.node) > 0:
		return ""
	case len(names) == 1:
		return "node " + names[0]
	}
	return fmt.Sprintf("%d nodes", len(names))
}

func (m *mermaid) participant(id, name string) {
	if name = mermaidText(name); name != id {
		m.printf("    participant %s as %s", id, name)
	} else {
		m.printf("    participant %s", name)
	}
}

// mermaidIDs names the lanes. The known ones have ids that a teacher would write.
func mermaidIDs(lanes []seq.Participant, runtime seq.Participant) []string {
	ids, others := make([]string, len(lanes)), 0
	for i, p := range lanes {
		id := ""
		switch rank := laneRank(p, runtime); {
		case rank == len(laneOrder) || laneOrder[rank] == "" || p == seq.UnknownClient:
		case laneOrder[rank] == seq.Runtime:
			id = "runtime"
		case p.IsController():
			id = strings.TrimPrefix(string(p), string(seq.ControllerManager)+"/")
		default:
			id = string(p)
		}
		id = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, id)
		if id == "" || slices.Contains(ids[:i], id) || mermaidWords[strings.ToLower(id)] {
			others++
			id = fmt.Sprint("p", others)
		}
		ids[i] = id
	}
	return ids
}

// mermaidWords are names that Mermaid would take for the begin of a statement.
var mermaidWords = map[string]bool{"end": true, "box": true, "loop": true, "note": true, "rect": true, "opt": true,
	"alt": true, "else": true, "par": true, "and": true, "critical": true, "option": true, "break": true, "title": true,
	"actor": true, "participant": true, "activate": true, "deactivate": true, "create": true, "destroy": true,
	"autonumber": true, "link": true, "links": true, "properties": true, "details": true}

// across names the outermost lanes.
func (m *mermaid) across() string {
	first, last := m.ids[m.lanes[0]], m.ids[m.lanes[len(m.lanes)-1]]
	if first == last {
		return first
	}
	return first + "," + last
}

// body draws these, each phase with a background of its own. What the diagram has no room for is counted.
func (m *mermaid) body(items []item) {
	d, phase := m.document, -1
	enter := func(next int) {
		if next != phase {
			m.phase(phase, next)
			phase = next
		}
	}
	rows := d.rowsOf(slices.DeleteFunc(slices.Clone(items), func(x item) bool { return !x.isRow() }))
	for n, x := range items {
		if m.Len() > mostMermaid-5000 {
			enter(-1)
			m.left(fmt.Sprintf("%d more rows are left out: Mermaid takes %d characters", len(items)-n, mostMermaid))
			return
		}
		switch {
		case x.wait != nil && x.wait.phase == phase:
			m.aside("waits " + mermaidText(m.waited(d.report, *x.wait)))
		case x.wait != nil:
			enter(-1)
			m.wait(*x.wait)
		case x.again != nil:
			if next := d.nextPhase(items[n:]); next != phase && d.leaves(x.again, phase) {
				enter(-1)
			}
			m.loop(x.again)
		case m.has(d.figure.rows[x.at]):
			row := d.figure.rows[x.at]
			enter(row.phase)
			m.row(row, rows, d.at[x.at])
		}
	}
	enter(-1)
}

// nextPhase is that of the first row of these, or -1.
func (d *mermaidDocument) nextPhase(items []item) int {
	for _, x := range items {
		if x.isRow() {
			return d.figure.rows[x.at].phase
		}
	}
	return -1
}

// has reports whether the diagram has the lanes of a row.
func (m *mermaid) has(x row) bool {
	return slices.Contains(m.lanes, x.from) && slices.Contains(m.lanes, x.to)
}

// wait draws part of a phase in which nothing is drawn but that it is there.
func (m *mermaid) wait(p phasePart) {
	name := m.document.report.Phases[p.phase].Name
	m.background(name)
	m.aside(mermaidText(name) + "<br/>" + mermaidText(m.waited(m.document.report, p)))
	m.printf("    end")
}

// phase ends the background of one phase and begins that of the next; -1 is none.
func (m *mermaid) phase(from, to int) {
	if from >= 0 {
		m.printf("    end")
	}
	if to < 0 {
		return
	}
	name := m.document.report.Phases[to].Name
	m.background(name)
	note := mermaidText(name)
	if stretches := m.document.stretches(to); stretches == 1 {
		note += "<br/>" + m.phaseTook(to)
	} else {
		m.document.begun[to]++
		note += fmt.Sprintf("<br/>%d of %d", m.document.begun[to], stretches)
	}
	m.aside(note)
}

// background begins that of a phase.
func (m *mermaid) background(phase string) {
	h := phaseHue(phase)
	m.printf("    rect rgba(%d,%d,%d,0.12)", h.r, h.g, h.b)
}

// phaseTook is what is known of how long it took.
func (m *mermaid) phaseTook(phase int) string {
	text := m.Style.phaseTook(m.document.report.Phases[phase])
	if m.Detail == seq.Brief {
		text, _, _ = strings.Cut(text, " (")
	}
	return strings.Replace(mermaidText(text), " (", "<br/>(", 1)
}

// aside is a small note at the left edge.
func (m *mermaid) aside(text string) { m.printf("    Note left of %s: %s", m.ids[m.lanes[0]], text) }

// left says across everything what the diagram has not.
func (m *mermaid) left(text string) { m.printf("    Note over %s: %s", m.across(), mermaidText(text)) }

// outcome says how the run ended, and which arrows are not drawn.
func (m *mermaid) outcome() {
	if text := m.inEtcd(m.document.report); text != "" && len(m.lanes) > 0 {
		m.left(text)
	}
	if r := m.document.report; len(m.lanes) > 0 && r.Outcome.Name != "" {
		m.printf("    Note over %s: %s", m.across(), mermaidLines(r.headline(), "", 80, 5))
	}
}

// row draws a message. A call is open until its answer, if that is among the rows.
func (m *mermaid) row(x row, rows []int, at string) {
	f := m.document.figure
	label := m.courseLabel(f, x)
	if m.Detail > seq.Brief {
		label = m.label(f, x)
	}
	if x.Kind == seq.NoteKind && x.Failed {
		label = m.glyphs().failed + " " + label
	}
	tail := ""
	if x.Certainty == seq.Inferred {
		tail += " " + m.glyphs().inferred
	}
	if m.Detail > seq.Brief && at != "" {
		tail += " (" + at + ")"
	}
	text := mermaidLines(label, tail, mermaidWidth, m.mermaidLabelLines())
	from, to := m.ids[x.from], m.ids[x.to]
	if x.Kind == seq.NoteKind {
		m.printf("    Note over %s: %s", from, text)
		return
	}
	arrow, sign := mermaidArrow(x.Step), ""
	switch {
	case x.opens && slices.ContainsFunc(rows, func(i int) bool { return f.answers(f.rows[i], x) }):
		sign = "+"
	case x.closes >= 0 && slices.Contains(rows, x.closes):
		sign = "-"
	}
	m.printf("    %s%s%s%s: %s", from, arrow, sign, to, text)
}

// mermaidArrow is solid for a request, dashed for what comes back, and ends in a cross where that failed.
func mermaidArrow(s *seq.Step) string {
	line, head := "--", ">>"
	if s.Kind == seq.RequestKind {
		line = "-"
	}
	if s.Failed {
		head = "x"
	}
	return line + head
}
