package render

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// compareMermaid writes both runs as one sequence diagram: what both have, once, with the times of either; what one has
// stands in a frame that says which. Of more messages than one diagram has room for it writes Markdown, as Mermaid
// does.
func compareMermaid(w io.Writer, c Comparison, y Style) error {
	y.seconds, c.moments = c.inSeconds(), c.times(y)
	d := comparedDocument{Style: y, Comparison: c, phases: c.phaseOfSteps()}
	var rows []int
	for i, s := range c.Steps {
		if s.Detail() <= y.Detail {
			rows = append(rows, i)
		}
	}
	if d.messages(rows) <= mostMessages {
		m := d.diagram(rows, d.title())
		d.outcomes(m)
		d.body(m, rows)
		d.Write(m.Bytes())
	} else {
		d.several(rows)
	}
	_, err := w.Write(d.Bytes())
	return err
}

// comparedDocument is one diagram of two runs, or a text with several.
type comparedDocument struct {
	Style
	Comparison
	bytes.Buffer
	phases []int // in which each step stands, of those that are compared, or -1
}

// phaseOfSteps is the phase in which each step stands in the run that has it, of those that are compared, or -1.
func (c Comparison) phaseOfSteps() []int {
	var of [2]map[seq.Key]int
	for _, side := range compare.Sides {
		of[side] = c.Reports[side].phaseOfSteps()
	}
	index := map[string]int{} // by the names of what is compared as one, too
	for i, p := range c.Phases {
		for name := range strings.SplitSeq(p.Name, "+") {
			index[name] = i
		}
	}
	phases := make([]int, len(c.Steps))
	for i, s := range c.Steps {
		phases[i] = -1
		for _, side := range compare.Sides {
			m := s.Sides[side]
			if m == nil || phases[i] >= 0 {
				continue
			}
			if phase, ok := of[side][m.Key]; ok {
				if k, ok := index[c.Reports[side].Phases[phase].Name]; ok {
					phases[i] = k
				}
			}
		}
	}
	return phases
}

func (d *comparedDocument) messages(rows []int) (n int) {
	for _, i := range rows {
		if lead(d.Steps[i]).Kind != seq.NoteKind {
			n++
		}
	}
	return n
}

func (d *comparedDocument) title() string {
	return fmt.Sprintf("A: %s, B: %s (%s inferred)", mermaidText(d.Names[compare.A]), mermaidText(d.Names[compare.B]),
		d.glyphs().inferred)
}

// sections are what several diagrams show.
func (d *comparedDocument) sections(rows []int) []section[int] {
	return sections(rows, func(i int) (int, bool) { return d.phases[i], true },
		func(s section[int]) bool { return s.rows == mostMessages })
}

// name is that of a section.
func (d *comparedDocument) name(s section[int]) string {
	if s.phase < 0 {
		return noPhase
	}
	return d.Comparison.Phases[s.phase].Name
}

// several writes an overview, and a diagram of each section.
func (d *comparedDocument) several(rows []int) {
	sections := d.sections(rows)
	fmt.Fprintf(d, "# A: %s, B: %s\n\n%s inferred.\n", markdownText(d.Names[compare.A]), markdownText(d.Names[compare.B]),
		d.glyphs().inferred)
	all := d.diagram(rows, d.title())
	d.outcomes(all)
	for i, s := range sections {
		if i == mostMessages {
			all.left(fmt.Sprintf("%d more parts are not in this overview", len(sections)-i))
			break
		}
		first, last := len(all.ids), 0
		for _, lane := range d.laneOrder(s.items) {
			k := slices.Index(d.laneOrder(rows), lane)
			first, last = min(first, k), max(last, k)
		}
		all.printf("    Note over %s,%s: %d. %s%s", all.ids[first], all.ids[last], i+1, mermaidText(d.name(s)),
			d.took(s.phase))
	}
	fmt.Fprintf(d, "```mermaid\n%s```", all.String())
	for i, s := range sections {
		fmt.Fprintf(d, "\n\n## %d. %s\n", i+1, markdownText(d.name(s)))
		m := d.diagram(s.items, fmt.Sprintf("%d. %s", i+1, mermaidText(d.name(s))))
		d.body(m, s.items)
		fmt.Fprintf(d, "```mermaid\n%s```", m.String())
	}
	d.WriteString("\n")
}

// took is what is known of how long a phase took in either run; nothing of -1.
func (d *comparedDocument) took(phase int) (text string) {
	if phase < 0 {
		return ""
	}
	for _, side := range compare.Sides {
		if x := d.Comparison.Phases[phase].Sides[side]; x != nil {
			took, _, _ := strings.Cut(d.phaseTook(*x), " (")
			text += fmt.Sprintf("<br/>%s %s", side, mermaidText(took))
		}
	}
	return text
}

// diagram is an empty one, with the lanes of these rows; those of nodes stand in a box.
func (d *comparedDocument) diagram(rows []int, title string) *mermaid {
	m := &mermaid{Style: d.Style}
	order := d.laneOrder(rows)
	var lanes []seq.Participant
	for k, i := range order {
		m.lanes = append(m.lanes, k)
		lanes = append(lanes, seq.Participant(cmp.Or(d.Participants[i][compare.A], d.Participants[i][compare.B])))
	}
	m.ids = mermaidIDs(lanes, cmp.Or(d.Runs[compare.A].Runtime, d.Runs[compare.B].Runtime))
	m.printf("sequenceDiagram")
	m.printf("    title %s", title)
	box := ""
	for k, id := range m.ids {
		if onNode(d.rank(order[k])) {
			box = m.enter(box, "node")
		}
		m.participant(id, joinedNames(d.Participants[order[k]]))
	}
	m.enter(box, "")
	return m
}

// outcomes say how the runs ended, and what tells them apart.
func (d *comparedDocument) outcomes(m *mermaid) {
	if len(m.ids) == 0 {
		return
	}
	for _, s := range compare.Sides {
		m.printf("    Note over %s: %s: %s", m.across(), s, mermaidText(d.Reports[s].headline()))
	}
	m.printf("    Note over %s: %s", m.across(), mermaidText(d.verdict(d.Style)[0]))
}

// body draws steps, each phase with a background of its own, and what one run has in a frame.
func (d *comparedDocument) body(m *mermaid, rows []int) {
	lane := map[int]int{}
	for k, i := range d.laneOrder(rows) {
		lane[i] = k
	}
	frame, phase, begun := "", -1, map[int]bool{}
	enterFrame := func(next string) {
		if next != frame && frame != "" {
			m.printf("    end")
		}
		if next != frame && next != "" {
			m.printf("    %s", next)
		}
		frame = next
	}
	enterPhase := func(next int) {
		if next == phase {
			return
		}
		enterFrame("")
		if phase >= 0 {
			m.printf("    end")
		}
		if phase = next; phase < 0 {
			return
		}
		name := d.Comparison.Phases[phase].Name
		m.background(name)
		note := mermaidText(name)
		if !begun[phase] {
			note += d.took(phase)
		}
		begun[phase] = true
		m.aside(note)
	}
	for n, i := range rows {
		s := d.Steps[i]
		if m.Len() > mostMermaid-5000 {
			enterFrame("")
			enterPhase(-1)
			m.left(fmt.Sprintf("%d more steps are left out: Mermaid takes %d characters", len(rows)-n, mostMermaid))
			return
		}
		enterPhase(d.phases[i])
		next := ""
		if side, one := s.One(); one && s.Elsewhere >= 0 {
			next = fmt.Sprintf("opt %s here, %s elsewhere", side, side.Other())
		} else if one {
			next = fmt.Sprintf("opt only %s", side)
		}
		enterFrame(next)
		m.compared(d.Comparison, s, lane)
	}
	enterFrame("")
	enterPhase(-1)
}

// laneOrder are the participants of these steps, in their order.
func (c Comparison) laneOrder(rows []int) (order []int) {
	for _, i := range rows {
		s := c.Steps[i]
		side, _ := s.One()
		for _, p := range []seq.Participant{lead(s).From, lead(s).To} {
			if i := c.Lane(side, p); !slices.Contains(order, i) {
				order = append(order, i)
			}
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(c.rank(i), c.rank(j)) })
	return order
}

// rank is that of the more telling name: a runtime's own, not the one it has until that is known.
func (c Comparison) rank(i int) int {
	least := len(laneOrder) + 1
	for s, name := range c.Participants[i] {
		if name != "" {
			least = min(least, laneRank(seq.Participant(name), c.Runs[s].Runtime))
		}
	}
	return least
}

// joinedNames is what a lane is called.
func joinedNames(names [2]string) string {
	prefix := string(seq.Container(""))
	a, b := strings.TrimPrefix(names[compare.A], prefix), strings.TrimPrefix(names[compare.B], prefix)
	if a == b || b == "" {
		return a
	}
	if a == "" {
		return b
	}
	return a + " / " + b
}

func (m *mermaid) compared(c Comparison, s compare.Step, lane map[int]int) {
	side, one := s.One()
	x := lead(s)
	from, to := m.ids[lane[c.Lane(side, x.From)]], m.ids[lane[c.Lane(side, x.To)]]
	label := strings.Join(m.texts(s), " / ")
	if lasted := m.lasted(s); lasted != "" {
		label += ", " + lasted
	}
	if x.Certainty == seq.Inferred {
		label += " " + m.glyphs().inferred
	}
	if m.Detail > seq.Brief {
		var times []string
		for _, k := range compare.Sides {
			if at := c.at(s, k); at != "" {
				times = append(times, k.String()+" "+at)
			}
		}
		if one && s.Elsewhere < 0 && len(times) > 0 {
			times[0] = times[0][len("A "):]
		}
		if len(times) > 0 {
			label += " (" + strings.Join(times, ", ") + ")"
		}
	}
	if label = mermaidLines(label, "", 2*mermaidWidth, m.mermaidLabelLines()); x.Kind == seq.NoteKind {
		m.printf("    Note over %s: %s", from, label)
	} else {
		m.printf("    %s%s%s: %s", from, mermaidArrow(x.Step), to, label)
	}
}
