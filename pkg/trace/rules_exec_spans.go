package trace

import (
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// execSpans are what the kubelet and the runtime have recorded of a command of ours.
type execSpans struct {
	execCall
	server *seq.Span // the kubelet's, of the request it got
	cri    criCall
	start  *seq.Span // the runtime's, of the process
	runc   *seq.Span // below it, of the shim's part
	wait   *seq.Span // until the process had ended
}

// readExecs joins commands and spans. The kubelet's name the container; the runtime's name its id, and one of the process.
func (s *story) readExecs() (all []execSpans) {
	used := map[*seq.Span]bool{}
	for _, x := range s.execs((*seq.Request).Acts) {
		e := execSpans{execCall: x}
		path := "/exec/" + s.object.Namespace + "/" + s.object.Name + "/" + x.Exec.Container
		for _, root := range s.records.spans.roots {
			if root.Service == "kubelet" && root.Attributes["url.path"] == path && !used[root] && s.within(root, x) {
				e.server = root
				break
			}
		}
		if e.server == nil {
			continue
		}
		used[e.server] = true
		s.readExec(&e, used)
		all = append(all, e)
	}
	return all
}

// within reports whether a span may be of a request of ours, by when it began.
func (s *story) within(x *seq.Span, q execCall) bool {
	at := s.on(seq.Kubelet, x.Start)
	return at.After(q.Sent.Add(-skewSuspected/10)) && (q.Exec.Ended.IsZero() || at.Before(q.Exec.Ended))
}

func (s *story) readExec(e *execSpans, used map[*seq.Span]bool) {
	tree := s.records.spans
	e.cri = criCall{rpc: "Exec", container: e.Exec.Container, attempt: e.number}
	id := ""
	tree.walk(e.server, func(x *seq.Span) {
		switch {
		case !strings.HasSuffix(x.Name, "RuntimeService/Exec"):
		case x.Service == "kubelet":
			e.cri.client = x
		default:
			e.cri.server, id = x, x.Attributes["container.id"]
		}
	})
	if e.cri.client == nil || id == "" {
		return
	}
	for _, root := range tree.roots {
		switch process := root.Attributes["process.id"]; {
		case process == "" || root.Attributes["process.task.id"] != id || root.Start.Before(e.cri.client.Start) || used[root]:
		case root.Name == "process.Start" && e.start == nil:
			e.start, used[root] = root, true
			tree.walk(root, func(x *seq.Span) {
				if x.Name == taskStart {
					e.runc = x
				}
			})
		case root.Name == "process.Wait" && e.wait == nil && e.start != nil && process == e.start.Attributes["process.id"]:
			e.wait, used[root] = root, true
		}
	}
}

var ruleExecSpan = rule{
	Rule: seq.Rule{
		Name:    "exec-span",
		Trigger: "the kubelet's span of a request to its own server",
		Proves:  "the kubelet timed the request itself",
		Gist:    "The kubelet is a server, too: for exec, logs and port-forward.",
		Explain: "The kubelet serves exec, attach, port-forward and logs itself, at port 10250 of its node. The API server " +
			"is its client there, and passes on what it gets.",
		Doc: docs + "reference/networking/ports-and-protocols/",
	},
	from: seq.APIServer, to: seq.Kubelet, kind: seq.RequestKind, at: seq.AtStart,
	certainty: seq.Observed, detail: seq.Brief,
	derive: deriveExecSpan,
}

// deriveExecSpan is the kubelet's part in a command, by its own span.
func deriveExecSpan(s *story, emit func(claim)) {
	for _, x := range s.execRecords {
		step := s.here(x.execCall, x.key("kubelet"), "exec "+x.Exec.Container+": "+x.Exec.CommandLine(), []seq.Evidence{x.server.Evidence()})
		step.Clock = seq.Kubelet
		step.Window, step.Best = s.startOf(x.server)
		step.Shown, step.Precision = true, spanPrecision
		emit(claim{Step: step, after: []string{callKey(x.Request)}})
	}
}

var ruleProcessSpan = rule{
	Rule: seq.Rule{
		Name:    "process-span",
		Trigger: "the runtime's spans of a process",
		Proves:  "the runtime timed its call to the shim, which runs runc, and how long it waited for the process",
		Gist:    "The shim of the container runs runc once more, for this process.",
		Explain: "The shim that holds the container runs runc once more, which starts one more process in it; the runtime " +
			"then waits for the end of that.",
		Doc: docs + "setup/production-environment/container-runtimes/",
	},
	to: seq.Runc, kind: seq.RequestKind, at: seq.AtStart, certainty: seq.Observed, detail: seq.Brief,
	derive: deriveProcessSpan,
}

// deriveProcessSpan is the runtime's.
func deriveProcessSpan(s *story, emit func(claim)) {
	for _, x := range s.execRecords {
		if x.start == nil || x.runc == nil {
			continue
		}
		exec := s.here(x.execCall, "runc:exec:"+x.execCall.cri(), "exec", []seq.Evidence{x.runc.Evidence()})
		exec.From, exec.To, exec.Clock = s.runtime, s.ociRuntime(), seq.Kubelet
		exec.Window, exec.Best = s.startOf(x.runc)
		exec.Shown, exec.Precision = true, spanPrecision
		emit(claim{Step: exec, after: []string{x.execCall.cri() + ":end"}})
		begins := s.here(x.execCall, x.key("begins"), "", []seq.Evidence{x.runc.Evidence()})
		begins.From, begins.To, begins.Clock = exec.To, seq.Container(x.Exec.Container), seq.Kubelet
		_, begins.Window.Latest = s.endOf(x.runc)
		begins.Certainty = seq.Inferred
		emit(claim{Step: begins, after: []string{exec.Key}})
		if x.wait == nil || x.Exec.ExitCode == nil {
			continue
		}
		exit := s.here(x.execCall, x.key("exit"), x.ended(), []seq.Evidence{x.wait.Evidence()})
		exit.From, exit.To, exit.Clock = seq.Container(x.Exec.Container), seq.Container(x.Exec.Container), seq.Kubelet
		_, exit.Best = s.endOf(x.wait)
		exit.Window.Latest, exit.Shown, exit.Precision = exit.Best, true, time.Millisecond
		emit(claim{Step: exit, after: []string{x.key("begins")}})
	}
}
