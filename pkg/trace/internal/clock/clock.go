// Package clock compares the clocks of others with ours, by what cannot have come before its cause, nor after its
// receipt.
package clock

import (
	"cmp"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"slices"
	"time"
)

// SkewSuspected is the shortest delay, beyond that of our own requests, from emission to receipt of an Event that may
// rather be a clock behind ours than a slow delivery. Measured deliveries take 2 to 30 ms, and the fastest of several
// counts.
const SkewSuspected = 150 * time.Millisecond

// Clocks measures other clocks against ours. The zero value is ready to use.
type Clocks map[seq.Participant]*clock

// unbounded stands for a bound that is not known.
const unbounded = 100 * 365 * 24 * time.Hour

type clock struct {
	seq.Clock
	arrivals []arrival
}

// arrival is one Event of which the emission is known.
type arrival struct {
	delay    time.Duration // from emission to receipt, as far as the clocks agree
	received time.Time
}

// Of is what is known of the clock of a participant.
func (c *Clocks) Of(p seq.Participant) *clock {
	if *c == nil {
		*c = Clocks{}
	}
	k := (*c)[p]
	if k == nil {
		k = &clock{Clock: seq.Clock{Of: p, Min: -unbounded, Max: unbounded}}
		(*c)[p] = k
	}
	return k
}

// Sample takes one instant of p's clock that lies, on ours, between two others. A zero bound is a missing one.
func (c *Clocks) Sample(p seq.Participant, at, after, before time.Time) {
	k := c.Of(p)
	if !before.IsZero() {
		k.Min = max(k.Min, at.Sub(before))
	}
	if !after.IsZero() {
		k.Max = min(k.Max, at.Sub(after))
	}
}

// SampleEvent takes the emission of an Event that cannot have come before zero.
func (c *Clocks) SampleEvent(p seq.Participant, at, zero, received time.Time) {
	c.Sample(p, at, zero, received)
	k := c.Of(p)
	k.arrivals = append(k.arrivals, arrival{received.Sub(at), received})
}

// Settle decides by how much the times of each clock are moved; usual is how long what is observed may be under way
// without being late.
func (c Clocks) Settle(usual time.Duration) {
	for _, k := range c {
		open := k.Min == -unbounded
		asOurs := k.Min <= 0 && k.Max >= 0 // it may be
		k.Offset, k.Late = 0, false
		switch {
		case k.Jumped || k.Min > k.Max+UnrelatedGap: // no offset fits
			k.Jumped = true
		case asOurs && (open || k.Min >= -SkewSuspected-usual || !k.steady()):
		case asOurs && len(k.arrivals) > 0: // or deliveries took as long each time
			k.Late = true
		case open:
			k.Offset = k.Max
		default: // the Event that came fastest took as long as such Events take
			k.Offset = max(k.Min, min(k.Min+fastest, k.Max))
		}
	}
}

// steady reports whether Events that came at different times took about as long: what comes late after a stall came
// together, however long each was under way.
func (k *clock) steady() bool {
	if len(k.arrivals) == 0 {
		return true
	}
	least := slices.MinFunc(k.arrivals,
		func(a, b arrival) int { return cmp.Or(cmp.Compare(a.delay, b.delay), a.received.Compare(b.received)) })
	return slices.ContainsFunc(k.arrivals, func(a arrival) bool {
		return a.received.Sub(least.received).Abs() > UnrelatedGap && a.delay-least.delay < UnrelatedGap/3
	})
}

// UnrelatedGap is how far apart in time two deliveries are that have nothing to do with each other.
const UnrelatedGap = 100 * time.Millisecond

// Jumped reports that a clock was set while we looked: nothing it says can be placed.
func (c Clocks) Jumped(p seq.Participant) bool { return c[p] != nil && c[p].Jumped }

// fastest is the usual time from emission to receipt of the fastest of several Events.
const fastest = 4 * time.Millisecond

// Offset is by how much the times of a participant are ahead of ours; 0 where nothing rules that out.
func (c Clocks) Offset(p seq.Participant) time.Duration {
	if k := c[p]; k != nil {
		return k.Offset
	}
	return 0
}

// Behind is by how much a clock may be behind ours: zero where nothing speaks for that.
func (c Clocks) Behind(p seq.Participant) time.Duration {
	if k := c[p]; k != nil && k.Late {
		return -k.Min
	}
	return 0
}

// Clone is what is known of the clocks, to be added to.
func (c Clocks) Clone() Clocks {
	all := make(Clocks, len(c))
	for p, k := range c {
		is := *k
		is.arrivals = slices.Clip(is.arrivals)
		all[p] = &is
	}
	return all
}

// Agree reports whether times are moved the same by both.
func (c Clocks) Agree(o Clocks) bool {
	for _, one := range []Clocks{c, o} {
		for p := range one {
			if c.Offset(p) != o.Offset(p) || c.Jumped(p) != o.Jumped(p) || c.Behind(p) != o.Behind(p) {
				return false
			}
		}
	}
	return true
}

// List is all that was measured, by the names of the participants.
func (c Clocks) List() []seq.Clock {
	var all []seq.Clock
	for _, k := range c {
		all = append(all, k.Clock)
	}
	slices.SortFunc(all, func(a, b seq.Clock) int { return cmp.Compare(a.Of, b.Of) })
	return all
}
