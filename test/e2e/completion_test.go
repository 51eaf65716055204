//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// elsewhere has the test be in a namespace with a Deployment and a Pod of their own, and returns a kubeconfig for it.
func elsewhere(t *testing.T) (namespace, kubeconfig string) {
	t.Helper()
	namespace = "seq-" + strings.ToLower(t.Name())
	kubeconfig = inNamespace(t, namespace) // before what is to be undone by it
	runKubectl(t, "", "create", "namespace", namespace)
	t.Cleanup(func() { runKubectl(t, "", "delete", "namespace", namespace, "--wait=false") })
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			_, err := client(t).ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, nil // without it no Pod is admitted
		}); err != nil {
		t.Fatal(err)
	}
	runKubectl(t, "", "create", "deployment", "only-here", "--image=busybox:1", "--replicas=0", "-n", namespace)
	runKubectl(t, "", "create", "-n", namespace, "-f", scenarioFile("gated"))
	places.Store(t.Name(), place{namespace, kubeconfig})
	return namespace, kubeconfig
}

// offered is what __complete prints, which is what kubectl's own completion asks for.
func offered(t *testing.T, kubeconfig string, args ...string) []string {
	t.Helper()
	e := seqAt(t, kubeconfig, append([]string{"__complete"}, args...)...)
	lines := strings.Split(strings.TrimSpace(e.out), "\n")
	if e.code != 0 || !strings.HasPrefix(lines[len(lines)-1], ":") || e.took > 10*time.Second {
		t.Errorf("%v: exit %d after %v: %s%s", args, e.code, e.took, e.out, e.errOut)
	}
	var all []string
	for _, l := range lines[:len(lines)-1] {
		name, _, _ := strings.Cut(l, "\t")
		all = append(all, name)
	}
	return all
}

func TestCompletion(t *testing.T) {
	namespace, config := elsewhere(t)
	nodes, _ := nodeNames(t)
	for args, want := range map[string]string{
		"delete deploy/":                    "deploy/only-here",
		"delete deployments.apps/only":      "deployments.apps/only-here",
		"delete deploy ":                    "only-here",
		"delete -n default deploy/only":     "",
		"delete no/":                        "no/" + strings.Join(nodes, " no/"),
		"delete-pod ":                       "gated",
		"exec ":                             "gated",
		"watch deploy/":                     "deploy/only-here",
		"show po/":                          "po/gated",
		"delete-pod -n " + namespace + " g": "gated",
		"delete-pod -n " + namespace[:len(namespace)-2]: namespace,
		"delete nothing/":                             "",
		"delete --as=nobody deploy/":                  "",
		"delete --server=https://127.0.0.1:1 deploy/": "",
	} {
		if got := strings.Join(offered(t, config, strings.Split(args, " ")...), " "); got != want {
			t.Errorf("%s: %q, not %q", args, got, want)
		}
	}
	types := offered(t, config, "delete", "")
	for _, want := range []string{"pods", "po", "deployments", "deploy", "statefulsets", "sts", "persistentvolumeclaims",
		"pvc", "nodes"} {
		if !slices.Contains(types, want) {
			t.Errorf("no %s in %v", want, types)
		}
	}
}

// An API server that does not answer is not waited for.
func TestCompletionOfSilentServer(t *testing.T) {
	t.Parallel()
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		if strings.Contains(r.URL.Path, "/deployments") {
			<-r.Context().Done()
			return
		}
		p.pass(w, r, nil)
	})
	if got := offered(t, p.kubeconfig(t, clientcmdapi.AuthInfo{}), "delete", "deploy/"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// Every verb acts where the kubeconfig's context is, or -n says.
func TestCurrentNamespace(t *testing.T) {
	t.Parallel()
	namespace, config := elsewhere(t)
	for _, c := range []struct {
		args string
		kind string // and name of what is there afterwards, or no longer
		stay bool
	}{
		{"create-pod here --image=busybox:1 --until=scheduled -- sleep 1000", "pod/here", true},
		{"create-deployment here --image=busybox:1 --until=created", "deployment/here", true},
		{"create-job here --image=busybox:1 --until=created -- true", "job/here", true},
		{"create -f " + workloadFile("job"), "job/once", true},
		{"delete deploy/here --cascade", "deployment/here", false},
		{"delete jobs.batch here --cascade=foreground", "job/here", false},
		{"delete-pod gated", "pod/gated", false},
		{"delete po/here -n " + namespace + " --grace-period=1 --kubeconfig=" + os.Getenv("KUBECONFIG"), "pod/here", false},
	} {
		e := seqAt(t, config, slices.Insert(strings.Fields(c.args), 1, "-o", "json")...)
		if e.code != 0 || !strings.Contains(e.out, `"namespace":"`+namespace+`"`) {
			t.Errorf("%s: exit %d: %s", c.args, e.code, e.errOut)
		}
		there := strings.TrimSpace(runKubectl(t, "", "get", c.kind, "-n", namespace, "--ignore-not-found", "-o",
			"name")) != ""
		if there != c.stay {
			t.Errorf("%s: %s is there: %t", c.args, c.kind, there)
		}
		if out := runKubectl(t, "", "get", c.kind, "-n", "default", "--ignore-not-found", "-o", "name"); out != "" {
			t.Errorf("%s: %s in default", c.args, out)
		}
	}
	if e := seqAt(t, config, "sources", "--wait=1ms", "--as=nobody"); e.code != 0 || !strings.Contains(e.out, namespace) {
		t.Errorf("sources: exit %d: %s%s", e.code, e.out, e.errOut)
	}
}

// What names no object, or more than one, is told in kubectl's words, with what to do.
func TestNames(t *testing.T) {
	for args, want := range map[string]string{
		"delete widgets/web":            `the server doesn't have a resource type "widgets" (hint: kubectl api-resources`,
		"delete widgets.example web":    `the server doesn't have a resource type "widgets" in group "example" (hint:`,
		"delete deploy/nowhere":         `deployments.apps "nowhere" not found (hint: see what there is: kubectl get deploy -n default)`,
		"delete po/nowhere -n none":     `namespaces "none" not found (hint: see what there is: kubectl get namespaces)`,
		"delete all web":                "you must specify only one resource",
		"delete pods -l app=web":        "takes exactly one object, by its name",
		"delete deploy/web --as=nobody": `"nobody" cannot get resource "deployments"`,
	} {
		_, errOut, code := runSeq(t, strings.Fields(args)...)
		if code != 1 || !strings.HasPrefix(errOut, "error: ") || !strings.Contains(errOut, want) ||
			strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit %d: %s, want %s", args, code, errOut, want)
		}
	}
}
