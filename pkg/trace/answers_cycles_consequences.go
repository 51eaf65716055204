package trace

// What controllers write because of what repeats.

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// turnAt is the turn of a cycle, by their indices, in which a revision of a Pod was written.
type turnAt struct {
	cycle, turn int
	revision    uint64
}

// withConsequences adds what controllers wrote because of a write that is of a turn: they count Pods, and publish their
// addresses. What is known of the cause says of which cycle it was, and its revision of which turn.
func (r *result) withConsequences(all []seq.Cycle) []seq.Cycle {
	turns := map[seq.Key]turnAt{}        // by the write
	writes := make([][]turnAt, len(all)) // by cycle, in order
	for i, x := range all {
		for k, t := range x.Turns {
			for _, key := range t.Steps {
				number, ok := strings.CutPrefix(string(key), "etcd:pods:")
				if _, seen := turns[key]; !ok || seen {
					continue
				}
				revision, _ := strconv.ParseUint(number, 10, 64)
				turns[key] = turnAt{i, k, revision}
				writes[i] = append(writes[i], turns[key])
			}
		}
		slices.SortFunc(writes[i], func(a, b turnAt) int { return cmp.Compare(a.revision, b.revision) })
	}
	if len(turns) == 0 {
		return all
	}
	own := make([]bool, len(all)) // its turns are not shared
	for _, e := range r.entries {
		of := map[seq.Key]turnAt{} // by the write to etcd
		for _, w := range e.revisions {
			if at, ok := w.consequenceOf(turns); ok && !e.isPod() {
				for _, x := range writes[at.cycle] {
					if x.revision < w.rv && r.scene.sharesPodCounter(e.resource) {
						at = x
					}
				}
				of[e.etcdKeyOf(w)] = at
			}
		}
		if len(of) == 0 {
			continue
		}
		for _, x := range r.stepsOf(e.object.UID) {
			at, ok := of[e.writtenBy(x).Begin()]
			if !ok {
				continue
			}
			c := &all[at.cycle]
			if !own[at.cycle] {
				own[at.cycle], c.Turns = true, slices.Clone(c.Turns)
				for k := range c.Turns {
					c.Turns[k].Steps = slices.Clip(c.Turns[k].Steps)
				}
			}
			c.Turns[at.turn].Steps = append(c.Turns[at.turn].Steps, x.Key)
		}
	}
	return all
}

// consequenceOf is the turn that led to a write. A Deployment counts by its ReplicaSet, of which only the first write
// is known that says the same: any later one of a turn may be the cause.
func (w *write) consequenceOf(turns map[seq.Key]turnAt) (at turnAt, ok bool) {
	d := w.cause
	if at, ok = d.turn(turns); ok || d == nil || d.story.isPod() {
		return at, ok
	}
	for _, o := range slices.Backward(d.story.revisions) {
		if o.rv < w.rv && !ok {
			at, ok = o.cause.turn(turns)
		}
	}
	return at, ok
}

// turn is that of a write, or of what led to it.
func (d *watchedWrite) turn(turns map[seq.Key]turnAt) (at turnAt, ok bool) {
	for ; d != nil && !ok; d = d.write.cause {
		at, ok = turns[d.story.etcdKeyOf(d.write)]
	}
	return at, ok
}
