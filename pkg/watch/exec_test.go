package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Where the server switches to no WebSocket, SPDY is tried by a request of its own, unless that would be refused
// likewise.
func TestExecRefused(t *testing.T) {
	for code, want := range map[int][]string{
		http.StatusForbidden:  {"GET 403", "POST 403"},
		http.StatusBadRequest: {"GET 400"},
		http.StatusNotFound:   {"GET 404"},
	} {
		s := newServer(t, func(_ *server, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
				Status: metav1.StatusFailure, Reason: metav1.StatusReason(reasons[code]), Code: int32(code), Message: "not you"})
		})
		f, err := New(t.Context(), &rest.Config{Host: s.URL}, Scope{Namespace: "default", Name: "web"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			var out bytes.Buffer
			done <- f.Exec(t.Context(), seq.Object{Kind: "Pod", Namespace: "default", Name: "web"},
				Command{Container: "app", Args: []string{"true"}, Stdout: &out, Stderr: &out})
		}()
		var got []string
		ids := map[string]bool{}
		take := func(o seq.Observation) {
			if q := o.Request; q.Status == 0 && q.Sent.IsZero() || q.Exec.Container != "app" {
				t.Errorf("observed as %+v", q)
			} else if q.Status != 0 {
				got = append(got, fmt.Sprint(q.Method, " ", q.Status))
				ids[q.ID] = true
				if !strings.HasSuffix(q.Message, "not you") || q.FirstByte.IsZero() {
					t.Errorf("%+v", q)
				}
			}
		}
		for ended := false; !ended || len(f.Observations()) > 0; {
			select {
			case o := <-f.Observations():
				take(o)
			case err = <-done:
				ended = true
			}
		}
		if _, ok := err.(apierrors.APIStatus); !ok {
			t.Errorf("%d: error %v", code, err)
		}
		if !slices.Equal(got, want) || len(ids) != len(want) ||
			s.count(func(r *http.Request) bool { return ids[r.Header.Get("Audit-ID")] }) != len(want) {
			t.Errorf("%d: %v, want %v", code, got, want)
		}
	}
}

var reasons = map[int]metav1.StatusReason{http.StatusForbidden: metav1.StatusReasonForbidden,
	http.StatusBadRequest: metav1.StatusReasonBadRequest, http.StatusNotFound: metav1.StatusReasonNotFound}

func TestReadProcesses(t *testing.T) {
	got := readProcesses("1 sh -c sleep 5 \n7 sleep 5 \n9 \nno process\n")
	want := []seq.Process{{PID: 1, Command: "sh -c sleep 5"}, {PID: 7, Command: "sleep 5"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
