package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Mermaid writes the report as a Mermaid sequence diagram. Solid arrows are requests, dashed ones answers and what a
// watch delivers; ○ marks what is inferred. Each phase has a background of its own.
func Mermaid(w io.Writer, r Report, y Style) error {
	f := newFigure(r, y.Detail)
	y.clock = r.looks()
	m := mermaid{Style: y, report: r, figure: f}
	m.printf("sequenceDiagram")
	m.printf("    title %s (%s inferred)", mermaidText(r.Run.Subject.String()), y.glyphs().inferred)
	m.participants()
	phase, at := -1, y.timesOf(f, r)
	for i, x := range f.rows {
		if x.phase != phase {
			m.phase(phase, x.phase)
			phase = x.phase
		}
		m.row(x, at[i])
	}
	m.phase(phase, -1)
	if n := len(m.ids); n > 0 && r.Outcome.Name != "" {
		m.printf("    Note over %s: %s", m.across(), mermaidText(r.headline()))
	}
	_, err := w.Write(m.Bytes())
	return err
}

type mermaid struct {
	Style
	bytes.Buffer
	report Report
	figure figure
	ids    []string
}

func (m *mermaid) printf(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// participants declares the lanes in their order.
func (m *mermaid) participants() {
	m.ids = mermaidIDs(m.figure.lanes, m.report.Run.Runtime)
	for i, p := range m.figure.lanes {
		m.participant(m.ids[i], strings.TrimPrefix(string(p), string(seq.Container(""))))
	}
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
		switch rank := laneRank(p, runtime); {
		case p == runtime || p == seq.Runtime:
			ids[i] = "runtime"
		case rank == len(laneOrder) || laneOrder[rank] == "" || strings.Contains(string(p), onNode):
			others++
			ids[i] = fmt.Sprint("p", others)
		default:
			ids[i] = strings.NewReplacer("-", "", "/", "").Replace(string(p))
		}
	}
	return ids
}

// across names the outermost lanes.
func (m *mermaid) across() string {
	if n := len(m.ids); n > 1 {
		return m.ids[0] + "," + m.ids[n-1]
	}
	return m.ids[0]
}

// phaseFills are those of the phases, in order, behind light and dark pictures.
var phaseFills = []string{"66,133,244", "171,71,188", "255,167,38", "38,166,154", "102,187,106", "239,83,80",
	"92,107,192"}

// phase ends the background of one phase and begins that of the next; -1 is none.
func (m *mermaid) phase(from, to int) {
	if from >= 0 {
		m.printf("    end")
	}
	if to >= 0 {
		p := m.report.Phases[to]
		m.printf("    rect rgba(%s,0.12)", phaseFills[to%len(phaseFills)])
		m.printf("    Note over %s: %s %s", m.across(), mermaidText(p.Name),
			mermaidText(m.took(lastedOf(p))))
	}
}

func (m *mermaid) row(x row, at string) {
	from, to := m.ids[x.from], m.ids[x.to]
	label := m.label(m.figure, x)
	if x.Certainty == seq.Inferred {
		label += " " + m.glyphs().inferred
	}
	if m.Detail > seq.Brief && at != "" {
		label += " (" + at + ")"
	}
	switch label = mermaidText(label); {
	case x.Kind == seq.NoteKind:
		m.printf("    Note over %s: %s", from, label)
	case x.opens:
		m.printf("    %s->>+%s: %s", from, to, label)
	case x.closes >= 0:
		m.printf("    %s-->>-%s: %s", from, to, label)
	case x.Kind == seq.RequestKind:
		m.printf("    %s->>%s: %s", from, to, label)
	default:
		m.printf("    %s-->>%s: %s", from, to, label)
	}
}

// mermaidText makes a string safe for any place of a sequence diagram: Mermaid decodes #NUMBER; into the character.
// What could be syntax anywhere is written so.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range Plain(s) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune(" .,:'/()+-_…–≤≈○", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	text := b.String()
	switch head, _, wraps := strings.Cut(strings.ToLower(text), ":"); {
	case strings.TrimSpace(text) == "":
		return "#160;" // an empty text is a syntax error
	case wraps && strings.HasSuffix(strings.TrimSpace(head), "wrap"): // wrap: and nowrap: are instructions
		return strings.Replace(text, ":", "#58;", 1)
	}
	return text
}
