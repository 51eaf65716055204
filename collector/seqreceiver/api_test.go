package seqreceiver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// api is an API server that does what a test scripts: it has what the test stores, its history until that is compacted,
// and ConfigMaps and Leases of others.
type api struct {
	*httptest.Server
	mu        sync.Mutex
	changed   chan struct{} // closed with each change
	revision  int
	history   []change
	there     map[string]runtime.Object // by resource and uid
	compacted int                       // revisions that are not known any more
	stored    map[string]metav1.Object  // ConfigMaps and Leases, by path
	denied    string                    // the verb and the resource that is not allowed
	lists     []string                  // queries of lists
	broken    bool                      // it answers nothing but 500
	watches   map[chan struct{}]bool    // closed to end the watch
}

type change struct {
	resource, typ string
	revision      int
	object        runtime.Object
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{changed: make(chan struct{}), revision: 1, there: map[string]runtime.Object{},
		stored: map[string]metav1.Object{}, watches: map[chan struct{}]bool{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

// kubeconfig is a file that leads here.
func (a *api) kubeconfig(t *testing.T) string {
	t.Helper()
	c := clientcmdapi.NewConfig()
	c.Clusters["a"] = &clientcmdapi.Cluster{Server: a.URL}
	c.Contexts["a"] = &clientcmdapi.Context{Cluster: "a"}
	c.CurrentContext = "a"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// store has an object become what it is given as, in a new revision.
func (a *api) store(typ string, o runtime.Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision++
	o = o.DeepCopyObject()
	m, resource := o.(metav1.Object), pods
	if _, is := o.(*corev1.Event); is {
		resource = events
	}
	m.SetResourceVersion(strconv.Itoa(a.revision))
	key := resource + string(m.GetUID())
	switch _, was := a.there[key]; {
	case typ == "DELETED":
		delete(a.there, key)
	default:
		if typ = "ADDED"; was {
			typ = "MODIFIED"
		}
		a.there[key] = o
	}
	a.history = append(a.history, change{resource, typ, a.revision, o})
	a.tell()
}

// storeAs is store without a revision of its own: the object has one.
func (a *api) storeAs(typ string, o runtime.Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	resource := pods
	if _, is := o.(*corev1.Event); is {
		resource = events
	}
	revision, _ := strconv.Atoi(o.(metav1.Object).GetResourceVersion())
	a.history = append(a.history, change{resource, typ, revision, o})
	a.tell()
}

func (a *api) tell() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// compact forgets the history, and ends all watches, as when the API server starts anew.
func (a *api) compact() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision += 10
	a.history, a.compacted = nil, a.revision
	for end := range a.watches {
		close(end)
	}
	clear(a.watches)
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	broken := a.broken
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	resource := filepath.Base(r.URL.Path)
	switch {
	case broken:
		refuse(w, 500, metav1.StatusReasonInternalError)
	case r.URL.Path == "/version":
		io.WriteString(w, `{"gitVersion":"v1.37.2"}`)
	case resource == "selfsubjectaccessreviews":
		a.review(w, r)
	case strings.HasSuffix(filepath.Dir(r.URL.Path), "/namespaces") && resource != pods && resource != events:
		if resource != "default" {
			refuse(w, 404, metav1.StatusReasonNotFound)
			return
		}
		answer(w, "Namespace", "v1", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: resource}})
	case resource == pods || resource == events:
		if r.URL.Query().Get("watch") != "" {
			a.watch(w, r, resource)
		} else {
			a.list(w, r, resource)
		}
	case strings.Contains(r.URL.Path, "/configmaps") || strings.Contains(r.URL.Path, "/leases"):
		a.keep(w, r)
	default:
		refuse(w, 404, metav1.StatusReasonNotFound)
	}
}

func refuse(w http.ResponseWriter, code int32, why metav1.StatusReason) {
	w.WriteHeader(int(code))
	json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status: "Failure", Code: code, Reason: why, Message: string(why)})
}

func answer(w io.Writer, kind, version string, o runtime.Object) {
	o = o.DeepCopyObject()
	o.GetObjectKind().SetGroupVersionKind(groupVersion(version, kind))
	json.NewEncoder(w).Encode(o)
}

func decode(r *http.Request) runtime.Object {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	o, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil
	}
	return o
}

func (a *api) review(w http.ResponseWriter, r *http.Request) {
	review := decode(r).(*authorizationv1.SelfSubjectAccessReview)
	is := review.Spec.ResourceAttributes
	a.mu.Lock()
	review.Status.Allowed = a.denied != is.Verb+" "+is.Resource
	a.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	answer(w, "SelfSubjectAccessReview", "authorization.k8s.io/v1", review)
}

// list answers by pages.
func (a *api) list(w http.ResponseWriter, r *http.Request, resource string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lists = append(a.lists, resource+"?"+r.URL.RawQuery)
	var all []runtime.Object
	for _, key := range sortedKeys(a.there) {
		if strings.HasPrefix(key, resource) {
			all = append(all, a.there[key])
		}
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	to, next := len(all), ""
	if limit, _ := strconv.Atoi(r.URL.Query().Get("limit")); limit > 0 && from+limit < to {
		to = from + limit
		next = strconv.Itoa(to)
	}
	items := append([]runtime.Object{}, all[from:to]...)
	json.NewEncoder(w).Encode(map[string]any{"kind": map[string]string{pods: "PodList", events: "EventList"}[resource],
		"apiVersion": "v1", "metadata": map[string]string{"resourceVersion": strconv.Itoa(a.revision), "continue": next},
		"items": items})
}

func (a *api) watch(w http.ResponseWriter, r *http.Request, resource string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	end := make(chan struct{})
	a.mu.Lock()
	gone := from < a.compacted
	a.watches[end] = true
	a.mu.Unlock()
	if gone {
		refuse(w, http.StatusGone, metav1.StatusReasonExpired)
		return
	}
	w.(http.Flusher).Flush()
	for {
		a.mu.Lock()
		changed, news := a.changed, []change{}
		for _, c := range a.history {
			if c.resource == resource && c.revision > from {
				news = append(news, c)
			}
		}
		a.mu.Unlock()
		for _, c := range news {
			from = c.revision
			fmt.Fprintf(w, `{"type":%q,"object":`, c.typ)
			answer(w, map[string]string{pods: "Pod", events: "Event"}[resource], "v1", c.object)
			io.WriteString(w, "}\n")
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-end:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// keep has ConfigMaps and Leases, and refuses what was written by who did not know the newest.
func (a *api) keep(w http.ResponseWriter, r *http.Request) {
	kind, version := "ConfigMap", "v1"
	if strings.Contains(r.URL.Path, "/leases") {
		kind, version = "Lease", "coordination.k8s.io/v1"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	path := r.URL.Path
	if r.Method != http.MethodGet {
		o := decode(r).(metav1.Object)
		if r.Method == http.MethodPost {
			path += "/" + o.GetName()
		}
		was := a.stored[path]
		posts := r.Method == http.MethodPost
		if (was == nil) != posts || was != nil && was.GetResourceVersion() != o.GetResourceVersion() {
			refuse(w, 409, metav1.StatusReasonConflict)
			return
		}
		a.revision++
		o.SetResourceVersion(strconv.Itoa(a.revision))
		a.stored[path] = o
		a.tell()
	}
	if a.stored[path] == nil {
		refuse(w, 404, metav1.StatusReasonNotFound)
		return
	}
	answer(w, kind, version, a.stored[path].(runtime.Object))
}
