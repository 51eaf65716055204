package trace

import (
	"time"
)

// Settled returns n such that the first n Steps are final, if every observation arrives within patience after the fact.
// Nothing is final while a source has not answered: the lists of a run that tells the past, or a watch that is lost.
func (t *Trace) Settled(patience time.Duration) int {
	r := t.resolve()
	since, ok := t.listening(r.scene)
	if !ok {
		return 0
	}
	for i := range r.steps {
		last := later(r.steps[i].Window.Latest, r.steps[i].Best)
		if last.IsZero() || t.now.Sub(later(last, since)) < patience {
			return i
		}
	}
	return len(r.steps)
}

// listening reports whether every source has answered, and since when those do that had been lost meanwhile: what they
// missed comes only then. A watch that may not be taken up again, or is replaced by asking, is as good as answered.
func (t *Trace) listening(c *scene) (since time.Time, ok bool) {
	if t.looking && !t.listed || !c.attached() && c.zero().IsZero() { // then it is not known yet what times count from
		return since, false
	}
	lost := map[string]bool{}
	for _, q := range c.requests {
		if q.Verb != "watch" || q.Docker != nil {
			continue
		}
		if q.Status == 200 && lost[q.Resource] {
			since = later(since, q.FirstByte)
		}
		lost[q.Resource] = q.Status != 200
	}
	for _, g := range c.gaps {
		if g.To == "" {
			delete(lost, g.Resource)
		}
	}
	for _, is := range lost {
		if is {
			return since, false
		}
	}
	return since, true
}
