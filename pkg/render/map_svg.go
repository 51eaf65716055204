package render

// A map as a picture.

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

//go:embed page/map-picture.css
var mapPictureCSS string

// mapSVG writes a map as one picture that needs nothing else, light or dark as its reader is.
func mapSVG(w io.Writer, m apimap.Map, _ Style) error {
	l := layoutMap(m)
	title := mapTitle(m) + "  →  " + mapWhere(m)
	var head bytes.Buffer
	y := 0.0
	width := max(l.width, 520)
	for _, line := range brokenLines(title, width-24, 16*1.1) {
		y += 22
		fmt.Fprintln(&head, svgText("title", "start", 12, y, 16*1.1, line))
	}
	for _, line := range brokenLines(mapLegend, width-24, mapSmall) {
		y += 17
		fmt.Fprintln(&head, svgText("soft", "start", 12, y, mapSmall, line))
	}
	drawing := l.drawing()
	width = max(width, l.width)
	foot, below := mapFoot(m, width, y+14+l.height)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%[1]g" height="%[2]g" `+
		`role="img" aria-label="%s">`+"\n<style>\n%s%s</style>\n"+`<rect class="sheet" width="100%%" height="100%%"/>`+"\n"+
		"%s<g transform=\"translate(0 %.0f)\">\n%s</g>\n%s</svg>\n",
		math.Ceil(width), math.Ceil(below+10), htmlText(title), pictureCSS, mapPictureCSS, head.String(), y+14, drawing, foot)
	return err
}

const mapLegend = "Solid: read from this cluster. Dashed, italic: known of Kubernetes, not readable here."

// mapFoot are the lines below the picture: what is missing.
func mapFoot(m apimap.Map, width, y float64) (string, float64) {
	var b strings.Builder
	var all []string
	for _, x := range m.Left {
		all = append(all, "Not drawn: "+leftText(x)+".")
	}
	for _, h := range hiddenTexts(m) {
		all = append(all, "Not seen: "+h+".")
	}
	for _, s := range all {
		for _, line := range brokenLines(s, width-24, mapSmall) {
			y += 16
			fmt.Fprintln(&b, svgText("soft", "start", 12, y, mapSmall, line))
		}
	}
	return b.String(), y
}

// svgText is a line of text, as wide as it was measured.
func svgText(class, anchor string, x, y, size float64, s string) string {
	return fmt.Sprintf(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`,
		class, x, y, anchor, max(1, textWidth(s, size)), htmlText(s))
}

// drawing is the picture without what is around it.
func (l *mapLayout) drawing() string {
	var b bytes.Buffer
	for _, f := range l.frames {
		fmt.Fprintf(&b, `<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="8"/>`+"\n", f.x, f.y, f.w, f.h)
		title := brokenLines(f.title, max(60, f.w-12), mapSmall*1.06)[0]
		fmt.Fprintln(&b, svgText("phase", "start", f.x+6, f.y+14, mapSmall*1.06, title))
	}
	for _, a := range l.arrows {
		l.arrow(&b, a)
	}
	for _, x := range l.boxes {
		if x.component >= 0 && x.column >= 0 {
			l.component(&b, x)
		}
	}
	l.processes(&b)
	return b.String()
}

// mapRank is by what a component is coloured.
func mapRank(id string) int {
	name, _, _ := strings.Cut(id, atNode)
	if name == "pod" {
		name = string(seq.Container(""))
	}
	return laneRank(seq.Participant(name), seq.Participant(runtimeOf(name)))
}

// runtimeOf is the name of a runtime, if this is one.
func runtimeOf(name string) string {
	switch name {
	case "containerd", "cri-o", "docker":
		return name
	}
	return "none"
}

func (l *mapLayout) component(b *bytes.Buffer, x *mapBox) {
	c := l.m.Components[x.component]
	fmt.Fprintf(b, `<g class="box k%d" data-component="%d"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6"/>`+"\n",
		mapRank(c.ID), x.component, x.x, x.y, x.w, x.h)
	top := x.y + (x.h-mapLine*float64(len(x.lines)))/2
	for i, line := range x.lines {
		class, size := "name", mapText*1.06
		if i >= x.named {
			class, size = "soft", mapSmall
		}
		fmt.Fprintln(b, svgText(class, "middle", x.x+x.w/2, top+mapLine*(float64(i)+.75), size, line))
	}
	b.WriteString("</g>\n")
}

func (l *mapLayout) arrow(b *bytes.Buffer, a *mapArrow) {
	k := l.links[a.link]
	class := ""
	if !certain(l.m, k) {
		class = " inferred"
	}
	name := mapName(l.m, k.from) + " → " + mapName(l.m, k.to)
	fmt.Fprintf(b, `<g class="link k%d%s" data-link="%d" tabindex="0" role="button" aria-label="%s">`+"\n", mapRank(k.from), class,
		a.link, htmlText(name))
	var path strings.Builder
	for i, p := range a.parts {
		p.path(&path, i == 0)
	}
	fmt.Fprintf(b, `<path class="hit" d="%s"/><path class="shaft" d="%[1]s"/>`, path.String())
	last := a.parts[len(a.parts)-1]
	end := last.to.x // enters from the left
	sign := 1.0
	if last.to.column == last.gap {
		end, sign = last.to.x+last.to.w, -1
	}
	fmt.Fprintf(b, `<path class="head" d="M%.1f %.1fl%.0f -5v10z"/>`+"\n", end, last.b, -sign*9)
	for _, p := range a.parts {
		for i, line := range p.label {
			fmt.Fprintln(b, svgText("label", "start", p.zone, p.y-5-mapLine*float64(len(p.label)-1-i), mapSmall, line))
		}
	}
	b.WriteString("</g>\n")
}

// path draws a crossing: out of a box, to its own height, along, and to the other box.
func (p *crossing) path(b *strings.Builder, first bool) {
	start, end := p.from.x+p.from.w, p.to.x
	x1, x2 := p.x1, p.x2
	switch {
	case p.from.column == p.to.column:
		fmt.Fprintf(b, "M%.1f %.1fH%.1fV%.1fH%.1fH%.1fV%.1fH%.1f", start, p.a, x1, p.y, x2, x1, p.b, p.to.x+p.to.w)
		return
	case p.from.column > p.to.column:
		start, end = p.from.x, p.to.x+p.to.w
		x1, x2 = x2, x1
	}
	if first {
		fmt.Fprintf(b, "M%.1f %.1f", start, p.a)
	} else {
		fmt.Fprintf(b, "H%.1f", start)
	}
	fmt.Fprintf(b, "H%.1fV%.1fH%.1fV%.1fH%.1f", x1, p.y, x2, p.b, end)
}
