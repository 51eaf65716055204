// Package httprecord records the course of the plugin's own HTTP requests: when the connection was made, when the
// request was written, when and how it was answered.
package httprecord

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Record is of one request while it is under way. The connection tells of itself from goroutines of its own, even after
// the request has taken another one.
type Record struct {
	now     func() time.Time
	mu      sync.Mutex
	request seq.Request
}

// New begins the record of a request; now is our own clock.
func New(request seq.Request, now func() time.Time) *Record {
	return &Record{now: now, request: request}
}

// Get returns the record as it is.
func (r *Record) Get() seq.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.request
}

// Set changes it. What a pointer in it leads to may have been observed, and is to be replaced, not changed.
func (r *Record) Set(change func(*seq.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.request)
}

// Stamp sets one of its times to now.
func (r *Record) Stamp(field func(*seq.Request) *time.Time) {
	now := r.now()
	r.Set(func(q *seq.Request) { *field(q) = now })
}

// Sent says that the request is about to be written.
func (r *Record) Sent() { r.Stamp(func(q *seq.Request) *time.Time { return &q.Sent }) }

// Hooks are told what the connection tells of itself, once it is in the record. Each may be nil.
type Hooks struct {
	Connected func(error)
	Secured   func(error)
	Got       func() // the request has a connection, and is about to be written
}

// ClientTrace has net/http fill in the record.
func (r *Record) ClientTrace(h Hooks) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { r.Stamp(func(q *seq.Request) *time.Time { return &q.DNS }) },
		ConnectDone: func(_, _ string, err error) {
			r.Stamp(func(q *seq.Request) *time.Time { return &q.Connected })
			if h.Connected != nil {
				h.Connected(err)
			}
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			r.Stamp(func(q *seq.Request) *time.Time { return &q.TLS })
			if h.Secured != nil {
				h.Secured(err)
			}
		},
		GotConn: func(httptrace.GotConnInfo) {
			if h.Got != nil {
				h.Got()
			}
		},
		GotFirstResponseByte: func() { r.Stamp(func(q *seq.Request) *time.Time { return &q.FirstByte }) },
	}
}

// Answered takes what the head of an answer says. Of a connection that net/http did not make, that is the first byte
// too.
func (r *Record) Answered(res *http.Response) {
	now := r.now()
	r.Set(func(q *seq.Request) {
		if q.FirstByte.IsZero() {
			q.FirstByte = now
		}
		q.Status, q.StatusText = res.StatusCode, http.StatusText(res.StatusCode)
		q.ServerDate, _ = http.ParseTime(res.Header.Get("Date"))
	})
}
