package trace

// A container of a Docker Engine, as the events of the engine and of its containerd tell of it.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// engineFacts are what is known of a container that a Docker Engine runs, beyond our requests.
type engineFacts struct {
	events        []engineEvent  // of the engine, about it, by time
	runtimeEvents []runtimeEvent // of containerd, likewise
}

type engineEvent struct {
	seq.EngineEvent
	received time.Time
	at       time.Time // on our clock
}

type runtimeEvent struct {
	seq.RuntimeEvent
	received time.Time
	at       time.Time // on our clock
}

func (s *story) isContainer() bool { return s.object.Kind == seq.KindContainer }

func (t *store) observeEngine(e *seq.EngineEvent, received time.Time) {
	key := strings.Join([]string{e.Type, e.Action, e.Actor, e.At.Format(time.RFC3339Nano)}, "\x00")
	if old, ok := t.engineEvents[key]; !ok || instant.Earlier(received, old.received) {
		t.engineEvents[key] = engineEvent{EngineEvent: *e, received: received}
		t.newOfAll()
	}
}

func (t *store) observeRuntime(e *seq.RuntimeEvent, received time.Time) {
	key := strings.Join([]string{e.Topic, e.Container, fmt.Sprint(e.PID), e.At.Format(time.RFC3339Nano)}, "\x00")
	if old, ok := t.runtimeEvents[key]; !ok || instant.Earlier(received, old.received) {
		t.runtimeEvents[key] = runtimeEvent{RuntimeEvent: *e, received: received}
		t.newOfAll()
	}
}

// readContainer reads the facts of a container, and compares the engine's clock with ours: its event of what a request
// of ours asked for comes while that is under way, and no event before it happens.
func (t *store) readContainer(s *story) {
	s.runtime = seq.Containerd
	id := s.object.UID
	for _, e := range t.engineEvents {
		if id != "" && (e.Actor == id || e.Attributes["container"] == id) {
			s.engine.events = append(s.engine.events, e)
		}
	}
	for _, e := range t.runtimeEvents {
		if id != "" && e.Container == id {
			s.engine.runtimeEvents = append(s.engine.runtimeEvents, e)
		}
	}
	for i := range s.engine.events {
		e := &s.engine.events[i]
		s.clocks.Sample(seq.Engine, e.At, s.zero(), e.received)
		for _, q := range s.requests {
			if q.Docker != nil && q.Verb == e.Action && e.Type == "container" && (q.Verb == "create" || q.Verb == "start") {
				s.clocks.Sample(seq.Engine, e.At, q.Sent, q.FirstByte)
			}
		}
	}
	for i := range s.engine.runtimeEvents { // containerd runs where the engine does
		s.clocks.Sample(seq.Engine, s.engine.runtimeEvents[i].At, s.zero(), s.engine.runtimeEvents[i].received)
	}
	s.clocks.Settle(s.roundTrip())
	for i := range s.engine.events {
		s.engine.events[i].at = s.toOurClock(seq.Engine, s.engine.events[i].At)
	}
	for i := range s.engine.runtimeEvents {
		s.engine.runtimeEvents[i].at = s.toOurClock(seq.Engine, s.engine.runtimeEvents[i].At)
	}
	slices.SortFunc(s.engine.events, func(a, b engineEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Type+a.Action+a.Actor, b.Type+b.Action+b.Actor))
	})
	slices.SortFunc(s.engine.runtimeEvents, func(a, b runtimeEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.PID, b.PID))
	})
}

// engineEventOf is the engine's first event of that kind about the container, or nil.
func (s *story) engineEventOf(action string) *engineEvent {
	for i := range s.engine.events {
		if e := &s.engine.events[i]; e.Type == "container" && e.Action == action {
			return e
		}
	}
	return nil
}

// containerdEventOf is containerd's first event of that topic, or nil.
func (s *story) containerdEventOf(topic string) *runtimeEvent {
	for i := range s.engine.runtimeEvents {
		if e := &s.engine.runtimeEvents[i]; e.Topic == topic {
			return e
		}
	}
	return nil
}

// lastEngineRequest is the last request of ours of that verb, or nil.
func (s *story) lastEngineRequest(verb string) (last *seq.Request) {
	for _, q := range s.requests {
		if q.Docker != nil && q.Verb == verb {
			last = q
		}
	}
	return last
}

func (e *engineEvent) evidence() seq.Evidence {
	return seq.Evidence{Source: "docker", Text: "event " + e.Type + " " + e.Action, At: e.at}
}

func (e *runtimeEvent) evidence() seq.Evidence {
	detail := "event " + e.Topic
	if e.PID > 0 {
		detail += fmt.Sprintf(", process %d of the host", e.PID)
	}
	return seq.Evidence{Source: "containerd", Text: detail, At: e.at}
}

// setEngineInstant sets an instant of the engine's clock, or of containerd's.
func (s *story) setEngineInstant(x *seq.Step, at time.Time) {
	x.ClockOf = seq.Engine
	x.SetInstant(at, instant.OurPrecision)
}

// containerEnding is how the container ended, as far as anything says so.
type containerEnding struct {
	code     int
	oom      bool
	endedBy  time.Time
	exact    bool
	evidence []seq.Evidence
}

func (s *story) containerEnding() (e containerEnding, ok bool) {
	if q := s.lastEngineRequest("start"); q != nil && q.Status >= 400 {
		// the engine makes up a code for what has never run
		return containerEnding{}, false
	}
	if x := s.containerdEventOf("/tasks/exit"); x != nil && x.ExitCode != nil {
		e, ok = containerEnding{code: *x.ExitCode, endedBy: x.at, evidence: []seq.Evidence{x.evidence()}}, true
		if !x.Exited.IsZero() {
			e.endedBy, e.exact = s.toOurClock(seq.Engine, x.Exited), true
		}
	}
	if x := s.engineEventOf("die"); x != nil {
		if !ok {
			_, err := fmt.Sscan(x.Attributes["exitCode"], &e.code)
			ok, e.endedBy = err == nil, x.at
		}
		e.evidence = append(e.evidence, x.evidence())
	}
	started, _ := s.startedBy() // who waits is answered with a code, too, where nothing has been started
	if q := s.lastEngineRequest("wait"); q != nil && q.Docker.ExitCode != nil && (ok || !started.IsZero()) {
		if !ok {
			e.code, e.endedBy, ok = *q.Docker.ExitCode, q.Docker.Ended, true
		}
		e.evidence = append(e.evidence,
			seq.Evidence{Source: "http", Text: "the answer to our request to wait for it", At: q.Docker.Ended})
	}
	e.oom = s.engineEventOf("oom") != nil || s.containerdEventOf("/tasks/oom") != nil
	for _, q := range s.requests {
		e.oom = e.oom || q.Docker != nil && q.Docker.OOM
	}
	return e, ok
}

// startedBy is what proves that the container has been started, and by when; the zero time means nothing does.
func (s *story) startedBy() (time.Time, []seq.Evidence) {
	var by time.Time
	var evidence []seq.Evidence
	if q := s.lastEngineRequest("start"); q != nil && q.Status > 0 && q.Status < 400 && !q.FirstByte.IsZero() {
		by, evidence = q.FirstByte, []seq.Evidence{{Source: "http",
			Text: fmt.Sprintf("the answer to our request to start it: %d %s", q.Status, q.StatusText), At: q.FirstByte}}
	}
	if e := s.engineEventOf("start"); e != nil {
		by, evidence = instant.Sooner(by, e.at), append(evidence, e.evidence())
	}
	return by, evidence
}
