package main

import (
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// mostObserved is how many revisions of a Pod and its Events are looked at: ten times those of a start. One that never
// gets there would have ever more.
const mostObserved = 200

// boardPod is a row of a board.
type boardPod struct {
	run      *session // nil once its sequence has ended
	uid      string
	path     string // of its page, below that of the board
	observed int
	decided  time.Time // since when it is known how its start has ended
	state    seq.State
	row      []byte
}

func (b *board) newPod(o seq.Object, seen time.Time) *boardPod {
	p := &boardPod{uid: o.UID, path: "pods/" + o.UID + "/"}
	p.run = &session{trace: trace.New(o), pods: "first", context: b.contextName, flags: b.connection,
		until: allGoals["ready"], settle: b.settle, attached: seen,
		out: &outputs{style: b.style, served: &served{run: b.server.Add(p.path, b.page), style: b.style}}}
	return p
}

func (p *boardPod) take(o seq.Observation) {
	if p.run == nil {
		return
	}
	p.observed++
	p.run.observe(o)
}

// look ends the sequence, if it has come to its end, or shows it to who reads it. With due the row is that of now, too.
func (p *boardPod) look(at time.Time, due bool) (ended bool, err error) {
	p.run.tick(at)
	if o, is := p.over(at); is {
		return true, p.end(o)
	}
	if err := p.run.drawBeside(); err != nil || !due {
		return false, err
	}
	if o, ok := p.run.decided(); ok {
		return false, p.renew(p.run.whole(o))
	}
	r, _, _ := p.run.going()
	r.Outcome = p.run.because(render.Outcome{})
	return false, p.renew(r)
}

// over reports how the start ended, once all that may be late has come.
func (p *boardPod) over(at time.Time) (render.Outcome, bool) {
	s := p.run
	o, ok := s.decided()
	if !ok {
		p.decided = time.Time{}
		o = s.because(render.Outcome{Name: "Incomplete", ExitCode: exitFailed, Total: s.elapsed()})
		o.Message = strings.TrimPrefix(o.Message+"; a board follows it no further: kubectl seq watch pod/"+
			s.trace.Run().Subject.Name, "; ")
		return o, p.observed >= mostObserved
	}
	if p.decided.IsZero() {
		p.decided = at
	}
	all := s.trace.Settled(s.settle) == len(s.trace.Steps()) && !s.trace.EventsPending()
	return o, all || at.Sub(p.decided) > 2*s.settle
}

// end ends the sequence: what is left of it is its page.
func (p *boardPod) end(o render.Outcome) error {
	r := p.run.whole(o)
	if err := p.renew(r); err != nil {
		return err
	}
	err := p.run.out.served.end(r)
	p.run = nil
	return err
}

// renew draws the row anew.
func (p *boardPod) renew(r render.Report) (err error) {
	p.state = p.run.trace.State()
	p.row, err = render.BoardRow(r, seq.Member{Object: r.Run.Subject, Node: r.Run.Node, State: p.state,
		CreatedAt: r.Run.Origin, Phases: r.Phases}, p.run.out.style, p.path)
	return err
}
