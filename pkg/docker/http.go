package docker

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/kubectl-seq/kubectl-seq/pkg/httprecord"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// traced is the record of one request.
type traced struct {
	*httprecord.Record
	e      *Engine
	quiet  bool                  // it is not observed
	dialed atomic.Pointer[error] // how the last try to connect ended, or nil
}

type tracedKey struct{}

// record begins the record of a request.
func (e *Engine) record(verb, resource string, object seq.Object, d seq.Docker) *traced {
	request := seq.Request{ID: string(uuid.NewUUID()), Verb: verb, Resource: resource, Object: object, Docker: &d,
		Started: e.now()}
	return &traced{e: e, Record: httprecord.New(request, e.now)}
}

// about begins the record of a request about the container.
func (e *Engine) about(verb string) *traced {
	object := e.Container()
	return e.record(verb, "containers", object, seq.Docker{ID: object.UID})
}

// setDocker changes what the record has of the engine. What has been observed keeps what it has.
func (r *traced) setDocker(change func(*seq.Docker)) {
	r.Set(func(q *seq.Request) {
		d := *q.Docker
		change(&d)
		q.Docker = &d
	})
}

// observe emits the record as it is.
func (r *traced) observe() {
	if r.quiet {
		return
	}
	request := r.Get()
	r.e.emit(seq.Observation{Received: r.e.now(), Request: &request})
}

// done emits the answered record.
func (r *traced) done(err error) {
	if err != nil {
		r.Set(func(q *seq.Request) { q.Message = strings.TrimPrefix(err.Error(), "Error response from daemon: ") })
	}
	r.observe()
}

// ended emits the record of an answer that went on after it had begun.
func (r *traced) ended(err error) {
	at := r.e.now()
	r.setDocker(func(d *seq.Docker) {
		if d.Ended = at; err != nil {
			d.Error = err.Error()
		}
	})
	r.observe()
}

// within returns a context under which the next request is recorded.
func (r *traced) within(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(context.WithValue(ctx, tracedKey{}, r), r.ClientTrace(httprecord.Hooks{
		Connected: func(err error) { r.dialed.Store(&err) },
		Got:       r.sent,
	}))
}

// sent observes that the request is about to be written.
func (r *traced) sent() {
	r.Sent()
	r.observe()
}

// asked notes what the client asks. A connection that is to be taken over has been made by then, outside of net/http,
// which tells nothing of it.
func asked(req *http.Request) error {
	if r, ok := req.Context().Value(tracedKey{}).(*traced); ok {
		r.Set(func(q *seq.Request) { q.Method, q.Path = req.Method, req.URL.RequestURI() })
		if req.Header.Get("Upgrade") != "" {
			r.sent()
		}
	}
	return nil
}

// answered notes what the engine answers.
func answered(res *http.Response) {
	if r, ok := res.Request.Context().Value(tracedKey{}).(*traced); ok {
		r.Answered(res)
	}
}

// refusal is why no connection came about, if that is why.
func (r *traced) refusal() error {
	if err := r.dialed.Load(); err != nil {
		return *err
	}
	return nil
}
