package main

import "time"

// pacing keeps a run from looking at what it has all the time: where there are hundreds of Pods a look takes as long as
// many observations take to come. They are taken meanwhile, and seen all at once by the next look. The zero value is
// ready to use.
type pacing struct {
	spent time.Duration    // by looks, beyond their share of the time; see allowance
	ended time.Time        // the last look
	next  time.Time        // no look before
	due   <-chan time.Time // tells when it is time, where somebody wanted to look before
}

const (
	share     = 5                      // one part of so many of the time is for looks
	allowance = 250 * time.Millisecond // what they may take at once: all looks of a start of one Pod, on a slow machine
	frame     = 5 * time.Millisecond   // what a look counts at least: nobody sees more than so many in a second
)

// looked takes when a look began and ended. Once looks have taken more than is allowed at once, the next waits until
// they are back to their share of the time, but no longer than a tick: on a busy machine most of that was waiting, too.
func (p *pacing) looked(begun, ended time.Time) {
	if !p.ended.IsZero() {
		p.spent = max(0, p.spent-begun.Sub(p.ended)/share)
	}
	p.spent, p.ended = p.spent+max(frame, ended.Sub(begun)), ended
	p.next = ended.Add(min(max(0, (p.spent-allowance)*share), refresh))
	p.spent = min(p.spent, allowance+refresh/share)
}

// early reports whether it is too early for a look; due tells when it is not any more.
func (p *pacing) early(now time.Time) bool {
	wait := p.next.Sub(now)
	if wait <= 0 {
		p.due = nil
		return false
	}
	if p.due == nil {
		p.due = time.After(wait)
	}
	return true
}
