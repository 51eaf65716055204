package graph

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// boundForward has nothing happen before its cause. A bound that would leave nothing of a window is not applied: there
// two clocks disagree by more than was measured, and the message keeps what its own sources say.
func (g *Graph) boundForward(n *node) bool {
	w, conflict := n.own, n.conflict&^clashForward
	if n.exists() {
		for _, p := range n.preds {
			if !p.before(n) {
				continue
			}
			if is := instant.Intersect(w, seq.Window{Earliest: p.forward.Earliest}); is.Empty() {
				conflict |= clashForward
			} else {
				w = is
			}
		}
	}
	if conflict != n.conflict {
		n.conflict = conflict
		g.needs(n, toPublish)
	}
	if w == n.forward {
		return false
	}
	sooner := n.forward.Earliest != w.Earliest
	n.forward = w
	g.needs(n, toBoundBackward)
	return sooner
}

// boundBackward has nothing happen after what it caused.
func (g *Graph) boundBackward(n *node) bool {
	w, conflict := n.forward, n.conflict&^clashBackward
	if n.exists() {
		for _, s := range n.succs {
			if !s.exists() || !n.before(s) {
				continue
			}
			if is := instant.Intersect(w, seq.Window{Latest: s.step.Window.Latest}); is.Empty() {
				conflict |= clashBackward
			} else {
				w = is
			}
		}
	}
	if conflict != n.conflict {
		n.conflict = conflict
		g.needs(n, toPublish)
	}
	if w == n.step.Window {
		return false
	}
	later := w.Latest != n.step.Window.Latest
	n.step.Window = w
	g.needs(n, toEstimate|toPublish)
	return later
}

// estimate chooses the likeliest instant: what the sources say, else the usual time after the last cause, within the
// window and not before any cause.
func (g *Graph) estimate(n *node) bool {
	var cause time.Time
	for _, p := range n.preds {
		if p.before(n) {
			cause = instant.Later(cause, p.step.Best)
		}
	}
	best, shown, sharp := n.best, n.shown, n.sharp
	if best.IsZero() && !cause.IsZero() {
		best = cause.Add(n.lag)
	}
	if best.IsZero() {
		best = n.step.Window.Latest
	}
	said := best
	best = instant.Later(best, n.step.Window.Earliest)
	best = instant.Sooner(best, n.step.Window.Latest)
	best = instant.Later(best, cause)
	if shown && best.Sub(said).Abs() > sharp { // the source that was so sharp is contradicted
		shown, sharp = false, 0
	}
	if d, ok := n.step.Window.Width(); ok && d >= 0 && d <= time.Millisecond && !shown {
		shown, sharp = true, time.Millisecond
	}
	if best == n.step.Best && shown == n.step.Sharp && sharp == n.step.Precision {
		return false
	}
	moved := best != n.step.Best
	n.step.Best, n.step.Sharp, n.step.Precision = best, shown, sharp
	g.needs(n, toPublish)
	return moved
}

// publish completes what is shown of a message.
func (g *Graph) publish(n *node) {
	hidden := n.exists() && g.hides != nil && g.hides(&n.step)
	if hidden != n.hidden {
		n.hidden = hidden
		for _, s := range n.succs {
			g.needs(s, toPublish)
		}
	}
	n.fresh = true
	if n.exists() && !n.hidden && (n.clash || n.conflict != 0) {
		g.clashes[n] = true
	} else {
		delete(g.clashes, n)
	}
	if !n.exists() {
		return
	}
	after := make([]seq.Key, 0, len(n.preds))
	for _, p := range n.preds {
		if p.exists() && !p.hidden {
			after = append(after, p.step.Key)
		}
	}
	n.step.After = after
	n.step.Call = n.call
	if n.replies > 0 {
		n.step.Call = n.step.Key
	}
	n.step.Conflict = n.clash || n.conflict != 0
	g.touched(n.step.About)
}
