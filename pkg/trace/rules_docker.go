package trace

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// dockerLabels are what requests ask for, beyond their method.
var dockerLabels = map[string]string{"pull": "images/create (%s)", "create": "containers/create (%s)", "delete": "containers (%s)"}

func (s *story) dockerRequest(q *seq.Request) seq.Step {
	x := seq.Step{Key: callKey(q), Call: callKey(q), Verb: q.Verb, Resource: q.Resource, Object: s.object, Clock: seq.User, Detail: seq.Brief}
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
		x.Detail = seq.Normal
	}
	x.Window, x.Best, x.Shown, x.Precision = exactly(q.Sent)
	x.Evidence = []seq.Evidence{q.Evidence()}
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
		answer.From, answer.To, answer.Kind, answer.At, answer.Key = seq.Engine, seq.User, seq.ResponseKind, seq.AtEnd, request.Key+":end"
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
		answer.Evidence = []seq.Evidence{{Source: "http", Detail: "the answer's first byte", At: at}}
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
		request.Label, request.Detail = q.Method+" "+q.Path, seq.Full
		emit(claim{Step: request})
		s.emitAnswer(q, request, func(c claim) {
			c.From, c.To, c.Detail = seq.Engine, seq.User, seq.Full
			emit(c)
		})
	}
}

// made bounds what the engine did within our request to create the container.
func (s *story) made(x seq.Step, emit func(claim)) {
	q := s.asked("create")
	if q == nil || q.Status >= 300 || q.FirstByte.IsZero() {
		return
	}
	x.Object, x.Clock = s.object, seq.Engine
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
		s.made(seq.Step{Key: "docker:image", Label: fmt.Sprintf("image %s: %d read-only %s", q.Docker.Image, q.Docker.Layers, word),
			Evidence: []seq.Evidence{{Source: "http", Detail: fmt.Sprintf("the engine's answer to %s %s: RootFS.Layers", q.Method, q.Path), At: q.FirstByte}}}, emit)
		return
	}
}

func dockerLayer(s *story, emit func(claim)) {
	for _, q := range s.requests {
		if q.Docker == nil || q.Docker.Driver == "" {
			continue
		}
		s.made(seq.Step{Key: "docker:layer", Label: "a read-write layer on top, by " + q.Docker.Driver,
			Evidence: []seq.Evidence{{Source: "http", Detail: fmt.Sprintf("the engine's answer to %s %s: its storage driver", q.Method, q.Path), At: q.FirstByte}}}, emit)
		return
	}
}

func dockerEventKey(action string) string { return "docker:event:" + action }

// dockerWords are the engine's events that are drawn as what it does by itself, how, and which attribute completes that. The
// others are in the requests.
var dockerWords = map[string]struct{ label, attribute string }{
	"network connect": {"connects it to network ", "name"}, "network disconnect": {"disconnects it from network ", "name"},
	"container oom": {label: "the kernel has no memory left for it"}, "container die": {label: "takes note of its end"},
	"container kill": {"signal ", "signal"}, "container destroy": {label: "removes its layer and all it was"},
}

func dockerEvents(s *story, emit func(claim)) {
	for i := range s.engine.events {
		e := &s.engine.events[i]
		words, ok := dockerWords[e.Type+" "+e.Action]
		if !ok {
			continue
		}
		x := seq.Step{Key: dockerEventKey(e.Action), Label: words.label + e.Attributes[words.attribute], Object: s.object, Evidence: []seq.Evidence{e.evidence()}}
		s.noted(&x, e.at)
		var after []string
		switch e.Action {
		case "connect":
			after = s.afterAsking("start")
		case "die":
			after = []string{"docker:exit", "docker:exit-told"}
		case "disconnect", "destroy":
			after = []string{dockerEventKey("die")}
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

func (s *story) lane() seq.Participant { return seq.Container(s.object.Name) }

func dockerOutput(s *story, emit func(claim)) {
	q := s.asked("attach")
	if q == nil || q.Docker.Output.IsZero() {
		return
	}
	x := seq.Step{Key: "docker:output", Object: s.object, Clock: seq.User, Evidence: []seq.Evidence{{Source: "http", Detail: "the first bytes on the connection that is attached", At: q.Docker.Output}}}
	x.Window, x.Best, x.Shown, x.Precision = exactly(q.Docker.Output)
	emit(claim{Step: x, after: []string{"docker:program", callKey(q) + ":end"}})
}

func dockerExit(s *story, emit func(claim)) {
	e, ok := s.ending()
	if !ok {
		return
	}
	x := seq.Step{Key: "docker:exit", From: s.lane(), To: s.lane(), Label: fmt.Sprintf("exits with %d", e.code), Object: s.object, Container: s.object.Name, Clock: seq.Engine, Evidence: e.evidence}
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
	x := seq.Step{Key: "docker:exit-told", Label: "event: its task has ended", Object: s.object, Clock: seq.Engine, Evidence: []seq.Evidence{die.evidence()}}
	x.Window.Latest = die.at
	emit(claim{Step: x, after: []string{"docker:exit"}, lag: statusLag})
}
