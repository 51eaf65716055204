package trace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// A kubelet's clock that is set in the middle of a run places nothing wrongly: what is proved then, the run with a
// clock that went on does not deny, and it is said.
func TestClockThatIsSet(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "plain", "init", "probes", "sidecar") {
		truth := scenario.Fold(s.Subject, s.Observations)
		for _, jump := range []time.Duration{-3 * time.Second, 3 * time.Second} {
			for after := 1; after < 4; after++ {
				events := 0
				set := make([]seq.Observation, len(s.Observations))
				for i, o := range s.Observations {
					if o.Event != nil && o.Event.Event.Source.Component == "kubelet" {
						events++
					}
					if set[i] = o; events > after {
						set[i] = shift(o, jump)
					}
				}
				got := scenario.Fold(s.Subject, set)
				said := false
				for _, c := range got.Run().Clocks {
					said = said || c.Of == seq.Kubelet && c.Jumped
				}
				if !said {
					t.Errorf("%s: the clock was set by %v after %d Events, and nobody says so: %+v", s.Name, jump, after,
						got.Run().Clocks)
				}
				contradicted(t, s.Name, truth.Steps(), got.Steps())
			}
		}
	}
}

// contradicted reports what one run proves and the other denies.
func contradicted(t *testing.T, name string, truth, got []*seq.Step) {
	t.Helper()
	was, is, both := proved(truth), proved(got), 0
	for pair := range is {
		if was[pair] {
			both++
		}
	}
	if len(got) < len(truth)*9/10 || both < 10 {
		t.Errorf("%s: of %d steps there are %d, with %d pairs proved of both", name, len(truth), len(got), both)
	}
	for pair := range is {
		if was[[2]seq.Key{pair[1], pair[0]}] {
			t.Errorf("%s: %s before %s, but it was the other way round", name, pair[0], pair[1])
		}
	}
}

// proved are the pairs of steps of which the first is proved to come before the second.
func proved(steps []*seq.Step) map[[2]seq.Key]bool {
	pairs := map[[2]seq.Key]bool{}
	before := map[seq.Key]map[seq.Key]bool{}
	for _, s := range steps { // a step comes after those it names, in the listing too
		all := map[seq.Key]bool{}
		for _, p := range s.After {
			all[p] = true
			for q := range before[p] {
				all[q] = true
			}
		}
		before[s.Key] = all
		for p := range all {
			pairs[[2]seq.Key{p, s.Key}] = true
		}
		for _, o := range steps {
			if !o.Window.Latest.IsZero() && !s.Window.Earliest.IsZero() && o.Window.Latest.Before(s.Window.Earliest) {
				pairs[[2]seq.Key{o.Key, s.Key}] = true
			}
		}
	}
	return pairs
}

// Where the watch brings one object late, its records are no sign of an API server whose clock is behind.
func TestLateObjectIsNoSkew(t *testing.T) {
	tried := 0
	for _, s := range scenario.All(t) {
		recorded := slices.ContainsFunc(s.Observations,
			func(o seq.Observation) bool { return o.Audit != nil || o.Span != nil })
		if !recorded || s.Name == "drained" { // there records of one kind are not all joined: nothing tells them apart
			continue
		}
		truth := scenario.Fold(s.Subject, s.Observations)
		late := map[string]bool{}
		for _, o := range s.Observations {
			if o.Change == nil || o.Change.ChangedObject() == nil || late[string(o.Change.ChangedObject().GetUID())] {
				continue
			}
			uid := o.Change.ChangedObject().GetUID()
			late[string(uid)] = true
			observations := slices.Clone(s.Observations)
			for i, o := range observations {
				if o.Change != nil && o.Change.ChangedObject() != nil && o.Change.ChangedObject().GetUID() == uid {
					observations[i].Received = o.Received.Add(300 * time.Millisecond)
				}
			}
			contradicted(t, s.Name+", "+seq.ObjectOf(o.Change.ChangedObject()).String()+" late", truth.Steps(),
				scenario.Fold(s.Subject, observations).Steps())
			tried++
		}
	}
	if tried < 10 {
		t.Errorf("only %d objects were late", tried)
	}
}

// What comes late after a stall is no sign of a clock that is behind.
func TestStallIsNoSkew(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "plain", "init") {
		late := make([]seq.Observation, len(s.Observations))
		end := s.Observations[len(s.Observations)-1].Received.Add(30 * time.Second)
		for i, o := range s.Observations {
			if late[i] = o; o.Change != nil || o.Event != nil {
				late[i].Received = end.Add(time.Duration(i) * time.Millisecond)
			}
		}
		got := scenario.Fold(s.Subject, late)
		for _, c := range got.Run().Clocks {
			if c.Offset != 0 || c.Jumped {
				t.Errorf("%s: %+v", s.Name, c)
			}
		}
		contradicted(t, s.Name, scenario.Fold(s.Subject, s.Observations).Steps(), got.Steps())
	}
}

// Events that are asked for again and again come late, each about as much: that is no sign of a clock that is behind.
func TestAskedForEventsAreNoSkew(t *testing.T) {
	const every = 250 * time.Millisecond
	s := scenario.Named(t, "init")
	late := slices.Clone(s.Observations)
	for i, o := range late {
		if o.Event != nil {
			late[i].Received = o.Received.Add(every * 6 / 5)
		}
	}
	asked := append(slices.Clone(late), seq.Observation{Received: s.Started,
		Gap: &seq.Gap{Resource: "events", Reason: "forbidden", Every: every}})
	for suspected, all := range map[bool][]seq.Observation{true: late, false: asked} {
		for _, c := range scenario.Fold(s.Subject, all).Run().Clocks {
			if c.Of == seq.Kubelet && (c.Late != suspected || c.Offset != 0) {
				t.Errorf("asked for: %v, and the kubelet's clock is %+v", !suspected, c)
			}
		}
	}
}

// Where all Events come late, nothing tells whether their emitter's clock is behind ours: what is proved then holds
// either way.
func TestLateEventsProveNoSkew(t *testing.T) {
	said := 0
	for _, s := range scenario.All(t) {
		if slices.ContainsFunc(s.Observations, func(o seq.Observation) bool { return o.Audit != nil || o.Span != nil }) {
			continue // which know better
		}
		truth := scenario.Fold(s.Subject, s.Observations)
		late := slices.Clone(s.Observations)
		for i, o := range late {
			if o.Event != nil {
				late[i].Received = o.Received.Add(210 * time.Millisecond)
			}
		}
		got := scenario.Fold(s.Subject, late)
		if !slices.ContainsFunc(got.Run().Clocks, func(c seq.Clock) bool { return c.Late }) {
			continue // too few came, or are known to
		}
		said++
		contradicted(t, s.Name, truth.Steps(), got.Steps())
		known, likely := map[seq.Key]seq.Window{}, map[seq.Key]time.Time{}
		for _, x := range truth.Steps() {
			known[x.Key], likely[x.Key] = x.Known(), x.Best
		}
		for _, x := range got.Steps() {
			if was, ok := known[x.Key]; ok && !x.Known().Latest.IsZero() && !was.Earliest.IsZero() &&
				(was.Earliest.After(x.Known().Latest) || x.Known().Earliest.After(was.Latest) && !was.Latest.IsZero()) {
				t.Errorf("%s: %s is %v, and was %v", s.Name, x.Key, x.Known(), was)
			}
			first := x.Rule.Name == "create-container" && strings.Contains(string(x.Key), ":0") // whose Event is its first
			if off := x.Best.Sub(likely[x.Key]).Abs(); first && off > 150*time.Millisecond {
				t.Errorf("%s: %s is likely %v off", s.Name, x.Key, off)
			}
		}
	}
	if said < 10 {
		t.Errorf("only %d have late Events", said)
	}
}
