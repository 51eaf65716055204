package render

// Where everything of a map stands in a picture: boxes in columns and bands, arrows between them. Between two columns
// each arrow has a height of its own, above which its label stands, so that no text is over a line or another text.

import (
	"math"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Sizes of a map, in pixels.
const (
	boxRoom    = 200 // the widest text of a box
	labelRoom  = 215 // the widest label
	mapText    = 13.0
	mapSmall   = 12.0
	mapLine    = 15.0
	boxGap     = 16.0
	bandGap    = 22.0
	bandTop    = 26.0 // for the title of a frame
	channel    = 7.0  // between two lines side by side
	arrowLines = 6    // of one arrow, at the most
)

// mapBox is a component in the picture, or the place where an arrow passes through a column.
type mapBox struct {
	component  int // of the map, or -1
	column     int
	band       int
	lines      []string // name, and what is known of it
	named      int      // so many of them are the name
	x, y, w, h float64
	left       []*crossing // arrows that end at its sides
	right      []*crossing
}

func (b *mapBox) middle() float64 { return b.y + b.h/2 }

// crossing is an arrow between two neighbouring columns, or back to the same.
type crossing struct {
	arrow    *mapArrow
	from, to *mapBox // as the arrow goes
	gap      int     // behind this column
	label    []string
	y        float64 // of the line between the channels
	a, b     float64 // where it leaves and enters a box
	x1, x2   float64 // of its parts that go up or down
	zone     float64 // where its label begins
}

func (c *crossing) height() float64 { return max(9, mapLine*float64(len(c.label))+8) }

// mapArrow is a link, column by column.
type mapArrow struct {
	link  int
	parts []*crossing
}

// mapFrame is drawn around what belongs together.
type mapFrame struct {
	title      string
	x, y, w, h float64
}

type mapLayout struct {
	m             apimap.Map
	links         []link
	boxes         []*mapBox // of components first, in the map's order
	arrows        []*mapArrow
	frames        []mapFrame
	bands         []string // their titles
	pod           string   // title of the frame around the containers, or empty
	columns       int
	width, height float64
}

// layoutMap places everything. It depends on nothing but the map.
func layoutMap(m apimap.Map) *mapLayout {
	l := &mapLayout{m: m, links: mergedLinks(m)}
	l.place()
	l.route()
	l.stack()
	l.spread()
	l.frame()
	return l
}

// place gives each component its column and band.
func (l *mapLayout) place() {
	l.bands = []string{"control plane", ""}
	nodes := map[string]int{}
	for _, c := range l.m.Components {
		if _, known := nodes[c.Node]; !known && (c.Kind == apimap.NodeKind || c.Kind == apimap.ContainerKind) {
			nodes[c.Node] = len(l.bands)
			l.bands = append(l.bands, strings.TrimSpace("node "+Plain(c.Node)))
		}
	}
	last := len(l.bands)
	l.bands = append(l.bands, "")
	for i, c := range l.m.Components {
		b := &mapBox{component: i}
		if c.ID == podComponent { // it is the frame around its containers
			l.pod = strings.TrimSpace(Plain(c.Name + "  " + c.About))
			if !l.touched(c.ID) {
				b.column, b.band = -1, -1
				l.boxes = append(l.boxes, b)
				continue
			}
			c.Name = "its network"
		}
		switch c.Kind {
		case apimap.ClientKind:
			b.column, b.band = 0, 0
		case apimap.APIServerKind:
			b.column, b.band = 1, 0
		case apimap.ControlKind:
			b.column, b.band = 2, 0
		case apimap.ExtensionKind:
			b.column, b.band = 2, 1
		case apimap.NodeKind:
			b.column, b.band = 2, nodes[c.Node]
		case apimap.RuntimeKind:
			if b.column, b.band = 4, nodes[c.Node]; l.called(c.ID, "CRI") {
				b.column = 3
			}
		case apimap.ContainerKind:
			b.column, b.band = 4, nodes[c.Node]
		case apimap.RouteKind:
			if b.column, b.band = 0, last; strings.HasPrefix(c.ID, "service ") {
				b.column = 1
			}
		default:
			b.column, b.band = 0, last
		}
		for k, s := range []string{c.Name, c.About} {
			room := mapText * 1.06
			if k == 1 {
				room = mapSmall
			}
			for _, line := range brokenLines(Plain(s), boxRoom, room) {
				if line != "" && len(b.lines) < 5 {
					b.lines = append(b.lines, line)
				}
			}
			if k == 0 {
				b.named = len(b.lines)
			}
		}
		l.boxes = append(l.boxes, b)
		l.columns = max(l.columns, b.column+1)
	}
}

func (l *mapLayout) touched(id string) bool {
	return slices.ContainsFunc(l.links, func(k link) bool { return k.from == id || k.to == id })
}

// inPod reports whether a box is a container that stands in the frame of its Pod.
func (l *mapLayout) inPod(b *mapBox) bool {
	return l.pod != "" && b.component >= 0 && l.m.Components[b.component].Kind == apimap.ContainerKind && b.column >= 0
}

func (l *mapLayout) called(id, name string) bool {
	return slices.ContainsFunc(l.m.APIs, func(a apimap.API) bool { return a.To == id && a.Name == name })
}

func (l *mapLayout) box(id string) *mapBox {
	for i, c := range l.m.Components {
		if c.ID == id {
			return l.boxes[i]
		}
	}
	return nil
}

// stack gives all boxes their heights, band below band.
func (l *mapLayout) stack() {
	y := 8.0
	for band, title := range l.bands {
		bottom := y
		top := y
		if title != "" {
			top += bandTop
		}
		any := false
		for c := range l.columns {
			at, framed := top, false
			for _, passing := range []bool{false, true} {
				for _, b := range l.boxes {
					if b.band != band || b.column != c || (b.component < 0) != passing {
						continue
					}
					if b.component >= 0 {
						b.h = max(mapLine*float64(len(b.lines))+14, 12*float64(1+max(len(b.left), len(b.right))))
					}
					if l.inPod(b) && !framed {
						at, framed = at+bandTop-4, true
					}
					b.y = at
					at += b.h + boxGap
					bottom, any = max(bottom, at), true
				}
			}
		}
		if any {
			y = bottom + bandGap
		}
	}
	l.height = y
}

// frame draws what is around the control plane, each node, and the Pod.
func (l *mapLayout) frame() {
	for band, title := range l.bands {
		if title != "" {
			l.around(title, 8, func(b *mapBox) bool {
				return b.band == band &&
					l.m.Components[b.component].Kind != apimap.ClientKind
			})
		}
	}
	l.around(l.pod, 5, l.inPod)
}

// around draws a frame around boxes, at a distance.
func (l *mapLayout) around(title string, space float64, has func(*mapBox) bool) {
	x1, y1, x2, y2 := math.Inf(1), math.Inf(1), 0.0, 0.0
	for _, b := range l.boxes {
		if b.component < 0 || b.column < 0 || !has(b) {
			continue
		}
		top := b.y - bandTop + 4
		if l.inPod(b) {
			top = b.y - bandTop + 8
		}
		x1, y1 = min(x1, b.x-space), min(y1, top)
		x2, y2 = max(x2, b.x+b.w+space), max(y2, b.y+b.h+space)
	}
	if x2 > 0 {
		l.frames = append(l.frames, mapFrame{title, x1, y1, x2 - x1, y2 - y1})
		l.height = max(l.height, y2+12)
	}
}

// podComponent is the id of the Pod itself.
const podComponent = "pod"

// certain reports whether any API of a link was read from the cluster.
func certain(m apimap.Map, k link) bool {
	return slices.ContainsFunc(k.apis, func(i int) bool { return m.APIs[i].Certainty == seq.Observed })
}
