package render

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// FigureRow is a row of a figure: a step, and the name of the phase in which it stands, or "".
type FigureRow struct {
	*seq.Step
	Phase string
}

// FigureRows are those of the figure of a report.
func FigureRows(r Report, detail seq.Detail) (all []FigureRow) {
	for _, x := range newFigure(r, detail).rows {
		row := FigureRow{Step: x.Step}
		if x.phase >= 0 {
			row.Phase = r.Phases[x.phase].Name
		}
		all = append(all, row)
	}
	return all
}
