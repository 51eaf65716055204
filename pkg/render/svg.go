package render

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

//go:embed page/picture.css
var pictureCSS string

// SVG writes the report as the diagram of the page in one picture that needs nothing else, light or dark as its reader
// is. It is still, or plays where the style says so: then it is complete where nothing moves, and most of the time
// where something does.
func SVG(w io.Writer, r Report, y Style) error {
	f := newFigure(r, y.Detail)
	y = y.of(r)
	y.ASCII = false
	p := picture{Style: y, report: r, figure: f, times: y.timesOf(f, r), phase: -1, open: map[int]int{}}
	times := slices.Clone(p.times)
	for _, all := range f.again.before {
		for _, x := range all {
			times = append(times, y.during(x, r.origin()))
		}
	}
	p.layout = y.newLayout(f, times, pictureWidth)
	p.sheet = max(p.sheet, 640)
	p.heads()
	for _, x := range f.items((*repetition).always) {
		switch {
		case x.again != nil:
			p.repeated(x.again)
		case x.wait != nil:
			p.wait(x.at, *x.wait)
		case x.isRow():
			p.row(x.at, f.rows[x.at])
		}
	}
	if text := y.inEtcd(r); text != "" {
		p.y += lineHeight
		p.text("soft", "start", barEdge, p.y, smallSize, text)
	}
	style := pictureCSS
	if y.Animate {
		style += p.moves(f.again)
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%[1]g" height="%[2]g" `+
		`role="img" aria-label="%s">`+"\n<style>\n%s</style>\n"+`%s`+"\n"+
		`<rect class="sheet" width="100%%" height="100%%"/>`+"\n%s</svg>\n",
		math.Ceil(p.sheet), math.Ceil(p.y+8), htmlText(r.Run.Subject.String()+", "+r.headline()), style, patterns, p.Bytes())
	return err
}

// pictureWidth is that of a picture, if it can be.
const pictureWidth = 1200

type picture struct {
	Style
	bytes.Buffer
	layout
	report Report
	figure figure
	times  []string
	y      float64     // down to which it is drawn
	phase  int         // of the row that was drawn last, or -1
	open   map[int]int // of the calls that are not answered yet, their lanes
}

func (p *picture) printf(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text draws a line of text, as wide as it was measured.
func (p *picture) text(class, anchor string, x, y, size float64, s string) {
	if s == "" {
		return
	}
	p.printf(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`,
		class, x, y, anchor, max(1, textWidth(s, size)), htmlText(s))
}

// heads draws the title and the names of the lanes.
func (p *picture) heads() {
	for _, line := range brokenLines(p.report.Run.Subject.String()+"  "+p.report.headline(), p.sheet-24, 16*1.1) {
		p.y += 22
		p.text("title", "start", 12, p.y, 16*1.1, line)
	}
	p.bar()
	p.y += 10
	for k, lines := range p.layout.heads {
		p.printf(`<g class="heads k%d"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="5"/>`, p.kind(k), p.x[k]-p.half[k],
			p.y, 2*p.half[k], p.headHeight-4)
		top := p.y + (p.headHeight-4-headLine*float64(len(lines)))/2
		for i, line := range lines {
			p.text("", "middle", p.x[k], top+headLine*(float64(i)+.75), textSize*1.1, line)
		}
		p.printf(`<path class="life" d="M%.1f %.1fv12"/></g>`, p.x[k], p.y+p.headHeight-4)
	}
	p.y += p.headHeight + 8
}

// kind is by what a lane is coloured.
func (p *picture) kind(lane int) int { return laneRank(p.figure.lanes[lane], p.report.Run.Runtime) }

// row draws one step below what is drawn.
func (p *picture) row(i int, x row) {
	top, own := 0.0, x.from == x.to
	begins := x.phase >= 0 && x.phase != p.phase
	if begins {
		top = phaseHeight
	}
	lines := p.labels[i]
	height, y := lineHeight*float64(len(lines))+20, 0.0
	if y = p.y + top + height - 10; own {
		height = max(28, lineHeight*float64(len(lines))+12)
		y = p.y + top + height/2
	}
	height += top
	p.band(x.phase, height)
	if begins {
		p.text("phase", "start", 6, p.y+14, smallSize*1.1, p.phaseLabel(p.report.Phases[x.phase]))
	}
	class := ""
	if x.Failed {
		class = " failed"
	}
	if x.Certainty == seq.Inferred {
		class += " inferred"
	}
	p.printf(`<g class="row r%d k%d%s">`, i, p.kind(x.from), class)
	p.activations(i, x, p.y, y, p.y+height)
	p.text("soft", "end", p.layout.times-12, y+4, smallSize, p.times[i])
	if own {
		if !x.Failed {
			p.printf(`<path class="head" d="M%.1f %.1fl7 7l-7 7l-7 -7z"/>`, p.x[x.from], y-7)
		}
		for k, line := range lines {
			p.text("label", "start", p.x[x.from]+14, y+5+lineHeight*(float64(k)-float64(len(lines)-1)/2), textSize, line)
		}
	} else {
		p.arrow(x, y, lines)
	}
	if x.Failed {
		at := p.x[x.to]
		if !own {
			at -= math.Copysign(16, p.x[x.to]-p.x[x.from])
		}
		p.printf(`<path class="cross" d="M%.1f %.1fl12 12m0 -12l-12 12"/>`, at-6, y-6)
	}
	p.printf("</g>")
	p.y, p.phase = p.y+height, x.phase
}

// phaseLabel is the name of a phase, with what it took where there is room left of the lifelines, and where that is one
// stretch.
func (p *picture) phaseLabel(phase seq.Phase) string {
	took, _, _ := strings.Cut(p.phaseTook(phase), " (")
	if text := phase.Name + " " + took; len(phase.Parts) == 1 && textWidth(text, smallSize*1.1) < p.x[0]-12 {
		return text
	}
	return phase.Name
}

// band draws the lifelines of a row on the colour of its phase, if it has one.
func (p *picture) band(phase int, height float64) {
	if phase >= 0 {
		p.printf(`<rect class="band" fill="%s" y="%.1f" width="%.1f" height="%.1f"/>`,
			phaseHue(p.report.Phases[phase].Name).css(), p.y, math.Ceil(p.sheet), height)
	}
	for k, at := range p.x {
		p.printf(`<path class="life k%d" d="M%.1f %.1fv%.1f"/>`, p.kind(k), at, p.y, height)
	}
}

// wait draws part of a phase in which something waits and of which no row is drawn, before a row.
func (p *picture) wait(before int, part phasePart) {
	const height = phaseHeight + 8
	p.printf(`<rect fill="url(#waits)" y="%.1f" width="%.1f" height="%.1f"/>`, p.y, math.Ceil(p.sheet), height)
	p.band(part.phase, height)
	name, text := p.report.Phases[part.phase].Name, "waits "+p.waited(p.report, part)
	p.printf(`<g class="turns r%d">`, before-1)
	p.text("phase", "start", 6, p.y+17, smallSize*1.1, name)
	p.text("label", "start", max(p.layout.times, 18+textWidth(name, smallSize*1.1)), p.y+17, textSize, text)
	p.printf("</g>")
	p.y, p.phase = p.y+height, part.phase
}

func (p *picture) arrow(x row, y float64, lines []string) {
	from, to := p.x[x.from], p.x[x.to]
	sign := math.Copysign(1, to-from)
	class := "shaft"
	if x.Kind != seq.RequestKind {
		class += " dashed"
	}
	p.printf(`<path class="%s" d="M%.1f %.1fH%.1f"/>`, class, from, y, to-sign*8)
	p.printf(`<path class="head" d="M%.1f %.1fl%.0f -5v10z"/>`, to-sign, y, -sign*10)
	for k, line := range lines {
		p.text("label", "middle", (from+to)/2, y-7+lineHeight*float64(k+1-len(lines)), textSize, line)
	}
}

// activations draws what goes on at a row: calls that were made before, and one that it makes or answers.
func (p *picture) activations(i int, x row, top, y, bottom float64) {
	if x.closes >= 0 {
		delete(p.open, x.closes)
		p.active(x.from, top, y)
	}
	p.goesOn(i, top, bottom)
	if x.opens {
		p.active(x.to, y, bottom)
		p.open[i] = x.to
	}
}

// goesOn draws the calls of the first rows that are not answered yet.
func (p *picture) goesOn(rows int, top, bottom float64) {
	for k := range rows { // in order
		if lane, ok := p.open[k]; ok {
			p.active(lane, top, bottom)
		}
	}
}

func (p *picture) active(lane int, from, to float64) {
	p.printf(`<rect class="active k%d" x="%.1f" y="%.1f" width="8" height="%.1f"/>`, p.kind(lane), p.x[lane]-4, from, to-from)
}

// How a picture plays.
const (
	slower   = 8 // than it was
	longest  = 1500 * time.Millisecond
	shortest = 120 * time.Millisecond
	rests    = 12 * time.Second // complete, before it begins again
)

// moves has each row appear at its time. What repeats takes no longer than its one row.
func (p *picture) moves(again folding) string {
	at := make([]time.Duration, len(p.figure.rows))
	for i := 1; i < len(at); i++ {
		if again.folded[i] != nil && !again.folded[i].ends(i) {
			at[i] = at[i-1]
			continue
		}
		gap := p.figure.rows[i].Best.Sub(p.figure.rows[i-1].Best)
		at[i] = at[i-1] + min(max(slower*gap, shortest), longest)
	}
	if len(at) == 0 {
		return ""
	}
	lasts := at[len(at)-1] + rests
	var b bytes.Buffer
	fmt.Fprintf(&b, ".row,.turns{animation:%dms infinite}\n", lasts.Milliseconds())
	for i, t := range at {
		if t > 0 {
			percent := 100 * t.Seconds() / lasts.Seconds()
			fmt.Fprintf(&b, ".r%d{animation-name:r%[1]d}@keyframes r%[1]d{0%%,%.2f%%{opacity:0}%.2f%%,to{opacity:1}}\n", i,
				percent, percent+.01)
		}
	}
	b.WriteString("@media(prefers-reduced-motion){.row,.turns{animation:none!important}}\n")
	return b.String()
}
