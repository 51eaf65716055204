package main

import "time"

// pacing keeps a run from looking at what it has all the time: where there are hundreds of Pods a look takes as long as
// many observations take to come. They are taken meanwhile, and seen all at once by the next look. The zero value is
// ready to use.
type pacing struct {
	next time.Time        // no look before
	due  <-chan time.Time // tells when it is time, where somebody wanted to look before
}

const (
	quick = time.Millisecond      // how long a look may take that no other has to wait for
	frame = 16 * time.Millisecond // how soon after any other look the next is worth it: a screen shows no more
)

// looked takes when a look began and ended. The next has to wait for a frame, and for twice as long as that took, so
// that a third of the time is spent on looks at most, but no longer than a tick: on a busy machine most of it was
// waiting, too.
func (p *pacing) looked(begun, ended time.Time) {
	p.next = time.Time{}
	if took := ended.Sub(begun); took > quick {
		p.next = ended.Add(min(max(frame, 2*took), refresh))
	}
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
