package render

// In which phase each step stands. That is a matter of the whole run: it does not depend on what is drawn of it.

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// phaseOfSteps is the phase, by its index, of each step that stands in one.
func (r Report) phaseOfSteps() map[seq.Key]int {
	parts := r.parts()
	phases := make(map[seq.Key]int, len(r.Steps))
	for key, part := range r.partOfSteps(parts) {
		if phase := parts[part].phase; r.Phases[phase].Name != seq.Unknown {
			phases[key] = phase
		}
	}
	return phases
}

// partOfSteps is the part of a phase, by its index, in which each step stands that stands in one. A step at which one
// part of a phase ends and another begins belongs to the one that it ends, such as a write that was waited for; a call
// that begins there belongs to the other.
func (r Report) partOfSteps(parts []phasePart) map[seq.Key]int {
	in := make(map[seq.Key]int, len(r.Steps))
	at := make(map[seq.Key]int, len(r.Steps))
	for i, s := range r.Steps {
		at[s.Key] = i
	}
	mark := func(last bool) {
		for k, p := range parts {
			from, to := r.within(p.Part, at)
			for i := from; i <= to; i++ {
				s := r.Steps[i]
				if _, taken := in[s.Key]; !taken && (last || s.Key != p.End || s.Instant != seq.AtStart) {
					in[s.Key] = k
				}
			}
		}
	}
	mark(false)
	mark(true) // a call with which a part ends, and no other begins
	r.followWrites(parts, in)
	for i, s := range r.Steps { // the answer to a write that a phase waited for
		if call, ok := at[s.Call]; ok && i > 0 && s.Kind == seq.ResponseKind && r.Steps[call].Instant == seq.AtCommit {
			before, inOne := in[r.Steps[i-1].Key]
			part, ok := in[s.Call]
			if ok && inOne && parts[before].phase == parts[part].phase {
				in[s.Key] = part
			}
		}
	}
	return in
}

// followWrites has what comes of a write before it is answered, such as the scheduler's pick, stand in the part that
// follows the one that ends with the answer.
func (r Report) followWrites(parts []phasePart, in map[seq.Key]int) {
	behind := map[seq.Key]int{} // the part that ends with the answer, of its request and of what comes of that
	for k, p := range parts[:max(0, len(parts)-1)] {
		if p.End.IsEnd() {
			behind[p.End.Begin()] = k
		}
	}
	written, follows := map[int]bool{}, map[int]bool{}
	for _, s := range r.Steps {
		if k, ok := in[s.Key]; ok && written[k] && (follows[k] || s.Key != parts[k].End) {
			in[s.Key], follows[k] = k+1, true
		}
		for _, key := range s.After {
			if k, ok := behind[key]; ok {
				behind[s.Key] = k
				written[k] = written[k] || s.To == seq.Etcd
			}
		}
	}
}

// phasePart is one part of a phase.
type phasePart struct {
	seq.Part
	phase int  // by its index
	rows  bool // something is drawn within it
}

// parts are those of all phases, in order of time.
func (r Report) parts() (all []phasePart) {
	for i, p := range r.Phases {
		for _, part := range p.Parts {
			all = append(all, phasePart{Part: part, phase: i})
		}
	}
	slices.SortStableFunc(all, func(a, b phasePart) int {
		return cmp.Or(a.Likely.Earliest.Compare(b.Likely.Earliest), a.Likely.Latest.Compare(b.Likely.Latest))
	})
	return all
}

// within are the first and the last step of a part, by their indexes. Time tells where the run itself began or ended
// there, or ended after all that was waited for: steps stand in its order. The request comes with the write that it
// asks for.
func (r Report) within(p seq.Part, at map[seq.Key]int) (from, to int) {
	from = sort.Search(len(r.Steps), func(i int) bool { return !r.Steps[i].Best.Before(p.Likely.Earliest) })
	if i, ok := at[p.Begin]; ok {
		from = max(from, i)
	}
	to = sort.Search(len(r.Steps), func(i int) bool { return r.Steps[i].Best.After(p.Likely.Latest) }) - 1
	if i, ok := at[p.End]; ok && !r.Steps[i].Best.Before(p.Likely.Latest) {
		to = min(to, i)
	}
	if from > 0 && from <= to {
		ask, write := r.Steps[from-1], r.Steps[from]
		if ask.Kind == seq.RequestKind && write.Instant == seq.AtCommit && ask.To == write.From {
			from--
		}
	}
	return from, to
}

// leastWait is the share of a run that a wait takes at least to be drawn by itself: one of so many.
const leastWait = 50

// markWaits finds the parts of the run in which something waits, and in the end of which no row is drawn for long: they
// stand before the row that follows.
func (f *figure) markWaits(r Report) {
	parts := r.parts()
	if len(parts) == 0 {
		return
	}
	total := parts[len(parts)-1].Likely.Latest.Sub(parts[0].Likely.Earliest)
	for _, p := range parts {
		next := sort.Search(len(f.rows), func(i int) bool { return !f.rows[i].Best.Before(p.Likely.Latest) })
		quiet := p.Likely.Earliest
		for i, x := range f.rows[:next] {
			if f.again.folded[i] == nil && x.phase == p.phase {
				quiet = later(quiet, x.Best)
			}
		}
		next = f.placeOfWait(next, p.phase)
		works := phaseHue(r.Phases[p.phase].Name) != amber
		p.rows = quiet.After(p.Likely.Earliest)
		switch {
		case works || p.Likely.Latest.Sub(quiet)*leastWait < total:
		case next == len(f.rows):
			f.after = append(f.after, p)
		case f.again.folded[next] != nil && !f.again.folded[next].begins(next):
			if x := f.again.folded[next]; !f.again.others(x, p) {
				x.waits = append(x.waits, p)
			}
		default:
			f.rows[next].waits = append(f.rows[next].waits, p)
		}
	}
}

// others reports whether something else repeats within a part, of which the part may be as well.
func (f folding) others(x *repetition, p phasePart) bool {
	for _, o := range f.folded {
		if o != x && o.first.Best.Before(p.Likely.Latest) && o.ended.Best.After(p.Likely.Earliest) {
			return true
		}
	}
	return false
}

// lasted is how long a part lasted; it begins or ends with the run where it has no such step.
func (r Report) lasted(p phasePart, steps map[seq.Key]*seq.Step) lasted {
	if phase := r.Phases[p.phase]; len(phase.Parts) == 1 {
		return lastedOf(phase)
	}
	from := seq.Window{Earliest: p.Likely.Earliest, Latest: p.Likely.Earliest}
	to := seq.Window{Earliest: p.Likely.Latest, Latest: p.Likely.Latest}
	begin, end := steps[p.Begin], steps[p.End]
	within := time.Duration(0)
	if begin != nil {
		from, within = provedOf(begin), begin.Off()
	}
	if end != nil {
		to, within = provedOf(end), end.Off()
	}
	if begin != nil && end != nil {
		within = distance(begin, end)
	}
	return lasted{max(0, to.Earliest.Sub(from.Latest)), to.Latest.Sub(from.Earliest),
		p.Likely.Latest.Sub(p.Likely.Earliest), within}
}

// waitedIn says how long was waited within what repeats, phase by phase.
func (y Style) waitedIn(r Report, x *repetition) (text string) {
	if len(x.waits) == 0 {
		return ""
	}
	steps := r.byKey()
	all := map[string]lasted{}
	for _, p := range x.waits {
		name, d := r.Phases[p.phase].Name, r.lasted(p, steps)
		if sum, ok := all[name]; ok {
			d.least, d.most, d.likely = d.least+sum.least, d.most+sum.most, d.likely+sum.likely
			if d.within > 0 && sum.within > 0 {
				d.within = seq.Combined(d.within, sum.within)
			} else {
				d.within = 0
			}
		}
		all[name] = d
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text += "; " + name + " " + y.tookIn(all[name], y.seconds) + " in all"
	}
	return text
}

// waitedFor says how long a part lasted, and which containers waited, where others did at other times.
func (y Style) waitedFor(p seq.Phase, part seq.Part, d lasted) string {
	text := y.tookIn(d, y.seconds)
	if of := whose(p, part); of != "" {
		text += ", container " + Plain(of)
	}
	return text
}

// waited says how long a part lasted; one that had not ended goes on.
func (y Style) waited(r Report, p phasePart) string {
	text := y.waitedFor(r.Phases[p.phase], p.Part, r.lasted(p, r.byKey()))
	if r.Phases[p.phase].Open && p.End == "" {
		text += " …"
	}
	if p.rows {
		text += " in all"
	}
	return text
}
