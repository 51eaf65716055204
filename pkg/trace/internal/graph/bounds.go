package graph

import (
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// narrow applies a bound to a window. One that would leave nothing of it is not applied, and is a clash: there two
// clocks disagree by more than was measured, and the message keeps what its own sources say.
func narrow(w *bounds, by bounds, conflict *uint8, clash uint8) {
	if is := w.intersect(by); is.empty() {
		*conflict |= clash
	} else {
		*w = is
	}
}

// clashed notes in which directions the bounds of a message contradict each other.
func (g *Graph) clashed(n *node, conflict uint8) {
	if conflict != n.conflict {
		n.conflict = conflict
		g.needs(n, toPublish)
	}
}

// boundForward has nothing happen before its cause.
func (g *Graph) boundForward(n *node) bool {
	if !n.exists() {
		return false
	}
	w, conflict := n.own, n.conflict&^clashForward
	for _, p := range n.preds {
		if p.before(n) {
			narrow(&w, bounds{earliest: p.forward.earliest}, &conflict, clashForward)
		}
	}
	g.clashed(n, conflict)
	if w == n.forward {
		return false
	}
	later := w.earliest != n.forward.earliest
	n.forward = w
	g.needs(n, toBoundBackward)
	return later
}

// boundBackward has nothing happen after what it caused.
func (g *Graph) boundBackward(n *node) bool {
	if !n.exists() {
		return false
	}
	w, conflict := n.forward, n.conflict&^clashBackward
	for _, s := range n.succs {
		if s.exists() && n.before(s) {
			narrow(&w, bounds{latest: s.window.latest}, &conflict, clashBackward)
		}
	}
	g.clashed(n, conflict)
	if w == n.window {
		return false
	}
	sooner := w.latest != n.window.latest
	n.window = w
	g.needs(n, toEstimate|toPublish)
	return sooner
}

// estimate chooses the likeliest instant: what the sources say, else the usual time after the last cause, within the
// window and not before any cause.
func (g *Graph) estimate(n *node) bool {
	if !n.exists() {
		return false
	}
	var cause stamp
	for _, p := range n.preds {
		if p.before(n) {
			cause = max(cause, p.at)
		}
	}
	best, shown, sharp := n.best, n.shown, n.sharp
	if best == 0 && cause != 0 {
		best = cause.add(n.lag)
	}
	if best == 0 {
		best = n.window.latest
	}
	said := best
	best = max(sooner(max(best, n.window.earliest), n.window.latest), cause)
	if shown && time.Duration(best-said).Abs() > sharp { // the source that was so sharp is contradicted
		shown, sharp = false, 0
	}
	if d, ok := n.window.width(); ok && d >= 0 && d <= time.Millisecond && !shown {
		shown, sharp = true, time.Millisecond
	}
	if best == n.at && shown == n.step.Sharp && sharp == n.step.Precision {
		return false
	}
	moved := best != n.at
	n.at, n.step.Sharp, n.step.Precision = best, shown, sharp
	g.needs(n, toPublish)
	return moved
}

// publish completes what is shown of a message.
func (g *Graph) publish(n *node) {
	n.fresh = true
	if !n.exists() {
		delete(g.clashes, n)
		return
	}
	x := &n.step
	x.Window, x.Best = n.window.public(), n.at.time()
	hidden := g.hides != nil && g.hides(x)
	if hidden != n.hidden {
		n.hidden = hidden
		for _, s := range n.succs {
			g.needs(s, toPublish)
		}
	}
	x.Conflict = n.clash || n.conflict != 0
	if x.Conflict && n.drawn() {
		g.clashes[n] = true
	} else {
		delete(g.clashes, n)
	}
	g.keys = g.keys[:0]
	for _, p := range n.preds {
		if p.drawn() {
			g.keys = append(g.keys, p.key)
		}
	}
	if !slices.Equal(x.After, g.keys) {
		x.After = append([]seq.Key(nil), g.keys...) // nil where there is none
	}
	x.Within = 0
	if !x.Sharp {
		x.Within = g.within(x)
	}
	if x.Call = n.call; n.replies > 0 {
		x.Call = n.key
	}
	g.touched(x.About)
}
