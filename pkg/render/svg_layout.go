package render

// Where everything is in a picture: as on the page, a label keeps between the lifelines that it is about.

import (
	"math"
	"slices"
)

const (
	textSize    = 13.0
	smallSize   = 12.0
	lineHeight  = 16.0
	headLine    = 17.0
	phaseHeight = 18.0
)

// layout is of a figure: the places of its lanes, and the lines of its labels.
type layout struct {
	times      float64   // width of the column of times
	x          []float64 // of the lanes
	half       []float64 // widths of their heads
	heads      [][]string
	headHeight float64
	labels     [][]string // of the rows
	sheet      float64    // its width
}

// newLayout places a figure whose rows have these times, within a width if no word is broken for that.
func (y Style) newLayout(f figure, times []string, width float64) layout {
	l := layout{times: 64}
	for _, t := range times {
		l.times = max(l.times, textWidth(t, smallSize)+24)
	}
	n := len(f.lanes)
	if n == 0 {
		l.sheet = width
		return l
	}
	words := make([]float64, n) // of the heads
	for k, p := range f.lanes {
		words[k] = 1.1*widestPiece(title(p), textSize) + 14 // they are bold
	}
	gaps := make([]float64, n) // each to the right of its lane
	for k := range gaps {
		gaps[k] = words[k]/2 + 8
		if k+1 < n {
			gaps[k] += words[k+1] / 2
		}
	}
	least := slices.Clone(gaps)
	unbroken, most := slices.Clone(gaps), slices.Clone(gaps) // where no word is broken, and labels have few lines
	for _, x := range f.rows {
		if left := min(x.from, x.to); max(x.from, x.to)-left <= 1 {
			margin := 22.0
			if x.from == x.to {
				margin = 30
			}
			text := y.pictureLabel(f, x)
			unbroken[left] = max(unbroken[left], widestPiece(text, textSize)+margin)
			most[left] = max(most[left], unbroken[left], comfortable(text)+margin)
		}
	}
	first := l.times + words[0]/2 + 4
	free := max(width-first-6, sum(unbroken)) - sum(gaps)
	for _, goal := range [][]float64{unbroken, most} {
		wanted := 0.0
		for k, g := range goal {
			wanted += max(0, g-gaps[k])
		}
		share := 0.0
		if wanted > 0 {
			share = min(1, free/wanted)
		}
		for k, g := range goal {
			gaps[k] += share * max(0, g-gaps[k])
		}
		free -= share * wanted
	}
	at := first
	for k, g := range gaps {
		l.x = append(l.x, at)
		at += g
		more := min(g-least[k], 60)
		if k > 0 {
			more = min(more, gaps[k-1]-least[k-1])
		} else {
			more = 0
		}
		l.half = append(l.half, words[k]/2+more/2)
		l.heads = append(l.heads, brokenLines(title(f.lanes[k]), (2*l.half[k]-10)/1.1, textSize))
		l.headHeight = max(l.headHeight, 14+headLine*float64(len(l.heads[k])))
	}
	l.sheet = at + 6
	for _, x := range f.rows {
		room := math.Abs(l.x[x.to]-l.x[x.from]) - 16
		if x.from == x.to {
			room = l.right(x.from) - l.x[x.from] - 24
		}
		l.labels = append(l.labels, brokenLines(y.pictureLabel(f, x), min(labelLine*6.7, max(40, room)), textSize))
	}
	return l
}

// right is where the room of a lane's notes ends.
func (l layout) right(lane int) float64 {
	if lane+1 < len(l.x) {
		return l.x[lane+1]
	}
	return l.sheet
}

// comfortable is the width in which a label has few lines.
func comfortable(s string) float64 {
	wide := textWidth(s, textSize)
	switch lines := min(3, 1+len([]rune(s))/26); lines {
	case 1:
		return wide
	default:
		return min(wide, wide/float64(lines)*1.15)
	}
}

func sum(all []float64) (s float64) {
	for _, x := range all {
		s += x
	}
	return s
}
