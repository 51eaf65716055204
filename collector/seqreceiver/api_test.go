package seqreceiver

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
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
	dropped   int                        // of the history
	keeps     int                        // how much of the history at least, or 0 for all
	there     map[string]json.RawMessage // by resource and uid
	compacted int                        // revisions that are not known any more
	stored    map[string]metav1.Object   // ConfigMaps and Leases, by path
	denied    string                     // the verb and the resource that is not allowed
	lists     []string                   // queries of lists
	broken    bool                       // it answers nothing but 500
	watches   map[chan struct{}]bool     // closed to end the watch
}

type change struct {
	resource, typ string
	revision      int
	object        json.RawMessage
}

func newAPI(t testing.TB) *api {
	t.Helper()
	a := &api{changed: make(chan struct{}), revision: 1, there: map[string]json.RawMessage{},
		stored: map[string]metav1.Object{}, watches: map[chan struct{}]bool{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

// kubeconfig is a file that leads here.
func (a *api) kubeconfig(t testing.TB) string {
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
	o = o.DeepCopyObject()
	m := o.(metav1.Object)
	a.storeText(typ, resourceOf(o), string(m.GetUID()), func(revision string) []byte {
		m.SetResourceVersion(revision)
		return textOf(o)
	})
}

// storeText is store of the text that an object has in a revision.
func (a *api) storeText(typ, resource, uid string, text func(revision string) []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision++
	o := text(strconv.Itoa(a.revision))
	key := resource + uid
	switch _, was := a.there[key]; {
	case typ == "DELETED":
		delete(a.there, key)
	default:
		if typ = "ADDED"; was {
			typ = "MODIFIED"
		}
		a.there[key] = o
	}
	a.add(change{resource, typ, a.revision, o})
}

// storeAs is store without a revision of its own: the object has one.
func (a *api) storeAs(typ string, o runtime.Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	revision, _ := strconv.Atoi(o.(metav1.Object).GetResourceVersion())
	a.add(change{resourceOf(o), typ, revision, textOf(o)})
}

func (a *api) add(c change) {
	a.history = append(a.history, c)
	if n := len(a.history) - a.keeps; a.keeps > 0 && n > a.keeps {
		a.compacted = a.history[n-1].revision + 1
		a.history, a.dropped = slices.Clone(a.history[n:]), a.dropped+n
	}
	a.tell()
}

func resourceOf(o runtime.Object) string {
	if _, is := o.(*corev1.Event); is {
		return events
	}
	return pods
}

func textOf(o runtime.Object) []byte {
	o = o.DeepCopyObject()
	o.GetObjectKind().SetGroupVersionKind(groupVersion("v1", map[string]string{pods: "Pod", events: "Event"}[resourceOf(o)]))
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return text
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
	a.dropped += len(a.history)
	a.history, a.compacted = nil, a.revision
	for end := range a.watches {
		close(end)
	}
	clear(a.watches)
}

// down has nobody answer any more, as when the API server has ended.
func (a *api) down() {
	a.mu.Lock()
	for end := range a.watches {
		close(end)
	}
	clear(a.watches)
	a.mu.Unlock()
	a.CloseClientConnections()
	a.Close()
}

// up has it start anew where it was.
func (a *api) up(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", a.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(a.serve)}}
	a.Start()
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
	case discovery[r.URL.Path] != "": // kubectl asks for it
		io.WriteString(w, discovery[r.URL.Path])
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

// discovery is what there is, for those who do not know.
var discovery = map[string]string{
	"/api":  `{"kind":"APIVersions","versions":["v1"]}`,
	"/apis": `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`,
	"/api/v1": `{"kind":"APIResourceList","groupVersion":"v1","resources":[
		{"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list","watch"]},
		{"name":"events","singularName":"event","namespaced":true,"kind":"Event","verbs":["get","list","watch"]}]}`,
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
	all := []json.RawMessage{}
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
	json.NewEncoder(w).Encode(map[string]any{"kind": map[string]string{pods: "PodList", events: "EventList"}[resource],
		"apiVersion": "v1", "metadata": map[string]string{"resourceVersion": strconv.Itoa(a.revision), "continue": next},
		"items": all[from:to]})
}

func (a *api) watch(w http.ResponseWriter, r *http.Request, resource string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	end := make(chan struct{})
	a.mu.Lock()
	gone, next := from > 0 && from < a.compacted, 0
	if from == 0 { // from any: first what is there
		from, next = a.revision, a.dropped+len(a.history)
		for _, key := range sortedKeys(a.there) {
			if strings.HasPrefix(key, resource) {
				fmt.Fprintf(w, "{\"type\":\"ADDED\",\"object\":%s}\n", a.there[key])
			}
		}
	}
	a.watches[end] = true
	a.mu.Unlock()
	if gone {
		refuse(w, http.StatusGone, metav1.StatusReasonExpired)
		return
	}
	w.(http.Flusher).Flush()
	for {
		a.mu.Lock()
		late := next > 0 && next < a.dropped
		changed, news := a.changed, a.history[max(0, next-a.dropped):]
		next = a.dropped + len(a.history)
		a.mu.Unlock()
		if late {
			fmt.Fprintf(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","code":410,"reason":"Expired"}}`)
			return
		}
		for _, c := range news {
			if c.resource == resource && c.revision > from {
				fmt.Fprintf(w, "{\"type\":%q,\"object\":%s}\n", c.typ, c.object)
			}
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
