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
	from, to int // lanes
	opens    bool
	closes   int // the row whose call it answers, or -1
	phase    int // of the report, or -1
}

// newFigure takes the steps of that detail.
func newFigure(r Report, detail seq.Detail) figure {
	var f figure
	phases := r.phaseOfSteps()
	r = r.selected()
	calls := map[seq.Key]int{} // rows
	for i := range r.Steps {
		s := r.Steps[i]
		if s.Detail > detail {
			continue
		}
		x := row{Step: s, closes: -1, phase: -1}
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
			if !slices.Contains(f.lanes, p) {
				f.lanes = append(f.lanes, p)
			}
		}
	}
	f.sortLanes(r.Run.Runtime)
	return f
}

// laneOrder is that of the diagrams in courses; others stand before the kubelet, containers at the end as they appear.
var laneOrder = []seq.Participant{seq.Kubectl, seq.APIServer, seq.Etcd, seq.ControllerManager, seq.Scheduler, "",
	seq.Kubelet, seq.Runtime, seq.CNI, seq.Runc}

func laneRank(p, runtime seq.Participant) int {
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
		f.rows[i].from, f.rows[i].to = slices.Index(f.lanes, f.rows[i].From), slices.Index(f.lanes, f.rows[i].To)
	}
}
