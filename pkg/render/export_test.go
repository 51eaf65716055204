package render

import (
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// FigureRow is a row of a figure: a step, and the name of the phase in which it stands, or "".
type FigureRow struct {
	*seq.Step
	Phase        string
	Late, Folded bool // it was moved to the phase of the row above; it is not drawn
}

// FigureRows are those of the figure of a report.
func FigureRows(r Report, detail seq.Detail) (all []FigureRow) {
	f := newFigure(r, detail)
	for i, x := range f.rows {
		row := FigureRow{Step: x.Step, Late: x.late >= 0, Folded: f.again.folded[i] != nil}
		if x.phase >= 0 {
			row.Phase = r.Phases[x.phase].Name
		}
		all = append(all, row)
	}
	return all
}

// LaneRow is one row of a terminal picture: what is to be said, and the lines that say it.
type LaneRow struct {
	Label string
	Lines []string
	Whole bool // no line was cut
}

// LaneRows are the titles and rows of the terminal picture of a report, if its lanes have room, and how many they are.
func LaneRows(r Report, y Style) (titles []string, lanes int, rows []LaneRow, ok bool) {
	y = y.of(r)
	f := newFigure(r, y.Detail)
	c, ok := y.plan(r, f)
	if !ok {
		return nil, len(c.lanes), nil, false
	}
	p := lanePicture{y, c, f, make([]int, len(c.lanes))}
	for i, at := range y.timesOf(f, r) {
		x := f.rows[i]
		label := p.label(f, x)
		lines := p.row(x, at)
		rows = append(rows, LaneRow{label, lines, !strings.HasSuffix(lines[len(lines)-1], "…") && len(lines) < labelLines})
	}
	return y.names(c), len(c.lanes), rows, true
}

// LiveRows are the steps of the briefest picture of a report in a live format, or that a row of it stands for.
func LiveRows(r Report, format string) (all []*seq.Step) {
	l := NewLive(format, Style{Width: 200, Detail: seq.Brief}, nil, nil)
	folded := map[seq.Key]bool{} // the first of what a row stands for
	drawn := map[seq.Key]bool{}
	for _, x := range l.draw(r, len(r.Steps)) {
		key, again := strings.CutPrefix(string(x.key), "again:")
		if drawn[seq.Key(key)] = true; again {
			folded[seq.Key(key)] = true
		}
		drawn[x.answer] = true
	}
	for _, s := range r.Steps {
		if drawn[s.Key] {
			all = append(all, s)
		}
	}
	for _, c := range r.Cycles {
		of := map[seq.Key]bool{}
		stands := false // a row stands for it
		for _, t := range c.Turns {
			for _, k := range t.Steps {
				of[k], stands = true, stands || folded[k]
			}
		}
		for _, s := range r.Steps {
			if stands && of[s.Key] && l.proof[s.Key] {
				all = append(all, s)
			}
		}
	}
	return all
}

// Proof are the steps, by their indices, that show what holds the subject of a report.
func Proof(r Report) (all []int) {
	proof := r.proof()
	for i, s := range r.Steps {
		if proof[s.Key] {
			all = append(all, i)
		}
	}
	return all
}

// FigureLanes are the titles of the lanes of a figure.
func FigureLanes(r Report, detail seq.Detail) (all []string) {
	for _, p := range newFigure(r, detail).lanes {
		all = append(all, title(p))
	}
	return all
}

// Documents are the types of the documents of each output, by what their field "type" says.
var Documents = map[string]map[string]any{
	"run": {"run": jsonRun{}, "pod": jsonPod{}, "step": jsonStep{}, "cycle": jsonCycle{},
		"outcome": jsonOutcome{}},
	"series": {"series": jsonSeries{}, "measured": jsonMeasured{}, "percentiles": jsonPercentiles{},
		"verdict": jsonVerdict{}},
	"map": {"map": jsonMap{}, "component": jsonMapComponent{}, "api": jsonMapAPI{}, "container": jsonMapContainer{},
		"hidden": jsonMapHidden{}, "left": jsonMapLeft{}},
	"series-comparison": {"series-comparison": jsonKeptComparison{}, "difference": jsonDifference{}},
	"comparison":        {"comparison": jsonComparison{}, "phase": jsonCompPhase{}, "step": jsonCompStep{}},
}
