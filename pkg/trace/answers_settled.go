package trace

// Which steps are final: nothing that may still come would change them or stand before them.

import (
	"cmp"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// Settled returns n such that the first n Steps are final, if every observation arrives within patience after the fact.
// Nothing is final while a source has not answered: the lists of a run that tells the past, or a watch that is lost.
// Where Events have just come late, it takes twice as long as they were under way.
//
// Of the Pods only those count that are drawn, see Draw: what is still open of others may come between the first n, but
// neither moves those that count nor comes between them.
func (t *Trace) Settled(patience time.Duration) int {
	r := t.resolve()
	since, ok := t.listening(r.scene)
	if !ok {
		return 0
	}
	way := r.underWay(t.now)
	patience = max(patience, 2*way.lateness)
	last := t.now.Add(-patience) // by when what is final had certainly happened
	if since.After(last) {
		return 0
	}
	return r.firstOpen(func(x *stepTimes) bool {
		return x.unknown || x.lastCertain.After(last) || !way.since.IsZero() && x.lastLikely.After(way.since)
	})
}

// blockSize is of how many steps a span is kept, so that not each is looked at each time.
const blockSize = 256

// counts reports whether it has to be known what becomes of an object before something is final.
func (r *result) counts(uid string) bool {
	if r.allDrawn {
		return true
	}
	s := r.scene.byUID[uid]
	return s == nil || r.entryOf[s].drawn
}

// firstOpen is the index of the first step that counts and is open, or the number of all. What several steps are
// together is open if one of them is.
func (r *result) firstOpen(open func(*stepTimes) bool) int {
	steps := r.graph.Steps()
	same := r.graph.Unchanged() / blockSize
	r.blocks = r.blocks[:min(same, len(r.blocks))]
	for i := len(r.blocks) * blockSize; i < len(steps); i += blockSize {
		var all stepTimes
		for _, x := range steps[i:min(i+blockSize, len(steps))] {
			if r.counts(x.About) {
				all.add(x)
			}
		}
		r.blocks = append(r.blocks, all)
	}
	for b := range r.blocks {
		if !open(&r.blocks[b]) {
			continue
		}
		for i := b * blockSize; i < len(steps); i++ {
			var one stepTimes
			if one.add(steps[i]); open(&one) && r.counts(steps[i].About) {
				return i
			}
		}
	}
	return len(steps)
}

// listening reports whether every source has answered, and since when those do that had been lost meanwhile: what they
// missed comes only then. A watch that may not be taken up again, or is replaced by asking, is as good as answered.
func (t *Trace) listening(c *scene) (since time.Time, ok bool) {
	if c.listing || !c.attached() && c.zero().IsZero() {
		// then it is not known yet what times count from
		return since, false
	}
	lost := map[string]bool{}
	for _, q := range c.requests {
		if q.Verb != "watch" || q.Docker != nil {
			continue
		}
		if q.Status == 200 && lost[q.Resource] {
			since = instant.Later(since, q.FirstByte)
		}
		lost[q.Resource] = q.Status != 200
	}
	for _, g := range c.gaps {
		if g.ToRevision == "" {
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

// runProgress is what is under way in a run.
type runProgress struct {
	since    time.Time     // since the earliest of which only its end will tell what happened in it; zero for nothing
	lateness time.Duration // how much longer the latest Event has recently been under way than the fastest of its emitter
}

// underWay finds what is under way.
func (r *result) underWay(now time.Time) (u runProgress) {
	for _, q := range r.scene.requests {
		if q.Acts() && awaitsAnswer(q) {
			u.since = instant.Sooner(u.since, q.Sent)
		}
	}
	var fastest []time.Duration
	for _, g := range r.groups() {
		w := g.underWay.get(g.version, func() groupProgress { return r.groupUnderWay(g) })
		u.since = instant.Sooner(u.since, w.since)
		for _, x := range w.events {
			if now.Sub(x.received) < recently {
				u.since = instant.Sooner(u.since, x.since)
			}
		}
		for emitter, took := range w.fastest {
			fastest = fastestOf(fastest, emitter, took)
		}
	}
	since := now.Add(-recently).UnixNano()
	for _, g := range r.grouped {
		if g.underWay.value.lastReceived <= since {
			continue
		}
		for _, e := range g.entries {
			for i := range e.underWay.value.delivered {
				if d := &e.underWay.value.delivered[i]; d.received > since {
					u.lateness = max(u.lateness, d.took-fastest[d.emitter])
				}
			}
		}
	}
	return u
}

// fastestOf are those of each emitter, where one of them was under way for that long, too.
func fastestOf(fastest []time.Duration, emitter int, took time.Duration) []time.Duration {
	for emitter >= len(fastest) {
		fastest = append(fastest, math.MaxInt64)
	}
	fastest[emitter] = min(fastest[emitter], took)
	return fastest
}

// groupUnderWay finds what is under way in the stories of a group.
func (r *result) groupUnderWay(g *group) (all groupProgress) {
	for _, e := range g.entries {
		w := e.underWay.get(e.version, func() storyProgress { return r.storyUnderWay(e.story) })
		if r.counts(e.object.UID) {
			all.since, all.events = instant.Sooner(all.since, w.since), append(all.events, w.events...)
		}
		for i := range w.delivered {
			d := &w.delivered[i]
			all.fastest = fastestOf(all.fastest, d.emitter, d.took)
			all.lastReceived = max(all.lastReceived, d.received)
		}
	}
	return all
}

// storyUnderWay finds what is under way in one story.
func (r *result) storyUnderWay(s *story) (w storyProgress) {
	if s.isPod() {
		w.since = instant.Sooner(instant.Sooner(s.sandboxUnderWay(r), s.startUnderWay(r)), s.sidecarStopUnderWay())
	}
	for _, e := range s.events {
		if s.unsettled(e) { // the status will say which call failed
			w.events = append(w.events, unsettled{e.received, cmp.Or(e.at, s.usuallyEmitted(e))})
		}
		if e.count != 1 || e.isFirstEmission || e.at.IsZero() || s.wasListed(e) {
			continue
		}
		w.delivered = append(w.delivered, delivery{r.emitterIndex(e.emitter), e.received.UnixNano(),
			e.received.Sub(e.at)})
	}
	return w
}

// sidecarStopUnderWay is since when a sidecar is to be stopped once others have ended that still run, or zero.
func (s *story) sidecarStopUnderWay() (since time.Time) {
	for _, e := range s.events {
		spec := s.spec(e.container)
		if e.emitter != seq.Kubelet || e.event.Reason != "Killing" || spec == nil || spec.RestartPolicy == nil {
			continue
		}
		awaited := s.awaitedBySidecar(e.container)
		for c := range object.Statuses(s.newest()) {
			if awaited[c.Name] && c.State.Running != nil {
				since = instant.Sooner(since, instant.Before(e.at, 1)) // the stop itself is open, too
			}
		}
	}
	return since
}

// awaitsAnswer reports whether a request has been sent whose way through the components only its answer tells. That to
// wait for a container's end tells nothing else.
func awaitsAnswer(q *seq.Request) bool {
	switch {
	case q.Sent.IsZero() || q.Message != "" || q.Status >= 300:
		return false
	case q.Exec != nil:
		return q.Exec.Ended.IsZero()
	}
	return q.Status == 0 && q.Verb != "wait" && q.Verb != "attach"
}

// sandboxUnderWay is since when the kubelet may have been at the Pod's sandbox that there is no sign of yet, or zero:
// from when the Pod had its node, or from the last Event that says why there was none.
func (s *story) sandboxUnderWay(r *result) time.Time {
	if s.foundRevision() != nil || !s.begins().IsZero() || s.node == "" || s.reporter() != seq.Kubelet || s.podEnded() ||
		s.deletionBegun() || r.step(s.ownKey(sandboxKey)) != nil {
		return time.Time{}
	}
	assigned := r.step(s.ownKey(s.assignedKey()))
	if assigned == nil {
		return time.Time{}
	}
	since := assigned.Best
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && sandboxWarnings[e.event.Reason] && e.container == "" {
			since = instant.Later(since, cmp.Or(e.at, s.usuallyEmitted(e)))
		}
	}
	return since
}

// startUnderWay is since when the kubelet may have been at a container's creation or start that there is no sign of
// yet, or zero: from what it did last on the way there, where nothing says that it came no further.
func (s *story) startUnderWay(r *result) time.Time {
	if len(s.revisions) == 0 || s.reporter() != seq.Kubelet || s.podEnded() || s.deletionBegun() || s.startHeld() {
		return time.Time{}
	}
	worker := s.workerEvents
	if len(worker) == 0 {
		sandbox := r.step(s.ownKey(sandboxEnd))
		switch {
		case sandbox == nil:
			return time.Time{}
		case len(s.lives) > 0:
			return s.restartUnderWay(r)
		}
		return sandbox.Best
	}
	last := worker[len(worker)-1]
	at := cmp.Or(last.at, s.usuallyEmitted(last.emitted))
	for _, e := range s.events {
		if e.emitter == seq.Kubelet && e.container == last.container && e.event.Type == corev1.EventTypeWarning &&
			!ofProbes[e.event.Reason] && e.rv > last.rv {
			return time.Time{} // it came no further
		}
	}
	switch last.action {
	case imagePresent, pulled, containerCreated:
		return at
	case containerStarted:
		if s.waitsForTurn() && s.goesOn(last.container) {
			return at
		}
	}
	return time.Time{}
}

// ofProbes are the reasons of Warning Events that the kubelet's probes emit, whatever its worker is at.
var ofProbes = map[string]bool{"Unhealthy": true, "ProbeWarning": true}

// restartUnderWay is since when a container that has ended may have been started again, of which there is no sign yet,
// or zero. Where no Events come only the status tells.
func (s *story) restartUnderWay(r *result) (since time.Time) {
	policy := s.newest().Spec.RestartPolicy
	for c := range statusesWithoutEphemeral(s.newest()) {
		t := c.State.Terminated
		if t == nil || isInit(s.newest(), c.Name) || policy == corev1.RestartPolicyNever ||
			policy == corev1.RestartPolicyOnFailure && t.ExitCode == 0 {
			continue
		}
		if exit := r.step(s.ownKey(exitKey(c.Name, int(c.RestartCount)))); exit != nil {
			since = instant.Sooner(since, exit.Best)
		}
	}
	return since
}

// startHeld reports whether the status says that a container waits for something else than its turn.
func (s *story) startHeld() bool {
	for c := range statusesWithoutEphemeral(s.newest()) {
		if c.State.Waiting != nil && !usualWaits[c.State.Waiting.Reason] {
			return true
		}
	}
	return false
}
