package docker

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/cli/cli/config"
	"go.uber.org/goleak"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// script answers the requests that a real engine would; what it does not answer is answered by what any engine would.
type script map[string]func(w http.ResponseWriter, r *http.Request)

// plain is what an engine answers where nothing is wrong.
var plain = script{
	"HEAD /_ping": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") },
	"GET /version": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"Version":"20.10.24","ApiVersion":"1.41"}`)
	},
	"GET /events": func(w http.ResponseWriter, r *http.Request) { flush(w); <-r.Context().Done() },
	"GET /images": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"Id":"sha256:1","RootFS":{"Layers":["a","b"]}}`)
	},
	"POST /create": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"Id":"c1"}`)
	},
	"GET /inspect": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w,
			`{"Name":"/web","HostConfig":{"Runtime":"runc"},"Storage":{"RootFS":{"Snapshot":{"Name":"overlayfs"}}}}`)
	},
	"POST /attach":  attached,
	"POST /wait":    func(w http.ResponseWriter, _ *http.Request) { flush(w); io.WriteString(w, `{"StatusCode":0}`) },
	"POST /start":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"DELETE /force": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
}

func flush(w http.ResponseWriter) { w.(http.Flusher).Flush() }

// cut ends an answer in its midst.
func cut(w http.ResponseWriter, _ *http.Request) { flush(w); panic(http.ErrAbortHandler) }

// attached switches the connection and ends it without output.
func attached(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		conn.Close()
	}
}

// kind names a request as a script does.
func kind(r *http.Request) string {
	for _, word := range []string{"/_ping", "/version", "/events", "/images", "/create", "/attach", "/wait", "/start"} {
		if strings.Contains(r.URL.Path, word) {
			return r.Method + " " + word
		}
	}
	if r.Method == http.MethodDelete {
		return "DELETE /force"
	}
	return r.Method + " /inspect"
}

// play runs a container at an engine that keeps to the script, and returns what was observed and how it ended.
func play(t *testing.T, s script, spec Spec) (all []seq.Observation, took time.Duration, err error) {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := s[kind(r)]
		if answer == nil {
			answer = plain[kind(r)]
		}
		answer(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	defer server.CloseClientConnections()
	e, err := New(t.Context(), Connection{Host: "tcp://" + server.Listener.Addr().String()}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	enough := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case o := <-e.Observations():
				all = append(all, o)
			case <-enough:
				for len(e.Observations()) > 0 {
					all = append(all, <-e.Observations())
				}
				return
			}
		}
	})
	begun := time.Now()
	if err = e.Follow(t.Context()); err == nil {
		err = e.Start(t.Context(), spec)
	}
	if err == nil {
		_, err = e.Wait(t.Context())
	}
	took = time.Since(begun)
	e.Close()
	close(enough)
	wg.Wait()
	return all, took, err
}

// last is what was observed last of requests of that verb.
func last(t *testing.T, all []seq.Observation, verb string) *seq.Request {
	t.Helper()
	var found *seq.Request
	for _, o := range all {
		if o.Request != nil && o.Request.Verb == verb {
			found = o.Request
		}
	}
	if found == nil {
		t.Fatalf("no request %s was observed", verb)
	}
	return found
}

// Events that come no more are a gap, and nobody waits for them.
func TestEventsEnd(t *testing.T) {
	for name, end := range map[string]http.HandlerFunc{"they end": func(w http.ResponseWriter,
		_ *http.Request) {
		flush(w)
	}, "they are cut off": cut} {
		t.Run(name, func(t *testing.T) {
			all, took, err := play(t, script{"GET /events": end}, Spec{Image: "busybox"})
			gaps := 0
			for _, o := range all {
				if o.Gap != nil && o.Gap.Resource == "events" && o.Gap.Reason != "" {
					gaps++
				}
			}
			if err != nil || gaps != 1 || took >= settled {
				t.Errorf("%v, %d gaps, after %s", err, gaps, took)
			}
			if inspect := last(t, all, "inspect"); inspect.Docker.Driver != "overlayfs" || inspect.Object.Name != "web" {
				t.Errorf("%+v %+v", inspect, inspect.Docker)
			}
		})
	}
}

func TestEventsRefused(t *testing.T) {
	_, _, err := play(t,
		script{"GET /events": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }},
		Spec{Image: "busybox"})
	if err == nil || !strings.Contains(err.Error(), "watch the engine's events") {
		t.Errorf("error %v", err)
	}
}

// A pull that fails after it has begun well has no other status than one that succeeds.
func TestPullFails(t *testing.T) {
	for name, c := range map[string]struct {
		pull http.HandlerFunc
		want string
	}{
		"it says so": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w,
				`{"status":"Pulling from library/busybox","id":"1"}`+"\n"+
					`{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}`+"\n")
		}, "no space left on device"},
		"it is cut off": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"status":"Pulling`)
			cut(w, r)
		}, "unexpected EOF"},
		"it is refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message":"pull access denied"}`)
		}, "pull access denied"},
	} {
		t.Run(name, func(t *testing.T) {
			all, _, err := play(t, script{
				"GET /images": func(w http.ResponseWriter,
					_ *http.Request) {
					http.Error(w, "no such image", http.StatusNotFound)
				},
				"POST /images": c.pull,
			}, Spec{Image: "busybox"})
			q := last(t, all, "pull")
			if !errors.Is(err, ErrNoImage) || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(q.Message+q.Docker.Error, c.want) || (q.Docker.Error == "") == (q.Status == http.StatusOK) {
				t.Errorf("%v: %+v %+v", err, q, q.Docker)
			}
		})
	}
}

// A registry's password goes with the pull, as docker login has left it.
func TestCredentials(t *testing.T) {
	was := config.Dir()
	config.SetDir(t.TempDir())
	t.Cleanup(func() { config.SetDir(was) })
	file := `{"auths": {"https://index.docker.io/v1/": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("hub:one")) + `"},
		"example.com": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("other:two")) + `"}}}`
	if err := os.WriteFile(filepath.Join(config.Dir(), "config.json"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{"busybox": `"username":"hub","password":"one"`,
		"example.com/a:1": `"username":"other","password":"two"`, "example.org/a": "{}"} {
		var got string
		all, _, err := play(t, script{
			"GET /images": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such image", http.StatusNotFound) },
			"POST /images": func(w http.ResponseWriter, r *http.Request) {
				decoded, _ := base64.URLEncoding.DecodeString(r.Header.Get("X-Registry-Auth"))
				got = string(decoded)
			},
		}, Spec{Image: image})
		if err == nil || !strings.Contains(got, want) { // it is not there after the pull either
			t.Errorf("%s: %s, %v", image, got, err)
		}
		for _, o := range all {
			if o.Request != nil && strings.Contains(o.Request.Path+o.Request.Message, "two") {
				t.Errorf("observed: %+v", o.Request)
			}
		}
	}
}

// A wait that is cut off says nothing of the container.
func TestWaitIsCut(t *testing.T) {
	all, _, err := play(t,
		script{"POST /wait": cut, "GET /events": func(w http.ResponseWriter, _ *http.Request) { flush(w) }},
		Spec{Image: "busybox"})
	if q := last(t, all, "wait"); err == nil || q.Docker.ExitCode != nil || q.Docker.Error == "" ||
		q.Docker.Ended.IsZero() {
		t.Errorf("%v: %+v %+v", err, q, q.Docker)
	}
}

// A create whose answer does not come is given up a moment after the run is.
func TestCreateHangs(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind(r) != "POST /create" {
			plain[kind(r)](w, r)
			return
		}
		io.Copy(io.Discard, r.Body) // else the server does not see that we go
		interrupt()
		<-r.Context().Done()
	}))
	defer server.Close()
	e, err := New(t.Context(), Connection{Host: "tcp://" + server.Listener.Addr().String()}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.grace = 10 * time.Millisecond
	if err := e.Start(ctx, Spec{Image: "busybox"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
