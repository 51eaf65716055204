package render

// Several diagrams, where one has no room for all messages.

import (
	"fmt"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// section is what one of several diagrams shows: a stretch of one phase.
type section[T any] struct {
	phase int // by its index, or -1
	rows  int
	items []T
}

// sections divide items where the phase of a row changes, and where a diagram is full. A row in no phase stands with
// what comes before it, and what is no row with the row that follows.
func sections[T any](items []T, row func(T) (phase int, ok bool), full func(section[T]) bool) (all []section[T]) {
	var before []T
	for _, x := range items {
		before = append(before, x)
		phase, ok := row(x)
		if !ok {
			continue
		}
		n := len(all)
		if n == 0 || phase != all[n-1].phase && phase >= 0 && all[n-1].phase >= 0 || full(all[n-1]) {
			all, n = append(all, section[T]{phase: phase}), n+1
		}
		s := &all[n-1]
		if s.phase < 0 {
			s.phase = phase
		}
		s.items, s.rows, before = append(s.items, before...), s.rows+1, nil
	}
	if len(all) > 0 {
		last := &all[len(all)-1]
		last.items = append(last.items, before...)
	}
	return all
}

// noPhase is the name of a section whose rows stand in none.
const noPhase = "in no phase"

// sectionName is that of its phase, or says which messages it has, where there are no phases.
func sectionName(phases []seq.Phase, phase, first, last int) string {
	switch {
	case len(phases) == 0:
		return fmt.Sprintf("messages %d to %d", first, last)
	case phase < 0:
		return noPhase
	}
	return phases[phase].Name
}
