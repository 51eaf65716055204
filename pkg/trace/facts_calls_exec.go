package trace

// Commands that are run in containers, as requests and spans tell of them.

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/clock"
)

func (s *story) execs(is func(*seq.Request) bool) (all []execCall) {
	n := map[string]int{}
	for _, q := range s.requests {
		if q.Exec == nil || q.Sent.IsZero() || !q.Object.Same(s.object) {
			continue
		}
		if is(q) {
			all = append(all, execCall{q, n[q.Exec.Container]})
		}
		n[q.Exec.Container]++
	}
	return all
}

// execSpans are what the kubelet and the runtime have recorded of a command of ours.
type execSpans struct {
	execCall
	server *seq.Span // the kubelet's, of the request it got
	cri    criCall
	start  *seq.Span // the runtime's, of the process
	runc   *seq.Span // below it, of the shim's part
	wait   *seq.Span // until the process had ended
}

// readExecs joins commands and spans. The runtime's name the container's id, and one of the process.
func (s *story) readExecs() (all []execSpans) {
	used := map[*seq.Span]bool{}
	made := s.containerIDs()
	for _, x := range s.execs((*seq.Request).Acts) {
		e := execSpans{execCall: x}
		for _, root := range s.records.spans.roots {
			if !used[root] && s.servedIn(root, x.Exec.Container, made) && s.spanMayBeOf(root, x) {
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

// servedIn reports whether a span of the kubelet's server is of a command in that container of the Pod. Its path says
// so; before Kubernetes 1.36 it has only its route, /exec/{podNamespace}/{podID}/{containerName}, and the runtime's
// span below it the container's id.
func (s *story) servedIn(root *seq.Span, container string, made map[string]criCall) (is bool) {
	if root.Service != "kubelet" {
		return false
	}
	if path := root.Attributes["url.path"]; path != "" || !strings.HasPrefix(root.Name, "/exec/") {
		return path == "/exec/"+s.object.Namespace+"/"+s.object.Name+"/"+container
	}
	s.records.spans.walk(root, func(x *seq.Span) {
		m, known := made[x.Attributes["container.id"]]
		is = is || known && m.container == container
	})
	return is
}

// execCall is one of our requests that ran a command in the Pod.
type execCall struct {
	*seq.Request
	number int // among those in this container
}

func (x execCall) key(what string) seq.Key { return seq.Key("exec:" + x.ID + ":" + what) }

func (x execCall) criKey() seq.Key { return criKey("Exec", x.Exec.Container, x.number) }

// startEvidence is what proves that the command was started, and by when; the zero time means nothing does.
func (x execCall) startEvidence() (time.Time, []seq.Evidence) {
	switch e := x.Exec; {
	case !e.Output.IsZero():
		return e.Output, []seq.Evidence{{Source: "http", Text: "the command's first output", At: e.Output}}
	case e.ExitCode != nil:
		return e.Ended, []seq.Evidence{x.status()}
	case strings.Contains(e.Error, triedByRuntime):
		return e.Ended, []seq.Evidence{{Source: "http", Text: "the error on the connection's last stream is the runtime's",
			At: e.Ended}}
	}
	return time.Time{}, nil
}

// status is the evidence of the exit status.
func (x execCall) status() seq.Evidence {
	return seq.Evidence{Source: "http",
		Text: fmt.Sprintf("the exit status on the connection's last stream: %d", *x.Exec.ExitCode), At: x.Exec.Ended}
}

// exitLabel says that the command has ended, and how.
func (x execCall) exitLabel() string {
	return fmt.Sprintf("%s exits with %d", x.Exec.CommandLine(), *x.Exec.ExitCode)
}

// outcome says how the command ended.
func (x execCall) outcome() string {
	e := x.Exec
	if e.ExitCode == nil {
		return "error: " + e.Error
	}
	text := fmt.Sprintf("exit code %d", *e.ExitCode)
	for _, stream := range []struct {
		name string
		n    int
	}{{"output", e.Stdout}, {"errors", e.Stderr}} {
		if stream.n > 0 {
			text += fmt.Sprintf(", %s %d bytes", stream.name, stream.n)
		}
	}
	return text
}

// spanMayBeOf reports whether a span may be of a request of ours, by when it began.
func (s *story) spanMayBeOf(x *seq.Span, q execCall) bool {
	at := s.toOurClock(seq.Kubelet, x.Start)
	return at.After(q.Sent.Add(-clock.SkewSuspected/10)) && (q.Exec.Ended.IsZero() || at.Before(q.Exec.Ended))
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

// triedByRuntime is in the errors of a runtime that was asked for the streams of a command, and failedInRunc in those
// of runc below it.
const (
	triedByRuntime = "error executing command in container"
	failedInRunc   = "OCI runtime exec failed"
)
