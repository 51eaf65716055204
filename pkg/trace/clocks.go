package trace

import (
	"cmp"
	"slices"
	"time"
)

// Clock says how far another participant's clock is from ours.
type Clock struct {
	Of Participant `json:"of"`
	// The true offset, theirs minus ours, is at least Min, since nothing reaches us before it is emitted, and at most
	// Max, since nothing about the Pod is emitted before we asked for it.
	Min time.Duration `json:"min"`
	Max time.Duration `json:"max"`
	// Offset is what their times are moved by: zero unless the bounds or the delays rule that out.
	Offset time.Duration `json:"offset"`
}

// skewSuspected is the shortest delay, from emission to receipt of an Event, that is rather a clock behind ours than a
// slow delivery. Measured deliveries take 2 to 30 ms, and the fastest of several counts.
const skewSuspected = 150 * time.Millisecond

// clocks measures other clocks against ours. The zero value is ready to use.
type clocks map[Participant]*Clock

// sample takes one instant of p's clock that lies, on ours, between two others. A zero bound is a missing one.
func (c *clocks) sample(p Participant, at, after, before time.Time) {
	if *c == nil {
		*c = clocks{}
	}
	k := (*c)[p]
	if k == nil {
		k = &Clock{Of: p, Min: -time.Hour, Max: time.Hour}
		(*c)[p] = k
	}
	if !before.IsZero() {
		k.Min = max(k.Min, at.Sub(before))
	}
	if !after.IsZero() {
		k.Max = min(k.Max, at.Sub(after))
	}
	switch unbounded := k.Min == -time.Hour; {
	case k.Min <= 0 && k.Max >= 0 && (unbounded || k.Min >= -skewSuspected):
		k.Offset = 0
	case unbounded:
		k.Offset = k.Max
	default: // the Event that came fastest took as long as such Events take
		k.Offset = max(k.Min, min(k.Min+fastest, k.Max))
	}
}

// fastest is the usual time from emission to receipt of the fastest of several Events.
const fastest = 4 * time.Millisecond

func (c clocks) offset(p Participant) time.Duration {
	if k := c[p]; k != nil {
		return k.Offset
	}
	return 0
}

func (c clocks) list() []Clock {
	var all []Clock
	for _, k := range c {
		all = append(all, *k)
	}
	slices.SortFunc(all, func(a, b Clock) int { return cmp.Compare(a.Of, b.Of) })
	return all
}
