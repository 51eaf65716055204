package render

// What repeats, on the page and in its picture.

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// pageFold is a row that stands for what repeats until it is opened.
type pageFold struct {
	Detail   seq.Detail `json:"detail"` // of the picture that has it
	Before   int        `json:"before"` // the step that it stands before; the number of all at the end
	Steps    []int      `json:"steps"`  // it stands for
	Lane     int        `json:"lane"`
	Label    string     `json:"label"`
	Time     string     `json:"time"`
	Earliest *float64   `json:"earliest"`
	Latest   *float64   `json:"latest"`
	Inferred bool       `json:"inferred"`
	Phase    int        `json:"phase"`         // or -1
	Pod      int        `json:"pod"`           // that it is about, where there are several, or -1
	Key      seq.Key    `json:"key,omitempty"` // while the run goes on: of the first step that it stands for
	key      seq.Key
	ended    int // the step that it ends with, drawn or not
}

// repeated draws what repeats as a line of words across the lifelines.
func (p *picture) repeated(x *repetition) {
	words := p.glyphs().again + " " + x.words() + p.waitedIn(p.report, x)
	phase := p.figure.phaseOf(x)
	if phase < 0 { // none of its steps is drawn
		phase = newFigure(p.report, seq.Full).phaseOfStep(x.ended.Key)
	}
	for n, text := range brokenLines(words, p.sheet-p.layout.times-12, textSize) {
		p.lives(phase, lineHeight+4)
		p.printf(`<g class="turns r%d">`, x.lastRow())
		if n == 0 {
			p.text("soft", "end", p.layout.times-12, p.y-5, smallSize, p.during(x, p.report.origin()))
		}
		p.text("label", "start", p.layout.times, p.y-5, textSize, text)
		p.printf("</g>")
	}
	p.lives(phase, 6)
}

// phaseOf is the phase in which the last of what repeats stands, of that which stands in one, or -1.
func (f figure) phaseOf(x *repetition) int {
	for _, i := range slices.Backward(x.steps) {
		if phase := f.rows[i].phase; phase >= 0 {
			return phase
		}
	}
	return -1
}

// phaseOfStep is the phase in which a step stands, or -1.
func (f figure) phaseOfStep(key seq.Key) int {
	for _, row := range f.rows {
		if row.Key == key {
			return row.phase
		}
	}
	return -1
}

// lives draws the lifelines, and the calls that go on, below what is drawn.
func (p *picture) lives(phase int, height float64) {
	p.band(phase, height)
	p.y += height
	p.goesOn(len(p.figure.rows), p.y-height, p.y)
}

// pageLate is what stands elsewhere in the picture of a detail, since other rows of its phase are folded.
type pageLate struct {
	Detail seq.Detail `json:"detail"`
	Steps  [][2]int   `json:"steps"` // each with the phase in which it stands
	Waits  [][3]int   `json:"waits"` // each a phase, the part of it, and the step before which it stands
}

// folds are those of each detail; index has the steps of the page by their keys.
func (y Style) folds(r Report, full figure, index map[seq.Key]int) ([]pageFold, []pageLate) {
	all, late := []pageFold{}, []pageLate{}
	for detail := seq.Brief; detail < seq.Full; detail++ {
		f := newFigure(r, detail)
		late = append(late, f.pageLate(r, detail, index))
		for i := range len(f.rows) + 1 {
			for _, x := range f.again.before[i] {
				p := pageFold{Detail: detail, Before: len(full.rows), Lane: slices.Index(full.lanes, x.began.From),
					Steps: []int{}, Label: Plain(y.glyphs().again + " " + x.words() + y.waitedIn(r, x)), Time: y.during(x, r.origin()),
					Earliest: r.since(x.first.Best), Latest: r.since(x.ended.Best), Inferred: !x.observed(), Phase: f.phaseOf(x),
					key: x.began.Key}
				if i < len(f.rows) {
					p.Before = index[f.rows[i].Key]
				}
				for k, row := range f.rows {
					if f.again.folded[k] == x {
						p.Steps = append(p.Steps, index[row.Key])
					}
				}
				if p.ended = index[x.ended.Key]; p.Phase < 0 { // none of its steps is drawn
					p.Phase = full.rows[p.ended].phase
				}
				all = append(all, p)
			}
		}
	}
	return all, late
}

// pageLate is what stands elsewhere in a figure of that detail, by the steps of the page.
func (f *figure) pageLate(r Report, detail seq.Detail, index map[seq.Key]int) pageLate {
	late := pageLate{Detail: detail, Steps: [][2]int{}, Waits: [][3]int{}}
	for i, x := range f.rows {
		if x.late >= 0 {
			late.Steps = append(late.Steps, [2]int{index[x.Key], x.phase})
		}
		if f.again.folded[i] != nil {
			continue
		}
		for _, w := range x.waits {
			part := slices.IndexFunc(r.Phases[w.phase].Parts, func(p seq.Part) bool { return p.Likely == w.Likely })
			late.Waits = append(late.Waits, [3]int{w.phase, part, index[x.Key]})
		}
	}
	return late
}
