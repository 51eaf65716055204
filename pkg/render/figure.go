package render

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// figure is a report as the pictures draw it: the participants that have a lane, and the messages between them in
// order.
type figure struct {
	lanes []seq.Participant
	rows  []row
	again folding     // of the rows
	after []phasePart // waits after the last row, see markWaits
	tags  tags
	nodes nodes
	node  map[seq.Participant]string // of lanes, where there are several
}

// row is one message of a figure.
type row struct {
	*seq.Step
	from, to int // lanes
	opens    bool
	closes   int        // the row whose call it answers, or -1
	phase    int        // of the report, or -1
	least    seq.Detail // the least detailed picture that has it
	waits    []phasePart
	late     int // the row at which the phase began from which this was moved to that of the row above, or -1
}

// newFigure takes the steps of that detail, and what proves the obstacle.
func newFigure(r Report, detail seq.Detail) figure {
	f := figure{tags: r.tags(), node: map[seq.Participant]string{}}
	phases, proof := r.phaseOfSteps(), r.proof()
	r = r.selected()
	f.nodes = r.nodes()
	calls := map[seq.Key]int{} // rows
	for i := range r.Steps {
		s := r.Steps[i]
		x := row{Step: s, closes: -1, phase: -1, late: -1, least: s.Detail}
		if proof[s.Key] {
			x.least = seq.Brief
		}
		if x.least > detail {
			continue
		}
		if phase, ok := phases[s.Key]; ok {
			x.phase = phase
		}
		switch k, ok := calls[s.Call]; {
		case s.Call == "" || s.Kind != seq.RequestKind && s.Kind != seq.ResponseKind:
		case s.Kind == seq.RequestKind:
			calls[s.Call] = len(f.rows)
		case ok:
			f.rows[k].opens, x.closes = true, k
		}
		f.rows = append(f.rows, x)
		for _, p := range []seq.Participant{s.From, s.To} {
			if p = f.lane(s, p); !slices.Contains(f.lanes, p) {
				f.lanes = append(f.lanes, p)
			}
			if node := f.nodes.of[s.About]; node != "" && onNode(laneRank(p, r.Run.Runtime)) {
				f.node[p] = node
			}
		}
	}
	f.sortLanes(r.Run.Runtime)
	f.again = f.fold(r, detail)
	f.moveLateWrites()
	f.markWaits(r)
	return f
}

// item is what a picture has in one place: a row, drawn or folded, the line of what repeats, or a wait.
type item struct {
	at     int         // the row that it is, or that it stands before; the number of all at the end
	folded *repetition // that stands for the row, or nil
	again  *repetition // of which this is the line, or nil
	wait   *phasePart  // or nil
}

// isRow reports whether it is a row that is drawn.
func (x item) isRow() bool { return x.again == nil && x.wait == nil && x.folded == nil }

// items are all in their order. The rows of what repeats are folded into a line of its own where folds says so, and
// else drawn as they came.
func (f *figure) items(folds func(*repetition) bool) (all []item) {
	for i := range len(f.rows) + 1 {
		for _, x := range f.again.before[i] {
			if folds(x) {
				all = append(all, item{at: i, again: x})
			}
		}
		if i == len(f.rows) {
			break
		}
		folded := f.again.folded[i]
		if folded != nil && !folds(folded) {
			folded = nil
		}
		if folded == nil || folded.begins(i) {
			for k := range f.rows[i].waits {
				all = append(all, item{at: i, wait: &f.rows[i].waits[k]})
			}
		}
		all = append(all, item{at: i, folded: folded})
	}
	for k := range f.after {
		all = append(all, item{at: len(f.rows), wait: &f.after[k]})
	}
	return all
}

// always folds everything that repeats.
func (*repetition) always() bool { return true }

// answers reports whether a row is the answer to another.
func (f *figure) answers(x, call row) bool {
	return x.closes >= 0 && f.rows[x.closes].Step == call.Step
}

// lane is the participant as whom a lane stands for one of a step's: of several Pods each has containers of its own, of
// several nodes a kubelet, and what it asks.
func (f *figure) lane(s *seq.Step, p seq.Participant) seq.Participant {
	name, container := strings.CutPrefix(string(p), string(seq.Container("")))
	if pod := f.tags.name(s.About); container && pod != "" {
		return seq.Container(pod + "/" + name)
	}
	return f.nodes.lane(p, s)
}

// sortLanes puts them in the order of courses; those of one node stand together.
func (f *figure) sortLanes(runtime seq.Participant) {
	slices.SortStableFunc(f.lanes, func(a, b seq.Participant) int {
		inOrder := cmp.Compare(laneRank(a, runtime), laneRank(b, runtime))
		return cmp.Or(cmp.Compare(f.node[a], f.node[b]), inOrder, -compareBool(a.IsClient(), b.IsClient()))
	})
	for i := range f.rows {
		x := &f.rows[i]
		x.from, x.to = slices.Index(f.lanes, f.lane(x.Step, x.From)), slices.Index(f.lanes, f.lane(x.Step, x.To))
	}
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// proof are the steps that show what an outcome is due to, or holds the subject: those that tell of its evidence, the
// least detailed of each.
func (r Report) proof() map[seq.Key]bool {
	proof := map[seq.Key]bool{}
	for _, e := range r.told() {
		r.prove(e, proof)
	}
	return proof
}

// told is what tells of what an outcome is due to, or holds the subject.
func (r Report) told() []seq.Evidence {
	if o := r.Outcome.Obstacle; o != nil {
		return o.Evidence
	}
	return r.Held
}

// prove adds the step that tells of an evidence, and its call; ok is false where there is none.
func (r Report) prove(e seq.Evidence, proof map[seq.Key]bool) (ok bool) {
	var best *seq.Step
	for _, s := range r.Steps {
		if e.ResourceVersion != "" && s.To != seq.Etcd && s.Kind != seq.DeliveryKind && tells(s, e) &&
			(best == nil || s.Detail < best.Detail) {
			best = s
		}
	}
	if best == nil {
		return false
	}
	proof[best.Key] = true
	if best.Call != "" {
		proof[best.Call] = true
	}
	return true
}

// tells reports whether a step is the write that something is the evidence of, or has the same.
func tells(s *seq.Step, e seq.Evidence) bool {
	return s.ResourceVersion == e.ResourceVersion || slices.ContainsFunc(s.Evidence, func(x seq.Evidence) bool {
		return x.Source == e.Source && x.ResourceVersion == e.ResourceVersion
	})
}
