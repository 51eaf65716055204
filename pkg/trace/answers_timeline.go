package trace

// The division of a run among its phases, so that they add up to it.

import (
	"cmp"
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// phases divides a time among the stretches of an object's table.
func (r *result) phases(s *story, f timeRange) []seq.Phase {
	if f.start.IsZero() || !f.end.After(f.start) {
		return nil
	}
	table := s.sort().phases
	all := r.stretches(s, table, f)
	if len(all) == 0 {
		return nil
	}
	pieces := divide(all, f.start, f.end)
	byRow := map[int]*seq.Phase{}
	var out []*seq.Phase
	offs := map[*seq.Phase][]time.Duration{} // of the ends of its parts
	for _, x := range pieces {
		p := byRow[x.row]
		if p == nil {
			p = &seq.Phase{Name: seq.Unknown, Explain: unknownExplained}
			if x.row >= 0 {
				row := table[x.row]
				if p.Name, p.Explain, p.Waiting = row.name, row.explain, row.waits; row.why != nil {
					p.Explain = row.why(s)
				}
			}
			byRow[x.row] = p
			out = append(out, p)
		}
		if x.open && f.likely && !f.goesOn && !f.end.Equal(s.attachedAt) { // it went on, but what is told ends there
			x.open = false
		}
		addPiece(p, x, f)
		for _, end := range []*seq.Step{x.beginStep, x.endStep} {
			if end != nil { // else it is the run's own
				offs[p] = append(offs[p], end.Off())
			}
		}
	}
	phases := make([]seq.Phase, 0, len(out))
	for _, p := range out {
		if p.Within = seq.Combined(offs[p]...); slices.Contains(offs[p], 0) {
			p.Within = 0
		}
		if p.Name != seq.Unknown || p.Took > 0 {
			phases = append(phases, *p)
		}
	}
	if !f.likely {
		balance(phases, f.end.Sub(f.start))
	}
	return phases
}

// balance bounds each phase by what the others leave of the run.
func balance(phases []seq.Phase, total time.Duration) {
	var low, high time.Duration
	for _, p := range phases {
		low, high = low+p.Min, high+p.Max
	}
	for i := range phases {
		p := &phases[i]
		least, most := total-(high-p.Max), total-(low-p.Min)
		p.Min, p.Max = max(p.Min, min(least, p.Took)), min(p.Max, max(most, p.Took))
	}
}

// rest stands for the phase of what no stretch explains.
const rest = -1

// sharpest is the precision of our own clock's times: what is shorter is no time of its own.
const sharpest = 100 * time.Microsecond

const unknownExplained = "nothing that was observed says what happened then"

// piece is a part of the run in which one stretch explains best what goes on, or none.
type piece struct {
	row                int
	beginKey, endKey   seq.Key   // of several steps at one instant, those with which its stretch begins and ends
	beginStep, endStep *seq.Step // those at its ends, or nil where they are those of the run
	start, end         time.Time
	open               bool
	containers         []string // whose it is
}

// divide cuts the run where stretches begin and end, and gives each piece to the stretch that began last.
func divide(all []stretch, start, end time.Time) (pieces []piece) {
	slices.SortStableFunc(all,
		func(a, b stretch) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.row, b.row)) })
	at := map[int64]*seq.Step{} // by the nanosecond
	cuts := []time.Time{start, end}
	mark := func(t time.Time, s *seq.Step) {
		if t.After(start) && t.Before(end) {
			cuts = append(cuts, t)
		}
		if at[t.UnixNano()] == nil {
			at[t.UnixNano()] = s
		}
	}
	for _, x := range all {
		mark(x.start, x.beginStep)
		mark(x.end, x.endStep)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var active []int // indices of stretches, as they began
	next, last := 0, -2
	for i := range len(cuts) - 1 {
		from, to := cuts[i], cuts[i+1]
		for ; next < len(all) && !all[next].start.After(from); next++ {
			if x := all[next]; x.end.Equal(x.start) { // it took no time that could be told
				pieces = append(pieces, piece{x.row, stepKey(x.beginStep), stepKey(x.endStep), x.beginStep, x.endStep, x.start,
					x.end, false, containersOf(all, []int{next}, x.row)})
				last = -2
				continue
			}
			active = append(active, next)
		}
		active = slices.DeleteFunc(active, func(k int) bool { return !all[k].end.After(from) })
		phase, best := rest, -1
		if n := len(active); n > 0 {
			best = active[n-1]
			for _, k := range active {
				if all[k].uninterrupted || all[k].call && all[best].waits || all[best].behind {
					best = k
				}
			}
			phase = all[best].row
		}
		if n := len(pieces); n > 0 && (best == last || best < 0 && to.Sub(from) < sharpest) {
			pieces[n-1].end, pieces[n-1].endStep = to, at[to.UnixNano()]
		} else {
			x := piece{row: phase, beginStep: at[from.UnixNano()], endStep: at[to.UnixNano()], start: from, end: to}
			if x.beginKey = stepKey(x.beginStep); best >= 0 && all[best].start.Equal(from) {
				x.beginKey = stepKey(all[best].beginStep)
			}
			x.containers = containersOf(all, active, phase)
			pieces = append(pieces, x)
		}
		x := &pieces[len(pieces)-1]
		if last = best; to.Equal(end) && best >= 0 && all[best].endStep == nil {
			x.open, x.endStep = true, nil
		}
		if x.endKey = stepKey(x.endStep); best >= 0 && all[best].end.Equal(to) {
			x.endKey = stepKey(all[best].endStep)
		}
	}
	return pieces
}

// containersOf are the containers that stretches of one row are about, of those that go on.
func containersOf(all []stretch, active []int, row int) (names []string) {
	for _, k := range active {
		if x := all[k]; x.row == row && x.beginStep.Container != "" && !slices.Contains(names, x.beginStep.Container) {
			names = append(names, x.beginStep.Container)
		}
	}
	return names
}

// addPiece takes one piece of the run's time into its phase.
func addPiece(p *seq.Phase, x piece, f timeRange) {
	b, e := knownWithin(x.beginStep, x.start, f), knownWithin(x.endStep, x.end, f)
	if p.Earliest.IsZero() {
		p.Earliest = b.Earliest
	}
	p.Latest = instant.Later(p.Latest, e.Latest)
	outer := e.Latest.Sub(instant.Later(b.Earliest, coveredUntil(p)))
	p.Min, p.Max = p.Min+max(0, e.Earliest.Sub(b.Latest)), p.Max+max(outer, x.end.Sub(x.start))
	p.Took += x.end.Sub(x.start)
	p.Open = p.Open || x.open
	p.Parts = append(p.Parts,
		seq.Part{Begin: x.beginKey, End: x.endKey,
			Window: seq.Window{Earliest: b.Earliest, Latest: e.Latest},
			Likely: seq.Window{Earliest: x.start, Latest: x.end}, Containers: x.containers})
}

// coveredUntil is up to when the phase's parts go at the latest: what two of them may both cover counts once.
func coveredUntil(p *seq.Phase) (at time.Time) {
	for _, part := range p.Parts {
		at = instant.Later(at, part.Latest)
	}
	return at
}

func stepKey(s *seq.Step) seq.Key {
	if s == nil {
		return ""
	}
	return s.Key
}

// knownWithin is what is known of an instant of a run: of a step, or of the run's own beginning and end.
func knownWithin(s *seq.Step, at time.Time, f timeRange) seq.Window {
	if s == nil {
		return seq.Window{Earliest: at, Latest: at}
	}
	w := s.Known()
	cut := at.Equal(f.start) && s.Best.Before(f.start) || at.Equal(f.end) && s.Best.After(f.end)
	switch {
	case f.likely:
		w.Earliest, w.Latest = cmp.Or(w.Earliest, at), cmp.Or(w.Latest, at)
	case cut:
		return seq.Window{Earliest: at, Latest: at}
	default:
		w.Earliest, w.Latest = instant.Later(w.Earliest, f.start), instant.Sooner(w.Latest, f.end)
		if w.Latest.IsZero() {
			w.Latest = f.end
		}
	}
	return seq.Window{Earliest: instant.Sooner(w.Earliest, at), Latest: instant.Later(w.Latest, at)}
}
