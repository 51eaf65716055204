package serve

// The run as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html.

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Update is what has become of the run.
type Update struct {
	Anew  bool     // nothing of what was final before holds any more
	Final [][]byte // documents that will not change any more, which come after those before
	Tail  [][]byte // documents that may, instead of those of the last update
	// what the page draws, and the page of a run that has ended; nil leaves what there is
	Picture, Saved []byte
	Ended          bool // nothing more comes
}

// events are what has been published. What is in there is never written to: readers have it without a lock.
type events struct {
	mu      sync.Mutex
	state   state
	changed chan struct{} // closed, and replaced, by each update
}

// state is all of it at one time.
type state struct {
	generation     int // of what is final
	final          [][]byte
	version        int // of the tail
	tail           [][]byte
	picture, saved []byte
	ended          bool
	changed        <-chan struct{} // closed once there is another
}

// Publish has all readers get an update. It waits for none of them.
func (s *Server) Publish(u Update) {
	e := &s.log
	e.mu.Lock()
	defer e.mu.Unlock()
	x := &e.state
	if u.Anew {
		x.generation, x.final = x.generation+1, nil
	}
	x.final = append(x.final, u.Final...)
	x.version, x.tail, x.ended = x.version+1, u.Tail, x.ended || u.Ended
	if u.Picture != nil {
		x.picture = u.Picture
	}
	if u.Saved != nil {
		x.saved = u.Saved
	}
	close(e.changed)
	e.changed = make(chan struct{})
}

// now is what there is.
func (e *events) now() state {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.state
	x.final, x.changed = slices.Clip(x.final), e.changed
	return x
}

const (
	again = time.Second      // after which a browser that has lost its connection comes again
	alive = 10 * time.Second // after which a stream on which nothing comes says that it is there still
)

// place is how much of the run a reader has.
type place struct{ generation, final, version int }

// after is the place of a reader that comes again. Who comes for the first time, or from what holds no more, begins
// anew.
func (x *state) after(lastEventID string) (p place) {
	var had place
	if n, err := fmt.Sscanf(lastEventID, "%d.%d", &had.generation, &had.final); n == 2 && err == nil &&
		had.generation == x.generation && had.final >= 0 && had.final <= len(x.final) {
		return had
	}
	return place{generation: -1}
}

// stream sends all that there is from the reader's place on, and then whatever comes, until it ends. Who is slow misses
// tails that were replaced meanwhile, and nothing else.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	defer s.readers.Add(-1)
	if s.readers.Add(1) > mostReaders {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many readers", http.StatusServiceUnavailable)
		return
	}
	s.arrive()
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	send := func(b []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := w.Write(b)
		return err == nil && control.Flush() == nil
	}
	if r.Method == http.MethodHead || !send(fmt.Appendf(nil, "retry: %d\n\n", again.Milliseconds())) {
		return
	}
	x := s.log.now()
	has := x.after(r.Header.Get("Last-Event-ID"))
	quiet := time.NewTicker(alive)
	defer quiet.Stop()
	for closing := false; ; x = s.log.now() {
		if !send(x.since(&has)) || closing {
			return
		}
		if x.ended {
			s.told.Add(1)
			return
		}
		select {
		case <-x.changed:
		case <-quiet.C:
			if !send([]byte(": nothing new\n\n")) {
				return
			}
		case <-s.closing:
			closing = true
		case <-r.Context().Done():
			return
		}
	}
}

// since is what a reader at that place has to be sent, and moves it on.
func (x *state) since(p *place) []byte {
	var b bytes.Buffer
	if p.generation != x.generation {
		*p = place{generation: x.generation}
		event(&b, "anew", x.id(0), []byte("{}"))
	}
	for i, d := range x.final[p.final:] {
		event(&b, "step", x.id(p.final+i+1), d)
	}
	p.final = len(x.final)
	if p.version != x.version {
		p.version = x.version
		event(&b, "tail", x.id(p.final), x.tail...)
	}
	if x.ended {
		event(&b, "end", x.id(p.final), []byte("{}"))
	}
	return b.Bytes()
}

// id is that of an event after so many final documents.
func (x *state) id(final int) string { return fmt.Sprintf("%d.%d", x.generation, final) }

// event writes one, each document on a line of its own.
func event(b *bytes.Buffer, name, id string, documents ...[]byte) {
	fmt.Fprintf(b, "event: %s\nid: %s\n", name, id)
	for _, d := range documents {
		fmt.Fprintf(b, "data: %s\n", d)
	}
	if len(documents) == 0 {
		b.WriteString("data\n") // without data there is no event
	}
	b.WriteByte('\n')
}
