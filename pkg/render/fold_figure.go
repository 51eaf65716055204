package render

// What repeats, in pictures.

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// fold finds what repeats among the rows of a figure, of the selected steps. Answers go with their calls.
func (f figure) fold(r Report, detail seq.Detail) folding {
	if detail == seq.Full || len(r.Cycles) == 0 {
		return folding{}
	}
	rows := make(map[seq.Key]int, len(f.rows))
	for i, x := range f.rows {
		rows[x.Key] = i
	}
	steps := r.Steps
	all := fold(steps, r.Cycles, func(s *seq.Step) bool { _, ok := rows[s.Key]; return ok }).
		at(func(step int) int {
			if step == len(steps) {
				return len(f.rows)
			}
			return rows[steps[step].Key]
		})
	for i, x := range f.rows {
		if x.closes >= 0 && all.folded[x.closes] != nil {
			all.folded[i] = all.folded[x.closes]
		}
	}
	return all
}

// at has rows in the place of steps.
func (f folding) at(row func(step int) int) folding {
	all := folding{map[int]*repetition{}, map[int][]*repetition{}}
	for i, x := range f.folded {
		all.folded[row(i)] = x
	}
	for i, ended := range f.before {
		all.before[row(i)] = ended
		for _, x := range ended {
			x.at = row(i)
			for k := range x.steps {
				x.steps[k] = row(x.steps[k])
			}
			for k := range x.turns {
				t := &x.turns[k]
				if t.at >= 0 {
					t.at = row(t.at)
				}
				for n := range t.steps {
					t.steps[n] = row(t.steps[n])
				}
			}
		}
	}
	return all
}

// begins reports whether a row is the first of those that it stands for.
func (x *repetition) begins(row int) bool { return x != nil && x.steps[0] == row }

// lastRow is the last of the rows that it stands for, or the one before it where it has none.
func (x *repetition) lastRow() int {
	if n := len(x.steps); n > 0 {
		return x.steps[n-1]
	}
	return max(0, x.at-1)
}

// ends reports whether a row is the last of those.
func (x *repetition) ends(row int) bool { return x.steps[len(x.steps)-1] == row }

// loops reports whether Mermaid has a loop for it, or words where nothing of it is drawn: what came once more is drawn
// as it came.
func (x *repetition) loops() bool { return len(x.turns) > 1 || len(x.steps) == 0 }

// oneTurn are the rows of the turn that has the most different ones folded, with the answers of its calls.
func (x *repetition) oneTurn(f figure) (rows []int) {
	if len(x.steps) == 0 {
		return nil
	}
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

// leaves reports whether anything in the loop stands in another phase.
func (d *mermaidDocument) leaves(x *repetition, phase int) bool {
	return slices.ContainsFunc(x.oneTurn(d.figure), func(i int) bool { return d.figure.rows[i].phase != phase })
}

// loop is a loop block with its condition, around one of the turns that it stands for.
func (m *mermaid) loop(x *repetition) {
	d := m.document
	if len(x.steps) == 0 { // nothing of it is drawn
		if lane := slices.Index(d.figure.lanes, x.began.From); slices.Contains(m.lanes, lane) {
			m.printf("    Note over %s: %s", m.ids[lane], mermaidLines(m.glyphs().again+" "+x.words(), "", mermaidWidth, 4))
		}
		return
	}
	about := append([]string{x.count(), m.during(x, d.report.origin())}, x.changes()...)
	if n := len(about); x.says() != "" {
		about = about[:n-1] // too long for a title
	}
	about = append(about, x.runs()...)
	if waited := m.waitedIn(d.report, x); waited != "" {
		about = append(about, strings.TrimPrefix(waited, "; "))
	}
	m.printf("    loop %s", mermaidText("until "+x.cycle.Until+" ("+strings.Join(about, ", ")+")"))
	turn := x.oneTurn(d.figure)
	for _, i := range turn {
		if row := d.figure.rows[i]; m.has(row) {
			m.row(row, turn, d.at[i])
		}
	}
	m.printf("    end")
}

// words is a line of words between the lifelines.
func (p *lanePicture) words(text, at string) (lines []string) {
	for _, l := range wrap(Plain(text), p.columns.width-p.columns.before-afterLanes-4) {
		cells := p.lifelines()
		cells.text(0, p.ascii(at), "")
		cells.text(p.columns.before, " "+l+" ", "")
		lines, at = append(lines, p.ascii(cells.String(p.Style))), ""
	}
	return lines
}
