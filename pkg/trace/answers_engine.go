package trace

// State, phases and symptoms of a container that a Docker Engine runs.

import (
	"cmp"
	"fmt"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// reachedState is how far a container of an engine has come, and by when.
type reachedState struct {
	seq.State
	reachedBy time.Time
}

// containerStates are those that it has gone through, the first that nothing is known.
func (s *story) containerStates() []reachedState {
	now := reachedState{}
	all := []reachedState{now}
	add := func(by time.Time) {
		now.reachedBy = by
		all = append(all, now)
	}
	for _, verb := range []string{"pull", "create", "start"} {
		q := s.lastEngineRequest(verb)
		switch {
		case q == nil:
		case engineFailure(q) != "":
			now.Refused = engineFailure(q)
			add(cmp.Or(q.Docker.Ended, q.FirstByte))
			return all
		case verb == "create" && q.Status > 0:
			now.Created = true
			add(q.FirstByte)
		}
	}
	if by, _ := s.startedBy(); !by.IsZero() {
		now.Running = true
		add(by)
	}
	if e, ok := s.containerEnding(); ok {
		now.Created, now.Running, now.Succeeded, now.Failed = true, false, e.code == 0, e.code != 0
		add(e.endedBy)
	}
	if e := s.engineEventOf("destroy"); e != nil {
		now.Deleted = true
		add(e.at)
	}
	return all
}

// containerState is the last of those.
func containerState(s *story, _ int) seq.State {
	all := s.containerStates()
	return all[len(all)-1].State
}

func containerReached(_ *result, s *story, is func(seq.State) bool) (seq.State, time.Time, bool) {
	for _, st := range s.containerStates() {
		if is(st.State) {
			return st.State, st.reachedBy, true
		}
	}
	return seq.State{}, time.Time{}, false
}

func (s *story) containerImage() string {
	for _, q := range s.requests {
		if q.Docker != nil && q.Docker.Image != "" {
			return q.Docker.Image
		}
	}
	return ""
}

// ExitCode is that of the program of a container that an engine runs, once it has ended.
func (t *Trace) ExitCode() (code int, ok bool) {
	s := t.resolve().scene.subject()
	e, ok := s.containerEnding()
	return e.code, ok && s.isContainer()
}

// engineExpected are the participants of any run on an engine.
func engineExpected(s *story) []seq.Participant {
	return []seq.Participant{seq.User, seq.Engine, seq.Containerd, s.theRuntime(), s.containerLane()}
}

// engineUnseen says what a run on an engine had no source for.
func engineUnseen(s *story) []string {
	words := []string{}
	if q := s.lastEngineRequest("start"); q == nil || q.Status >= 400 {
		return words
	}
	if len(s.engine.events) == 0 {
		words = append(words, "the engine's events: none came")
	}
	if len(s.engine.runtimeEvents) == 0 {
		words = append(words,
			"containerd's events: its socket is not to be read here, so what the engine asks of it is inferred")
	}
	return append(words, "what runc does within its two calls")
}

var enginePhases = []phase{
	{name: "pull", explain: "the engine fetches and unpacks the image", intervals: asking("pull")},
	{name: "create", explain: "the engine makes the container's configuration and its layer", intervals: asking("create")},
	{name: "start", explain: "the engine connects the network and has containerd and runc start the program",
		intervals: asking("start")},
	{name: "run", explain: "the container's program runs",
		intervals: func(*story, *result) []interval { return []interval{{"docker:program", "docker:exit", true}} }},
	{name: "end", explain: "the engine learns of the exit, and tells who waits for it",
		intervals: between(func(*story) seq.Key { return "docker:exit" }, engineAnswerKey("wait"))},
}

// asking is a request of ours, until it is answered.
func asking(verb string) func(*story, *result) []interval {
	return func(s *story, _ *result) []interval {
		return []interval{{engineRequestKey(verb)(s), engineAnswerKey(verb)(s), true}}
	}
}

// engineRequestKey is the key of our request of that verb, engineAnswerKey that of its answer.
func engineRequestKey(verb string) func(*story) seq.Key {
	return func(s *story) seq.Key {
		if q := s.lastEngineRequest(verb); q != nil {
			return callKey(q)
		}
		return ""
	}
}

func engineAnswerKey(verb string) func(*story) seq.Key {
	return func(s *story) seq.Key {
		if q := s.lastEngineRequest(verb); q != nil {
			return callKey(q).End()
		}
		return ""
	}
}

// engineSymptoms are where to look for what keeps a container of an engine from its end.
var engineSymptoms = []symptom{
	{objectless: true, find: engineRefusal, causes: []obstacleCause{
		{name: "docker-name", match: re(`container name "[^"]*" is already in use`),
			explain: "there is a container of that name already",
			next:    []string{"remove it: $ docker rm {pod}", "or choose another --name"}},
		{name: "docker-no-program", match: wrongProgram, by: "runc", explain: "the container's program cannot be started",
			next: []string{"check what comes after --, and the image's entrypoint: $ docker image inspect {image}"}},
		{name: "docker-no-image", match: re(`[Nn]o such image|not found|manifest unknown|pull access denied|does not exist`),
			by: "docker",
			explain: "the engine does not have the image {image}, and its registry does not give it: no image has that " +
				"name, or the registry wants a login",
			next: []string{"check the name: $ docker image ls", "or log in to its registry: docker login REGISTRY"}},
		{name: "docker-registry", match: re(`connection refused|no such host|i/o timeout|Client.Timeout|TLS|x509`),
			by:      "registry",
			explain: "the registry of {image} does not answer the engine",
			next:    []string{"try the pull by itself: $ docker pull {image}"}},
		{name: "docker-refused", explain: "the engine refused the request",
			next: []string{"see how the engine is set up: $ docker info"}},
	}},
	{objectless: true, find: engineExit, causes: []obstacleCause{
		{name: "docker-oom", match: re(`^OOMKilled: `),
			explain: "the kernel killed a process of the container, which used more memory than its limit",
			next:    []string{"give it more memory (--memory), or have it use less"}},
		{name: "docker-exit", explain: "the container ended with exit code {code}",
			next: []string{"see what it wrote, which says why: {logs}"}},
	}},
}

// engineFailure is why a request to an engine came to nothing: what it answers, also in the middle of an answer, or why
// there is no answer. It is empty where that went well, or goes on.
func engineFailure(q *seq.Request) string {
	if q.Status >= 400 || q.Status == 0 && q.Message != "" || q.Docker.Error != "" {
		return cmp.Or(q.Message, q.Docker.Error, q.StatusText, "refused")
	}
	return ""
}

func engineRefusal(s *story, _ time.Time) (finding, bool) {
	for _, verb := range []string{"pull", "create", "start"} {
		q := s.lastEngineRequest(verb)
		if q == nil || engineFailure(q) == "" {
			continue
		}
		at := cmp.Or(q.Docker.Ended, q.FirstByte)
		e := seq.Evidence{Source: "http", Text: fmt.Sprintf("the answer to our own request: %d %s", q.Status, q.StatusText),
			At: at}
		return finding{by: seq.Engine, reason: cmp.Or(q.StatusText, "refused"), message: engineFailure(q),
			since: at, evidence: []seq.Evidence{e}, replacements: []string{"{image}", s.containerImage()}}, true
	}
	return finding{}, false
}

func engineExit(s *story, _ time.Time) (finding, bool) {
	e, ok := s.containerEnding()
	if !ok || e.code == 0 {
		return finding{}, false
	}
	f := finding{by: s.containerLane(), reason: "Error", message: fmt.Sprintf("%s exited with %d", s.object.Name, e.code),
		since: e.endedBy, evidence: e.evidence,
		replacements: []string{"{code}", fmt.Sprint(e.code), "{logs}", "docker logs " + s.object.Name}}
	if e.oom {
		f.reason = "OOMKilled"
	}
	if s.engineEventOf("destroy") != nil {
		f.replacements[3] = "leave out --rm to have docker logs keep it"
	}
	return f, true
}
