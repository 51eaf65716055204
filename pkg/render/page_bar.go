package render

// The bars of the page: of the run, and of its Pods.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// pagePart is a stretch of a bar, of one of these phases.
type pagePart struct {
	Phases []int   `json:"phases"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Took   string  `json:"took"`            // the likeliest length
	Whose  string  `json:"whose,omitempty"` // the containers that wait, where others do at other times
}

func (y Style) pageBar(r Report, phases []seq.Phase) []pagePart {
	all := []pagePart{}
	for _, p := range y.bar(r, phases) {
		all = append(all, pagePart{p.phases, ms(p.from.Sub(r.Run.Origin)), ms(p.to.Sub(r.Run.Origin)),
			length(p.to.Sub(p.from), y.seconds), Plain(p.whose)})
	}
	return all
}

// pagePod is one Pod of several: what took the time of its start, and until when it was there.
type pagePod struct {
	Name   string         `json:"name"`
	State  string         `json:"state"`
	Failed bool           `json:"failed"`
	Drawn  bool           `json:"drawn"` // its steps are in the page
	From   *float64       `json:"from"`
	To     *float64       `json:"to"` // when it had ended, or null
	Phases []pagePodPhase `json:"phases"`
	Bar    []pagePart     `json:"bar"`
}

// pagePodPhase is a phase of a Pod's start.
type pagePodPhase struct {
	Name    string  `json:"name"`
	Fill    string  `json:"fill"`
	Took    string  `json:"took"` // where it is one stretch
	Waits   bool    `json:"waits"`
	Unknown bool    `json:"unknown"`
	Fixed   float64 `json:"fixed"` // a wait that is part of it
}

// mostPods is of how many Pods a page has the steps. Of more it has those of the Pods that are drawn, and bars of all.
const mostPods = 60

func (y Style) pagePod(r Report, m seq.Member) pagePod {
	state := y.memberState(m)
	out := pagePod{Name: Plain(m.Object.Name), State: state, Failed: state == "failed", From: r.since(m.CreatedAt),
		Phases: []pagePodPhase{}, Bar: y.pageBar(r, m.Phases)}
	if m.State.Deleted || m.State.Failed {
		out.To = r.since(r.last(m.Object.UID))
	}
	for _, p := range m.Phases {
		x := pagePodPhase{Name: p.Name, Fill: phaseHue(p.Name).css(), Waits: r.nothingWorks(p),
			Fixed: ms(Report{Waits: m.Waits}.fixedIn(p))}
		x.Unknown = p.Name == seq.Unknown
		if len(p.Parts) == 1 {
			x.Took = y.phaseTook(p)
		}
		out.Phases = append(out.Phases, x)
	}
	return out
}

// last is when the last step likely happened that is about an object.
func (r Report) last(uid string) (at time.Time) {
	for _, s := range r.Steps {
		if s.About == uid {
			at = later(at, s.Best)
		}
	}
	return at
}
