package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// The next look waits for a frame, and for twice as long as the last one took, but no longer than a tick; a quick one
// delays nobody.
func TestPacing(t *testing.T) {
	for took, waits := range map[time.Duration]time.Duration{
		0: 0, quick: 0, 2 * quick: frame, frame: 2 * frame, refresh / 2: refresh, 3 * time.Second: refresh,
	} {
		synctest.Test(t, func(t *testing.T) {
			var p pacing
			if p.early(time.Now()) {
				t.Fatal("the first look had to wait")
			}
			ended := time.Now()
			p.looked(ended.Add(-took), ended)
			if early := p.early(ended); early != (waits > 0) {
				t.Fatalf("after a look of %v: early is %v", took, early)
			}
			if waits > 0 {
				<-p.due
			}
			if at := time.Now(); at.Sub(ended) != waits || p.early(at) {
				t.Errorf("after a look of %v the next came after %v, want %v", took, at.Sub(ended), waits)
			}
		})
	}
}
