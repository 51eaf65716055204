package render

import (
	"encoding/json"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// JSON writes the report as one document a line: the run, its steps in order, the outcome. Times are RFC 3339 with
// nanoseconds in UTC on the clock of this machine, or null where there is none; durations are seconds.
func JSON(w io.Writer, r Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	index := r.index()
	for d := range r.before(index) {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	for i := range r.Steps {
		if err := enc.Encode(r.jsonStep(i, index, true)); err != nil {
			return err
		}
	}
	for d := range r.behind(index) {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

// index has the places of steps by their keys.
func (r Report) index() map[seq.Key]int {
	index := make(map[seq.Key]int, len(r.Steps))
	for i, s := range r.Steps {
		index[s.Key] = i
	}
	return index
}

// before are the documents that stand before the steps.
func (r Report) before(index map[seq.Key]int) iter.Seq[any] {
	return func(yield func(any) bool) {
		if !yield(jsonRun{
			Type: "run", APIVersion: "seq/v1alpha1", Server: r.Run.Server, Subject: r.Run.Subject,
			Started: instant(r.Run.Origin), Sources: r.Run.Sources, Image: r.Run.Image,
			Node: r.Run.Node, Runtime: string(r.Run.Runtime), Clocks: r.Run.Clocks,
			Looked: instant(r.Run.AttachedAt),
		}) {
			return
		}
		for _, m := range r.Members {
			if !yield(jsonPod{"pod", m.Object, m.Owner, m.Node, instant(m.CreatedAt), m.Took.Seconds(),
				jsonPhases(m.Phases, index), jsonWaits(m.Waits)}) {
				return
			}
		}
	}
}

func (r Report) jsonStep(i int, index map[seq.Key]int, settled bool) jsonStep {
	s := r.Steps[i]
	j := jsonStep{
		Type: "step", Index: i, Key: s.Key, Settled: settled, From: s.From, To: s.To, Kind: s.Kind, Label: s.Label,
		Verb: s.Verb, Resource: s.Resource, Subresource: s.Subresource,
		Object: s.Object, About: s.About, ResourceVersion: s.ResourceVersion, Container: s.Container, Node: s.Node,
		At:       s.Instant,
		Call:     string(s.Call),
		Earliest: instant(s.Window.Earliest), Latest: instant(s.Window.Latest), Best: instant(s.Best),
		Clock: s.ClockOf, Certainty: s.Certainty, Detail: s.Detail.String(), Rule: s.Rule.Name,
		Failed: s.Failed, Conflict: s.Conflict,
	}
	j.After = make([]int, len(s.After))
	for k, key := range s.After {
		j.After[k] = index[key]
	}
	if s.Sharp {
		j.Shown = j.Best
	}
	j.Within = within(s.Off())
	j.Evidence = inUTC(s.Evidence)
	return j
}

// behind are the documents that stand after the steps.
func (r Report) behind(index map[seq.Key]int) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, c := range r.Cycles {
			if len(c.Turns) > 1 && !yield(jsonOfCycle(c, r.Steps, index)) {
				return
			}
		}
		out := jsonOutcome{
			Type: "outcome", Outcome: r.Outcome.Name, Reason: r.Outcome.Reason, Message: r.Outcome.Message,
			ExitCode: r.Outcome.ExitCode,
			Seconds:  r.Outcome.Total.Seconds(), Unseen: r.Run.Unseen, Denied: r.Run.Denied,
		}
		out.Obstacle = jsonOfObstacle(r.Outcome.Obstacle)
		out.Phases = jsonPhases(r.Phases, index)
		out.Waits = jsonWaits(r.Waits)
		yield(out)
	}
}

func jsonWaits(waits []seq.Wait) (all []jsonWait) {
	for _, w := range waits {
		all = append(all, *jsonOfWait(&w))
	}
	return all
}

func jsonOfCycle(c seq.Cycle, steps []*seq.Step, index map[seq.Key]int) jsonCycle {
	out := jsonCycle{Type: "cycle", Name: c.Name, Object: c.Object, Container: c.Container, What: c.What, Until: c.Until,
		Count: c.Turns[len(c.Turns)-1].Number}
	var first, last time.Time
	for _, t := range c.Turns {
		j := jsonTurn{Number: t.Number, Steps: []int{}, Traits: []jsonTrait{}}
		for _, key := range t.Steps {
			i := index[key]
			j.Steps = append(j.Steps, i)
			if at := steps[i].Best; !at.IsZero() {
				first, last = sooner(first, at), later(last, at)
			}
		}
		slices.Sort(j.Steps)
		for _, x := range t.Traits {
			j.Traits = append(j.Traits, jsonTrait{index[x.Step], x.Name, x.Value})
		}
		out.Turns = append(out.Turns, j)
	}
	out.First, out.Last = instant(first), instant(last)
	return out
}

// sooner is the earlier of two instants of which the first may not be known.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func jsonOfObstacle(o *seq.Obstacle) *jsonObstacle {
	if o == nil {
		return nil
	}
	next := o.NextSteps
	if next == nil {
		next = []seq.NextStep{}
	}
	seconds := max(0, o.Held-o.Since.Sub(o.HeldSince)).Seconds()
	return &jsonObstacle{o.Name, o.By, o.Object, o.Container, o.Reason, o.Message, o.Explain, o.Next(), next,
		instant(o.Since), instant(o.HeldSince), seconds, o.DeadEnd, inUTC(o.Evidence)}
}

// jsonPhases refers to steps by their indices.
func jsonPhases(phases []seq.Phase, index map[seq.Key]int) []jsonPhase {
	all := []jsonPhase{}
	at := func(key seq.Key) int {
		if i, ok := index[key]; ok {
			return i
		}
		return -1
	}
	for _, p := range phases {
		parts := make([][2]int, len(p.Parts))
		for i, part := range p.Parts {
			parts[i] = [2]int{at(part.Begin), at(part.End)}
		}
		all = append(all,
			jsonPhase{p.Name, instant(p.Earliest), instant(p.Latest), p.Took.Seconds(), within(p.Within),
				p.Min.Seconds(), p.Max.Seconds(), p.Open, p.Waiting, parts})
	}
	return all
}

// within is a distance in seconds, or null where it is not known.
func within(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	return new(d.Seconds())
}

// inUTC is a copy: steps share their evidence.
func inUTC(all []seq.Evidence) []seq.Evidence {
	all = slices.Clone(all)
	for k := range all {
		all[k].At = all[k].At.UTC()
	}
	return all
}

func instant(t time.Time) *time.Time {
	if y := t.UTC().Year(); t.IsZero() || y < 0 || y > 9999 { // JSON has no such times
		return nil
	}
	t = t.UTC()
	return &t
}
