package trace

// What repeats in a run, by what it is about.

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// Cycles returns what has come twice or more often, and what else of the same objects may. A message may be of two: of
// one life of a container, say, and of what repeats within that life; then the cycle that holds the other comes first.
// They are shared: not to be changed.
func (t *Trace) Cycles() []seq.Cycle {
	r := t.resolve()
	var all []seq.Cycle
	for _, e := range r.entries {
		all = append(all, *e.cycles.get(e.version, func() []seq.Cycle { return r.cyclesOf(e.story) })...)
	}
	return r.withConsequences(all)
}

// cycleID tells cycles of one object apart.
type cycleID struct {
	row       *cycleRow
	container string
	what      string // beside that
	scope     string // within which it repeats: a life of the container, or a try to start it; empty for the object
}

// cycleReader finds the cycles of one object, along its messages.
type cycleReader struct {
	*story
	events     map[seq.Key]*emitted // by the keys of their notes and writes
	writes     map[seq.Key]*write   // by the keys of the writes to etcd
	tries      map[string]*containerTries
	tryOf      map[seq.Key]*try // by call, or by the message where it is of none
	tryOfEvent map[*emitted]*try
	placed     map[*emitted][]place
	written    map[*write][]place
	counted    map[string]int    // of Events, by uid
	capped     map[*emitted]bool // after as many as their client sends in a row
	last       map[cycleID]int
	turns      map[cycleID]map[int]*seq.Turn
	found      []cycleID // in the order in which they began
	refused    []seq.Key // requests of a controller of which no Event has told yet
}

// place is the turn of a cycle that a message belongs to.
type place struct {
	id     cycleID
	number int
}

// mayRepeat reports whether anything in the story can have come twice.
func (s *story) mayRepeat() bool {
	return len(s.lives) > 1 || len(s.sandboxes) > 0 || slices.ContainsFunc(s.events, func(e *emitted) bool {
		return e.event.Type == corev1.EventTypeWarning
	})
}

func (r *result) cyclesOf(s *story) []seq.Cycle {
	if s.isContainer() || !s.mayRepeat() || r.entryOf[s].counted {
		return nil
	}
	c := cycleReader{story: s, events: map[seq.Key]*emitted{}, writes: map[seq.Key]*write{},
		tries: map[string]*containerTries{}, tryOf: map[seq.Key]*try{}, tryOfEvent: map[*emitted]*try{},
		placed: map[*emitted][]place{}, written: map[*write][]place{}, counted: map[string]int{}, last: map[cycleID]int{},
		turns: map[cycleID]map[int]*seq.Turn{}, capped: s.capped()}
	for _, e := range s.events {
		c.events[e.noteKey()], c.events[e.writeKey], c.events[e.etcdKey] = e, e, e
	}
	for _, w := range s.revisions {
		c.writes[s.etcdKeyOf(w)] = w
	}
	c.readTries()
	for _, e := range s.events { // in their order
		c.placed[e] = c.placesOf(e)
	}
	for _, x := range r.stepsOf(s.object.UID) {
		if w := c.writeOf(x); w != nil && w.object.GetDeletionTimestamp() != nil {
			break // its end is no repetition
		}
		traits := c.traitsOf(x)
		places := c.places(x)
		for i, p := range places {
			t := c.turn(p)
			t.Steps = append(t.Steps, x.Key)
			for _, said := range traits {
				if said.Name != "message" || i == len(places)-1 || p.id.row == cycleCreate { // the inner has it
					t.Traits = append(t.Traits, said)
				}
			}
		}
	}
	for _, r := range s.lives {
		at := c.lifePlace(r.container, r.attempt)
		if t := c.turns[at.id][at.number]; t != nil {
			t.Open = r.exit == nil && s.newestLife(r) && s.runsStill()
		}
	}
	return c.cycles()
}

// cycles are all, where there are two turns or more of one.
func (c *cycleReader) cycles() (all []seq.Cycle) {
	c.found = slices.DeleteFunc(c.found, func(id cycleID) bool {
		return id.row == cycleRestart && c.replaced(id.container)
	})
	if !slices.ContainsFunc(c.found, func(id cycleID) bool { return len(c.turns[id]) > 1 }) {
		return nil
	}
	slices.SortStableFunc(c.found, func(a, b cycleID) int {
		return slices.Index(cycleRows, a.row) - slices.Index(cycleRows, b.row)
	})
	for _, id := range c.found {
		turns := c.turns[id]
		x := seq.Cycle{Name: id.row.name, Object: c.object, Container: id.container, What: id.filled(id.row.what),
			Until: id.filled(id.row.until)}
		for _, n := range slices.Sorted(maps.Keys(turns)) {
			x.Turns = append(x.Turns, *turns[n])
		}
		all = append(all, x)
	}
	return all
}

// turn is that of a place.
func (c *cycleReader) turn(p place) *seq.Turn {
	turns := c.turns[p.id]
	if turns == nil {
		turns = map[int]*seq.Turn{}
		c.turns[p.id], c.found = turns, append(c.found, p.id)
	}
	t := turns[p.number]
	if t == nil {
		t = &seq.Turn{Number: p.number}
		turns[p.number] = t
	}
	return t
}

// next is the number of the next turn of a cycle whose turns are counted as they come.
func (c *cycleReader) next(id cycleID) int {
	c.last[id]++
	return c.last[id]
}

// writeOf is the write of the object that a message is about, or nil.
func (c *cycleReader) writeOf(x *seq.Step) *write { return c.writes[c.writtenBy(x)] }

// writtenBy is the key of the write to etcd that a message is about: of the object, or of no one.
func (s *story) writtenBy(x *seq.Step) seq.Key {
	switch {
	case x.To == seq.Etcd:
		return x.Key
	case x.Resource != s.resource:
		return ""
	}
	return seq.Key("etcd:" + s.resource + ":" + x.ResourceVersion)
}

// places are the turns that a message belongs to.
func (c *cycleReader) places(x *seq.Step) []place {
	key := c.bare(x.Key).Begin()
	if e := c.events[key]; e != nil {
		return c.come(c.placed[e]...)
	}
	if t := c.tryOf[seq.Key(strings.TrimPrefix(string(key), "queue:"))]; t != nil {
		return c.come(c.placeOf(t))
	}
	if life, ok := lifeOf(key, x.Container); ok {
		return c.come(c.lifePlace(x.Container, life))
	}
	if n, ok := sandboxOf(key); ok {
		return []place{{cycleID{row: cycleSandboxAgain}, n}}
	}
	if w := c.writeOf(x); w != nil && c.isPod() {
		all, ok := c.written[w]
		if !ok {
			all = c.ofWrite(w)
			c.written[w] = all
		}
		return all
	}
	if x.Verb == "create" && strings.HasPrefix(string(key), "request:") {
		c.refused = append(c.refused, x.Key)
	}
	return nil
}

// bare is the key of a message of the object as its rules have it.
func (c *cycleReader) bare(key seq.Key) seq.Key {
	return seq.Key(strings.TrimPrefix(string(key), c.prefix))
}

// come notes which turns have been come to.
func (c *cycleReader) come(all ...place) []place {
	for _, p := range all {
		switch t := c.tries[p.id.container]; {
		case p.id.row == cycleRefused:
			refused := c.turn(p)
			refused.Steps, c.refused = append(refused.Steps, c.refused...), nil
		case t != nil && p.id.row == cycleRestart:
			t.failing = place{}
		case t != nil && (p.id.row == cyclePull || p.id.row == cycleCreate) &&
			(t.failing.id != p.id || t.failing.number < p.number):
			t.failing, t.said = p, false
		}
	}
	return all
}

// placesOf are the turns that an Event belongs to, wherever its message stands.
func (c *cycleReader) placesOf(e *emitted) []place {
	reason, warns := e.event.Reason, e.event.Type == corev1.EventTypeWarning
	if t := c.tryOfEvent[e]; t != nil {
		return []place{c.placeOf(t)}
	}
	var out []place
	id := cycleID{row: cycleTrouble, container: e.container, what: reason}
	switch volume := namedVolume.FindStringSubmatch(e.event.Message); {
	case c.isPod() && e.container != "":
		outer := c.tryAt(e)
		if outer.number > 0 {
			out = append(out, outer)
			id.scope = fmt.Sprint(outer.id.row.name, outer.id.scope, outer.number)
		}
		if kind, _, ok := strings.Cut(e.event.Message, " probe "); ok && reason == "Unhealthy" {
			id.row, id.what = cycleProbe, strings.ToLower(kind)
		} else if text, ok := strings.CutPrefix(e.event.Message, "Error: "); ok && beforeTheCall[text] {
			id.what = text
		}
	case reason == "FailedScheduling":
		id.row, id.what = cycleSchedule, ""
	case reason == "FailedCreatePodSandBox":
		id.row, id.what = cycleSandbox, ""
	case reason == "FailedCreate" && !c.isPod():
		id.row, id.what = cycleRefused, ""
	case reason == "SandboxChanged":
		for _, x := range c.sandboxes {
			if x.changed == e {
				out = append(out, place{cycleID{row: cycleSandboxAgain}, x.attempt + 1})
			}
		}
		return out
	case volume != nil:
		id.what += " of volume " + volume[1]
	}
	if !warns {
		return out
	}
	uid := string(e.event.UID)
	if _, seen := c.counted[uid]; !seen && !c.begins().IsZero() {
		c.counted[uid] = e.count - 1 // those were before
	}
	c.last[id] += max(1, e.count-c.counted[uid]) // writes that we missed count too
	c.counted[uid] = e.count
	return append(out, place{id, c.last[id]})
}

// namedVolume is the volume that an Event is about.
var namedVolume = regexp.MustCompile(`for volume "([^"]+)"`)

// ofWrite is the turn that a write of the Pod's status tells of: of the first container that is not as it was, or of
// the scheduler.
func (c *cycleReader) ofWrite(w *write) []place {
	if w.prevPod == nil { // it may tell of anything
		return nil
	}
	for is := range object.Statuses(w.pod) {
		was := object.StatusOf(w.prevPod, is.Name)
		if was != nil && sameState(is, was) {
			continue
		}
		t := c.tries[is.Name]
		switch waits := is.State.Waiting; {
		case waits == nil:
			return c.come(c.lifePlace(is.Name, int(is.RestartCount)))
		case waits.Reason == crashLoop && lastStateAttempt(is) >= 0:
			return c.come(c.lifePlace(is.Name, lastStateAttempt(is)))
		case t != nil && t.failing.number > 0:
			if waits.Reason == "ErrImagePull" && t.said { // Events of that pull were dropped
				t.failing.number = c.next(t.failing.id)
			}
			t.said = t.said || waits.Reason == "ErrImagePull"
			return []place{t.failing}
		case is.LastTerminationState.Terminated != nil:
			return c.come(c.lifePlace(is.Name, lastStateAttempt(is)))
		}
	}
	was, is := conditionOf(w.prevPod, corev1.PodScheduled), conditionOf(w.pod, corev1.PodScheduled)
	if is.Status == corev1.ConditionFalse && was.Message != is.Message {
		id := cycleID{row: cycleSchedule}
		return []place{{id, max(1, slices.Max(append(slices.Collect(maps.Keys(c.turns[id])), 0)))}}
	}
	return nil
}

const crashLoop = "CrashLoopBackOff"

// sameState reports whether two statuses of a container say the same of what it does.
func sameState(a, b *corev1.ContainerStatus) bool {
	return stateOf(a.State) == stateOf(b.State) && a.RestartCount == b.RestartCount && a.Ready == b.Ready &&
		isTrue(a.Started) == isTrue(b.Started)
}

// sandboxOf is which sandbox of the Pod, from 1, a message is about: that is stopped so that the next can be made, is
// of the next.
func sandboxOf(key seq.Key) (n int, ok bool) {
	what, number, _ := cutLast(string(key))
	n, err := strconv.Atoi(number)
	switch what {
	case "cri:RunPodSandbox:":
		return n + 1, err == nil
	case "cri:StopPodSandbox:":
		return n + 2, err == nil
	}
	return 0, false
}
