package compare_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/compare"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

func run(s scenario.Scenario) compare.Run {
	t := scenario.Fold(s.Subject, s.Observations)
	r := compare.Run{Run: t.Run(), Steps: t.Steps(), Phases: t.Phases(scenario.End(t)), Waits: t.Waits(scenario.End(t)),
		Members: t.MembersInFull()}
	if o, ok := t.Obstacle(); ok {
		r.Obstacle = &o
	}
	if _, by, ok := t.Reached(0, func(s seq.State) bool { return s.Available || s.Deleted || s.Failed }); ok &&
		!r.Origin.IsZero() {
		r.Outcome, r.Total = "reached", max(0, by.Sub(r.Origin))
	}
	return r
}

func runs(t *testing.T) (names []string, all []compare.Run) {
	t.Helper()
	for _, s := range scenario.All(t) {
		names, all = append(names, s.Name), append(all, run(s))
	}
	return names, all
}

// Each scenario with itself and every fourth other: each step once and in no order that is proved wrong, and B against
// A says of each step and phase what A against B does.
func TestPairs(t *testing.T) {
	names, all := runs(t)
	for i, a := range all {
		for j := i; j < len(all); j += 4 { // all take 40 s with the race detector, and found no more
			b := all[j]
			c, mirror := compare.Of(a, b), compare.Of(b, a)
			name := names[i] + " and " + names[j]
			complete(t, name, c)
			mirrored(t, name, c, mirror)
			if c.Same != (i == j) {
				t.Errorf("%s: the same run: %v", name, c.Same)
			}
			if i == j {
				for _, p := range c.Phases {
					if side, ok := p.Longer(); ok || p.More == nil {
						t.Errorf("%s: %s took longer in %v: %+v", name, side, p.Name, p.More)
					}
				}
			}
		}
	}
}

func complete(t *testing.T, name string, c compare.Comparison) {
	t.Helper()
	for _, s := range compare.Sides {
		seen := map[seq.Key]bool{}
		place := map[seq.Key]int{} // by key, also of answers
		for i, row := range c.Steps {
			if m := row.Sides[s]; m != nil {
				place[m.Key] = i
				if m.Answer != nil {
					place[m.Answer.Key] = i
				}
			}
		}
		for i, row := range c.Steps {
			if row.Sides[compare.A] == nil && row.Sides[compare.B] == nil {
				t.Fatalf("%s: step %d is of neither run", name, i)
			}
			if e := row.Elsewhere; e >= 0 &&
				(c.Steps[e].Elsewhere != i || (row.Sides[compare.A] == nil) == (c.Steps[e].Sides[compare.A] == nil)) {
				t.Errorf("%s: step %d is elsewhere at %d, which is at %d", name, i, e, c.Steps[e].Elsewhere)
			}
			m := row.Sides[s]
			if m == nil {
				continue
			}
			for _, key := range m.After {
				if before, ok := place[key]; ok && before >= i {
					t.Errorf("%s: %s comes before %s, after which it came in %s", name, m.Key, key, s)
				}
			}
			for _, x := range []*seq.Step{m.Step, m.Answer} {
				if x != nil && seen[x.Key] {
					t.Errorf("%s: %s has %s twice", name, s, x.Key)
				} else if x != nil {
					seen[x.Key] = true
				}
			}
			for _, p := range []seq.Participant{m.From, m.To} {
				if lane := c.Lane(s, p); lane < 0 || c.Participants[lane][s] == "" {
					t.Errorf("%s: %s of %s has no lane", name, p, s)
				}
			}
		}
		disorder(t, name, c, s)
		if len(seen) != len(c.Runs[s].Steps) {
			t.Errorf("%s: %d of %d steps of %s", name, len(seen), len(c.Runs[s].Steps), s)
		}
		for _, p := range c.Runs[s].Phases {
			if !slices.ContainsFunc(c.Phases,
				func(q compare.Phase) bool { return q.Sides[s] != nil && strings.Contains(q.Name, p.Name) }) {
				t.Errorf("%s: phase %s of %s is lost", name, p.Name, s)
			}
		}
	}
}

// disorder looks for two messages that changed places though the window of one ends before that of the other begins.
func disorder(t *testing.T, name string, c compare.Comparison, s compare.Side) {
	t.Helper()
	was := map[seq.Key]int{}
	for i := range c.Runs[s].Steps {
		was[c.Runs[s].Steps[i].Key] = i
	}
	var before []*compare.Message
	for _, row := range c.Steps {
		m := row.Sides[s]
		if m == nil {
			continue
		}
		latest := m.Known().Latest
		for _, x := range before {
			if was[x.Key] > was[m.Key] && !latest.IsZero() && latest.Before(x.Known().Earliest) {
				t.Errorf("%s: %s comes before %s, whose window ends before it in %s", name, x.Key, m.Key, s)
			}
		}
		before = append(before, m)
	}
}

// pairs are what is said of each step: the key of its counterpart, or none, and whether that is at another place.
func pairs(c compare.Comparison, s compare.Side) map[seq.Key]seq.Key {
	all := map[seq.Key]seq.Key{}
	for _, row := range c.Steps {
		m := row.Sides[s]
		if m == nil {
			continue
		}
		switch o := row.Sides[s.Other()]; {
		case o != nil:
			all[m.Key] = o.Key
		case row.Elsewhere >= 0:
			all[m.Key] = "elsewhere: " + c.Steps[row.Elsewhere].Sides[s.Other()].Key
		default:
			all[m.Key] = ""
		}
	}
	return all
}

func mirrored(t *testing.T, name string, c, mirror compare.Comparison) {
	t.Helper()
	for _, s := range compare.Sides {
		there := pairs(mirror, s.Other())
		for key, partner := range pairs(c, s) {
			if there[key] != partner {
				t.Errorf("%s: %s is %q, the other way round %q", name, key, partner, there[key])
			}
		}
	}
	if len(c.Phases) != len(mirror.Phases) || len(c.Waits) != len(mirror.Waits) {
		t.Errorf("%s: %d phases, the other way round %d", name, len(c.Phases), len(mirror.Phases))
	}
	for _, p := range c.Phases {
		i := slices.IndexFunc(mirror.Phases, func(q compare.Phase) bool { return q.Name == p.Name })
		if i < 0 || (mirror.Phases[i].More == nil) != (p.More == nil) ||
			p.More != nil && (mirror.Phases[i].More.Min != -p.More.Max || mirror.Phases[i].More.Max != -p.More.Min) {
			t.Errorf("%s: %s is not mirrored", name, p.Name)
		}
	}
	if (c.More == nil) != (mirror.More == nil) || c.More != nil && c.More.Min != -mirror.More.Max {
		t.Errorf("%s: %v in all, the other way round %v", name, c.More, mirror.More)
	}
}

var zero = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// of makes a run of messages "FROM TO LABEL", a millisecond apart.
func of(runtime seq.Participant, messages ...string) compare.Run {
	r := compare.Run{Run: seq.Run{Origin: zero, Runtime: runtime}}
	for i, m := range messages {
		f := strings.SplitN(m, " ", 3)
		at := zero.Add(time.Duration(i) * time.Millisecond)
		s := seq.Step{Key: seq.Key(m), From: seq.Participant(f[0]), To: seq.Participant(f[1]), Kind: seq.RequestKind,
			Label:  f[2],
			Window: seq.Window{Earliest: at, Latest: at}, Best: at, Detail: seq.Brief}
		if name, ok := strings.CutPrefix(f[1], "container/"); ok {
			s.Container = name
		}
		r.Steps = append(r.Steps, &s)
	}
	return r
}

// steps are in a line each: A, B, or both; a tilde where the other has it elsewhere.
func steps(c compare.Comparison) (all []string) {
	for _, row := range c.Steps {
		words := ""
		for s, m := range row.Sides {
			if m != nil {
				words += compare.Side(s).String()
			}
		}
		if row.Elsewhere >= 0 {
			words += "~"
		}
		m := row.Sides[compare.A]
		if m == nil {
			m = row.Sides[compare.B]
		}
		all = append(all, words+" "+m.Label)
	}
	return all
}

// What Kubernetes adds over Docker: roles of one name are the same, kubelet and docker are not.
func TestRoles(t *testing.T) {
	docker := of("", "user docker POST containers", "docker containerd create the task", "containerd runc create",
		"containerd runc start", "runc container/happy_turing exec the container's program")
	pod := of("cri-o", "kubectl apiserver POST pods", "kubelet cri-o CreateContainer app", "cri-o runc create",
		"cri-o runc start", "runc container/app exec the container's program")
	c := compare.Of(docker, pod)
	want := []string{"A POST containers", "A create the task", "B POST pods", "B CreateContainer app", "AB create",
		"AB start", "AB exec the container's program"}
	if got := steps(c); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	pod.Phases = []seq.Phase{{Name: "admit", Min: time.Second, Max: time.Second,
		Parts: []seq.Part{{Begin: pod.Steps[0].Key}}}}
	if p := compare.Of(docker, pod).Phases[0]; p.More == nil || p.More.Certain() != time.Second {
		t.Errorf("Docker has nobody who could admit: %+v", p.More)
	}
	lanes := [][2]string{{"user", "kubectl"}, {"docker", ""}, {"containerd", "cri-o"}, {"", "apiserver"}, {"", "kubelet"},
		{"runc", "runc"}, {"container/happy_turing", "container/app"}}
	for _, l := range lanes {
		if !slices.Contains(c.Participants, l) {
			t.Errorf("%q is not among %q", l, c.Participants)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, x := range []struct{ a, b, want []string }{
		{[]string{"x y one", "x y two", "x y three"}, []string{"x y one", "x y three"},
			[]string{"AB one", "A two", "AB three"}},
		{[]string{"x y one", "x y one", "x y two"}, []string{"x y two", "x y one"},
			[]string{"B~ two", "AB one", "A one", "A~ two"}},
		{nil, []string{"x y one"}, []string{"B one"}},
		{nil, nil, nil},
		{[]string{"x y probe a succeeds"}, []string{"x z probe a succeeds"},
			[]string{"A probe a succeeds", "B probe a succeeds"}},
		{[]string{"x y PullImage busybox:1", "x y PullImage nginx@sha256:0123456789abcdef"},
			[]string{"x y PullImage other:2"}, []string{"AB PullImage busybox:1", "A PullImage nginx@sha256:0123456789abcdef"}},
		{[]string{"x y network 10.244.0.3 is up"}, []string{"x y network 10.1.2.3 is up"},
			[]string{"AB network 10.244.0.3 is up"}},
	} {
		if got := steps(compare.Of(of("", x.a...), of("", x.b...))); !slices.Equal(got, x.want) {
			t.Errorf("%q and %q: %q", x.a, x.b, got)
		}
	}
}

// One is longer only where the ranges leave no doubt, and a phase that a run has not has taken no time only where it
// would have been seen.
func TestPhases(t *testing.T) {
	phase := func(name string, low, high time.Duration) seq.Phase {
		return seq.Phase{Name: name, Min: low * time.Millisecond, Max: high * time.Millisecond,
			Parts: []seq.Part{{Begin: "x y one", End: "x y two"}}}
	}
	make := func(sources string, phases ...seq.Phase) compare.Run {
		r := of("", "x y one", "x y two")
		for i := range r.Steps {
			r.Steps[i].Evidence = []seq.Evidence{{Source: sources}}
		}
		r.Phases = phases
		return r
	}
	a := make("events", phase("admit", 5, 5), phase("pull", 100, 120), phase("start", 0, 60), phase("ready", 10, 10))
	c := compare.Of(a, make("events", phase("admit", 4, 9), phase("start", 61, 70)))
	got := map[string]string{}
	for _, p := range c.Phases {
		got[p.Name] = "not known"
		if side, ok := p.Longer(); ok {
			got[p.Name] = side.String() + " " + p.More.Certain().Abs().String()
		} else if p.More == nil {
			got[p.Name] = "not compared"
		}
	}
	for name, want := range map[string]string{"admit": "not known", "pull": "A 100ms", "start": "B 1ms",
		"ready": "not compared"} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	if largest := c.Differences(true); len(largest) != 2 || largest[0].Name != "pull" {
		t.Errorf("largest: %+v", largest)
	}
	for _, p := range compare.Of(a, make("watch", phase("start", 61, 70))).Phases {
		if p.Name == "pull" && p.More != nil {
			t.Error("who has no Events does not know that there was no pull")
		}
	}
	c = compare.Of(make("spans", phase("volumes", 300, 310), phase("sandbox", 100, 110)),
		make("events", phase("sandbox", 0, 450)))
	if len(c.Phases) != 1 || c.Phases[0].Name != "volumes+sandbox" ||
		c.Phases[0].Sides[compare.A].Min != 400*time.Millisecond {
		t.Errorf("the volumes are in the other's sandbox: %+v", c.Phases)
	}
}

// Two thousand steps against two thousand others take no more than a moment, and little room.
func BenchmarkMany(b *testing.B) {
	var texts [2][]string
	for i := range 2000 {
		texts[i%2] = append(texts[i%2], "x y one "+strings.Repeat("a", i%7))
		texts[0], texts[1] = append(texts[0], "x y two"), append(texts[1], "y x two")
	}
	p, q := of("", texts[0]...), of("", texts[1]...)
	b.ReportAllocs()
	for b.Loop() {
		compare.Of(p, q)
	}
}
