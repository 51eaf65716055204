package watch

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Only what acts carries a traceparent, and only where the run is exported: that of the very span that the request will
// be. All that one run asks for are of one trace.
func TestTraceIsPropagated(t *testing.T) {
	const part = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	for _, x := range []struct {
		propagate bool
		parent    string
	}{{false, ""}, {true, ""}, {true, part}} {
		s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				w.Write([]byte("{}"))
			} else if err := json.NewEncoder(w).Encode(pod("11")); err != nil {
				t.Error(err)
			}
		})
		f, err := New(t.Context(), &rest.Config{Host: s.URL}, Scope{Namespace: "default", Name: "web"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if x.propagate {
			f.PropagateTrace(x.parent)
		}
		if _, err := f.Version(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := f.Create(t.Context(), pod("")); err != nil {
				t.Fatal(err)
			}
		}
		first := ""
		for _, r := range s.requests {
			got, want := r.Header.Get("Traceparent"), ""
			if q := (&seq.Request{ID: r.Header.Get("Audit-ID")}); x.propagate && r.Method == http.MethodPost {
				if first == "" {
					first = q.ID
				}
				want = seq.NewTraceContext(x.parent, first).Header(q.Key())
			}
			if got != want || x.parent != "" && want != "" && !strings.HasPrefix(got, part[:36]) {
				t.Errorf("%+v: %s %s has traceparent %q, want %q", x, r.Method, r.URL.Path, got, want)
			}
		}
		if len(s.requests) != 3 {
			t.Errorf("%d requests", len(s.requests))
		}
	}
}
