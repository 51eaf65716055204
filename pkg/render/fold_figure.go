package render

// What repeats, in pictures.

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// fold finds what repeats among the rows of a figure. Answers go with their calls.
func (f figure) fold(r Report, detail seq.Detail) folding {
	if detail == seq.Full || len(r.Cycles) == 0 {
		return folding{}
	}
	steps := make([]*seq.Step, len(f.rows))
	for i, x := range f.rows {
		steps[i] = x.Step
	}
	all := fold(steps, r.Cycles, func(*seq.Step) bool { return true })
	for i, x := range f.rows {
		if x.closes >= 0 && all.folded[x.closes] != nil {
			all.folded[i] = all.folded[x.closes]
		}
	}
	return all
}

// loops reports whether it is drawn as a loop: what came once more is drawn as it came.
func (x *repetition) loops() bool { return x != nil && len(x.turns) > 1 }

// oneTurn are the rows of the turn that has the most different ones folded, with the answers of its calls.
func (x *repetition) oneTurn(f figure) (rows []int) {
	most := slices.MaxFunc(x.turns, func(a, b repeated) int {
		rules := func(t repeated) int {
			all := map[string]bool{}
			for _, i := range t.steps {
				all[f.rows[i].Rule.Name] = true
			}
			return len(all)
		}
		return cmp.Or(rules(a)-rules(b), len(b.steps)-len(a.steps))
	})
	for i, row := range f.rows {
		if slices.Contains(most.steps, i) || row.closes >= 0 && slices.Contains(most.steps, row.closes) {
			rows = append(rows, i)
		}
	}
	return rows
}

// loops draws what ends at one place.
func (m *mermaid) loops(all []*repetition, at []string) {
	for _, x := range all {
		if x.loops() {
			m.loop(x, at)
		}
	}
}

// loop is a loop block with its condition, around one of the turns that it stands for.
func (m *mermaid) loop(x *repetition, at []string) {
	about := append([]string{x.count(), m.during(x, m.report.origin())}, x.changes()...)
	if n := len(about); x.says() != "" {
		about = about[:n-1] // too long for a title
	}
	m.printf("    loop %s", mermaidText("until "+x.cycle.Until+" ("+strings.Join(about, ", ")+")"))
	for _, i := range x.oneTurn(m.figure) {
		m.row(m.figure.rows[i], at[i])
	}
	m.printf("    end")
}

// laneText is a line of words between the lifelines.
func (y Style) laneText(c columns, text, at string, open []int) (lines []string) {
	for _, l := range wrap(Plain(text), c.width-c.before-afterLanes-4) {
		cells := newCanvas(c.width)
		cells.text(0, y.ascii(at), "")
		y.lifelines(c, cells, open)
		cells.text(c.before, " "+l+" ", "")
		lines, at = append(lines, y.ascii(cells.String(y))), ""
	}
	return lines
}
