package watch

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var deployments = Kind{GroupVersionResource: schema.GroupVersionResource{Group: "apps", Version: "v1",
	Resource: "deployments"}, Namespaced: true}

// deployment is one that we made.
func deployment(uid types.UID) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}}
	u.SetName("web")
	u.SetNamespace("default")
	u.SetUID(uid)
	u.SetResourceVersion("11")
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: seq.FieldManager,
		Operation: metav1.ManagedFieldsOperationUpdate}})
	return u
}

// A create whose answer is lost may have made its object, be it a Pod or another, which is then told of like any other;
// one of that name that was there before, or that somebody else has made, is not it.
func TestLostAnswerToCreate(t *testing.T) {
	cut := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	broken := func(w http.ResponseWriter) { refuse(w, 500, metav1.StatusReasonInternalError) }
	theirs := deployment("new")
	theirs.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl-create",
		Operation: metav1.ManagedFieldsOperationUpdate}})
	for name, c := range map[string]struct {
		answer        func(http.ResponseWriter)
		before, after *unstructured.Unstructured // what is there
		unlisted      bool                       // it may not be seen what was there before
		found         bool
	}{
		"cut":                      {cut, nil, deployment("new"), false, true},
		"an error after the fact":  {broken, nil, deployment("new"), false, true},
		"an error":                 {broken, nil, nil, false, false},
		"an older one":             {cut, deployment("old"), deployment("old"), false, false},
		"a new one after an older": {cut, deployment("old"), deployment("new"), false, true},
		"that of somebody else":    {cut, nil, theirs, false, false},
		"nobody knows what was":    {cut, nil, deployment("new"), true, false},
		"refused": {func(w http.ResponseWriter) { refuse(w, 409, metav1.StatusReasonAlreadyExists) }, nil,
			deployment("new"), false, false},
		"too many, and none is ours": {func(w http.ResponseWriter) { refuse(w, 429, metav1.StatusReasonTooManyRequests) },
			nil, deployment("new"), false, false},
	} {
		for _, pods := range []bool{true, false} {
			kind := map[bool]string{true: "Pod", false: "Deployment"}[pods]
			as := func(u *unstructured.Unstructured) any {
				if !pods {
					return u
				}
				return &corev1.Pod{TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
					ObjectMeta: metav1.ObjectMeta{Name: u.GetName(), Namespace: u.GetNamespace(), UID: u.GetUID(),
						ResourceVersion: u.GetResourceVersion(), ManagedFields: u.GetManagedFields()}}
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				of := func(r *http.Request) bool { return strings.Contains(r.URL.Path, strings.ToLower(kind)+"s") }
				s := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
					switch named := strings.HasSuffix(r.URL.Path, "/web"); {
					case r.Method == http.MethodPost:
						c.answer(w)
					case named && c.after != nil:
						json.NewEncoder(w).Encode(as(c.after))
					case named:
						refuse(w, 404, metav1.StatusReasonNotFound)
					case of(r) && c.unlisted:
						refuse(w, 403, metav1.StatusReasonForbidden)
					case isWatch(r):
						w.(http.Flusher).Flush()
						<-r.Context().Done()
					case of(r):
						items := []any{}
						if c.before != nil {
							items = append(items, as(c.before))
						}
						json.NewEncoder(w).Encode(map[string]any{"kind": kind + "List",
							"apiVersion": map[bool]string{true: "v1", false: "apps/v1"}[pods],
							"metadata":   map[string]string{"resourceVersion": "10"}, "items": items})
					default:
						list(w, r, "10")
					}
				})
				found, lost, err := makeLost(t, s, pods)
				if (err == nil) != c.found || c.found && found != "new" {
					t.Errorf("found %q, %v", found, err)
				}
				if want := "; the " + kind + " is there"; c.found != strings.HasSuffix(lost, want) {
					t.Errorf("lost: %q", lost)
				}
				if _, status := err.(apierrors.APIStatus); !c.found && name != "an older one" && name != "that of somebody else" &&
					name != "nobody knows what was" && !status {
					t.Errorf("the error is %v", err)
				}
			})
		}
	}
}

// makeLost creates a Pod, or a Deployment, and returns the uid of what it was told to have made, and what was said to
// be lost.
func makeLost(t *testing.T, s *server, pods bool) (uid types.UID, lost string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	scope := Scope{Namespace: "default", Prefixes: []string{"web"}, Kinds: []Kind{deployments}}
	f, err := New(ctx, &rest.Config{Host: s.URL}, scope, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		f.Wait()
		s.CloseClientConnections()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err = f.Follow(ctx); err != nil {
			return
		}
		if pods {
			made, failed := f.Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default"}})
			if err = failed; err == nil {
				uid = made.UID
			}
			return
		}
		made, failed := f.CreateObject(ctx, deployments, deployment(""))
		if err = failed; err == nil {
			uid = made.GetUID()
		}
	}()
	answered := 0
	take := func(o seq.Observation) {
		if o.Loss != nil {
			lost = o.Loss.What
		}
		if o.Request != nil && o.Request.Verb == "create" {
			answered++
		}
	}
	for {
		select {
		case o := <-f.Observations():
			take(o)
		case <-done:
			for len(f.Observations()) > 0 {
				take(<-f.Observations())
			}
			if answered < 2 {
				t.Errorf("the request is told %d times", answered)
			}
			return uid, lost, err
		}
	}
}
