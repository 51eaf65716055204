// Package serve shows a run in browsers while it goes on. It does not know what it shows: its caller publishes bytes,
// and every browser gets them at its own pace.
//
// The URL contains a random token. Requests that name a host by which this machine is not known, or that come from
// another origin, are rejected, so that a page of another site cannot use the URL.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Page is what a reader's browser opens.
type Page struct {
	HTML   []byte
	Policy string // its Content-Security-Policy
}

// Server has a run, and may have others below it, see Add. Its methods may be called from any goroutine.
type Server struct {
	*Run
	mu       sync.Mutex
	below    map[string]*Run
	host     string // by which the address was named, or empty
	loopback bool
	port     string
	token    string
	server   *http.Server
	failed   error         // what ended it early; read it after done
	readers  atomic.Int32  // connected ones, of all runs
	closing  chan struct{} // closed once readers are to go
	close    func()
	arrived  chan struct{} // closed once somebody follows the run
	arrive   func()
	done     chan struct{} // closed once nothing is served any more
}

const (
	mostReaders  = 100              // at once; whoever comes then is asked to come again
	writeTimeout = 20 * time.Second // for one event or answer: a reader that takes longer is cut off, and may come again
	farewell     = 2 * time.Second  // for what is under way once it closes
)

// Listen opens the address and serves the page there until Close. An address without a host is loopback, one without a
// port, or the empty one, has a port that is free. It fails where the address cannot be had.
func Listen(address string, page Page) (*Server, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	at := l.Addr().(*net.TCPAddr)
	_, port, _ = net.SplitHostPort(at.String())
	s := &Server{below: map[string]*Run{}, host: host, loopback: at.IP.IsLoopback(), port: port, token: rand.Text(),
		closing: make(chan struct{}), arrived: make(chan struct{}), done: make(chan struct{})}
	s.Run = newRun(s, page)
	s.close = sync.OnceFunc(func() { close(s.closing) })
	s.arrive = sync.OnceFunc(func() { close(s.arrived) })
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 1 << 14, ErrorLog: log.New(nowhere{}, "", 0)}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed = err
		}
	}()
	return s, nil
}

// nowhere takes what net/http logs, of clients that speak no HTTP: its lines would stand in the picture.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// split is the host and the port of an address.
func split(address string) (host, port string, err error) {
	if address != "" {
		if host, port, err = net.SplitHostPort(address); err != nil {
			var bare error
			if host, port, bare = net.SplitHostPort(net.JoinHostPort(strings.Trim(address, "[]"), "0")); bare != nil {
				return "", "", err
			}
		}
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "0"
	}
	return host, port, nil
}

// Loopback reports whether nobody but this machine gets there.
func (s *Server) Loopback() bool { return s.loopback }

// URL is where the run is, token included. Of an address that means all of this machine it has one that others reach.
func (s *Server) URL() string {
	host := s.host
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = outward(ip)
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, s.port), Path: "/" + s.token + "/"}).String()
}

// outward is the first address of this machine that is not loopback, else the address itself.
func outward(all netip.Addr) string {
	addresses, _ := net.InterfaceAddrs() // then there is none
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && (n.IP.To4() != nil || all.Is6()) {
			return n.IP.String()
		}
	}
	return all.String()
}

// Add has another run at path below the URL, which must end in a slash.
func (s *Server) Add(path string, page Page) *Run {
	e := newRun(s, page)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below[path] = e
	return e
}

// Remove takes away what Add has added; who reads it is not told of any end.
func (s *Server) Remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.below[path]; e != nil {
		close(e.removed)
		delete(s.below, path)
	}
}

// at is the run that a path is about, and the rest of that.
func (s *Server) at(path string) (e *Run, rest string) {
	i := strings.LastIndexByte(path, '/') + 1
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.below[path[:i]]; e != nil {
		return e, path[i:]
	}
	return s.Run, path
}

// Arrived is closed once somebody follows a run.
func (s *Server) Arrived() <-chan struct{} { return s.arrived }

// Done is closed once nothing is served any more.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close lets readers have what is published, for a short time, then ends them all. The error is what had ended the
// server before.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	s.takeLeave(ctx)
	s.close()
	if s.server.Shutdown(ctx) != nil { // somebody does not take it
		_ = s.server.Close()
	}
	<-s.done
	return s.failed
}

// takeLeave waits until every reader of a run that has ended has the page of it, to be saved, or where there is none
// the last picture.
func (s *Server) takeLeave(ctx context.Context) {
	if !s.now().ended {
		return
	}
	for range s.Run.readers.Load() + s.told.Load() {
		select {
		case <-s.kept:
		case <-ctx.Done():
			return
		}
	}
}

// ServeHTTP answers a request, if it may be made.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the token is in the URL
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	switch {
	case !s.knows(r.Host):
		http.Error(w, "this host name is not one of this server: use the URL that it printed", http.StatusMisdirectedRequest)
		return
	case !sameOrigin(r):
		http.Error(w, "a page of another site may not read this", http.StatusForbidden)
		return
	}
	token, path, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
		http.Error(w, "not found: use the whole URL that was printed", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	switch e, path := s.at(path); path {
	case "":
		h.Set("Content-Security-Policy", e.page.Policy+"; frame-ancestors 'none'")
		answer(w, "text/html; charset=utf-8", e.page.HTML)
	case "events":
		e.stream(w, r)
	case "picture":
		x := e.now()
		e.keep(w, "application/json", x.picture, x.ended && x.saved == nil)
	case "page.html":
		saved := e.now().saved
		e.keep(w, "text/html; charset=utf-8", saved, saved != nil)
	case "map.html":
		e.answerBeside(w, r)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// answerBeside sends the page beside a run. Whoever follows the run from there has all with the last of it.
func (e *Run) answerBeside(w http.ResponseWriter, r *http.Request) {
	if e.beside == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	ended := e.now().ended
	page, err := e.beside(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Security-Policy", page.Policy+"; frame-ancestors 'none'")
	e.keep(w, "text/html; charset=utf-8", page.HTML, ended)
}

// keep sends what there is; it may be the last that a reader of a run that has ended asks for.
func (e *Run) keep(w http.ResponseWriter, kind string, body []byte, last bool) {
	if answer(w, kind, body); !last {
		return
	}
	select {
	case e.kept <- struct{}{}:
	default: // nobody waits for so many
	}
}

// knows reports whether a request's Host is one of ours. A page of another site can have its own name lead here (DNS
// rebinding), but then it has that name and no address. The port is not looked at: it may be forwarded.
func (s *Server) knows(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil {
		return false
	}
	name := u.Hostname()
	if strings.EqualFold(name, "localhost") || strings.EqualFold(name, s.host) {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && (ip.IsLoopback() || !s.loopback)
}

// sameOrigin reports whether a request comes from a page of ours, or of none.
func sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	return len(origins) == 0 || len(origins) == 1 && strings.EqualFold(origins[0], "http://"+r.Host)
}

// answer sends what there is. That there is nothing yet is no mistake.
func answer(w http.ResponseWriter, kind string, body []byte) {
	if body == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body) // a reader that is gone wants nothing
}
