package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// compareMermaid writes both runs as one sequence diagram: what both have, once, with the times of either; what one has
// stands in a frame that says which.
func compareMermaid(w io.Writer, c Comparison, y Style) error {
	m := mermaid{Style: y}
	c.moments = c.times(y)
	order := c.lanes(y.Detail)
	var lanes []seq.Participant
	lane := map[int]int{}
	for k, i := range order {
		lane[i] = k
		lanes = append(lanes, seq.Participant(cmp.Or(c.Participants[i][compare.A], c.Participants[i][compare.B])))
	}
	m.ids = mermaidIDs(lanes, cmp.Or(c.Runs[compare.A].Runtime, c.Runs[compare.B].Runtime))
	m.printf("sequenceDiagram")
	m.printf("    title A: %s, B: %s (%s inferred)", mermaidText(c.Names[compare.A]), mermaidText(c.Names[compare.B]),
		y.glyphs().inferred)
	boxed := false
	for k, id := range m.ids {
		if !boxed && onNode(c.rank(order[k])) {
			boxed = true
			m.printf("    box rgba(128,128,128,0.08) node")
		}
		m.participant(id, joinedNames(c.Participants[order[k]]))
	}
	if boxed {
		m.printf("    end")
	}
	if len(m.ids) > 0 {
		for _, s := range compare.Sides {
			m.printf("    Note over %s: %s: %s", m.across(), s, mermaidText(c.Reports[s].headline()))
		}
		m.printf("    Note over %s: %s", m.across(), mermaidText(c.verdict(y)[0]))
	}
	frame := ""
	for i, s := range c.Steps {
		if s.Detail() > y.Detail {
			continue
		}
		if m.Len() > mostMermaid-5000 {
			if frame != "" {
				m.printf("    end")
			}
			frame = ""
			m.left(fmt.Sprintf("%d more steps are left out: Mermaid takes %d characters", len(c.Steps)-i, mostMermaid))
			break
		}
		next := ""
		if side, one := s.One(); one && s.Elsewhere >= 0 {
			next = fmt.Sprintf("opt %s here, %s elsewhere", side, side.Other())
		} else if one {
			next = fmt.Sprintf("opt only %s", side)
		}
		if next != frame {
			if frame != "" {
				m.printf("    end")
			}
			if next != "" {
				m.printf("    %s", next)
			}
			frame = next
		}
		m.compared(c, s, lane)
	}
	if frame != "" {
		m.printf("    end")
	}
	_, err := w.Write(m.Bytes())
	return err
}

// lanes are the participants of the steps of that detail, in their order.
func (c Comparison) lanes(detail seq.Detail) (order []int) {
	for _, s := range c.Steps {
		if s.Detail() > detail {
			continue
		}
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
