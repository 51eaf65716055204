package seq

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// InstrumentationScope is the name under which our own spans go to OpenTelemetry. What has it is no evidence: it is
// what a run has concluded.
const InstrumentationScope = "github.com/kubectl-seq/kubectl-seq"

// TraceContext says in which OpenTelemetry trace the spans of a run are. The same run has the same one each time, so
// that spans that are sent again are the same spans.
type TraceContext struct {
	TraceID [16]byte
	Parent  [8]byte // id of the span below which the run is; zero where it is a root
	run     string
}

// traceParent is a traceparent of version 00, and of any later one by its first fields, see
// https://www.w3.org/TR/trace-context/#versioning-of-traceparent.
var traceParent = regexp.MustCompile(`^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}|` +
	`(?:0[1-9a-f]|[1-9a-e][0-9a-f]|f[0-9a-e])-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?)$`)

// NewTraceContext is that of a run: of the trace that parent names in the form of the W3C's traceparent, else of one of
// its own. The run is told from others by the id of the request that it is about, else by the uid of the object.
func NewTraceContext(parent, run string) TraceContext {
	c := TraceContext{run: run}
	if m := traceParent.FindStringSubmatch(parent); m != nil {
		hex.Decode(c.TraceID[:], []byte(m[1]+m[3]))
		hex.Decode(c.Parent[:], []byte(m[2]+m[4]))
	}
	if c.TraceID == [16]byte{} || c.Parent == [8]byte{} { // there is none, or it is not valid
		sum := sha256.Sum256([]byte(run))
		c.Parent = [8]byte{}
		copy(c.TraceID[:], sum[:])
	}
	return c
}

// Span is the id of the span of the message with that key.
func (c TraceContext) Span(key Key) (id [8]byte) {
	sum := sha256.Sum256([]byte(string(c.TraceID[:]) + c.run + "\x00" + string(key)))
	copy(id[:], sum[:])
	return id
}

// Header is the traceparent by which what the message with that key leads to becomes part of the trace, if those who
// are asked continue it. It says that the span is recorded.
func (c TraceContext) Header(key Key) string {
	id := c.Span(key)
	return "00-" + hex.EncodeToString(c.TraceID[:]) + "-" + hex.EncodeToString(id[:]) + "-01"
}
