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
}

// row is one message of a figure.
type row struct {
	*seq.Step
	sender, receiver seq.Participant // as their lanes are named
	from, to         int             // lanes
	opens            bool
	closes           int // the row whose call it answers, or -1
	phase            int // of the report, or -1
}

// newFigure takes the steps of that detail.
func newFigure(r Report, detail seq.Detail) figure {
	var f figure
	r = r.selected()
	nodes := r.nodes()
	calls := map[seq.Key]int{} // rows
	for i := range r.Steps {
		s := r.Steps[i]
		if s.Detail > detail {
			continue
		}
		x := row{Step: s, sender: nodes.lane(s.From, s), receiver: nodes.lane(s.To, s), closes: -1, phase: -1}
		switch k, ok := calls[s.Call]; {
		case s.Call == "" || s.Kind != seq.RequestKind && s.Kind != seq.ResponseKind:
		case s.Kind == seq.RequestKind:
			calls[s.Call] = len(f.rows)
		case ok:
			f.rows[k].opens, x.closes = true, k
		}
		f.rows = append(f.rows, x)
		for _, p := range []seq.Participant{x.sender, x.receiver} {
			if !slices.Contains(f.lanes, p) {
				f.lanes = append(f.lanes, p)
			}
		}
	}
	f.sortLanes(r.Run.Runtime)
	f.markPhases(r)
	return f
}

// laneOrder is that of the diagrams in courses; others stand before the kubelet, containers at the end as they appear.
var laneOrder = []seq.Participant{seq.Kubectl, seq.APIServer, seq.Etcd, seq.ControllerManager, seq.Scheduler, "",
	seq.Kubelet, seq.Runtime, seq.CNI, seq.Runc}

func laneRank(p, runtime seq.Participant) int {
	if name, _, onNode := strings.Cut(string(p), onNode); onNode {
		p = seq.Participant(name)
	}
	switch p {
	case runtime:
		p = seq.Runtime
	case seq.User:
		p = seq.Kubectl
	case seq.Engine: // who asks the runtime
		p = seq.Kubelet
	}
	if p.IsController() {
		p = seq.ControllerManager
	}
	if i := slices.Index(laneOrder, p); i >= 0 {
		return i
	}
	if strings.HasPrefix(string(p), string(seq.Container(""))) {
		return len(laneOrder)
	}
	return slices.Index(laneOrder, "")
}

func (f *figure) sortLanes(runtime seq.Participant) {
	slices.SortStableFunc(f.lanes, func(a, b seq.Participant) int {
		return cmp.Compare(laneRank(a, runtime), laneRank(b, runtime))
	})
	for i := range f.rows {
		x := &f.rows[i]
		x.from, x.to = slices.Index(f.lanes, x.sender), slices.Index(f.lanes, x.receiver)
	}
}

// markPhases gives each row the phase in which it stands. Parts may overlap at their ends: the one that ends first has
// the row. A part reaches back to the end of the one before it, if it began by then.
func (f *figure) markPhases(r Report) {
	type stretch struct{ begin, end, phase int }
	at := map[seq.Key]int{} // the first row not before the step
	n := 0
	for i := range r.Steps {
		at[r.Steps[i].Key] = n
		if n < len(f.rows) && f.rows[n].Step == r.Steps[i] {
			n++
		}
	}
	var all []stretch
	for i, p := range r.Phases {
		if p.Name == seq.Unknown {
			continue
		}
		for _, part := range p.Parts {
			end, ended := at[part.End]
			if !ended {
				end = len(f.rows) - 1
			}
			all = append(all, stretch{at[part.Begin], end, i})
		}
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return cmp.Compare(a.end, b.end) })
	next := 0
	for _, s := range all {
		for i := max(next, s.begin); i <= s.end && i < len(f.rows); i++ {
			f.rows[i].phase = s.phase
		}
		next = max(next, s.end+1)
	}
}
