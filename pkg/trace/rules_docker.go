package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// engineFacts are what is known of a container that a Docker Engine runs, beyond our requests.
type engineFacts struct {
	events []engineEvent  // of the engine, about it, by time
	tasks  []runtimeEvent // of containerd, likewise
}

type engineEvent struct {
	EngineEvent
	received time.Time
	at       time.Time // on our clock
}

type runtimeEvent struct {
	RuntimeEvent
	received time.Time
	at       time.Time // on our clock
}

// KindContainer is the kind of a subject that a Docker Engine runs.
const KindContainer = "Container"

func (s *story) isContainer() bool { return s.object.Kind == KindContainer }

func (t *Trace) observeEngine(e *EngineEvent, received time.Time) {
	key := strings.Join([]string{e.Type, e.Action, e.Actor, e.At.Format(time.RFC3339Nano)}, "\x00")
	if old, ok := t.engine[key]; !ok || earlier(received, old.received) {
		t.engine[key], t.result = engineEvent{EngineEvent: *e, received: received}, nil
	}
}

func (t *Trace) observeRuntime(e *RuntimeEvent, received time.Time) {
	key := strings.Join([]string{e.Topic, e.Container, fmt.Sprint(e.PID), e.At.Format(time.RFC3339Nano)}, "\x00")
	if old, ok := t.tasks[key]; !ok || earlier(received, old.received) {
		t.tasks[key], t.result = runtimeEvent{RuntimeEvent: *e, received: received}, nil
	}
}

// tellContainer reads the facts of a container, and compares the engine's clock with ours: its event of what a request of
// ours asked for comes while that is under way, and no event before it happens.
func (t *Trace) tellContainer(s *story) {
	s.runtime = Containerd
	id := s.object.UID
	for _, e := range t.engine {
		if id != "" && (e.Actor == id || e.Attributes["container"] == id) {
			s.engine.events = append(s.engine.events, e)
		}
	}
	for _, e := range t.tasks {
		if id != "" && e.Container == id {
			s.engine.tasks = append(s.engine.tasks, e)
		}
	}
	for i := range s.engine.events {
		e := &s.engine.events[i]
		s.clocks.sample(Engine, e.At, s.zero(), e.received)
		for _, q := range s.requests {
			if q.Docker != nil && q.Verb == e.Action && e.Type == "container" && (q.Verb == "create" || q.Verb == "start") {
				s.clocks.sample(Engine, e.At, q.Sent, q.FirstByte)
			}
		}
	}
	for i := range s.engine.tasks { // containerd runs where the engine does
		s.clocks.sample(Engine, s.engine.tasks[i].At, s.zero(), s.engine.tasks[i].received)
	}
	s.clocks.settle(s.roundTrip())
	for i := range s.engine.events {
		s.engine.events[i].at = s.on(Engine, s.engine.events[i].At)
	}
	for i := range s.engine.tasks {
		s.engine.tasks[i].at = s.on(Engine, s.engine.tasks[i].At)
	}
	slices.SortFunc(s.engine.events, func(a, b engineEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Type+a.Action+a.Actor, b.Type+b.Action+b.Actor))
	})
	slices.SortFunc(s.engine.tasks, func(a, b runtimeEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.PID, b.PID))
	})
}

// event is the engine's first event of that kind about the container, or nil.
func (s *story) event(action string) *engineEvent {
	for i := range s.engine.events {
		if e := &s.engine.events[i]; e.Type == "container" && e.Action == action {
			return e
		}
	}
	return nil
}

// task is containerd's first event of that topic, or nil.
func (s *story) task(topic string) *runtimeEvent {
	for i := range s.engine.tasks {
		if e := &s.engine.tasks[i]; e.Topic == topic {
			return e
		}
	}
	return nil
}

// asked is the last request of ours of that verb, or nil.
func (s *story) asked(verb string) (last *Request) {
	for _, q := range s.requests {
		if q.Docker != nil && q.Verb == verb {
			last = q
		}
	}
	return last
}

func (e *engineEvent) evidence() Evidence {
	return Evidence{Source: "docker", Detail: "event " + e.Type + " " + e.Action, At: e.at}
}

func (e *runtimeEvent) evidence() Evidence {
	detail := "event " + e.Topic
	if e.PID > 0 {
		detail += fmt.Sprintf(", process %d of the host", e.PID)
	}
	return Evidence{Source: "containerd", Detail: detail, At: e.at}
}

// noted is an instant of the engine's clock, or of containerd's.
func (s *story) noted(x *Step, at time.Time) {
	x.Clock = Engine
	x.Window, x.Best, x.Shown, x.Precision = exactly(at)
}

// dockerLabels are what requests ask for, beyond their method.
var dockerLabels = map[string]string{"pull": "images/create (%s)", "create": "containers/create (%s)", "delete": "containers (%s)"}

func (s *story) dockerRequest(q *Request) Step {
	x := Step{Key: callKey(q), Call: callKey(q), Verb: q.Verb, Resource: q.Resource, Object: s.object, Clock: User, Detail: Brief}
	name := s.object.Name
	if q.Verb == "pull" {
		name = q.Docker.Image
	}
	if format := dockerLabels[q.Verb]; format != "" {
		x.Label = q.Method + " " + fmt.Sprintf(format, name)
	} else {
		x.Label = fmt.Sprintf("%s containers/%s (%s)", q.Method, q.Verb, name)
	}
	if q.Verb == "attach" || q.Verb == "wait" {
		x.Detail = Normal
	}
	x.Window, x.Best, x.Shown, x.Precision = exactly(q.Sent)
	x.Evidence = []Evidence{q.evidence()}
	return x
}

func dockerRequests(s *story, emit func(claim)) {
	for _, q := range s.requests {
		if !q.Acts() || q.Docker == nil || q.Sent.IsZero() {
			continue
		}
		request := s.dockerRequest(q)
		var after []string
		for _, o := range s.requests { // one after the other, but for the wait, which is asked for before the start
			if o.Acts() && o.Docker != nil && o.Verb != "wait" && o.Verb != "attach" && !o.FirstByte.IsZero() && !o.FirstByte.After(q.Sent) {
				after = append(after, callKey(o)+":end")
			}
		}
		emit(claim{Step: request, after: after})
		at := q.FirstByte
		if q.Verb == "pull" || q.Verb == "wait" && q.Status < 300 {
			at = later(q.FirstByte, q.Docker.Ended)
		}
		if q.Status == 0 || at.IsZero() || (q.Verb == "pull" || q.Verb == "wait") && q.Status < 300 && q.Docker.Ended.IsZero() {
			continue
		}
		answer := request
		answer.From, answer.To, answer.Kind, answer.At, answer.Key = Engine, User, ResponseKind, AtEnd, request.Key+":end"
		answer.Label = strings.TrimSpace(fmt.Sprintf("%d %s", q.Status, q.StatusText))
		switch text := cmp.Or(q.Message, q.Docker.Error); {
		case text != "":
			answer.Label += ": " + text
		case q.Verb == "create" && q.Docker.ID != "":
			answer.Label += ", id " + shortID(q.Docker.ID)
		case q.Docker.ExitCode != nil:
			answer.Label += fmt.Sprintf(", exit code %d", *q.Docker.ExitCode)
		}
		answer.Window, answer.Best, answer.Shown, answer.Precision = exactly(at)
		answer.Evidence = []Evidence{{Source: "http", Detail: "the answer's first byte", At: at}}
		if at != q.FirstByte {
			answer.Evidence[0].Detail = "the end of the answer"
		}
		after = []string{request.Key}
		switch q.Verb {
		case "create":
			after = append(after, "docker:image", "docker:layer")
		case "start":
			after = append(after, containerdKey("Tasks.Start")+":end", containerdKey("Tasks.Create")+":end")
		case "wait":
			after = append(after, "docker:exit", dockerEventKey("die"))
		}
		emit(claim{Step: answer, after: after})
	}
}

// shortID is as docker ps has it.
func shortID(id string) string { return id[:min(12, len(id))] }

func dockerLooks(s *story, emit func(claim)) {
	for _, q := range s.requests {
		if q.Acts() || q.Docker == nil || q.Sent.IsZero() {
			continue
		}
		request := s.dockerRequest(q)
		request.Label, request.Detail = q.Method+" "+q.Path, Full
		emit(claim{Step: request})
		s.emitAnswer(q, request, func(c claim) {
			c.From, c.To, c.Detail = Engine, User, Full
			emit(c)
		})
	}
}

// made bounds what the engine did within our request to create the container.
func (s *story) made(x Step, emit func(claim)) {
	q := s.asked("create")
	if q == nil || q.Status >= 300 || q.FirstByte.IsZero() {
		return
	}
	x.Object, x.Clock = s.object, Engine
	x.Window.Latest = q.FirstByte
	if e := s.event("create"); e != nil { // which comes last
		x.Window.Latest = sooner(x.Window.Latest, e.at)
		x.Evidence = append(x.Evidence, e.evidence())
	}
	emit(claim{Step: x, after: []string{callKey(q)}})
}

func dockerImage(s *story, emit func(claim)) {
	for _, q := range s.requests {
		if q.Docker == nil || q.Docker.Layers == 0 {
			continue
		}
		word := "layers"
		if q.Docker.Layers == 1 {
			word = "layer"
		}
		s.made(Step{Key: "docker:image", Label: fmt.Sprintf("image %s: %d read-only %s", q.Docker.Image, q.Docker.Layers, word),
			Evidence: []Evidence{{Source: "http", Detail: fmt.Sprintf("the engine's answer to %s %s: RootFS.Layers", q.Method, q.Path), At: q.FirstByte}}}, emit)
		return
	}
}

func dockerLayer(s *story, emit func(claim)) {
	for _, q := range s.requests {
		if q.Docker == nil || q.Docker.Driver == "" {
			continue
		}
		s.made(Step{Key: "docker:layer", Label: "a read-write layer on top, by " + q.Docker.Driver,
			Evidence: []Evidence{{Source: "http", Detail: fmt.Sprintf("the engine's answer to %s %s: its storage driver", q.Method, q.Path), At: q.FirstByte}}}, emit)
		return
	}
}

func dockerEventKey(action string) string { return "docker:event:" + action }

// dockerWords are the engine's events that are drawn as what it does by itself, and how. The others are in the requests.
var dockerWords = map[string]string{
	"network connect": "connects it to network %s", "network disconnect": "disconnects it from network %s",
	"container oom": "the kernel has no memory left for it", "container die": "takes note of its end",
	"container kill": "signal %s", "container destroy": "removes its layer and all it was",
}

func dockerEvents(s *story, emit func(claim)) {
	for i := range s.engine.events {
		e := &s.engine.events[i]
		format := dockerWords[e.Type+" "+e.Action]
		if format == "" {
			continue
		}
		x := Step{Key: dockerEventKey(e.Action), Label: format, Object: s.object, Evidence: []Evidence{e.evidence()}}
		if strings.Contains(format, "%s") {
			x.Label = fmt.Sprintf(format, cmp.Or(e.Attributes["name"], e.Attributes["signal"]))
		}
		if e.Action == "kill" {
			x.Label = fmt.Sprintf(format, e.Attributes["signal"])
		}
		s.noted(&x, e.at)
		after := []string{}
		switch e.Action {
		case "connect":
			after = s.afterAsking("start")
		case "die":
			after = append(after, "docker:exit", "docker:exit-told")
		case "disconnect", "destroy":
			after = append(after, dockerEventKey("die"))
		}
		emit(claim{Step: x, after: after})
	}
}

// afterAsking is the key of our request of that verb.
func (s *story) afterAsking(verb string) []string {
	if q := s.asked(verb); q != nil {
		return []string{callKey(q)}
	}
	return nil
}

func containerdKey(call string) string { return "containerd:" + call }

// containerdCalls are what the engine asks of containerd to start a container, in order, and the event of each.
var containerdCalls = []struct{ call, topic string }{
	{"Containers.Create", "/containers/create"}, {"Tasks.Create", "/tasks/create"}, {"Tasks.Start", "/tasks/start"},
}

// started is what proves that the container has been started, and by when; the zero time means nothing does.
func (s *story) startedBy() (time.Time, []Evidence) {
	var by time.Time
	var evidence []Evidence
	if q := s.asked("start"); q != nil && q.Status > 0 && q.Status < 400 && !q.FirstByte.IsZero() {
		by, evidence = q.FirstByte, []Evidence{{Source: "http", Detail: fmt.Sprintf("the answer to our request to start it: %d %s", q.Status, q.StatusText), At: q.FirstByte}}
	}
	if e := s.event("start"); e != nil {
		by, evidence = sooner(by, e.at), append(evidence, e.evidence())
	}
	return by, evidence
}

// containerdCall emits what the engine asks of containerd: the call, and that it was done.
func (s *story) containerdCall(call string, end Step, after []string, emit func(claim)) {
	request := Step{Key: containerdKey(call), Call: containerdKey(call), Label: call, Object: s.object, Clock: Engine, Detail: end.Detail, Evidence: end.Evidence}
	request.Window.Latest = end.Window.Latest
	emit(claim{Step: request, after: after, lag: criLag})
	end.Key, end.Call, end.From, end.To, end.Kind, end.At = request.Key+":end", request.Key, Containerd, Engine, ResponseKind, AtEnd
	end.Detail = Normal
	end.Label, end.Object, end.Clock = call+" returns", s.object, Engine
	emit(claim{Step: end, after: append(slices.Clone(runcWithin[call]), request.Key), lag: criLag})
}

// runcWithin is what runc does before a call of the engine returns.
var runcWithin = map[string][]string{"Tasks.Create": {"runc:create"}, "Tasks.Start": {"runc:start", "docker:program"}}

func dockerContainerd(s *story, emit func(claim)) {
	by, evidence := s.startedBy()
	if by.IsZero() && s.refusedByRunc() == nil {
		return
	}
	after := s.afterAsking("start")
	for _, c := range containerdCalls {
		end := Step{Evidence: evidence, Window: Window{Latest: by}}
		if q := s.refusedByRunc(); q != nil && by.IsZero() {
			if c.call == "Tasks.Start" {
				return
			}
			end.Evidence, end.Window.Latest = []Evidence{refusedEvidence(q)}, q.FirstByte
		}
		s.containerdCall(c.call, end, after, emit)
		after = []string{containerdKey(c.call) + ":end"}
	}
}

func refusedEvidence(q *Request) Evidence {
	return Evidence{Source: "http", Detail: "the engine's answer is an error of the OCI runtime", At: q.FirstByte}
}

func containerdEvents(s *story, emit func(claim)) {
	after := s.afterAsking("start")
	for _, c := range containerdCalls {
		if e := s.task(c.topic); e != nil {
			end := Step{Evidence: []Evidence{e.evidence()}}
			s.noted(&end, e.at)
			s.containerdCall(c.call, end, after, emit)
			after = []string{containerdKey(c.call) + ":end"}
		}
	}
	after = append(s.afterAsking("start"), "docker:exit", "docker:exit-told", containerdKey("Tasks.Create")+":end")
	for _, c := range []struct{ call, topic string }{{"Tasks.Delete", "/tasks/delete"}, {"Containers.Delete", "/containers/delete"}} {
		if e := s.task(c.topic); e != nil {
			end := Step{Evidence: []Evidence{e.evidence()}, Detail: Normal}
			s.noted(&end, e.at)
			s.containerdCall(c.call, end, after, emit)
			after = append(slices.Clone(after), containerdKey(c.call)+":end")
		}
	}
}

// theRuntime is who makes containers for containerd, as the engine says.
func (s *story) theRuntime() Participant {
	for _, q := range s.requests {
		if q.Docker != nil && q.Docker.Runtime != "" {
			return Participant(q.Docker.Runtime)
		}
	}
	return Runc
}

func dockerRunc(s *story, emit func(claim)) {
	by, evidence := s.startedBy()
	refused := s.refusedByRunc()
	if by.IsZero() && refused == nil {
		return
	}
	create := Step{Key: "runc:create", To: s.theRuntime(), Label: "create", Object: s.object, Container: s.object.Name, Clock: Engine, Evidence: evidence}
	create.Window.Latest = by
	if e := s.task("/tasks/create"); e != nil { // which is published when runc has done it
		create.Window.Latest, create.Evidence = e.at, []Evidence{e.evidence()}
	}
	if refused != nil {
		create.Label, create.Window.Latest, create.Evidence = "create fails", refused.FirstByte, []Evidence{refusedEvidence(refused)}
	}
	emit(claim{Step: create, after: []string{containerdKey("Tasks.Create")}, lag: runcLag})
	if refused != nil {
		return
	}
	start := create
	start.Key, start.Label, start.Window.Latest, start.Evidence = "runc:start", "start", by, evidence
	if e := s.task("/tasks/start"); e != nil {
		start.Window.Latest, start.Evidence = e.at, []Evidence{e.evidence()}
	}
	emit(claim{Step: start, after: []string{create.Key, containerdKey("Tasks.Start")}, lag: criLag})
}

// refusedByRunc is our request to start the container where the OCI runtime could not make it, or nil.
func (s *story) refusedByRunc() *Request {
	if q := s.asked("start"); q != nil && q.Status >= 400 && strings.Contains(q.Message, "OCI runtime") {
		return q
	}
	return nil
}

func (s *story) lane() Participant { return Container(s.object.Name) }

func dockerProgram(s *story, emit func(claim)) {
	by, evidence := s.startedBy()
	if by.IsZero() {
		return
	}
	x := Step{Key: "docker:program", From: s.theRuntime(), To: s.lane(), Object: s.object, Container: s.object.Name, Clock: Engine, Evidence: evidence}
	x.Window.Latest = by
	if e := s.task("/tasks/start"); e != nil {
		x.Window.Latest, x.Evidence = e.at, []Evidence{e.evidence()}
	}
	if q := s.asked("attach"); q != nil && !q.Docker.Output.IsZero() { // what has written runs
		x.Window.Latest = sooner(x.Window.Latest, q.Docker.Output)
	}
	emit(claim{Step: x, after: []string{"runc:start"}, lag: criLag})
}

func dockerOutput(s *story, emit func(claim)) {
	q := s.asked("attach")
	if q == nil || q.Docker.Output.IsZero() {
		return
	}
	x := Step{Key: "docker:output", Object: s.object, Clock: User, Evidence: []Evidence{{Source: "http", Detail: "the first bytes on the connection that is attached", At: q.Docker.Output}}}
	x.Window, x.Best, x.Shown, x.Precision = exactly(q.Docker.Output)
	emit(claim{Step: x, after: []string{"docker:program", callKey(q) + ":end"}})
}

// ending is how the container ended, as far as anything says so.
type ending struct {
	code     int
	oom      bool
	by       time.Time
	exact    bool
	evidence []Evidence
}

func (s *story) ending() (e ending, ok bool) {
	if q := s.asked("start"); q != nil && q.Status >= 400 { // the engine makes up a code for what has never run
		return ending{}, false
	}
	if x := s.task("/tasks/exit"); x != nil && x.ExitCode != nil {
		e, ok = ending{code: *x.ExitCode, by: x.at, evidence: []Evidence{x.evidence()}}, true
		if !x.Exited.IsZero() {
			e.by, e.exact = s.on(Engine, x.Exited), true
		}
	}
	if x := s.event("die"); x != nil {
		if !ok {
			_, err := fmt.Sscan(x.Attributes["exitCode"], &e.code)
			ok, e.by = err == nil, x.at
		}
		e.evidence = append(e.evidence, x.evidence())
	}
	started, _ := s.startedBy() // who waits is answered with a code, too, where nothing has been started
	if q := s.asked("wait"); q != nil && q.Docker.ExitCode != nil && (ok || !started.IsZero()) {
		if !ok {
			e.code, e.by, ok = *q.Docker.ExitCode, q.Docker.Ended, true
		}
		e.evidence = append(e.evidence, Evidence{Source: "http", Detail: "the answer to our request to wait for it", At: q.Docker.Ended})
	}
	e.oom = s.event("oom") != nil || s.task("/tasks/oom") != nil
	for _, q := range s.requests {
		e.oom = e.oom || q.Docker != nil && q.Docker.OOM
	}
	return e, ok
}

func dockerExit(s *story, emit func(claim)) {
	e, ok := s.ending()
	if !ok {
		return
	}
	x := Step{Key: "docker:exit", From: s.lane(), To: s.lane(), Label: fmt.Sprintf("exits with %d", e.code), Object: s.object, Container: s.object.Name, Clock: Engine, Evidence: e.evidence}
	if e.oom {
		x.Label += ", killed by the kernel: out of memory"
	}
	if x.Window.Latest, x.Best = e.by, e.by.Add(-noteLag); e.exact {
		s.noted(&x, e.by)
	}
	emit(claim{Step: x, after: []string{"docker:program"}})
}

// noteLag is what the engine usually takes from an exit to its event of it: it deletes the task first. Measured on one
// machine, with Docker 20.10.
const noteLag = 18 * time.Millisecond

func dockerExitTold(s *story, emit func(claim)) {
	die := s.event("die")
	if die == nil {
		return
	}
	x := Step{Key: "docker:exit-told", Label: "event: its task has ended", Object: s.object, Clock: Engine, Evidence: []Evidence{die.evidence()}}
	x.Window.Latest = die.at
	emit(claim{Step: x, after: []string{"docker:exit"}, lag: statusLag})
}
