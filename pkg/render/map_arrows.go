package render

// How the arrows of a map go from column to column, and where their labels stand.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// mergedLinks are the links, those between the same two components together.
func mergedLinks(m apimap.Map) (all []link) {
	for _, k := range links(m) {
		i := slices.IndexFunc(all, func(x link) bool { return x.from == k.from && x.to == k.to })
		if i < 0 {
			all = append(all, link{k.section, k.from, k.to, slices.Clone(k.apis)})
		} else {
			all[i].apis = append(all[i].apis, k.apis...)
		}
	}
	return all
}

// linkLabel is what stands at an arrow: where it leads, and what for.
func linkLabel(m apimap.Map, k link, most int) []string {
	first := m.APIs[k.apis[0]]
	head := strings.TrimSpace(Plain(first.Protocol) + " " + where(first))
	if strings.HasPrefix(first.Path, "/") && first.Host == "" && len(k.apis) == 1 {
		head += " " + shortPath(Plain(first.Path))
	}
	lines := []string{head}
	for n, i := range k.apis {
		a := m.APIs[i]
		if n == most-2 && len(k.apis) > most-1 {
			lines = append(lines, fmt.Sprintf("and %d more", len(k.apis)-n))
			break
		}
		text := Plain(a.Name)
		if strings.HasPrefix(a.Path, "/") && a.Host != "" && a.Path != "/" {
			text += " " + shortPath(Plain(a.Path))
		} else if at := strings.TrimSpace(Plain(a.Protocol) + " " + where(a)); n > 0 && at != head &&
			a.Host+a.Protocol != first.Host+first.Protocol {
			text += " (" + Plain(a.Protocol) + ")"
		}
		lines = append(lines, text)
	}
	var out []string
	for _, s := range lines {
		for _, piece := range brokenLines(s, labelRoom, mapSmall) {
			if len(out) < most+2 {
				out = append(out, piece)
			}
		}
	}
	return out
}

// shortPath leaves out the middle of a long path.
func shortPath(path string) string {
	path, _, _ = strings.Cut(path, ", ")
	if parts := strings.Split(path, "/"); len(path) > 34 && len(parts) > 3 {
		return "…/" + strings.Join(parts[len(parts)-2:], "/")
	}
	return path
}

// route has each link pass from column to column.
func (l *mapLayout) route() {
	most, used := arrowLines, make([]float64, l.columns+1)
	if len(l.m.Components) > 20 {
		most = 3
	}
	for i, k := range l.links {
		from, to := l.box(k.from), l.box(k.to)
		if from == nil || to == nil {
			continue
		}
		a := &mapArrow{link: i}
		step := 1
		if to.column < from.column {
			step = -1
		}
		at := from
		for c := from.column; c != to.column; c += step {
			next := to
			if c+step != to.column {
				next = &mapBox{component: -1, column: c + step, band: max(from.band, to.band), h: 10}
				l.boxes = append(l.boxes, next)
			}
			a.join(at, next, min(c, c+step))
			at = next
		}
		if from.column == to.column {
			a.join(from, to, from.column)
		}
		best := a.parts[0]
		for _, p := range a.parts {
			if used[p.gap] < used[best.gap] {
				best = p
			}
		}
		best.label = linkLabel(l.m, k, most)
		used[best.gap] += best.height()
		l.arrows = append(l.arrows, a)
	}
}

func (a *mapArrow) join(from, to *mapBox, gap int) {
	c := &crossing{arrow: a, from: from, to: to, gap: gap}
	a.parts = append(a.parts, c)
	for _, b := range []*mapBox{from, to} {
		if b.column == gap {
			b.right = append(b.right, c)
		} else {
			b.left = append(b.left, c)
		}
	}
}

// spread finds the heights of the arrows between columns, and the columns' places.
func (l *mapLayout) spread() {
	x := 12.0
	for c := range l.columns {
		w := 0.0
		for _, b := range l.boxes {
			if b.column == c && b.component >= 0 {
				for i, line := range b.lines {
					size := mapSmall
					if i < b.named {
						size = mapText * 1.06 // it is bold
					}
					w = max(w, textWidth(line, size)+22)
				}
			}
		}
		for _, b := range l.boxes {
			if l.inPod(b) && b.column == c {
				w = max(w, min(boxRoom, textWidth(l.pod, mapSmall*1.06)))
			}
		}
		for _, b := range l.boxes {
			if b.column == c {
				b.x, b.w = x, w
			}
		}
		x = l.gap(c, x+w)
	}
	l.width = x + 4
}

// gap places the arrows behind a column whose right edge is at x, and returns where the next column begins.
func (l *mapLayout) gap(c int, x float64) float64 {
	var all []*crossing
	labels := 0.0
	for _, a := range l.arrows {
		for _, p := range a.parts {
			if p.gap == c {
				all = append(all, p)
				for _, line := range p.label {
					labels = max(labels, textWidth(line, mapSmall))
				}
			}
		}
	}
	if len(all) == 0 {
		return x + 8
	}
	wish := func(p *crossing) float64 {
		left, right := p.from, p.to
		if right.column < left.column {
			left, right = right, left
		}
		if right.component < 0 { // it passes on as it comes
			return left.middle()
		}
		return (left.middle() + right.middle()) / 2
	}
	slices.SortStableFunc(all, func(a, b *crossing) int {
		return int(math.Copysign(math.Ceil(math.Abs(wish(a)-wish(b))), wish(a)-wish(b)))
	})
	total := 0.0
	for _, p := range all {
		total += p.height()
	}
	y := math.Inf(-1)
	for i, p := range all {
		at := wish(p) + p.height()/2
		if i == 0 { // begin so far above that the rest stays near its place
			at = min(at, max(12+p.height(), l.center(all)-total/2+p.height()))
		}
		p.y = max(at, y+p.height())
		y = p.y
	}
	l.height = max(l.height, y+16)
	l.pass(c+1, all)
	for _, b := range l.boxes {
		if b.column == c {
			l.ports(b, b.right)
		}
		if b.column == c+1 {
			l.ports(b, b.left)
		}
	}
	room := channel * float64(len(all)+1)
	for i, p := range all {
		p.x1, p.x2, p.zone = x+channel*float64(i+1), x+room+labels+14+channel*float64(len(all)-i), x+room+7
	}
	return x + 2*room + labels + 14
}

// pass has the arrows that come to a column and pass through it go straight on, below or above what stands there.
func (l *mapLayout) pass(column int, crossings []*crossing) {
	last := math.Inf(-1)
	for _, p := range crossings { // from above
		b := p.to
		if b.column != column || b.component >= 0 {
			b = p.from
		}
		if b.column != column || b.component >= 0 {
			continue
		}
		y := max(p.y, last+channel)
		for moved := true; moved; {
			moved = false
			for _, x := range l.boxes {
				if x.column == column && x.component >= 0 && y > x.y-9 && y < x.y+x.h+9 {
					y, moved = x.y+x.h+10, true
				}
			}
		}
		last, b.y = y, y-b.h/2
		l.height = max(l.height, y+16)
	}
}

// center is the middle of where these would stand if they could.
func (l *mapLayout) center(all []*crossing) float64 {
	sum := 0.0
	for _, p := range all {
		sum += (p.from.middle() + p.to.middle()) / 2
	}
	return sum / float64(len(all))
}

// ports are where arrows touch a side of a box, from above in the order of their lines.
func (l *mapLayout) ports(b *mapBox, all []*crossing) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(p, q *crossing) int { return int(p.y*8) - int(q.y*8) })
	for i, p := range all {
		at := b.y + b.h*float64(i+1)/float64(len(all)+1)
		if p.from == b && (p.to != b) {
			p.a = at
		} else {
			p.b = at
		}
	}
}
