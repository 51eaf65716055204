package trace

import (
	"fmt"
	"strings"
	"time"
)

func ownCreate(s *story, emit func(claim)) { s.ownWrite("create", "POST", emit) }
func ownDelete(s *story, emit func(claim)) { s.ownWrite("delete", "DELETE", emit) }

func (s *story) ownWrite(verb, method string, emit func(claim)) {
	for _, r := range s.own {
		if r.Verb != verb || r.Sent.IsZero() {
			continue
		}
		request := s.api(verb, "")
		request.Key, request.Call, request.Clock = callKey(r), callKey(r), Kubectl
		request.Label = method + " " + s.resource + " (" + s.object.Name + ")"
		if r.Pod != nil && r.Pod.DeletionGracePeriodSeconds != nil {
			request.Label += fmt.Sprintf(", grace period %d s", *r.Pod.DeletionGracePeriodSeconds)
		}
		if p := strings.ToLower(r.Propagation); p != "" && p != "background" { // which is what happens unasked
			request.Label += ", cascade " + p
		}
		request.Window, request.Best, request.Shown, request.Precision = exactly(r.Sent)
		request.Evidence = []Evidence{r.Evidence()}
		if r.Status < 300 {
			request.ResourceVersion = r.ResourceVersion
			for _, w := range s.revisions {
				if w.own == r { // the answer may have been lost
					request.ResourceVersion = w.object.GetResourceVersion()
				}
			}
		}
		emit(claim{Step: request})
		s.emitAnswer(r, request, emit)
	}
}

// evidence says what we know of a request of our own at HTTP level.
func (r *Request) Evidence() Evidence {
	detail := fmt.Sprintf("our own request: %s %s", r.Method, r.Path)
	if r.Docker == nil {
		detail += ", Audit-ID " + r.ID
	}
	last := r.Started
	for _, phase := range []struct {
		name string
		at   time.Time
	}{{"DNS", r.DNS}, {"connect", r.Connected}, {"TLS", r.TLS}} {
		if !phase.at.IsZero() {
			detail += fmt.Sprintf(", %s %.1f ms", phase.name, phase.at.Sub(last).Seconds()*1000)
			last = phase.at
		}
	}
	if last.Equal(r.Started) {
		detail += ", on a kept connection"
	}
	return Evidence{Source: "http", Detail: detail, At: r.Sent}
}

// emitAnswer emits the response to a request of ours, once there is one.
func (s *story) emitAnswer(r *Request, request Step, emit func(claim)) {
	if r.FirstByte.IsZero() || r.Status == 0 {
		return
	}
	answer := request
	answer.From, answer.To, answer.Kind, answer.At = APIServer, Kubectl, ResponseKind, AtEnd
	answer.Key, answer.Certainty = request.Key+":end", Observed
	answer.Label = strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, r.StatusText))
	if r.Message != "" {
		answer.Label += ": " + r.Message
	}
	answer.Window, answer.Best, answer.Shown, answer.Precision = exactly(r.FirstByte)
	detail := "the answer's first byte"
	if r.FlowSchema != "" {
		detail += "; flow schema " + r.FlowSchema + ", priority level " + r.PriorityLevel
	}
	answer.Evidence = []Evidence{{Source: "http", Detail: detail, At: r.FirstByte}}
	after := []string{request.Key}
	if rv, ok := parseRevision(r.ResourceVersion); ok {
		after = append(after, s.etcdKey(rv))
	}
	emit(claim{Step: answer, after: after})
}

func exactly(t time.Time) (Window, time.Time, bool, time.Duration) {
	return Window{t, t}, t, true, 100 * time.Microsecond
}

func ownRead(s *story, emit func(claim)) {
	for _, r := range s.requests {
		if r.Acts() || r.Checks || r.Sent.IsZero() {
			continue
		}
		request := Step{Verb: r.Verb, Resource: r.Resource, Object: r.Object, Key: callKey(r), Call: callKey(r), Clock: Kubectl}
		request.Label = r.Method + " " + r.Resource + " (" + r.Verb + ")"
		if r.Resource == "" {
			request.Label = r.Method + " " + r.Path
		}
		request.Window, request.Best, request.Shown, request.Precision = exactly(r.Sent)
		request.Evidence = []Evidence{r.Evidence()}
		request.ResourceVersion = r.ResourceVersion
		request.Detail = Full
		emit(claim{Step: request})
		s.emitAnswer(r, request, emit)
	}
}

func warnings(s *story, emit func(claim)) {
	for _, r := range s.requests {
		for i, text := range r.Warnings {
			n := Step{Key: fmt.Sprintf("warning:%s:%d", r.ID, i), Label: "Warning: " + text, Object: s.object, Clock: Kubectl}
			n.Window, n.Best, n.Shown, n.Precision = exactly(r.FirstByte)
			n.Evidence = []Evidence{{Source: "http", Detail: "Warning header", At: r.FirstByte}}
			emit(claim{Step: n, after: []string{callKey(r) + ":end"}})
		}
	}
}
