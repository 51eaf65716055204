package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Selection says which Pods of a workload are drawn in full. The others are counted; JSON has all.
type Selection string

// Selections are those there are: every Pod, the one that was made first, or the one that took longest, which is known
// only in the end.
var Selections = []Selection{"all", "first", "slowest"}

// held is the Pod that keeps the run from its end, where it is not the one that was made first, or nil.
func (r Report) held() *seq.Member {
	o := r.Outcome.Obstacle
	if o == nil || r.Pods != "first" {
		return nil
	}
	for i, m := range r.Members {
		if i > 0 && m.Object.UID == o.Object.UID {
			return &r.Members[i]
		}
	}
	return nil
}

// of is the report with nothing but the steps, the phases and the waits of one Pod.
func (r Report) of(m *seq.Member) Report {
	var kept []*seq.Step
	for _, s := range r.Steps {
		if s.About == m.Object.UID {
			kept = append(kept, s)
		}
	}
	r.whole, r.listing = r.every(), r.column()
	r.Steps, r.Phases, r.Waits, r.Members, r.Outcome = kept, m.Phases, m.Waits, nil, Outcome{}
	return r
}

// one is the uid of the only Pod that is drawn, or nothing where that is not known yet; some is false where all are.
func (r Report) one() (uid string, some bool) {
	switch {
	case len(r.Members) == 0 || r.Pods == "all":
		return "", false
	case r.Pods == "slowest" && r.Outcome.Name == "":
		return "", true
	case r.Pods == "slowest":
		return slices.MaxFunc(r.Members, func(a, b seq.Member) int { return cmp.Compare(a.Took, b.Took) }).Object.UID, true
	}
	return r.Members[0].Object.UID, true
}

// ToldPods are the uids of the Pods that a picture tells more of than that they are there: the one that is drawn, the
// one that holds the run, and those of the table.
func (r Report) ToldPods() []string {
	one, _ := r.one()
	told := []string{one}
	if m := r.held(); m != nil {
		told = append(told, m.Object.UID)
	}
	for _, m := range r.listed() {
		told = append(told, m.Object.UID)
	}
	return told
}

// selected returns the report with the steps of the Pods that are drawn. A picture that is drawn in the end has the Pod
// that holds the rest, if there is one, and not the first.
func (r Report) selected() Report {
	one, some := r.one()
	if m := r.held(); m != nil {
		one = m.Object.UID
	}
	if !some {
		return r
	}
	kept := r.without(one)
	r.whole, r.listing = r.every(), r.column()
	r.Steps = kept
	return r
}

// without are the steps that are about no Pod but this one.
func (r Report) without(one string) []*seq.Step {
	left := map[string]bool{}
	for _, m := range r.Members {
		left[m.Object.UID] = m.Object.UID != one
	}
	kept := make([]*seq.Step, 0, len(r.Steps))
	for _, s := range r.Steps {
		if !left[s.About] {
			kept = append(kept, s)
		}
	}
	return kept
}

// tags tell the Pods of a picture apart where it has several: the names by their uids.
type tags map[string]string

func (r Report) tags() tags {
	if len(r.Members) < 2 || r.Pods != "all" {
		return nil
	}
	names := make(tags, len(r.Members))
	for _, m := range r.Members {
		names[m.Object.UID] = m.Object.Name
	}
	return names
}

// name is how a picture calls the Pod with that uid in little room: by what its name has not in common with the others,
// where that is long enough to be told.
func (t tags) name(uid string) string {
	name := t[uid]
	if own := name[strings.LastIndexByte(name, '-')+1:]; len(own) >= 5 {
		return own
	}
	return name
}

// of is what the name of the step's Pod has not in common with the others, where the label does not say it.
func (t tags) of(s *seq.Step) string {
	if name, ok := t[s.About]; ok && !strings.Contains(s.Label, name) {
		return " [" + name[strings.LastIndexByte(name, '-')+1:] + "]"
	}
	return ""
}

// nodes tell the kubelets of a picture apart where it has several, and what else each node has.
type nodes struct {
	of      map[string]string // by the uids of Pods
	runtime seq.Participant
}

func (r Report) nodes() nodes {
	of, several := map[string]string{}, map[string]bool{}
	for _, m := range r.Members {
		if of[m.Object.UID] = m.Node; m.Node != "" {
			several[m.Node] = true
		}
	}
	if r.Pods != "all" || len(several) < 2 {
		return nodes{}
	}
	return nodes{of, r.Run.Runtime}
}

const atNode = " on "

// lane is the name of a participant's lane.
func (n nodes) lane(p seq.Participant, s *seq.Step) seq.Participant {
	each := []seq.Participant{seq.Kubelet, seq.Runtime, n.runtime, seq.CNI, seq.Runc}
	if node := n.of[s.About]; node != "" && slices.Contains(each, p) {
		return p + seq.Participant(atNode+node)
	}
	return p
}

// mostListed is how many Pods stand in the table.
const mostListed = 12

// listed are the Pods of the table: all, or the slowest where there are many.
func (r Report) listed() []seq.Member {
	if len(r.Members) <= mostListed {
		return r.Members
	}
	all := slices.Clone(r.Members)
	slices.SortStableFunc(all, func(a, b seq.Member) int { return cmp.Compare(b.Took, a.Took) })
	return all[:mostListed]
}

// members is a table of the Pods, the slowest first where there are many.
func (y Style) members(r Report) []string {
	if len(r.Members) == 0 {
		return nil
	}
	nodes := 12
	for _, m := range r.Members { // names of nodes often differ at their ends only
		nodes = min(max(nodes, runewidth.StringWidth(m.Node)), 40)
	}
	title := fmt.Sprintf("%d Pods", len(r.Members))
	if len(r.Members) == 1 {
		title = "1 Pod"
	}
	all := r.listed()
	if len(all) < len(r.Members) {
		title += fmt.Sprintf(", the %d slowest", len(all))
	}
	out := []string{title + ":"}
	for _, m := range all {
		state, longest := y.memberState(m), ""
		if p := (Report{Phases: m.Phases}).longest(); p.Took > 0 && m.Took > 0 {
			longest = fmt.Sprintf("most of it %s, %s", p.Name, bounded(p.Min, p.Max, y.seconds))
		}
		made := ""
		if !m.CreatedAt.IsZero() && !r.Run.Origin.IsZero() {
			made = "made at " + signed(exactly(m.CreatedAt.Sub(r.Run.Origin)))
			if r.looks() {
				made = "made at " + timeOfDay(m.CreatedAt, r.Run.AttachedAt, time.Second)
			}
		}
		line := fmt.Sprintf("  %s  %s  %s  %s  %s", fit(m.Object.Name, 30), fit(m.Node, nodes), fit(made, 18), fit(state, 9),
			longest)
		out = append(out, strings.TrimRight(fit(line, y.width()-1), " "))
	}
	return out
}

// memberState is how far a Pod has come: a duration is what it took to be ready, or to complete.
func (y Style) memberState(m seq.Member) string {
	switch st := m.State; {
	case st.Deleted:
		return "gone"
	case st.Failed:
		return "failed"
	case st.Deleting:
		return "ending"
	case m.Took > 0 && (st.Ready || st.Succeeded):
		return length(m.Took, y.seconds)
	case st.Succeeded:
		return "completed"
	case st.Ready:
		return "ready"
	}
	return "not ready"
}
