package serve

// The run as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html.

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Update is what has become of the run.
type Update struct {
	Anew bool // nothing of what was final before holds any more
	// documents that have come to their places for good, by these, which count from 0, and those that are another there
	Final map[int][]byte
	Tail  [][]byte // documents without such a place, instead of those of the last update
	// what the page draws, and the page of a run that has ended; nil leaves what there is
	Picture, Saved []byte
	Ended          bool // nothing more comes
}

// Run is what has been published of one, below the server's URL. What is in there is never written to: readers have it
// without a lock. Its methods may be called from any goroutine.
type Run struct {
	server  *Server
	page    Page
	beside  func(context.Context) (Page, error) // see Beside
	mu      sync.Mutex
	state   state
	changed chan struct{} // closed, and replaced, by each update
	readers atomic.Int32  // connected ones
	told    atomic.Int32  // of the end
	kept    chan struct{} // gets one for each that has then asked for the page of it
	removed chan struct{} // closed once it is there no more
}

func newRun(s *Server, page Page) *Run {
	return &Run{server: s, page: page, changed: make(chan struct{}), kept: make(chan struct{}, mostReaders),
		removed: make(chan struct{})}
}

// Beside has another page at map.html below the run, which is made anew whenever a reader asks for it, in a goroutine
// of its own. It is called before anybody knows the URL.
func (e *Run) Beside(make func(context.Context) (Page, error)) { e.beside = make }

// Readers is how many follow the run now.
func (e *Run) Readers() int { return int(e.readers.Load()) }

// state is all of it at one time.
type state struct {
	generation     int    // of what is final
	final          []sent // by their places
	count          int    // of those that were sent in this generation
	version        int    // of the tail
	tail           [][]byte
	picture, saved []byte
	ended          bool
	changed        <-chan struct{} // closed once there is another
}

// sent is a document as it has last been sent, as the numberth, from 1.
type sent struct {
	text   []byte
	number int
}

// Publish has all readers get an update. It waits for none of them.
func (e *Run) Publish(u Update) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := &e.state
	if u.Anew {
		x.generation, x.final, x.count = x.generation+1, nil, 0
	}
	x.final = append(make([]sent, 0, len(x.final)+len(u.Final)), x.final...) // readers have the other
	for _, place := range slices.Sorted(maps.Keys(u.Final)) {
		x.count++
		if s := (sent{u.Final[place], x.count}); place < len(x.final) {
			x.final[place] = s
		} else {
			x.final = append(x.final, s)
		}
	}
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
func (e *Run) now() state {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.state
	x.changed = e.changed
	return x
}

const (
	again = time.Second      // after which a browser that has lost its connection comes again
	alive = 10 * time.Second // after which a stream on which nothing comes says that it is there still
)

// place is how much of the run a reader has: so many documents that were sent, and that tail.
type place struct{ generation, count, version int }

// after is the place of a reader that comes again. Who comes for the first time, or from what holds no more, begins
// anew.
func (x *state) after(lastEventID string) (p place) {
	var had place
	if n, err := fmt.Sscanf(lastEventID, "%d.%d", &had.generation, &had.count); n == 2 && err == nil &&
		had.generation == x.generation && had.count >= 0 && had.count <= x.count {
		return had
	}
	return place{generation: -1}
}

// stream sends all that there is from the reader's place on, and then whatever comes, until it ends. Who is slow misses
// tails that were replaced meanwhile, and nothing else.
func (e *Run) stream(w http.ResponseWriter, r *http.Request) {
	defer e.readers.Add(-1)
	defer e.server.readers.Add(-1)
	if e.readers.Add(1); e.server.readers.Add(1) > mostReaders {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many readers", http.StatusServiceUnavailable)
		return
	}
	e.server.arrive()
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
	x := e.now()
	has := x.after(r.Header.Get("Last-Event-ID"))
	quiet := time.NewTicker(alive)
	defer quiet.Stop()
	for closing := false; ; x = e.now() {
		if !send(x.since(&has)) || closing {
			return
		}
		if x.ended {
			e.told.Add(1)
			return
		}
		select {
		case <-x.changed:
		case <-quiet.C:
			if !send([]byte(": nothing new\n\n")) {
				return
			}
		case <-e.server.closing:
			closing = true
		case <-e.removed:
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
	for _, d := range x.final { // in the order of their places; who loses his connection meanwhile gets all of these again
		if d.number > p.count {
			event(&b, "step", x.id(p.count), d.text)
		}
	}
	p.count = x.count
	if p.version != x.version {
		p.version = x.version
		event(&b, "tail", x.id(p.count), x.tail...)
	}
	if x.ended {
		event(&b, "end", x.id(p.count), []byte("{}"))
	}
	return b.Bytes()
}

// id is that of an event after so many documents.
func (x *state) id(count int) string { return fmt.Sprintf("%d.%d", x.generation, count) }

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
