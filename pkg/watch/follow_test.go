package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an API server that does what a test scripts: it answers each kind of request by the test's function.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func newServer(t *testing.T, handle func(s *server, w http.ResponseWriter, r *http.Request)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		handle(s, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) count(is func(*http.Request) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if is(r) {
			n++
		}
	}
	return n
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }
func isPods(r *http.Request) bool  { return strings.HasSuffix(r.URL.Path, "/pods") }

func pod(rv string) *corev1.Pod {
	return &corev1.Pod{TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default", UID: "u", ResourceVersion: rv}}
}

func list(w http.ResponseWriter, r *http.Request, rv string, pods ...*corev1.Pod) {
	kind := "EventList"
	items := []any{}
	if isPods(r) {
		kind = "PodList"
		for _, p := range pods {
			items = append(items, p)
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"kind": kind, "apiVersion": "v1",
		"metadata": map[string]string{"resourceVersion": rv}, "items": items})
}

func send(w http.ResponseWriter, typ string, o any) {
	json.NewEncoder(w).Encode(map[string]any{"type": typ, "object": o})
	w.(http.Flusher).Flush()
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure",
		Code: int32(code), Reason: reason, Message: string(reason)})
}

// follow runs a follower against the server until the test ends, and returns it with what it sees.
func follow(t *testing.T, s *server) (*Follower, func(is func(seq.Observation) bool) seq.Observation) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := New(ctx, &rest.Config{Host: s.URL}, Scope{Namespace: "default", Name: "web"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	failed, returned := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(returned)
		failed <- f.Follow(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-returned // until then it may start what Wait waits for
		f.Wait()
		s.CloseClientConnections()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return f, func(is func(seq.Observation) bool) seq.Observation {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case o := <-f.Observations():
				if is(o) {
					return o
				}
			case err := <-failed:
				if err != nil {
					t.Fatal(err)
				}
				failed = nil
			case <-deadline:
				t.Fatal("what the test waits for does not come")
			}
		}
	}
}

func revision(rv string) func(seq.Observation) bool {
	return func(o seq.Observation) bool { return o.Change != nil && o.Change.Pod.ResourceVersion == rv }
}

func answer(verb string) func(seq.Observation) bool {
	return func(o seq.Observation) bool {
		return o.Request != nil && o.Request.Verb == verb && o.Request.Status != 0
	}
}

func TestWatchesFromTheListedRevision(t *testing.T) {
	s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
		if !isWatch(r) {
			list(w, r, "10")
			return
		}
		if got := r.URL.Query().Get("resourceVersion"); got != "10" {
			t.Errorf("watch of %s from %q", r.URL.Path, got)
		}
		if isPods(r) {
			if got := r.URL.Query().Get("fieldSelector"); got != "metadata.name=web" {
				t.Errorf("field selector %q", got)
			}
			send(w, "ADDED", pod("11"))
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, next := follow(t, s)
	if o := next(revision("11")); o.Change.Type != "ADDED" || o.Received.IsZero() {
		t.Errorf("%+v", o)
	}
}

func TestEndedWatchGoesOnWhereItWas(t *testing.T) {
	s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
		switch {
		case !isWatch(r):
			list(w, r, "10")
		case isPods(r) && r.URL.Query().Get("resourceVersion") == "10":
			send(w, "ADDED", pod("11"))
			fmt.Fprint(w, `{"type":"MODIFIED","object":{"kind":"Pod","apiVe`) // cut in the middle of an object
		case isPods(r) && r.URL.Query().Get("resourceVersion") == "11":
			send(w, "MODIFIED", pod("12"))
			<-r.Context().Done()
		case isPods(r):
			t.Errorf("watch from %s", r.URL.Query().Get("resourceVersion"))
		default:
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	})
	_, next := follow(t, s)
	next(revision("11"))
	next(revision("12"))
}

// 410 comes in two shapes: as an event of an open watch, and as the answer to a new one.
func TestGoneListsAnewAndShowsAGap(t *testing.T) {
	for name, gone := range map[string]func(w http.ResponseWriter){
		"event": func(w http.ResponseWriter) {
			send(w, "ERROR",
				metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: 410,
					Reason: metav1.StatusReasonExpired})
		},
		"answer": func(w http.ResponseWriter) { refuse(w, 410, metav1.StatusReasonExpired) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
				lists := s.count(func(r *http.Request) bool { return isPods(r) && !isWatch(r) })
				switch {
				case !isWatch(r) && isPods(r) && lists > 1:
					list(w, r, "20", pod("19"))
				case !isWatch(r):
					list(w, r, "10")
				case isPods(r) && r.URL.Query().Get("resourceVersion") == "10":
					gone(w)
				case isPods(r):
					send(w, "MODIFIED", pod("21"))
					<-r.Context().Done()
				default:
					w.(http.Flusher).Flush()
					<-r.Context().Done()
				}
			})
			_, next := follow(t, s)
			if o := next(revision("19")); o.Change.Type != "LISTED" {
				t.Errorf("%+v", o.Change)
			}
			if g := next(func(o seq.Observation) bool { return o.Gap != nil }).Gap; g.FromRevision != "10" ||
				g.ToRevision != "20" ||
				g.Resource != "pods" {
				t.Errorf("%+v", g)
			}
			next(revision("21"))
		})
	}
}

func TestWithoutTheRightToSeeEvents(t *testing.T) {
	s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
		switch {
		case !isPods(r):
			refuse(w, 403, metav1.StatusReasonForbidden)
		case !isWatch(r):
			list(w, r, "10")
		default:
			send(w, "ADDED", pod("11"))
			<-r.Context().Done()
		}
	})
	_, next := follow(t, s)
	refused := next(func(o seq.Observation) bool { return o.Request != nil && o.Request.Resource == "events" })
	if q := refused.Request; q.Verb != "list" || q.Status != 403 || q.Message == "" {
		t.Errorf("%+v", q)
	}
	next(revision("11"))
}

// followed is a follower with both watches open, at a server on which nothing happens but the answer to a create.
func followed(t *testing.T, created func(http.ResponseWriter)) (*server, *Follower,
	func(func(seq.Observation) bool) seq.Observation) {
	t.Helper()
	s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			created(w)
		case isWatch(r):
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			list(w, r, "10")
		}
	})
	f, next := follow(t, s)
	next(answer("watch"))
	next(answer("watch"))
	return s, f, next
}

func TestCreateIsTraced(t *testing.T) {
	s, f, next := followed(t, func(w http.ResponseWriter) {
		w.Header().Set("X-Kubernetes-Pf-Flowschema-Uid", "schema")
		w.Header().Set("X-Kubernetes-Pf-Prioritylevel-Uid", "level")
		w.Header().Add("Warning", `299 - "careful"`)
		w.WriteHeader(201)
		json.NewEncoder(w).Encode(pod("11"))
	})
	result := make(chan error, 1)
	go func() {
		_, err := f.Create(t.Context(), pod(""))
		result <- err
	}()
	sent := next(func(o seq.Observation) bool { return o.Request != nil && o.Request.Verb == "create" }).Request
	if sent.Status != 0 || sent.Sent.IsZero() || sent.ID == "" {
		t.Errorf("sent: %+v", sent)
	}
	q := next(answer("create")).Request
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if q.ID != sent.ID || q.Status != 201 || q.StatusText != "Created" || q.ResourceVersion != "11" ||
		q.FirstByte.Before(q.Sent) || q.Pod == nil ||
		q.FlowSchema != "schema" || q.PriorityLevel != "level" || len(q.Warnings) != 1 || q.Warnings[0] != "careful" {
		t.Errorf("answered: %+v", q)
	}
	if n := s.count(func(r *http.Request) bool {
		return r.Method == http.MethodPost &&
			r.Header.Get("Audit-ID") == q.ID
	}); n != 1 {
		t.Errorf("%d requests carry our Audit-ID", n)
	}
}

func TestRefusedCreate(t *testing.T) {
	_, f, next := followed(t, func(w http.ResponseWriter) { refuse(w, 409, metav1.StatusReasonAlreadyExists) })
	go f.Create(t.Context(), pod(""))
	if q := next(answer("create")).Request; q.Status != 409 || q.Message == "" || q.Pod != nil {
		t.Errorf("%+v", q)
	}
}
