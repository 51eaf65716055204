package compare

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Range is what is known of a duration, or of the difference of two.
type Range struct{ Min, Max time.Duration }

// Certain is by how much, at the least, a difference is above zero or, negative, below; zero where not even that is
// known.
func (r Range) Certain() time.Duration {
	switch {
	case r.Min > 0:
		return r.Min
	case r.Max < 0:
		return r.Max
	}
	return 0
}

// Likely is a duration, or the difference of two, as it likely was: in 95 of 100 runs it was no farther off than that.
type Likely struct{ Took, Within time.Duration }

// differs reports whether a difference is farther from zero than it may be off.
func (l *Likely) differs() bool { return l != nil && l.Took.Abs() > l.Within }

// minus is the difference of two; nil where one of them is.
func (l *Likely) minus(o *Likely) *Likely {
	if l == nil || o == nil {
		return nil
	}
	return &Likely{l.Took - o.Took, seq.Combined(l.Within, o.Within)}
}

// likelyOf is what a phase likely took; of one that a run has not, nothing.
func likelyOf(p *seq.Phase) *Likely {
	switch {
	case p == nil:
		return &Likely{}
	case p.Within == 0:
		return nil
	}
	return &Likely{p.Took, p.Within}
}

func (r Range) minus(o Range) Range { return Range{r.Min - o.Max, r.Max - o.Min} }

// Phase is a part of either run, or of one.
type Phase struct {
	Name  string
	Sides [2]*seq.Phase // nil where that run has none
	More  *Range        // how much more time B took, or nil where that cannot be said: one run did not come that far
	// how much more it likely took, or nil where that cannot be said or too little is known of it
	Likely *Likely
}

// Longer is the side that certainly took longer.
func (p Phase) Longer() (Side, bool) {
	if p.More == nil {
		return 0, false
	}
	return longer(*p.More)
}

// LikelyLonger is the side that likely took longer.
func (p Phase) LikelyLonger() (Side, bool) { return likelyLonger(p.Likely) }

// LikelyLonger is the side that likely took longer in all.
func (c Comparison) LikelyLonger() (Side, bool) { return likelyLonger(c.Likely) }

func likelyLonger(more *Likely) (Side, bool) {
	switch {
	case !more.differs():
		return 0, false
	case more.Took < 0:
		return A, true
	}
	return B, true
}

// Longer is the side that certainly took longer in all.
func (c Comparison) Longer() (Side, bool) {
	if c.More == nil {
		return 0, false
	}
	return longer(*c.More)
}

func longer(more Range) (Side, bool) {
	d := more.Certain()
	if d < 0 {
		return A, true
	}
	return B, d > 0
}

// Difference is that one side took longer in a phase.
type Difference struct {
	Phase
	Side       Side
	OnlyLikely bool          // it is not certain
	Size       time.Duration // as it likely was, or else what is certain
}

// Differences are those of phases, the largest first; likely ones only on demand.
func (c Comparison) Differences(likely bool) (all []Difference) {
	for _, p := range c.Phases {
		side, certain := p.Longer()
		guess, differs := p.LikelyLonger()
		switch {
		case certain && differs && likely:
			all = append(all, Difference{p, side, false, p.Likely.Took.Abs()})
		case certain:
			all = append(all, Difference{p, side, false, p.More.Certain().Abs()})
		case differs && likely:
			all = append(all, Difference{p, guess, true, p.Likely.Took.Abs()})
		}
	}
	slices.SortStableFunc(all, func(a, b Difference) int { return cmp.Compare(b.Size, a.Size) })
	return all
}

// joined are phases of which one run has more than the other, which has the last: without spans nothing tells when the
// volumes were there, and of what a container without a probe waits for nothing is probed.
var joined = [][]string{{"volumes", "sandbox"}, {"startup", "probing", "ready"}}

func (c *Comparison) phases() []Phase {
	a, b := &c.Runs[A], &c.Runs[B]
	sides := [2][]seq.Phase{a.Phases, b.Phases}
	for _, names := range joined {
		var had []string // by either
		otherwise := false
		for _, name := range names {
			a, b := find(sides[A], name) >= 0, find(sides[B], name) >= 0
			if otherwise = otherwise || a != b; a || b {
				had = append(had, name)
			}
		}
		last := names[len(names)-1]
		if otherwise && find(sides[A], last) >= 0 && find(sides[B], last) >= 0 {
			sides[A], sides[B] = join(sides[A], had), join(sides[B], had)
		}
	}
	had := sides
	var all []Phase
	at := [2]int{}
	take := func(s Side) *seq.Phase { at[s]++; return &sides[s][at[s]-1] }
	for at[A] < len(sides[A]) || at[B] < len(sides[B]) {
		// What one has and the other has not stands after what both have before it.
		switch {
		case at[A] < len(sides[A]) && find(sides[B][at[B]:], sides[A][at[A]].Name) < 0:
			p := take(A)
			all = append(all, Phase{Name: p.Name, Sides: [2]*seq.Phase{A: p}})
		case at[B] < len(sides[B]) && find(sides[A][at[A]:], sides[B][at[B]].Name) < 0:
			p := take(B)
			all = append(all, Phase{Name: p.Name, Sides: [2]*seq.Phase{B: p}})
		case at[A] < len(sides[A]) && at[B] < len(sides[B]) && sides[A][at[A]].Name == sides[B][at[B]].Name:
			p, q := take(A), take(B)
			all = append(all, Phase{Name: p.Name, Sides: [2]*seq.Phase{p, q}})
		default: // both have both, in another order: by name
			p := take(A)
			j := at[B] + find(sides[B][at[B]:], p.Name)
			q := sides[B][j]
			sides[B] = slices.Delete(slices.Clone(sides[B]), j, j+1)
			all = append(all, Phase{Name: p.Name, Sides: [2]*seq.Phase{p, &q}})
		}
	}
	sameSort := (len(a.Members) > 0) == (len(b.Members) > 0) // else what one calls pods has the other's phases in it
	for i := range all {
		p := &all[i]
		r := [2]Range{}
		known := true
		for _, s := range Sides {
			if q := p.Sides[s]; q != nil {
				r[s] = Range{q.Min, q.Max}
			} else if !sameSort || !c.without(s, p.Sides[s.Other()], cameLater(had[s], had[s.Other()], p.Name)) {
				known = false
			}
		}
		if known {
			more := r[B].minus(r[A])
			p.More, p.Likely = &more, likelyOf(p.Sides[B]).minus(likelyOf(p.Sides[A]))
		}
	}
	return all
}

// cameLater reports whether a run came to a phase that another run came to after the one of that name.
func cameLater(run, other []seq.Phase, name string) bool {
	later := other[min(len(other), find(other, name)+1):]
	return slices.ContainsFunc(later, func(p seq.Phase) bool { return p.Name != seq.Unknown && find(run, p.Name) >= 0 })
}

// without reports whether a run that lacks a phase of the other certainly spent no time in it: it is a run of another
// sort, or the phase would have been seen, because the run came past it, was seen from its beginning on, and had a
// source of those by which the other knows where the phase begins.
func (c *Comparison) without(s Side, p *seq.Phase, past bool) bool {
	r, other := &c.Runs[s], &c.Runs[s.Other()]
	if asked, otherwise := c.asked(s), c.asked(s.Other()); asked != otherwise && asked != "" && otherwise != "" {
		return true
	}
	if !past || !r.AttachedAt.IsZero() || len(p.Parts) == 0 {
		return false
	}
	had := map[string]bool{}
	for i := range r.Steps {
		for _, e := range r.Steps[i].Evidence {
			had[e.Source] = true
		}
	}
	i := slices.IndexFunc(other.Steps, func(s *seq.Step) bool { return s.Key == p.Parts[0].Begin })
	return i >= 0 && slices.ContainsFunc(other.Steps[i].Evidence, func(e seq.Evidence) bool { return had[e.Source] })
}

// asked is whom the client asks: an API server, or a Docker Engine, which has no phases of the other's.
func (c *Comparison) asked(s Side) string {
	for i := range c.Runs[s].Steps {
		x := c.Runs[s].Steps[i]
		if x.Kind == seq.RequestKind && c.roles[s].participant(x.From) == clients[0] {
			return c.roles[s].participant(x.To)
		}
	}
	return ""
}

func find(all []seq.Phase, name string) int {
	return slices.IndexFunc(all, func(p seq.Phase) bool { return p.Name == name })
}

// join makes one phase of those that there are of some, in place of the last, and gives it the names of all. It is
// bounded by what the other phases leave of the run.
func join(all []seq.Phase, names []string) (out []seq.Phase) {
	var one seq.Phase
	var total, low, high time.Duration // of the run, and of the phases that are not joined
	var offs []time.Duration
	for _, p := range all {
		total += p.Took
		if !slices.Contains(names, p.Name) {
			low, high = low+p.Min, high+p.Max
			out = append(out, p)
			continue
		}
		one.Min, one.Max, one.Took = one.Min+p.Min, one.Max+p.Max, one.Took+p.Took
		if offs = append(offs, p.Within); one.Earliest.IsZero() {
			one.Earliest = p.Earliest
		}
		one.Parts = slices.Concat(one.Parts, p.Parts)
		one.Latest, one.Explain, one.Open, one.Waiting = p.Latest, p.Explain, p.Open, p.Waiting
		if p.Name == names[len(names)-1] {
			out = append(out, one)
		}
	}
	one.Name = strings.Join(names, "+")
	one.Min = max(one.Min, min(one.Took, total-high))
	one.Max = min(one.Max, max(one.Took, total-low))
	if one.Within = seq.Combined(offs...); slices.Contains(offs, 0) {
		one.Within = 0
	}
	out[slices.IndexFunc(out, func(p seq.Phase) bool { return p.Name == "" })] = one
	return out
}

// total is from the beginning to the message by which the outcome was certain; where none was, it is as sharp as a
// clock.
func (r Run) total() Range {
	if r.Total == 0 {
		return Range{}
	}
	t := Range{r.Total, r.Total}
	origin := r.Origin
	if !r.AttachedAt.IsZero() {
		origin = r.AttachedAt
	}
	for _, s := range r.Steps {
		if w := s.Window; w.Latest.Equal(origin.Add(r.Total)) && !w.Earliest.IsZero() {
			t.Min = min(r.Total, max(0, w.Earliest.Sub(origin)))
		}
	}
	return t
}

// likely is what the run likely took, or nil where too little is known of that.
func (r Run) likely() *Likely {
	origin := r.Origin
	if !r.AttachedAt.IsZero() {
		origin = r.AttachedAt
	}
	bounded := false // else the total is as sharp as a clock
	for _, s := range r.Steps {
		if s.Window.Latest.Equal(origin.Add(r.Total)) {
			if bounded = true; s.Off() > 0 {
				return &Likely{s.Best.Sub(origin), s.Off()}
			}
		}
	}
	if bounded {
		return nil
	}
	return &Likely{Took: r.Total}
}

// Wait is a fixed wait of either run, or of one.
type Wait struct {
	Sides [2]*seq.Wait // nil where that run has none
}

// Differs reports whether it is not the same in both.
func (w Wait) Differs() bool {
	return w.Sides[A] == nil || w.Sides[B] == nil || w.Sides[A].Length != w.Sides[B].Length
}

func waits(a, b []seq.Wait) (all []Wait) {
	for i := range a {
		w := Wait{[2]*seq.Wait{A: &a[i]}}
		if j := slices.IndexFunc(b, func(o seq.Wait) bool { return o.Name == a[i].Name }); j >= 0 {
			w.Sides[B] = &b[j]
		}
		all = append(all, w)
	}
	for j := range b {
		if !slices.ContainsFunc(a, func(o seq.Wait) bool { return o.Name == b[j].Name }) {
			all = append(all, Wait{[2]*seq.Wait{B: &b[j]}})
		}
	}
	return all
}
