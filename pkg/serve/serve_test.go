package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const policy = "default-src 'none'; connect-src 'self'"

func listening(t *testing.T, address string) *Server {
	t.Helper()
	s, err := Listen(address, Page{HTML: []byte("<p>page"), Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOnlyWhoMayGetsIn(t *testing.T) {
	for _, c := range []struct {
		address, method, path, host, origin string
		want                                int
	}{
		{want: 200},
		{host: "localhost:1", want: 200}, // a port that is forwarded
		{host: "[::1]:80", want: 200},
		{host: "127.0.0.1", want: 200},
		{host: "evil.example", want: 421}, // a name that leads here
		{host: "localhost.evil.example:80", want: 421},
		{host: "192.0.2.1:80", want: 421},
		{host: "", path: "/", want: 404},
		{path: "/TOKEN", want: 404},
		{path: "/AAAAAAAAAAAAAAAAAAAAAAAAAA/", want: 404},
		{path: "/TOKEN/../TOKEN/x", want: 404},
		{path: "/TOKEN/picture", want: 200},
		{path: "/TOKEN/page.html", want: 204}, // it has not ended
		{origin: "http://evil.example", want: 403},
		{origin: "null", want: 403},
		{origin: "https://127.0.0.1:9", host: "127.0.0.1:9", want: 403},
		{origin: "http://127.0.0.1:9", host: "127.0.0.1:9", want: 200},
		{method: "POST", want: 405},
		{method: "HEAD", want: 200},
		{address: "0.0.0.0:0", host: "192.0.2.1:80", want: 200}, // it may be one of ours
		{address: "0.0.0.0:0", host: "evil.example", want: 421},
	} {
		s := listening(t, c.address)
		s.Publish(Update{Picture: []byte("{}")})
		r := httptest.NewRequest(max(c.method, "GET"), s.URL(), nil)
		if c.path != "" {
			r.URL.Path = strings.ReplaceAll(c.path, "TOKEN", s.token)
		}
		if c.host != "" {
			r.Host = c.host
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%+v: %d: %s", c, w.Code, w.Body)
		}
		want := "default-src 'none'; frame-ancestors 'none'"
		if c.want == 200 && c.path == "" {
			want = policy + "; frame-ancestors 'none'"
		}
		if got := w.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%+v: policy %q, want %q", c, got, want)
		}
		if w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%+v: the token may go elsewhere: %v", c, w.Header())
		}
	}
}

func TestAddresses(t *testing.T) {
	if a, b := listening(t, ""), listening(t, ""); a.token == b.token || len(a.token) < 26 || a.port == b.port {
		t.Errorf("two servers: %s, %s", a.URL(), b.URL())
	}
	for address, loopback := range map[string]bool{"": true, ":0": true, "127.0.0.1": true, "localhost:0": true,
		"0.0.0.0:0": false, "0.0.0.0": false} {
		s := listening(t, address)
		if s.Loopback() != loopback {
			t.Errorf("%q is loopback: %v", address, s.Loopback())
		}
		if strings.Contains(s.URL(), "0.0.0.0") && len(addresses(t)) > 0 {
			t.Errorf("%q: nobody gets to %s", address, s.URL())
		}
		response, err := http.Get(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != "<p>page" {
			t.Errorf("%q: %s", address, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	taken := listening(t, "")
	if _, err := Listen("127.0.0.1:"+taken.port, Page{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that is taken: %v", err)
	}
	for _, address := range []string{"127.0.0.1:port", "a:b:c", "192.0.2.1:0"} {
		if s, err := Listen(address, Page{}); err == nil {
			t.Errorf("%q: no error", address)
			_ = s.Close()
		}
	}
}

// addresses are those of this machine that others reach.
func addresses(t *testing.T) (all []net.Addr) {
	t.Helper()
	every, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range every {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			all = append(all, a)
		}
	}
	return all
}

// reader takes events as a browser does.
type reader struct {
	*bufio.Scanner
	close func()
	id    string // of the last event
	final []string
	tail  string
}

func (s *Server) read(t *testing.T, lastEventID string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", s.URL()+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("events are %s", kind)
	}
	r := &reader{Scanner: bufio.NewScanner(response.Body), close: func() { cancel(); response.Body.Close() }}
	r.Buffer(nil, 1<<24)
	t.Cleanup(r.close)
	return r
}

// next takes one event; ok is false at the end of the stream.
func (r *reader) next() (name string, ok bool) {
	var data []string
	for r.Scan() {
		field, value, _ := strings.Cut(r.Text(), ": ")
		switch {
		case field == "event":
			name = value
		case field == "id":
			r.id = value
		case field == "data" && value != "":
			data = append(data, value)
		case r.Text() == "" && name != "":
			switch name {
			case "anew":
				r.final, r.tail = nil, ""
			case "step":
				r.final = append(r.final, data...)
			case "tail":
				r.tail = strings.Join(data, "\n")
			}
			return name, true
		}
	}
	return "", false
}

// until takes events up to one of that name, or to the end of all.
func (r *reader) until(names ...string) {
	for name, ok := r.next(); ok && !slices.Contains(names, name); name, ok = r.next() {
	}
}

// documents are those that have these places.
func documents(from, to int) map[int][]byte {
	all := map[int][]byte{}
	for i := from; i < to; i++ {
		all[i] = fmt.Appendf(nil, "document %d", i)
	}
	return all
}

// Whenever a reader comes, and however often he loses his connection, he has all in the end, and each of what is final
// once; the tail is that of the last update.
func TestReadersHaveAll(t *testing.T) {
	s := listening(t, "")
	first := s.read(t, "")
	first.until("anew")
	<-s.Arrived()
	s.Publish(Update{Final: documents(0, 3), Tail: [][]byte{[]byte("document 10"), []byte("document 11")}})
	lost := s.read(t, "")
	lost.until("tail")
	lost.close()
	s.Publish(Update{Final: documents(3, 5), Tail: [][]byte{[]byte("document 20")}})
	late := s.read(t, "")
	late.until("tail")
	if got := strings.Join(late.final, ", "); got != "document 0, document 1, document 2, document 3, document 4" ||
		late.tail != "document 20" {
		t.Errorf("who comes late has %s and %s", got, late.tail)
	}
	back := s.read(t, lost.id)
	back.until("tail")
	if got := strings.Join(back.final, ", "); got != "document 3, document 4" || back.tail != "document 20" {
		t.Errorf("after %s come %s and %s", lost.id, got, back.tail)
	}
	s.Publish(Update{Final: documents(5, 6), Ended: true, Saved: []byte("<p>saved")})
	for name, r := range map[string]*reader{"first": first, "late": late, "back": back} {
		if name == "back" {
			r.final = append(lost.final, r.final...)
		}
		r.until("end")
		if len(r.final) != 6 || r.tail != "" {
			t.Errorf("%s has %q and %q", name, r.final, r.tail)
		}
		if _, more := r.next(); more {
			t.Errorf("%s: the stream goes on after the end", name)
		}
		response, err := http.Get(s.URL() + "page.html")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	after := s.read(t, "")
	if after.until("end"); len(after.final) != 6 {
		t.Errorf("after the end there are %q", after.final)
	}
	s.kept <- struct{}{} // he has the page of it, too
}

// What was final and is not is taken back, also from who comes again; so is what no server has sent.
func TestAnew(t *testing.T) {
	s := listening(t, "")
	s.Publish(Update{Final: documents(0, 3)})
	r := s.read(t, "")
	r.until("tail")
	s.Publish(Update{Anew: true, Final: map[int][]byte{0: []byte("document 7"), 1: []byte("document 8")}})
	for _, x := range []*reader{r, s.read(t, r.id), s.read(t, "1.3"), s.read(t, "1.-1"), s.read(t, "nothing")} {
		if x.until("tail"); strings.Join(x.final, ", ") != "document 7, document 8" || x.id != "1.2" {
			t.Errorf("%q, %s", x.final, x.id)
		}
	}
}

// A document that is another comes again, in its place, to who has the one before; who has not gets it once.
func TestCorrected(t *testing.T) {
	s := listening(t, "")
	s.Publish(Update{Final: documents(0, 3)})
	had := s.read(t, "")
	had.until("tail")
	s.Publish(Update{Final: map[int][]byte{1: []byte("corrected"), 3: []byte("document 3")}})
	for name, want := range map[string]string{
		"":    "document 0, corrected, document 2, document 3",
		"0.0": "document 0, corrected, document 2, document 3", // his connection was lost before the tail
		"0.3": "corrected, document 3",
		"0.4": "document 3",
		"0.5": "",
	} {
		r := s.read(t, name)
		if r.until("tail"); strings.Join(r.final, ", ") != want || r.id != "0.5" {
			t.Errorf("after %q come %q, %s", name, r.final, r.id)
		}
	}
	had.final = nil
	if had.until("tail"); strings.Join(had.final, ", ") != "corrected, document 3" {
		t.Errorf("who was there gets %q", had.final)
	}
}

// Who takes nothing holds up neither the run nor others; once he goes on, he has the last tail and none of many before.
func TestSlowReader(t *testing.T) {
	s := listening(t, "")
	slow, quick := s.read(t, ""), s.read(t, "")
	quick.until("anew")
	const updates, size = 200, 1 << 18
	for i := range updates {
		s.Publish(Update{Tail: [][]byte{fmt.Appendf(nil, "%d%s", i, strings.Repeat(".", size))}})
	}
	s.Publish(Update{Tail: [][]byte{[]byte("last")}})
	for name, r := range map[string]*reader{"quick": quick, "slow": slow} {
		tails := 0
		for r.tail != "last" {
			if _, ok := r.next(); !ok {
				t.Fatalf("%s is cut off: %v", name, r.Err())
			}
			tails++
		}
		if tails >= updates {
			t.Errorf("%s has %d tails: nothing was left out", name, tails)
		}
	}
}

// There is an end to how many read at once.
func TestManyReaders(t *testing.T) {
	s := listening(t, "")
	s.readers.Store(mostReaders)
	defer s.readers.Store(0)
	w := httptest.NewRecorder()
	s.stream(w, httptest.NewRequest("GET", s.URL()+"events", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || s.readers.Load() != mostReaders {
		t.Errorf("%d, %v, %d readers", w.Code, w.Header(), s.readers.Load())
	}
}
