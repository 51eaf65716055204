package watch

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"testing"
	"time"

	apiwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// A program that uses this as a library can follow a thousand Pods, and is as large as after the first ones.
func TestThousandRunsLeaveNothing(t *testing.T) {
	s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			json.NewEncoder(w).Encode(pod("11"))
		case isWatch(r):
			send(w, "ADDED", pod("12"))
			<-r.Context().Done()
		default:
			list(w, r, "10")
		}
		s.mu.Lock()
		s.requests = nil
		s.mu.Unlock()
	})
	run := func() {
		ctx, cancel := context.WithCancel(t.Context())
		f, err := New(ctx, &rest.Config{Host: s.URL}, Scope{Namespace: "default", Name: "web"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			if err := f.Follow(ctx); err != nil {
				done <- err
				return
			}
			_, err := f.Create(ctx, pod(""))
			done <- err
		}()
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		for created, seen := false, false; !created || !seen; {
			select {
			case o := <-f.Observations():
				seen = seen || revision("12")(o)
				tr.Observe(o)
				tr.Steps()
			case err := <-done:
				if created = true; err != nil {
					t.Fatal(err)
				}
			}
		}
		cancel()
		f.Wait()
	}
	measure := func() (goroutines int, heap uint64) {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		s.CloseClientConnections()
		// Connections end a moment after they are closed. Whether they do is judged below.
		_ = apiwait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Second, true,
			func(context.Context) (bool, error) {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				goroutines, heap = runtime.NumGoroutine(), m.HeapAlloc
				return goroutines < 10, nil
			})
		return goroutines, heap
	}
	for range 50 {
		run()
	}
	goroutines, heap := measure()
	for range 1000 {
		run()
	}
	if g, h := measure(); g > goroutines+2 || h > heap+heap/4+1<<20 {
		t.Errorf("from %d goroutines and %d KiB to %d and %d KiB", goroutines, heap>>10, g, h>>10)
	}
}
