package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
)

func init() { klog.SetLogger(logr.Discard()) } // as main does

// completes returns what TAB offers after a command line, at an API server that answers as it is told to, and the time
// that took. The kubeconfig's context has namespace class.
func completes(t *testing.T, handle http.HandlerFunc,
	args ...string) (offered []string, directive string, took time.Duration) {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(kubeconfig, "https://127.0.0.1:1", s.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", path)
	t.Setenv("KUBECACHEDIR", t.TempDir())
	var out, errOut bytes.Buffer
	root := newRoot(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut})
	root.SetArgs(append([]string{"__complete"}, args...))
	begun := time.Now()
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	took = time.Since(begun)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, l := range lines[:len(lines)-1] {
		name, _, _ := strings.Cut(l, "\t")
		offered = append(offered, name)
	}
	if strings.Count(errOut.String(), "\n") != 1 { // cobra's own line about the directive
		t.Errorf("%v says %s", args, errOut.String())
	}
	return offered, lines[len(lines)-1], took
}

// apiServer has Pods and Deployments, of the names that are given.
func apiServer(names ...string) http.HandlerFunc {
	verbs := metav1.Verbs{"get", "list", "watch", "delete"}
	answers := map[string]any{
		"/api": metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}},
		"/apis": metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"},
			Groups: []metav1.APIGroup{{Name: "apps",
				Versions:         []metav1.GroupVersionForDiscovery{{GroupVersion: "apps/v1", Version: "v1"}},
				PreferredVersion: metav1.GroupVersionForDiscovery{GroupVersion: "apps/v1", Version: "v1"}}}},
		"/api/v1": metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: "v1", APIResources: []metav1.APIResource{
				{Name: "pods", SingularName: "pod", ShortNames: []string{"po"}, Kind: "Pod", Namespaced: true, Verbs: verbs},
				{Name: "pods/status", Kind: "Pod", Namespaced: true, Verbs: metav1.Verbs{"get"}},
				{Name: "bindings", Kind: "Binding", Namespaced: true, Verbs: metav1.Verbs{"create"}},
				{Name: "namespaces", SingularName: "namespace", ShortNames: []string{"ns"}, Kind: "Namespace", Verbs: verbs}}},
		"/apis/apps/v1": metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
				{Name: "deployments", SingularName: "deployment", ShortNames: []string{"deploy"}, Kind: "Deployment",
					Namespaced: true, Verbs: verbs}}},
	}
	list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList",
		APIVersion: "meta.k8s.io/v1"}}
	for _, n := range names {
		list.Items = append(list.Items,
			metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
				ObjectMeta: metav1.ObjectMeta{Name: n}})
	}
	for _, path := range []string{"/api/v1/namespaces/class/pods", "/apis/apps/v1/namespaces/class/deployments",
		"/api/v1/namespaces/other/pods", "/api/v1/namespaces"} {
		answers[path] = list
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		a, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			a = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure",
				Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound}
		}
		json.NewEncoder(w).Encode(a)
	}
}

func TestCompletesWhatTheClusterHas(t *testing.T) {
	for args, want := range map[string]string{
		"delete|":                   "namespaces ns pods po deployments deploy",
		"delete|dep":                "deployments deploy",
		"delete|deployments.":       "deployments.apps",
		"delete|deploy/":            "deploy/web deploy/db",
		"delete|deploy/w":           "deploy/web",
		"delete|po|":                "web db",
		"delete|po|web|":            "",
		"delete|po/web|":            "",
		"delete|-n|other|pod/":      "pod/web pod/db",
		"delete|-n|elsewhere|pod/":  "",
		"delete|nothing/":           "",
		"delete-pod|":               "web db",
		"delete-pod|web|":           "",
		"delete|-n|":                "web db",
		"delete-pod|--context|":     "lab",
		"delete-pod|--user|":        "lab",
		"delete-pod|--cluster|l":    "lab",
		"create-pod|--until|":       "completed ready running scheduled",
		"create|--until|":           "created available completed",
		"create-pod|":               "",
		"create-pod|--timeout|":     "",
		"create-pod|-o|l":           "lanes listing",
		"delete|--pods|":            "all first slowest",
		"delete|--cascade=":         "background foreground orphan",
		"create-pod|--restart=|":    "",
		"create-pod|--restart=":     "Always OnFailure Never",
		"replay|":                   "jsonl",
		"create|-f|":                "yaml yml json",
		"delete|--request-timeout|": "",
		"version|-o|":               "json yaml",
		"completion|":               "bash fish kubectl powershell zsh",
		"help|create-":              "create-deployment create-job create-pod",
	} {
		offered, directive, _ := completes(t, apiServer("web", "db", "bad\nname", "\x1b[2J"), strings.Split(args, "|")...)
		if got := strings.Join(offered, " "); got != want {
			t.Errorf("%s: %q, not %q", args, got, want)
		}
		files := strings.HasPrefix(args, "replay") || strings.Contains(args, "|-f|")
		if files != (directive == ":8") { // FilterFileExt
			t.Errorf("%s: directive %s", args, directive)
		}
	}
}

// Nobody who presses TAB wants to read an error, or to wait for it.
func TestCompletionInTrouble(t *testing.T) {
	forbidden := func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/namespaces/") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
				Status: "Failure", Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden})
			return
		}
		apiServer()(w, r)
	}
	for name, handle := range map[string]http.HandlerFunc{
		"forbidden": forbidden,
		"silent":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"garbage":   func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{")) },
		"broken":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			offered, directive, took := completes(t, handle, "delete", "deploy/")
			if len(offered) != 0 || directive != ":4" || took > patience+5*time.Second {
				t.Errorf("%q %s after %v", offered, directive, took)
			}
		})
	}
	t.Run("no cluster", func(t *testing.T) {
		t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
		var out, errOut bytes.Buffer
		root := newRoot(genericiooptions.IOStreams{Out: &out, ErrOut: &errOut})
		root.SetArgs([]string{"__complete", "delete", "deploy/"})
		if err := root.Execute(); err != nil || out.String() != ":4\n" {
			t.Errorf("%v: %s", err, out.String())
		}
	})
}

func TestCompletesTheFileOfAnOutput(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"web.html", "wide.html", ".hidden", "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "pages"), 0o700); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{"/w": "html=D/web.html html=D/wide.html",
		"/": "html=D/pages/ html=D/web.html html=D/wide.html html=D/x", "/.h": "html=D/.hidden", "/none/": ""} {
		offered, _, _ := completes(t, apiServer(), "create-pod", "-o", "html="+dir+args)
		if got := strings.ReplaceAll(strings.Join(offered, " "), dir, "D"); got != want {
			t.Errorf("%s: %q, not %q", args, got, want)
		}
	}
}

// Of what the namespace's Pods have, that comes first which most of them have.
func TestCompletesWhatPodsHave(t *testing.T) {
	var pods corev1.PodList
	pods.TypeMeta = metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}
	add := func(images ...string) {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
		for _, image := range images {
			p.Spec.Containers = append(p.Spec.Containers,
				corev1.Container{Name: strings.ReplaceAll(image, ":", "-"), Image: image})
		}
		pods.Items = append(pods.Items, p)
	}
	add("busybox:1", "nginx:2")
	add("nginx:2", "bad\nimage")
	add("app:3")
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any = pods
		if r.URL.Path == "/api/v1/namespaces/class/pods/web" {
			answer = pods.Items[0]
		}
		json.NewEncoder(w).Encode(answer)
	}
	for args, want := range map[string]string{
		"create-pod|--image|":              "nginx:2 app:3 busybox:1",
		"create-pod|--image=b":             "busybox:1",
		"create-deployment|web|--image|ng": "nginx:2",
		"exec|web|-c|":                     "busybox-1 nginx-2",
		"exec|pod/web|-c|n":                "nginx-2",
		"exec|-c|":                         "",
	} {
		offered, _, _ := completes(t, serve, strings.Split(args, "|")...)
		if got := strings.Join(offered, " "); got != want {
			t.Errorf("%s: %q, not %q", args, got, want)
		}
	}
	for i := range 2 * offeredImages {
		add(fmt.Sprintf("many:%d", i))
	}
	if offered, _, _ := completes(t, serve, "create-pod", "--image", ""); len(offered) != offeredImages ||
		offered[0] != "nginx:2" {
		t.Errorf("%d images: %q", len(offered), offered)
	}
}

// What is offered for a flag is what it takes.
func TestOfferedValuesAreTaken(t *testing.T) {
	for _, flag := range []string{"detail", "color", "dry-run", "until", "restart", "output"} {
		_, err := parsed(t, "", "web", "--image=x", "--"+flag+"=?")
		if err == nil {
			t.Fatalf("--%s=? is taken", flag)
		}
		offered, _, _ := completes(t, apiServer(), "create-pod", "--"+flag, "")
		for _, v := range offered {
			if !strings.Contains(err.Error(), v) {
				t.Errorf("--%s=%s is offered, but: %v", flag, v, err)
			}
		}
		if len(offered) < 2 {
			t.Errorf("--%s: %q", flag, offered)
		}
	}
}

func TestCompletionScript(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell", "kubectl"} {
		var out bytes.Buffer
		root := newRoot(genericiooptions.IOStreams{Out: &out, ErrOut: &out})
		root.SetArgs([]string{"completion", shell})
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), "kubectl-seq") ||
			!strings.Contains(out.String(), "__complete") {
			t.Errorf("%s: %v", shell, err)
		}
	}
	if _, _, err := replayed(t.Context(), "completion", "tcsh"); err == nil ||
		!strings.HasPrefix(err.Error(), "one of bash, fish, kubectl, powershell, zsh expected (hint:") {
		t.Errorf("tcsh: %v", err)
	}
}
