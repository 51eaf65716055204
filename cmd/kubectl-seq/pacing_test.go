package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// look has a look take as long as that, as soon as it may, and returns how long it had to wait.
func look(p *pacing, took time.Duration) (waited time.Duration) {
	begun := time.Now()
	if p.early(begun) {
		<-p.due
		if p.early(time.Now()) {
			panic("it was due, and is early")
		}
	}
	waited = time.Since(begun)
	begun = time.Now()
	time.Sleep(took)
	p.looked(begun, time.Now())
	return waited
}

// The looks of a short run wait for nothing; those of a long one take their share of the time, a frame at least, or
// come once a tick.
func TestPacing(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: frame * share, 2 * time.Millisecond: frame * share, 10 * time.Millisecond: 10 * share * time.Millisecond,
		3 * time.Second: refresh,
	} {
		synctest.Test(t, func(t *testing.T) {
			var p pacing
			for spent := time.Duration(0); spent+took <= allowance && spent < 20*took; spent += max(took, frame) {
				if waited := look(&p, took); waited != 0 {
					t.Fatalf("after looks of %v, %v in all, the next waited %v", took, spent, waited)
				}
			}
			var last time.Duration
			for range 500 {
				last = look(&p, took)
			}
			if last != want {
				t.Errorf("each look takes %v, and waits %v, want %v", took, last, want)
			}
			time.Sleep(time.Minute)
			if waited := look(&p, took); waited != 0 {
				t.Errorf("a look of %v after a minute without any waited %v", took, waited)
			}
		})
	}
}
