package trace_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What is final keeps its place, whatever comes later: no step comes before it, none goes, and none takes its place.
// -short takes one scenario of eight.
func TestFinalStepsStay(t *testing.T) {
	for i, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		if testing.Short() && i%8 != 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			patience := 3 * time.Second
			if slices.ContainsFunc(s.Observations, func(o seq.Observation) bool { return o.Span != nil || o.Audit != nil }) {
				patience = 6 * time.Second
			}
			tr := trace.New(s.Subject)
			var final []seq.Key
			for n, o := range s.Observations {
				for _, x := range []seq.Observation{{Received: o.Received.Add(-1)}, o} { // time has passed
					tr.Observe(x)
					steps := tr.Steps()
					for k, key := range final {
						if k >= len(steps) || steps[k].Key != key {
							t.Fatalf("after observation %d, step %d was final and is not there: %s", n, k, key)
						}
					}
					for k := len(final); k < tr.Settled(patience); k++ {
						final = append(final, steps[k].Key)
					}
				}
			}
		})
	}
}

// What a run finds is not final before every list has been answered, however old it is: the Events come after the Pod.
func TestNothingIsFinalBeforeTheListsAreAnswered(t *testing.T) {
	s := scenario.Named(t, "show")
	looking := slices.Clone(s.Observations)
	looking[0].Attach = &seq.Attach{ListsPending: true}
	tr := scenario.Fold(s.Subject, looking)
	if n := tr.Settled(time.Nanosecond); n != 0 {
		t.Errorf("%d steps are final while lists are under way", n)
	}
	tr.Observe(seq.Observation{Received: tr.Now(), Attach: &seq.Attach{}})
	if n, all := tr.Settled(time.Nanosecond), scenario.Fold(s.Subject, s.Observations).Settled(time.Nanosecond); n == 0 ||
		n != all {
		t.Errorf("%d steps are final once they are answered, and %d of an old recording", n, all)
	}
}

// What a lost watch has missed comes only once it is open again: until then, and for as long as evidence may be late,
// nothing more is final.
func TestNothingIsFinalWhileAWatchIsLost(t *testing.T) {
	s := scenario.Named(t, "plain")
	tr := scenario.Fold(s.Subject, s.Observations)
	now := tr.Now()
	all := tr.Settled(time.Nanosecond)
	watch := func(id string, at time.Duration, status int) {
		q := seq.Request{ID: id, Verb: "watch", Resource: "events", Started: now.Add(at), Sent: now.Add(at), Status: status}
		if status > 0 {
			q.FirstByte = now.Add(at)
		}
		tr.Observe(seq.Observation{Received: now.Add(at), Request: &q})
	}
	watch("lost", time.Minute, 0)
	if n := tr.Settled(time.Second); n != 0 {
		t.Errorf("%d steps are final while the watch of Events is lost", n)
	}
	watch("again", 2*time.Minute, 200)
	tr.Observe(seq.Observation{Received: now.Add(2*time.Minute + 500*time.Millisecond)})
	if n := tr.Settled(time.Second); n != 0 {
		t.Errorf("%d steps are final half a second after the watch was open again", n)
	}
	tr.Observe(seq.Observation{Received: now.Add(3 * time.Minute)})
	if n := tr.Settled(time.Second); n < all {
		t.Errorf("%d of %d steps are final in the end", n, all)
	}
	watch("refused", 4*time.Minute, 403)
	tr.Observe(seq.Observation{Received: now.Add(4 * time.Minute),
		Gap: &seq.Gap{Resource: "events", FromRevision: "1", Reason: "forbidden", Every: time.Second}})
	if n := tr.Settled(time.Nanosecond); n < all {
		t.Errorf("%d of %d steps are final where Events are asked for instead", n, all)
	}
}

// Reads of our own bound what is written between them: an answer that lacks it was asked for before, one that has it
// came after.
func TestReadsBoundWrites(t *testing.T) {
	s := scenario.Named(t, "watch-wait")
	whole := scenario.Fold(s.Subject, s.Observations)
	post := func(tr *trace.Trace) seq.Step {
		t.Helper()
		steps := tr.Steps()
		i := slices.IndexFunc(steps,
			func(x *seq.Step) bool { return x.Verb == "create" && x.Resource == "pods" && x.Subresource == "" })
		if i < 0 {
			t.Fatal("nobody makes the Pod")
		}
		return *steps[i]
	}
	was := post(whole)
	read := func(id string, at time.Time, status int, o seq.Object, rv string) seq.Observation {
		return seq.Observation{Received: at,
			Request: &seq.Request{ID: id, Verb: "get", Resource: "pods", Object: o, Status: status, ResourceVersion: rv,
				Started: at.Add(-time.Millisecond), Sent: at.Add(-time.Millisecond), FirstByte: at}}
	}
	nameless := was.Object
	nameless.UID = ""
	absent := read("absent", was.Window.Latest.Add(-20*time.Millisecond), 404, nameless, "")
	there := read("there", was.Window.Latest.Add(-5*time.Millisecond), 200, was.Object, was.ResourceVersion)

	tr := scenario.Fold(s.Subject, append(slices.Clone(s.Observations), absent))
	if got := post(tr); got.Window != was.Window {
		t.Errorf("an absence alone may be from after the end: %v, was %v", got.Window, was.Window)
	}
	tr.Observe(there)
	got := post(tr)
	if !got.Window.Earliest.Equal(absent.Request.Sent) || got.Window.Latest.After(there.Request.FirstByte) {
		t.Errorf("the Pod was made between %v and %v, not in %v", absent.Request.Sent, there.Request.FirstByte, got.Window)
	}
	binds := 0
	for _, x := range tr.Steps() { // what it caused came no earlier
		if x.Subresource == "binding" && x.Kind == seq.RequestKind {
			if binds++; x.Window.Earliest.Before(absent.Request.Sent) {
				t.Errorf("the bind is as early as %v", x.Window.Earliest)
			}
		}
	}
	if binds != 1 {
		t.Errorf("%d binds", binds)
	}
}

// Ephemeral containers are put in to look: how they fare is not how the Pod does.
func TestEphemeralContainersDecideNothing(t *testing.T) {
	s := scenario.Named(t, "plain")
	observations := slices.Clone(s.Observations)
	for i, o := range observations {
		if o.Change == nil || len(o.Change.Pod.Status.ContainerStatuses) == 0 {
			continue
		}
		p := o.Change.Pod.DeepCopy()
		status := p.Status.ContainerStatuses[0]
		status.Name, status.RestartCount = "bogus", 0
		status.State.Running, status.State.Terminated = nil, nil
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, status)
		c := *o.Change
		c.Pod = p
		observations[i].Change = &c
	}
	tr := scenario.Fold(s.Subject, observations)
	if o, held := tr.Obstacle(); held || !tr.State().Ready || tr.EventsPending() {
		t.Errorf("held: %+v; %+v", o, tr.State())
	}
}

// Where Events come late, rows wait longer for them.
func TestLateEventsMakePatient(t *testing.T) {
	s := scenario.Named(t, "plain")
	late := slices.Clone(s.Observations)
	i := slices.IndexFunc(late,
		func(o seq.Observation) bool { return o.Event != nil && o.Event.Event.Reason == "Started" })
	late[i].Received = late[i].Received.Add(3 * time.Second)
	tr := scenario.Fold(s.Subject, late)
	all := len(tr.Steps())
	at := late[i].Received
	for _, c := range []struct {
		after time.Duration
		all   bool
	}{{2 * time.Second, false}, {7 * time.Second, true}} {
		tr.Observe(seq.Observation{Received: at.Add(c.after)})
		if n := tr.Settled(time.Second); (n == all) != c.all {
			t.Errorf("%v after an Event that came 3 s late, %d of %d steps are final", c.after, n, all)
		}
	}
}

// Where no Events come, what comes after a container's end waits for the status that may tell of its next life.
func TestNothingIsFinalWhileARestartIsUnderWay(t *testing.T) {
	s := scenario.Named(t, "crash")
	withoutEvents := slices.DeleteFunc(slices.Clone(s.Observations),
		func(o seq.Observation) bool { return o.Event != nil })
	ended, waited := 0, 0
	for i, o := range withoutEvents {
		if o.Change == nil || len(o.Change.Pod.Status.ContainerStatuses) == 0 {
			continue
		}
		tr := scenario.Fold(s.Subject, withoutEvents[:i+1])
		tr.Observe(seq.Observation{Received: o.Received.Add(time.Minute)})
		n, all := tr.Settled(time.Second), len(tr.Steps())
		switch state := o.Change.Pod.Status.ContainerStatuses[0].State; {
		case state.Terminated != nil:
			if ended++; n == all {
				t.Errorf("all of %d steps are final, and the container may run again", all)
			}
		case state.Waiting != nil && state.Waiting.Reason == "CrashLoopBackOff":
			if waited++; n < all {
				t.Errorf("%d of %d steps are final, and the container waits", n, all)
			}
		}
	}
	if ended == 0 || waited == 0 {
		t.Errorf("the container ended %d times, and waited %d times", ended, waited)
	}
}

// A probe that fails meanwhile does not say that the container's start came no further.
func TestProbesDoNotEndAStart(t *testing.T) {
	s := scenario.Named(t, "liveness")
	is := func(o seq.Observation, reason string, count int32) bool {
		return o.Event != nil && o.Event.Event.Reason == reason && o.Event.Event.Count >= count
	}
	i := slices.IndexFunc(s.Observations, func(o seq.Observation) bool { return is(o, "Created", 2) })
	probe := slices.IndexFunc(s.Observations, func(o seq.Observation) bool { return is(o, "Unhealthy", 1) })
	if i < 0 || probe < 0 {
		t.Fatal("no container is made again after failed probes")
	}
	created := s.Observations[i]
	rv, err := strconv.ParseUint(created.Event.Event.ResourceVersion, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	unhealthy := s.Observations[probe].Event.Event.DeepCopy()
	unhealthy.Name, unhealthy.UID, unhealthy.ResourceVersion = "another", "another", strconv.FormatUint(rv+1, 10)
	for _, reason := range []string{"Unhealthy", "ProbeWarning", "Failed"} {
		e := unhealthy.DeepCopy()
		e.Reason = reason
		tr := scenario.Fold(s.Subject, append(s.Observations[:i+1:i+1], seq.Observation{
			Received: created.Received.Add(10 * time.Millisecond), Event: &seq.EventChange{Type: "ADDED", Event: e}}))
		tr.Observe(seq.Observation{Received: created.Received.Add(time.Minute)})
		if n, all := tr.Settled(time.Second), len(tr.Steps()); (n == all) != (reason == "Failed") {
			t.Errorf("after a Warning %s, %d of %d steps are final", reason, n, all)
		}
	}
}
