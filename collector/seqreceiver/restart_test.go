package seqreceiver

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// After a restart, what was under way is told of, also where it went on meanwhile; what was sent is not sent again.
func TestRestart(t *testing.T) {
	for name, expired := range map[string]bool{"the history is there": false, "410": true} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			plain := scenario.Named(t, "plain")
			first := run(t, a, nil, nil)
			storeAll(a, told(t, plain, "before"))
			first.sent(t, 1)
			under := told(t, plain, "under-way")
			storeAll(a, under[:half(under)])
			await(t, "a Pod in flight", func() bool { return first.counted(t, "otelcol_seq_pods_in_flight") == 1 })
			first.stop()
			storeAll(a, under[half(under):])
			if expired {
				a.compact()
			}
			second := run(t, a, nil, nil)
			storeAll(a, told(t, plain, "after"))
			var got []string
			await(t, "what was under way, and what came after", func() bool {
				got = second.sent(t, 0)
				return slices.Contains(got, "Pod default/under-way Ready") && slices.Contains(got, "Pod default/after Ready")
			})
			if !expired && slices.Contains(got, "Pod default/before Ready") {
				t.Errorf("sent again: %q", got)
			}
		})
	}
}

// What began, and ended, while nobody followed is told of with its phases, at their times, but for the end of what
// nothing but our look bounds; and marked, so that histograms can do without.
func TestMissed(t *testing.T) {
	for _, ago := range []time.Duration{20 * time.Second, 800 * time.Millisecond} {
		t.Run(ago.String(), func(t *testing.T) { missed(t, ago) })
	}
}

func missed(t *testing.T, ago time.Duration) {
	a, p := newAPI(t), readPlayed(t, "plain")
	first := run(t, a, nil, nil)
	p.tellAll(a, "seen", time.Now())
	first.sent(t, 1)
	first.stop()
	begun := time.Now().Add(-ago)
	p.tellAll(a, "missed", begun)
	second := run(t, a, nil, nil)
	second.sent(t, 1)
	var phases []string
	for _, x := range second.traces.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		from, to := x.StartTimestamp().AsTime().Sub(begun), x.EndTimestamp().AsTime().Sub(begun)
		phase, _ := x.Attributes().AsRaw()["seq.phase"].(string)
		phases = append(phases, phase)
		if from < -2*time.Second || to > 3*time.Second && phase != "ready" && x.Name() != "Pod default/missed" {
			t.Errorf("%s is said to last from %s to %s", x.Name(), from, to)
		}
		if x.Attributes().AsRaw()["seq.missed"] != true && ago > 2*missedAfter {
			t.Errorf("%s is not marked", x.Name())
		}
	}
	for _, name := range []string{"schedule", "sandbox", "pull", "create", "start"} {
		if !slices.Contains(phases, name) {
			t.Errorf("the phases are %q", phases)
		}
	}
}

// What somebody else does to the note is no obstacle: it is written again, and one that makes no sense is none.
func TestNoteEdited(t *testing.T) {
	a := newAPI(t)
	first := run(t, a, nil, nil)
	first.stop()
	const path = "/api/v1/namespaces/default/configmaps/otelcol-seq"
	edit := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		m := a.stored[path].(*corev1.ConfigMap)
		m.Data = map[string]string{noteKey: "[]"}
		m.ResourceVersion += "1"
	}
	edit()
	second := run(t, a, nil, nil)
	storeAll(a, told(t, scenario.Named(t, "plain"), "one"))
	second.sent(t, 1)
	edit()
	await(t, "a note", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return strings.Contains(a.stored[path].(*corev1.ConfigMap).Data[noteKey], "revisions")
	})
}

// A watch that cannot be taken up is begun anew, and a Pod that is gone by then has been deleted.
func TestExpired(t *testing.T) {
	a := newAPI(t)
	r := run(t, a, nil, nil)
	plain := scenario.Named(t, "plain")
	one, gone := told(t, plain, "one"), told(t, plain, "gone")
	storeAll(a, one[:half(one)])
	storeAll(a, gone[:1])
	await(t, "two Pods in flight", func() bool { return r.counted(t, "otelcol_seq_pods_in_flight") == 2 })
	a.mu.Lock()
	delete(a.there, pods+"uid-gone")
	a.mu.Unlock()
	a.compact()
	storeAll(a, one[half(one):])
	got := r.sent(t, 2)
	slices.Sort(got)
	if want := []string{"Pod default/gone Deleted", "Pod default/one Ready"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// An API server that fails for a while is asked again.
func TestServerFails(t *testing.T) {
	a := newAPI(t)
	r := run(t, a, nil, nil)
	one := told(t, scenario.Named(t, "plain"), "one")
	storeAll(a, one[:half(one)])
	await(t, "a Pod in flight", func() bool { return r.counted(t, "otelcol_seq_pods_in_flight") == 1 })
	a.mu.Lock()
	a.broken = true
	for end := range a.watches {
		close(end)
	}
	clear(a.watches)
	a.mu.Unlock()
	storeAll(a, one[half(one):])
	a.mu.Lock()
	a.broken = false
	a.mu.Unlock()
	if got := r.sent(t, 1); got[0] != "Pod default/one Ready" {
		t.Error(got)
	}
}

// An API server that is not there for a while is gone on with when it is, whether it still has the history or not.
func TestServerRestarts(t *testing.T) {
	for name, compacted := range map[string]bool{"the history is there": false, "410": true} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			r := run(t, a, nil, nil)
			one, during := told(t, scenario.Named(t, "plain"), "one"), told(t, scenario.Named(t, "plain"), "during")
			storeAll(a, one[:half(one)])
			await(t, "a Pod in flight", func() bool { return r.counted(t, "otelcol_seq_pods_in_flight") == 1 })
			a.down()
			storeAll(a, one[half(one):])
			storeAll(a, during)
			if compacted {
				a.compact()
			}
			a.up(t)
			got := r.sent(t, 2)
			slices.Sort(got)
			if want := []string{"Pod default/during Ready", "Pod default/one Ready"}; !slices.Equal(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

// One of two follows; when it is shut down, the other goes on from where it was.
func TestLeader(t *testing.T) {
	a := newAPI(t)
	elected := func(c *Config) { c.LeaderElection = true }
	first := run(t, a, nil, elected)
	await(t, "a leader", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.watches) == 2
	})
	second := run(t, a, nil, elected)
	under := told(t, scenario.Named(t, "plain"), "one")
	storeAll(a, under[:half(under)])
	await(t, "a Pod in flight", func() bool { return first.counted(t, "otelcol_seq_pods_in_flight") == 1 })
	first.stop()
	storeAll(a, under[half(under):])
	if got := second.sent(t, 1); got[0] != "Pod default/one Ready" {
		t.Error(got)
	}
	if n := len(first.traces.AllTraces()); n != 0 {
		t.Errorf("the first has sent %d traces, too", n)
	}
}
