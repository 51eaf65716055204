package render

// The bar of phases in a picture, as on the page.

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const (
	barHeight   = 22.0
	barLeast    = 3.0 // the width of a stretch that took hardly any time
	barEdge     = 12.0
	legendBreak = 18.0 // between two entries
)

// bar draws the time of the run as stretches of its phases, its ends, and what is known of each phase.
func (p *picture) bar() {
	parts := p.Style.bar(p.report, p.report.Phases)
	if len(parts) == 0 {
		return
	}
	begin, end := parts[0].from, parts[len(parts)-1].to
	p.y += 8
	p.printf(`<g class="bar">`)
	x := barEdge
	for i, w := range barWidths(parts, p.sheet-2*barEdge) {
		same := func(q barPart) bool { return q.phases[0] == parts[i].phases[0] }
		p.barPart(parts[i], x, w, slices.IndexFunc(parts, same) == i)
		x += w
	}
	p.printf("</g>")
	p.y += barHeight + 13
	zero := p.report.Run.Origin
	if p.clock {
		zero = begin
	}
	p.text("soft", "start", barEdge, p.y, smallSize, inUnits(begin.Sub(zero)))
	p.text("soft", "end", p.sheet-barEdge, p.y, smallSize, inUnits(end.Sub(zero)))
	p.legend()
	p.y += 4
}

// barWidths are those of stretches, none too small to be seen.
func barWidths(parts []barPart, room float64) []float64 {
	total := float64(parts[len(parts)-1].to.Sub(parts[0].from))
	least := min(barLeast, room/float64(len(parts))/2)
	widths := make([]float64, len(parts))
	var over, large float64
	for i, q := range parts {
		widths[i] = room * float64(q.to.Sub(q.from)) / max(1, total)
		over, large = over+max(0, least-widths[i]), large+max(0, widths[i]-least)
	}
	for i, w := range widths {
		if w < least {
			widths[i] = least
		} else if large > 0 {
			widths[i] = w - over*(w-least)/large
		}
	}
	return widths
}

// barPart draws a stretch, with the colours above one another that it may have.
func (p *picture) barPart(q barPart, x, w float64, first bool) {
	high := barHeight / float64(len(q.phases))
	for k, n := range q.phases {
		p.barPiece(p.report.Phases[n], x, p.y+float64(k)*high, w, high)
	}
	if len(q.phases) > 1 {
		return
	}
	phase := p.report.Phases[q.phases[0]]
	if fixed := p.report.fixedIn(phase); fixed > 0 && first && !p.Proved {
		share := min(1, float64(fixed)/float64(max(1, q.to.Sub(q.from))))
		p.printf(`<rect fill="url(#hatch)" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, p.y, w*share, barHeight)
	}
	name := strings.TrimSpace(phase.Name + " " + Plain(q.whose))
	said := name + " ≈ " + length(q.to.Sub(q.from), p.seconds)
	if len(phase.Parts) == 1 {
		said = phase.Name + " " + p.phaseTook(phase)
	} else if p.Proved {
		said = phase.Name
	}
	for _, text := range []string{said, name, phase.Name} {
		if textWidth(text, textSize)+12 <= w {
			class := "within"
			if phase.Name == seq.Unknown {
				class = "label"
			}
			p.text(class, "middle", x+w/2, p.y+barHeight/2+4.5, textSize, text)
			break
		}
	}
}

func (p *picture) barPiece(phase seq.Phase, x, y, w, h float64) {
	fill := phaseHue(phase.Name).css()
	if phase.Name == seq.Unknown {
		fill = "url(#unknown)"
	}
	p.printf(`<rect class="part" fill="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, fill, x, y, w, h)
	if p.report.nothingWorks(phase) {
		p.printf(`<rect fill="url(#hatch)" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, y, w, h)
	}
}

// legend says what is known of each phase, beside its colour.
func (p *picture) legend() {
	x := p.sheet
	for _, phase := range p.report.Phases {
		text := p.phaseLegend(p.report, phase)
		wide := 17 + textWidth(text, smallSize)
		if x > barEdge && x+wide > p.sheet-barEdge {
			x, p.y = barEdge, p.y+lineHeight+1
		}
		p.barPiece(phase, x, p.y-10, 11, 11)
		p.text("", "start", x+17, p.y, smallSize, text)
		x += wide + legendBreak
	}
	if text := p.together(p.report); text != "" {
		if x+textWidth(text, smallSize) > p.sheet-barEdge {
			x, p.y = barEdge, p.y+lineHeight+1
		}
		p.text("soft", "start", x, p.y, smallSize, text)
	}
}

// phaseLegend is what is known of a phase, and which part of it is hatched in the bar.
func (y Style) phaseLegend(r Report, p seq.Phase) string {
	text := p.Name + " " + y.phaseTook(p)
	if fixed := r.fixedIn(p); fixed > 0 && !y.Proved {
		text += ", of it a fixed wait of " + length(fixed, y.seconds)
	}
	return text
}

// fixedIn is how long a phase is a wait of a fixed length.
func (r Report) fixedIn(p seq.Phase) (d time.Duration) {
	for _, w := range r.Waits {
		if w.Phase == p.Name {
			d += w.Length
		}
	}
	return d
}

// inUnits is a time of an axis.
func inUnits(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return strings.TrimPrefix(duration(d), "+")
}

// patterns are what hatches a picture.
const patterns = `<defs>
<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M1 0v7" stroke="#000" stroke-opacity=".3" stroke-width="2"/></pattern>
<pattern id="waits" width="11" height="11" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="waits" d="M1 0v11"/></pattern>
<pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse"><path class="stripe" d="M1 0v6"/></pattern>
</defs>`
