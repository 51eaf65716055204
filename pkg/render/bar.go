package render

// How a bar divides the time of a run, or of one Pod, among its phases.

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// barPart is a stretch of a bar: of one phase, or of one of several where it is not known of which.
type barPart struct {
	phases   []int // by their index
	from, to time.Time
	whose    string // the containers that wait, see whose
}

// bar divides the time of phases. It is their likeliest division; a style that draws nothing likely has the stretches
// that are proved to belong to one phase, and between them those that belong to any of their neighbours.
func (y Style) bar(r Report, phases []seq.Phase) (bar []barPart) {
	parts := Report{Phases: phases}.parts()
	if !y.Proved {
		for _, p := range parts {
			bar = append(bar, barPart{[]int{p.phase}, p.Likely.Earliest, p.Likely.Latest, whose(phases[p.phase], p.Part)})
		}
		return bar
	}
	if len(parts) == 0 {
		return nil
	}
	begin, end := parts[0].Likely.Earliest, parts[len(parts)-1].Likely.Latest
	borders := r.bordersOf(parts)
	at := begin
	var any []int // the phases that there may have been since then
	for i, p := range parts {
		from, to := begin, end
		for k, w := range borders { // all borders before it were over, and none after it can have come
			if k < i {
				from = later(from, w.Latest)
			} else {
				to = sooner(to, w.Earliest)
			}
		}
		if !slices.Contains(any, p.phase) {
			any = append(any, p.phase)
		}
		if from = later(from, at); from.Before(to) {
			if at.Before(from) {
				bar = append(bar, barPart{any, at, from, ""})
			}
			bar, at, any = append(bar, barPart{[]int{p.phase}, from, to, whose(phases[p.phase], p.Part)}), to, []int{p.phase}
		}
	}
	if at.Before(end) {
		bar = append(bar, barPart{any, at, end, ""})
	}
	return bar
}

// whose are the containers that wait in a part of a phase, where in other parts others do.
func whose(p seq.Phase, part seq.Part) string {
	differs := func(x seq.Part) bool { return !slices.Equal(x.Containers, part.Containers) }
	if !p.Waiting || !slices.ContainsFunc(p.Parts, differs) {
		return ""
	}
	return strings.Join(part.Containers, ", ")
}

// bordersOf are the windows of the borders between parts: of the step that ends one, and of that which begins the next.
func (r Report) bordersOf(parts []phasePart) (borders []seq.Window) {
	steps := r.byKey()
	for i, p := range parts[1:] {
		w := seq.Window{Earliest: p.Likely.Earliest, Latest: p.Likely.Earliest}
		for _, key := range []seq.Key{parts[i].End, p.Begin} {
			if s, ok := steps[key]; ok {
				k := provedOf(s)
				w.Earliest, w.Latest = sooner(w.Earliest, k.Earliest), later(w.Latest, k.Latest)
			}
		}
		borders = append(borders, w)
	}
	return borders
}

// provedOf is when a step was, as far as is proved; a bound that there is not is its likeliest instant.
func provedOf(s *seq.Step) seq.Window {
	w := s.Known()
	if w.Earliest.IsZero() {
		w.Earliest = s.Best
	}
	if w.Latest.IsZero() {
		w.Latest = s.Best
	}
	return w
}

// byKey are the steps by their keys.
func (r Report) byKey() map[seq.Key]*seq.Step {
	all := make(map[seq.Key]*seq.Step, len(r.Steps))
	for _, s := range r.Steps {
		all[s.Key] = s
	}
	return all
}
