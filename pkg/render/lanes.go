package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// laneRoom is the narrowest lane in terminal cells, sharedRoom that of a picture in which lanes share one.
const (
	laneRoom   = 10
	sharedRoom = 9
)

// columns are the lanes of a terminal picture: where each stands.
type columns struct {
	lanes   []seq.Participant
	runtime seq.Participant
	width   int // of the whole line
	before  int // the first cell right of the times
	// where lanes share one: all that there are, and the lane of those that share one
	all    []seq.Participant
	shared map[seq.Participant]seq.Participant
}

const afterLanes = 2

// needs is how wide a picture of so many lanes is at least.
func (c columns) needs(lanes int) int { return c.before + lanes*laneRoom + afterLanes }

// plan places the lanes: all that are expected, if there is room, else those that have something, and where there is no
// room for these either, some of them together.
func (y Style) plan(r Report, f figure) (c columns, ok bool) {
	c = columns{width: y.Width, runtime: r.Run.Runtime, before: y.timeWidth() + 1}
	if r.Outcome.Name == "" {
		all := figure{lanes: slices.Clone(f.lanes), node: f.node}
		for _, p := range r.Run.Expected {
			if !slices.ContainsFunc(all.lanes, func(q seq.Participant) bool {
				return laneRank(p, c.runtime) == laneRank(q, c.runtime) && (p == q || p == seq.Runtime)
			}) {
				all.lanes = append(all.lanes, p)
			}
		}
		all.sortLanes(c.runtime)
		if c.lanes = all.lanes; c.needs(len(c.lanes)) <= c.width {
			return c, true
		}
	}
	c.lanes = f.lanes
	if c.needs(len(c.lanes)) <= c.width {
		return c, true
	}
	for n := range merges {
		m := c.merged(n + 1)
		if m.before+len(m.lanes)*sharedRoom+afterLanes <= c.width {
			return m, true
		}
	}
	return c, false
}

// holds reports whether everything in the figure has its place.
func (c columns) holds(f figure) bool {
	return !slices.ContainsFunc(f.lanes, func(p seq.Participant) bool { return c.index(p) < 0 })
}

// index is the place of a participant, or -1. A runtime keeps its lane when its name becomes known.
func (c columns) index(p seq.Participant) int {
	if title, ok := c.shared[p]; ok {
		p = title
	}
	return slices.IndexFunc(c.lanes, func(q seq.Participant) bool {
		return p == q || q == seq.Runtime && p == c.runtime
	})
}

// at is the cell of a lifeline.
func (c columns) at(lane int) int {
	room := c.width - c.before - afterLanes
	return c.before + (2*lane+1)*room/(2*len(c.lanes))
}

// label is what stands on an arrow: an answer has its duration, a write its revision.
func (y Style) label(f figure, x row) string {
	label, right := Plain(x.Label)+f.tags.of(x.Step), ""
	switch {
	case x.closes >= 0:
		if call := f.rows[x.closes]; call.Instant == seq.AtCommit {
			break
		}
		if right = y.right(f.rows[x.closes].Step, x.Step); x.To.IsClient() {
			label, right = right, ""
		}
	case !x.opens || x.Instant == seq.AtCommit:
		right = y.right(x.Step, nil)
	}
	return y.ascii(strings.TrimRight(label+"  "+right, " "))
}

// laneLines draws the steps between lifelines. Where the lanes do not fit it says so and goes on as a listing.
func (l *Live) laneLines(r Report, settled int) []line {
	f := newFigure(r, l.Detail)
	if l.columns.width != l.Width || !l.columns.holds(f) {
		c, ok := l.plan(r, f)
		if !ok {
			l.lanes = false
			l.aside = c.tooNarrow()
			return l.lines(r, settled)
		}
		if said := c.sharing(); said != "" && said != l.columns.sharing() {
			l.aside = strings.Join(wrap(said, l.width()-1), "\n")
		}
		l.columns = c
	}
	firm := make(map[seq.Key]bool, settled)
	for _, s := range r.Steps[:settled] {
		firm[s.Key] = true
	}
	head := strings.Join(l.names(l.columns), "\n")
	p := lanePicture{l.Style, l.columns, f, make([]int, len(l.columns.lanes))}
	at := l.timesOf(f, r)
	phase := -1
	var out []line
	add := func(key seq.Key, before int, text []string) {
		settled := before < len(f.rows) && firm[f.rows[before].Key] // at the end it may grow
		out = append(out, line{key: key, head: head, text: text, settled: settled})
	}
	waits := func(w phasePart) []string { return []string{p.phase(r.Phases[w.phase].Name, l.waited(r, w))} }
	var before []string // lines above the next row
	for _, item := range f.items((*repetition).always) {
		if item.again != nil {
			x := item.again
			add("again:"+x.began.Key, item.at, p.words(l.glyphs().again+" "+x.words()+l.waitedIn(r, x), l.during(x, r.origin())))
			continue
		}
		if item.at == len(f.rows) {
			if r.Outcome.Name != "" {
				add("wait:"+item.wait.Begin, item.at, waits(*item.wait))
			}
			continue
		}
		x, folded := f.rows[item.at], f.again.folded[item.at]
		if w := item.wait; w != nil && folded != nil {
			add("wait:"+x.Key, item.at, waits(*w))
			phase = w.phase
			continue
		} else if w != nil {
			before, phase = append(before, waits(*w)...), w.phase
			continue
		}
		if folded != nil {
			if k := folded.counts(item.at); k >= 0 && l.appends && x.Best.After(r.Run.AttachedAt) {
				add("time:"+x.Key, item.at, p.words(l.glyphs().again+" "+folded.by(k).counting(), at[item.at]))
			}
			continue
		}
		if x.closes >= 0 {
			p.open[p.place(x.from)]--
		}
		text := before
		if x.phase != phase && x.phase >= 0 {
			text = append(text, p.phase(r.Phases[x.phase].Name, ""))
		}
		phase, before = x.phase, nil
		add(x.Key, item.at, append(append(text, p.row(x, at[item.at])...), l.notes(x.Step, r.origin())...))
		if x.opens {
			p.open[p.place(x.to)]++
		}
	}
	return out
}

// tooNarrow says why there are no lanes.
func (c columns) tooNarrow() string {
	return fmt.Sprintf("%d lanes need %d columns and there are %d: a listing instead.", len(c.lanes),
		c.needs(len(c.lanes)), c.width)
}
