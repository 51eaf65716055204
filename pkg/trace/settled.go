package trace

import (
	"time"
)

// Settled returns n such that the first n Steps are final, if every observation arrives within patience after the fact.
// Nothing is final while a source has not answered: the lists of a run that tells the past, or a watch that is lost. Where
// Events have just come late, it takes twice as long as they were under way.
func (t *Trace) Settled(patience time.Duration) int {
	r := t.resolve()
	since, ok := t.listening(r.scene)
	if !ok {
		return 0
	}
	patience = max(patience, 2*r.scene.lateness(t.now))
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

// recently is for how long Events that came late have others be waited for.
const recently = 10 * time.Second

// lateness is how much longer the latest Event has recently been under way than the fastest of its emitter, whose clock may
// be off.
func (c *scene) lateness(now time.Time) (most time.Duration) {
	least := map[Participant]time.Duration{}
	type delivery struct {
		received time.Time
		took     time.Duration
	}
	delivered := func(yield func(Participant, delivery) bool) {
		for _, s := range c.stories {
			for _, e := range s.events {
				if e.count == 1 && !e.first && !e.at.IsZero() && !s.wasFound(e) && !yield(e.emitter, delivery{e.received, e.received.Sub(e.at)}) {
					return
				}
			}
		}
	}
	for who, d := range delivered {
		if old, ok := least[who]; !ok || d.took < old {
			least[who] = d.took
		}
	}
	for who, d := range delivered {
		if now.Sub(d.received) < recently {
			most = max(most, d.took-least[who])
		}
	}
	return most
}
