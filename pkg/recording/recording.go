// Package recording keeps the observations of a run in a file: one JSON document a line, between a header and an end.
// Folding them again gives the same steps.
//
// Times are nanoseconds since the header's start. What may be secret stays out, see [Writer.Write].
package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Version is the format this package writes, and the only one it reads.
const Version = "seq.recording/v1alpha2"

// Header is the first line.
type Header struct {
	Type    string     `json:"type"` // recording
	Version string     `json:"version"`
	Plugin  string     `json:"plugin"`           // version of the program that wrote it
	Server  string     `json:"server,omitempty"` // version of the API server, where it had told by then
	Context string     `json:"context,omitempty"`
	Started time.Time  `json:"started"` // what all other times are relative to
	Until   string     `json:"until"`   // what the run waited for, as --until takes it
	Subject seq.Object `json:"subject"`
	Image   string     `json:"image,omitempty"` // of the first container that was asked for
	Pods    string     `json:"pods,omitempty"`  // which were drawn, as --pods takes it
	// the W3C's traceparent of what the run was part of
	TraceParent string `json:"traceparent,omitempty"`
}

// End is the last line. A recording without one was cut off.
type End struct {
	Type   string    `json:"type"` // end
	At     time.Time `json:"-"`    // also to be observed, as an Observation with nothing but Received: time passed until then
	Reason Reason    `json:"reason,omitempty"`
}

// Reason is why a run ended before what it waited for.
type Reason string

// The reasons. A run that got what it waited for, or was told that it will not, needs none: its observations say so.
const (
	Timeout      Reason = "timeout"
	Interrupt    Reason = "interrupt"
	Unobservable Reason = "blind"    // nothing more can be seen, for lack of rights
	DeadEnd      Reason = "dead-end" // nothing that Kubernetes does by itself would have got the Pod further
	Quiet        Reason = "quiet"    // no container ended after the command had
)

// Recording is a whole file.
type Recording struct {
	Header
	Observations []seq.Observation
	End          *End // nil where the recording was cut off
}

// line is an observation as it is written.
type line struct {
	At      int64            `json:"at"`
	Request *request         `json:"request,omitempty"`
	Change  *seq.Change      `json:"change,omitempty"`
	Event   *seq.EventChange `json:"event,omitempty"`
	Gap     *seq.Gap         `json:"gap,omitempty"`
	Audit   *seq.Audit       `json:"audit,omitempty"`
	Span    *seq.Span        `json:"span,omitempty"`
	Loss    *seq.Loss        `json:"loss,omitempty"`
	// Lease, Node, Webhooks and Lookup are answers to questions that the run itself asked.
	Lease    *seq.Lease    `json:"lease,omitempty"`
	Node     *seq.Node     `json:"node,omitempty"`
	Webhooks *seq.Webhooks `json:"webhooks,omitempty"`
	Lookup   *seq.Lookup   `json:"lookup,omitempty"`
	Attach   *seq.Attach   `json:"attach,omitempty"`
	// Engine and Runtime are events of a Docker Engine and its containerd; their times are on clocks of their own.
	Engine  *seq.EngineEvent  `json:"engine,omitempty"`
	Runtime *seq.RuntimeEvent `json:"runtime,omitempty"`
}

// request is a request with its own times, but for the server's, relative to the start. They hide those of the same
// name.
type request struct {
	seq.Request
	Started   *int64  `json:"started,omitempty"`
	DNS       *int64  `json:"dns,omitempty"`
	Connected *int64  `json:"connected,omitempty"`
	TLS       *int64  `json:"tls,omitempty"`
	Sent      *int64  `json:"sent,omitempty"`
	FirstByte *int64  `json:"firstByte,omitempty"`
	Exec      *exec   `json:"exec,omitempty"`
	Docker    *engine `json:"docker,omitempty"`
}

// exec is what an exec ran, likewise.
type exec struct {
	seq.Exec
	Output *int64 `json:"output,omitempty"`
	Ended  *int64 `json:"ended,omitempty"`
}

// engine is what a request to an engine was about, likewise.
type engine struct {
	seq.Docker
	Output *int64 `json:"output,omitempty"`
	Ended  *int64 `json:"ended,omitempty"`
}

// times pairs the two forms of each time.
func (r *request) times() map[*time.Time]**int64 {
	q := &r.Request
	all := map[*time.Time]**int64{
		&q.Started: &r.Started, &q.DNS: &r.DNS, &q.Connected: &r.Connected, &q.TLS: &r.TLS, &q.Sent: &r.Sent,
		&q.FirstByte: &r.FirstByte,
	}
	if e := r.Exec; e != nil {
		all[&e.Exec.Output], all[&e.Exec.Ended] = &e.Output, &e.Ended
	}
	if d := r.Docker; d != nil {
		all[&d.Docker.Output], all[&d.Docker.Ended] = &d.Output, &d.Ended
	}
	return all
}

// Writer appends observations to a recording.
type Writer struct {
	enc     *json.Encoder
	started time.Time
	redact  redactor
}

// NewWriter writes the header.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	h.Type, h.Version = "recording", Version
	h.Started = h.Started.UTC()
	return &Writer{enc, h.Started, redactor{}}, enc.Encode(h)
}

// Write appends one observation. The values of environment variables, of annotations and of the headers of HTTP probes,
// and what a container left as its termination message, are replaced, equal ones alike. Secrets are no observations. Of
// a command that was run in a container there are the arguments, but not the output; of an engine's events, what is
// drawn.
func (w *Writer) Write(o seq.Observation) error {
	o = w.redact.observation(o)
	l := line{At: w.since(o.Received), Change: o.Change, Event: o.Event, Gap: o.Gap, Audit: o.Audit, Span: o.Span,
		Loss: o.Loss, Lease: o.Lease, Node: o.Node, Webhooks: o.Webhooks, Lookup: o.Lookup, Attach: o.Attach,
		Engine: o.Engine, Runtime: o.Runtime}
	if o.Request != nil {
		l.Request = &request{Request: *o.Request}
		if o.Request.Exec != nil {
			l.Request.Exec = &exec{Exec: *o.Request.Exec}
		}
		if o.Request.Docker != nil {
			l.Request.Docker = &engine{Docker: *o.Request.Docker}
		}
		for at, relative := range l.Request.times() {
			if !at.IsZero() {
				*relative = new(w.since(*at))
			}
		}
	}
	return w.enc.Encode(l)
}

// End writes the last line.
func (w *Writer) End(at time.Time, reason Reason) error {
	return w.enc.Encode(struct {
		End
		At int64 `json:"at"`
	}{End{Type: "end", Reason: reason}, w.since(at)})
}

// since is without the monotonic clock, which a file cannot keep.
func (w *Writer) since(t time.Time) int64 { return int64(t.Round(0).Sub(w.started)) }

// ErrCut is returned, with everything before the cut, for a recording that has no end or whose last line is not whole.
var ErrCut = errors.New("the recording is cut off")

// Read reads a whole recording. Blank lines are skipped.
func Read(from io.Reader) (*Recording, error) {
	lines := bufio.NewReader(from)
	first, err := lines.ReadBytes('\n')
	if err != nil && len(first) == 0 {
		return nil, errors.New("the recording is empty")
	}
	r := &Recording{}
	if err := json.Unmarshal(first, &r.Header); err != nil || r.Type != "recording" {
		return nil, errors.New("not a recording: line 1 is not a header")
	}
	if r.Version != Version {
		return nil, fmt.Errorf("this recording is of version %q; this program reads %s", r.Version, Version)
	}
	for n := 2; r.End == nil; n++ {
		text, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			if bad := r.add(text); bad != nil && err != io.EOF {
				return nil, fmt.Errorf("line %d: %w", n, bad)
			}
		}
		if err == io.EOF && r.End == nil {
			return r, ErrCut
		}
		if err != nil && err != io.EOF {
			return r, err
		}
	}
	return r, nil
}

// add reads one line after the header.
func (r *Recording) add(text []byte) error {
	var l struct {
		line
		Type   string `json:"type"`
		Reason Reason `json:"reason"`
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	at := func(ns int64) time.Time { return r.Started.Add(time.Duration(ns)) }
	if l.Type == "end" {
		r.End = &End{l.Type, at(l.At), l.Reason}
		return nil
	}
	o := seq.Observation{Received: at(l.At), Change: l.Change, Event: l.Event, Gap: l.Gap, Audit: l.Audit, Span: l.Span,
		Loss: l.Loss, Lease: l.Lease, Node: l.Node, Webhooks: l.Webhooks, Lookup: l.Lookup, Attach: l.Attach,
		Engine: l.Engine, Runtime: l.Runtime}
	if l.Request != nil {
		for t, relative := range l.Request.times() {
			if *relative != nil {
				*t = at(**relative)
			}
		}
		o.Request = &l.Request.Request
		if l.Request.Exec != nil {
			o.Request.Exec = &l.Request.Exec.Exec
		}
		if l.Request.Docker != nil {
			o.Request.Docker = &l.Request.Docker.Docker
		}
	}
	r.Observations = append(r.Observations, o)
	return nil
}
