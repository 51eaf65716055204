package trace

// Rules of what a Docker Engine is asked, answers and tells by its events.

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/graph"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/instant"
)

// dockerLabels are what requests ask for, beyond their method.
var dockerLabels = map[string]string{"pull": "images/create (%s)", "create": "containers/create (%s)",
	"delete": "containers (%s)"}

func (s *story) dockerRequest(q *seq.Request) seq.Step {
	x := seq.Step{Key: callKey(q), Call: callKey(q), Verb: q.Verb, Resource: q.Resource, Object: s.object,
		ClockOf: seq.User,
		Detail:  seq.Brief}
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
	x.SetInstant(q.Sent, instant.OurPrecision)
	x.Evidence = []seq.Evidence{q.Evidence()}
	return x
}

var ruleDockerRequest = rule{
	Rule: seq.Rule{
		Name:    "docker-request",
		Trigger: "our own request",
		Proves:  "we sent it and read the answer",
		Gist:    "The docker command is a client; all of it is HTTP to the daemon.",
		Explain: "What the docker command does is HTTP requests to the daemon, by a socket or over the network: create " +
			"makes " +
			"a container of an image and answers with its id, start starts it. Nobody keeps a wish: what fails, or " +
			"ends, the client has to ask for again.",
		Doc:    dockerDocs + "reference/api/engine/",
		Source: "github.com/docker/docker/api/server/router/container/container_routes.go postContainersCreate",
	},
	of: ofEngines, from: seq.User, to: seq.Engine, kind: seq.RequestKind,
	instant: seq.AtStart, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveDockerRequest,
}

func deriveDockerRequest(s *story, emit func(graph.Claim)) {
	for _, q := range s.requests {
		if !q.Acts() || q.Docker == nil || q.Sent.IsZero() {
			continue
		}
		request := s.dockerRequest(q)
		var after []seq.Key
		for _, o := range s.requests { // one after the other, but for the wait, which is asked for before the start
			if o.Acts() && o.Docker != nil && o.Verb != "wait" && o.Verb != "attach" && !o.FirstByte.IsZero() &&
				!o.FirstByte.After(q.Sent) {
				after = append(after, callKey(o).End())
			}
		}
		emit(graph.Claim{Step: request, Follows: after})
		at := q.FirstByte
		if q.Verb == "pull" || q.Verb == "wait" && q.Status < 300 {
			at = instant.Later(q.FirstByte, q.Docker.Ended)
		}
		if q.Status == 0 || at.IsZero() ||
			(q.Verb == "pull" || q.Verb == "wait") && q.Status < 300 && q.Docker.Ended.IsZero() {
			continue
		}
		request.From, request.To = seq.User, seq.Engine
		answer := request.Reply(strings.TrimSpace(fmt.Sprintf("%d %s", q.Status, q.StatusText)))
		answer.Failed = q.Status >= 400 || cmp.Or(q.Message, q.Docker.Error) != ""
		switch text := cmp.Or(q.Message, q.Docker.Error); {
		case text != "":
			answer.Label += ": " + text
		case q.Verb == "create" && q.Docker.ID != "":
			answer.Label += ", id " + shortID(q.Docker.ID)
		case q.Docker.ExitCode != nil:
			answer.Label += fmt.Sprintf(", exit code %d", *q.Docker.ExitCode)
		}
		answer.SetInstant(at, instant.OurPrecision)
		answer.Evidence = []seq.Evidence{{Source: "http", Text: "the answer's first byte", At: at}}
		if at != q.FirstByte {
			answer.Evidence[0].Text = "the end of the answer"
		}
		after = []seq.Key{request.Key}
		switch q.Verb {
		case "create":
			after = append(after, "docker:image", "docker:layer")
		case "start":
			after = append(after, containerdKey("Tasks.Start").End(), containerdKey("Tasks.Create").End())
		case "wait":
			after = append(after, "docker:exit", dockerEventKey("die"))
		}
		emit(graph.Claim{Step: answer, Follows: after})
	}
}

// shortID is as docker ps has it.
func shortID(id string) string { return id[:min(12, len(id))] }

var ruleDockerLook = rule{
	Rule: seq.Rule{
		Name:    "docker-look",
		Trigger: "our own GET",
		Proves:  "we sent it and read the answer",
		Gist:    "This tool asks, to be able to show; docker run asks for less.",
		Explain: "This tool itself asks for the engine's version and events and inspects image and container, so that it " +
			"can " +
			"show them.",
		Doc:    dockerDocs + "reference/api/engine/",
		Source: "github.com/docker/docker/api/server/router/container/inspect.go getContainersByName",
	},
	of: ofEngines, from: seq.User, to: seq.Engine, kind: seq.RequestKind,
	instant: seq.AtStart, certainty: seq.Observed, detail: seq.Full,
	derive: deriveDockerLook,
}

func deriveDockerLook(s *story, emit func(graph.Claim)) {
	for _, q := range s.requests {
		if q.Acts() || q.Docker == nil || q.Sent.IsZero() {
			continue
		}
		request := s.dockerRequest(q)
		request.Label, request.Detail = q.Method+" "+q.Path, seq.Full
		emit(graph.Claim{Step: request})
		s.emitAnswer(q, request, func(c graph.Claim) {
			c.From, c.To, c.Detail = seq.Engine, seq.User, seq.Full
			emit(c)
		})
	}
}

// emitWithinCreate bounds what the engine did within our request to create the container.
func (s *story) emitWithinCreate(x seq.Step, emit func(graph.Claim)) {
	q := s.lastEngineRequest("create")
	if q == nil || q.Status >= 300 || q.FirstByte.IsZero() {
		return
	}
	x.Object, x.ClockOf = s.object, seq.Engine
	x.Window.Latest = q.FirstByte
	if e := s.engineEventOf("create"); e != nil { // which comes last
		x.Window.Latest = instant.Sooner(x.Window.Latest, e.at)
		x.Evidence = append(x.Evidence, e.evidence())
	}
	emit(graph.Claim{Step: x, Follows: []seq.Key{callKey(q)}})
}

var ruleDockerImage = rule{
	Rule: seq.Rule{
		Name:    "docker-image",
		Trigger: "inspecting the image",
		Proves:  "the image's layers are in what the engine says of it; an image is never changed",
		Gist:    "An image is read-only layers; every container of it shares them.",
		Explain: "An image is a stack of read-only layers and a configuration. All containers of the image use the same " +
			"layers; none can change them.",
		Doc:    dockerDocs + "engine/storage/drivers/",
		Source: "github.com/docker/docker/layer/layer.go read-only",
	},
	of: ofEngines, from: seq.Engine, to: seq.Engine, kind: seq.NoteKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveDockerImage,
}

func deriveDockerImage(s *story, emit func(graph.Claim)) {
	for _, q := range s.requests {
		if q.Docker == nil || q.Docker.Layers == 0 {
			continue
		}
		word := "layers"
		if q.Docker.Layers == 1 {
			word = "layer"
		}
		s.emitWithinCreate(seq.Step{Key: "docker:image",
			Label: fmt.Sprintf("image %s: %d read-only %s", q.Docker.Image, q.Docker.Layers, word),
			Evidence: []seq.Evidence{{Source: "http",
				Text: fmt.Sprintf("the engine's answer to %s %s: RootFS.Layers", q.Method, q.Path), At: q.FirstByte}}}, emit)
		return
	}
}

var ruleDockerLayer = rule{
	Rule: seq.Rule{
		Name:    "docker-layer",
		Trigger: "inspecting the container",
		Proves:  "the engine names the storage driver that keeps the container's own layer",
		Gist:    "What a container writes goes to a layer of its own, and with it.",
		Explain: "Creating a container adds one thin layer that can be written to, on top of the image's. What the " +
			"container " +
			"changes is copied there first. It goes when the container is removed.",
		Doc:    dockerDocs + "engine/storage/drivers/#container-and-layers",
		Source: "github.com/docker/docker/daemon/create.go RWLayer",
	},
	of: ofEngines, from: seq.Engine, to: seq.Engine, kind: seq.NoteKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveDockerLayer,
}

func deriveDockerLayer(s *story, emit func(graph.Claim)) {
	for _, q := range s.requests {
		if q.Docker == nil || q.Docker.Driver == "" {
			continue
		}
		s.emitWithinCreate(seq.Step{Key: "docker:layer", Label: "a read-write layer on top, by " + q.Docker.Driver,
			Evidence: []seq.Evidence{{Source: "http",
				Text: fmt.Sprintf("the engine's answer to %s %s: its storage driver", q.Method, q.Path), At: q.FirstByte}}}, emit)
		return
	}
}

func dockerEventKey(action string) seq.Key { return seq.Key("docker:event:" + action) }

// dockerWords are the engine's events that are drawn as what it does by itself, how, and which attribute completes
// that. The others are in the requests.
var dockerWords = map[string]struct{ label, attribute string }{
	"network connect": {"connects it to network ", "name"}, "network disconnect": {"disconnects it from network ", "name"},
	"container oom": {label: "the kernel has no memory left for it"}, "container die": {label: "takes note of its end"},
	"container kill": {"signal ", "signal"}, "container destroy": {label: "removes its layer and all it was"},
}

var ruleDockerEvent = rule{
	Rule: seq.Rule{
		Name:    "docker-event",
		Trigger: "an event of the engine",
		Proves:  "the engine noted it, with nanoseconds",
		Gist:    "The daemon sends events to everybody who listens: docker events.",
		Explain: "The daemon keeps a stream of what happens to containers, networks and images. Any client of the " +
			"daemon may read it: docker events.",
		Doc:    dockerDocs + "reference/cli/docker/system/events/",
		Source: "github.com/docker/docker/daemon/events.go LogContainerEvent",
	},
	of: ofEngines, from: seq.Engine, to: seq.Engine, kind: seq.NoteKind,
	instant: seq.AtEnd, certainty: seq.Observed, detail: seq.Normal,
	derive: deriveDockerEvent,
}

func deriveDockerEvent(s *story, emit func(graph.Claim)) {
	for i := range s.engine.events {
		e := &s.engine.events[i]
		words, ok := dockerWords[e.Type+" "+e.Action]
		if !ok {
			continue
		}
		x := seq.Step{Key: dockerEventKey(e.Action), Label: words.label + e.Attributes[words.attribute], Object: s.object,
			Evidence: []seq.Evidence{e.evidence()}}
		s.setEngineInstant(&x, e.at)
		var after []seq.Key
		switch e.Action {
		case "connect":
			after = s.afterAsking("start")
		case "die":
			after = []seq.Key{"docker:exit", "docker:exit-told"}
		case "disconnect", "destroy":
			after = []seq.Key{dockerEventKey("die")}
		}
		emit(graph.Claim{Step: x, Follows: after})
	}
}

// afterAsking is the key of our request of that verb.
func (s *story) afterAsking(verb string) []seq.Key {
	if q := s.lastEngineRequest(verb); q != nil {
		return []seq.Key{callKey(q)}
	}
	return nil
}

func (s *story) containerLane() seq.Participant { return seq.Container(s.object.Name) }

// noteLag is what the engine usually takes from an exit to its event of it: it deletes the task first. Measured on one
// machine, with Docker 20.10.
const noteLag = 18 * time.Millisecond
