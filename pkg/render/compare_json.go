package render

import (
	"encoding/json"
	"io"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

type jsonRange struct {
	Min float64 `json:"min"` // seconds
	Max float64 `json:"max"` // seconds
}

// jsonSides has one value for each run, null where that has none.
type jsonSides[T any] struct {
	A *T `json:"a"`
	B *T `json:"b"`
}

type jsonComparison struct {
	Type       string                 `json:"type"`
	APIVersion string                 `json:"apiVersion"` // seq/v1alpha1
	Same       bool                   `json:"same"`       // both are one and the same run
	Runs       jsonSides[jsonCompRun] `json:"runs"`       // the two
	// how much more time B took in all; null where the outcomes differ
	More *jsonRange `json:"more"`
	// how much more it likely took; null where too little is known
	Likely  *jsonLikely           `json:"likely"`
	Longer  string                `json:"longer"`  // a or b, or nothing where that is not certain
	Waits   []jsonSides[jsonWait] `json:"waits"`   // waits, by what they have in common
	Verdict []string              `json:"verdict"` // the same in sentences
}

type jsonCompRun struct {
	File     string        `json:"file"`               // as it was given
	Server   string        `json:"server"`             // version of the API server
	Subject  seq.Object    `json:"subject"`            // what the run is about
	Started  *time.Time    `json:"started"`            // when its times begin
	Outcome  string        `json:"outcome"`            // how it ended
	Took     jsonRange     `json:"took"`               // how long, in seconds
	Obstacle *jsonObstacle `json:"obstacle,omitempty"` // what held it, or ended it
}

type jsonCompPhase struct {
	Type   string               `json:"type"`
	Name   string               `json:"name"`   // as in the outcome of a run
	Took   jsonSides[jsonRange] `json:"took"`   // how long it took in each
	More   *jsonRange           `json:"more"`   // how much more time B took; null where one run did not come that far
	Likely *jsonLikely          `json:"likely"` // how much more it likely took; null where too little is known
	Longer string               `json:"longer"` // a or b, or nothing where that is not certain
}

// jsonLikely is a difference that is likely: in 95 of 100 runs it is no farther off than within.
type jsonLikely struct {
	Seconds float64 `json:"seconds"` // the likeliest
	Within  float64 `json:"within"`  // seconds
}

func likelyMore(l *compare.Likely) *jsonLikely {
	if l == nil {
		return nil
	}
	return &jsonLikely{l.Took.Seconds(), l.Within.Seconds()}
}

type jsonCompStep struct {
	Type  string `json:"type"`
	Index int    `json:"index"` // place in the order, from 0
	Only  string `json:"only"`  // a or b, where the other has no such step
	// index of the step by which the other has it, where that is at another place
	Elsewhere *int                   `json:"elsewhere"`
	Same      bool                   `json:"same"`   // both say the very same, but for names
	Steps     jsonSides[jsonMessage] `json:"steps"`  // as each run has it
	Detail    string                 `json:"detail"` // the least in which either run has it
}

type jsonMessage struct {
	From      seq.Participant `json:"from"`             // who sends it
	To        seq.Participant `json:"to"`               // who takes it
	Kind      seq.StepKind    `json:"kind"`             // how it is drawn
	Label     string          `json:"label"`            // what a row says
	Answer    string          `json:"answer,omitempty"` // what the answer to it says
	Container string          `json:"container"`        // name, or empty
	Rule      string          `json:"rule"`             // name of the rule that derives it
	Certainty seq.Certainty   `json:"certainty"`        // whether a source recorded this very message
	Earliest  *float64        `json:"earliest"`         // of the step, not before
	Latest    *float64        `json:"latest"`           // of the step
	Took      *jsonRange      `json:"took"`             // until the answer, where there is one
}

// compareJSON writes a comparison as one document a line: the comparison, its phases, its steps of every detail in
// order. Times are seconds since the beginning of each run, durations are seconds; a difference is above zero where B
// took more.
func compareJSON(w io.Writer, c Comparison) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	out := jsonComparison{Type: "comparison", APIVersion: "seq/v1alpha1", Same: c.Same, More: jsonMore(c.More),
		Likely: likelyMore(c.Likely), Longer: jsonSide(c.Longer()), Waits: []jsonSides[jsonWait]{},
		Verdict: c.verdict(Style{Detail: seq.Full})}
	out.Runs = jsonSides[jsonCompRun]{c.jsonRun(compare.A), c.jsonRun(compare.B)}
	for _, x := range c.Waits {
		out.Waits = append(out.Waits, jsonSides[jsonWait]{jsonOfWait(x.Sides[compare.A]), jsonOfWait(x.Sides[compare.B])})
	}
	if err := enc.Encode(out); err != nil {
		return err
	}
	for _, p := range c.Phases {
		j := jsonCompPhase{Type: "phase", Name: p.Name, More: jsonMore(p.More),
			Likely: likelyMore(p.Likely), Longer: jsonSide(p.Longer())}
		j.Took = jsonSides[jsonRange]{jsonOfPhase(p.Sides[compare.A]), jsonOfPhase(p.Sides[compare.B])}
		if err := enc.Encode(j); err != nil {
			return err
		}
	}
	for i, s := range c.Steps {
		j := jsonCompStep{Type: "step", Index: i, Same: s.Same, Only: jsonSide(s.Only()), Detail: s.Detail().String()}
		j.Steps = jsonSides[jsonMessage]{c.jsonMessage(s, compare.A), c.jsonMessage(s, compare.B)}
		if s.Elsewhere >= 0 {
			j.Elsewhere = &s.Elsewhere
		}
		if err := enc.Encode(j); err != nil {
			return err
		}
	}
	return nil
}

func jsonSide(s compare.Side, ok bool) string {
	if !ok {
		return ""
	}
	return lower(s.String())
}

func seconds(r compare.Range) jsonRange { return jsonRange{r.Min.Seconds(), r.Max.Seconds()} }

func jsonMore(r *compare.Range) *jsonRange {
	if r == nil {
		return nil
	}
	return new(seconds(*r))
}

func jsonOfPhase(p *seq.Phase) *jsonRange {
	if p == nil {
		return nil
	}
	return new(seconds(compare.Range{Min: p.Min, Max: p.Max}))
}

func jsonOfWait(w *seq.Wait) *jsonWait {
	if w == nil {
		return nil
	}
	return &jsonWait{w.Name, w.Phase, w.Length.Seconds(), w.Grows, w.Explain, w.Remedy}
}

func (c Comparison) jsonRun(s compare.Side) *jsonCompRun {
	r := c.Reports[s]
	return &jsonCompRun{
		File: c.Names[s], Server: r.Run.Server, Subject: r.Run.Subject, Started: instant(r.Run.Origin),
		Outcome: r.Outcome.Name,
		Took:    seconds(c.Totals[s]), Obstacle: jsonOfObstacle(r.Outcome.Obstacle),
	}
}

func (c Comparison) jsonMessage(s compare.Step, side compare.Side) *jsonMessage {
	m := s.Sides[side]
	if m == nil {
		return nil
	}
	zero := c.Runs[side].Origin
	since := func(t time.Time) *float64 {
		if t.IsZero() || zero.IsZero() {
			return nil
		}
		return new(t.Sub(zero).Seconds())
	}
	w := m.Known()
	j := &jsonMessage{From: m.From, To: m.To, Kind: m.Kind, Label: m.Label, Container: m.Container, Rule: m.Rule.Name,
		Certainty: m.Certainty, Earliest: since(w.Earliest), Latest: since(w.Latest)}
	if m.Answer != nil {
		j.Answer = m.Answer.Label
		if end := m.Answer.Known(); !w.Earliest.IsZero() && !w.Latest.IsZero() && !end.Earliest.IsZero() &&
			!end.Latest.IsZero() {
			j.Took = &jsonRange{max(0, end.Earliest.Sub(w.Latest).Seconds()), end.Latest.Sub(w.Earliest).Seconds()}
		}
	}
	return j
}
