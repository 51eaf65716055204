//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// admin is how the cluster is reached, and who may do everything there: what its kubeconfig says, without its files.
func admin(t *testing.T) (clientcmdapi.Cluster, clientcmdapi.AuthInfo) {
	t.Helper()
	c := config(t)
	if err := rest.LoadTLSFiles(c); err != nil {
		t.Fatal(err)
	}
	return clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData},
		clientcmdapi.AuthInfo{ClientCertificateData: c.CertData, ClientKeyData: c.KeyData}
}

// makesPod creates a Pod, and removes it, with the kubeconfig that is given; the words of the error, if one is wanted.
func makesPod(t *testing.T, kubeconfig, want string, args ...string) {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	remove(t, name)
	e := seqAt(t, kubeconfig,
		append([]string{"create-pod", "-f", podFile(t, name), "--until=scheduled", "-o", "json", "--rm"}, args...)...)
	switch {
	case want != "":
		if e.code != 1 || !strings.Contains(e.errOut, want) {
			t.Errorf("%v: exit %d: %s, not %s", args, e.code, e.errOut, want)
		}
	case e.code != 0 || parse(t, e.out).outcome.Outcome != "Scheduled":
		t.Errorf("%v: exit %d: %s", args, e.code, e.errOut)
	}
}

// A credential plugin that gives the client certificate of the real cluster's administrator.
func TestExecCredential(t *testing.T) {
	cluster, user := admin(t)
	credential, err := json.Marshal(map[string]any{"apiVersion": "client.authentication.k8s.io/v1",
		"kind": "ExecCredential",
		"status": map[string]string{"clientCertificateData": string(user.ClientCertificateData),
			"clientKeyData": string(user.ClientKeyData)}})
	if err != nil {
		t.Fatal(err)
	}
	exec := &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "sh",
		Args:            []string{"-c", `printf '%s' "$CREDENTIAL"`},
		Env:             []clientcmdapi.ExecEnvVar{{Name: "CREDENTIAL", Value: string(credential)}},
		InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode}
	makesPod(t, kubeconfig(t, cluster, clientcmdapi.AuthInfo{Exec: exec}), "")
	exec.Command, exec.InstallHint = "seq-no-such-plugin", "Install it by hand."
	makesPod(t, kubeconfig(t, cluster, clientcmdapi.AuthInfo{Exec: exec}), "Install it by hand.")
}

// Several files are one: the first word counts, and a context may be of clusters and users of another file.
func TestKubeconfigList(t *testing.T) {
	cluster, user := admin(t)
	dir := t.TempDir()
	write := func(name string, c clientcmdapi.Config) string {
		path := filepath.Join(dir, name)
		if err := clientcmd.WriteToFile(c, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("first",
		clientcmdapi.Config{CurrentContext: "away",
			Contexts: map[string]*clientcmdapi.Context{"away": {Cluster: "away", AuthInfo: "nobody"},
				"here": {Cluster: "c", AuthInfo: "u"}},
			Clusters:  map[string]*clientcmdapi.Cluster{"away": {Server: "https://127.0.0.1:1"}},
			AuthInfos: map[string]*clientcmdapi.AuthInfo{"nobody": {Token: "none"}}})
	second := write("second",
		clientcmdapi.Config{CurrentContext: "second",
			Contexts: map[string]*clientcmdapi.Context{"second": {Cluster: "c", AuthInfo: "u"},
				"third": {Cluster: "c", AuthInfo: "nobody"}},
			Clusters:  map[string]*clientcmdapi.Cluster{"c": &cluster, "away": {Server: "https://127.0.0.1:2"}},
			AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": &user}})
	both := first + string(filepath.ListSeparator) + filepath.Join(dir, "none") + string(filepath.ListSeparator) + second
	makesPod(t, both, "127.0.0.1:1: connect: connection refused")
	makesPod(t, both, "", "--context=second")
	makesPod(t, both, "", "--context=here")
	makesPod(t, both, "the server did not accept your credentials", "--context=third")
	makesPod(t, both, "", "--context=third", "--user=u")
	makesPod(t, both, "", "--cluster=c", "--user=u")
	makesPod(t, both, "", "--kubeconfig="+second)
	makesPod(t, both, "fourth (hint: kubectl config get-contexts)", "--context=fourth")
}

// connects is a proxy that knows CONNECT and nothing else, and leads to the cluster whatever it is asked for.
type connects struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newConnects(t *testing.T) *connects {
	t.Helper()
	target, err := url.Parse(config(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &connects{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		there, err := net.Dial("tcp", target.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		p.mu.Lock()
		p.asked = append(p.asked, r.Host)
		p.mu.Unlock()
		here, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			io.Copy(there, buffered)
			there.Close()
		}()
		io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(p.Close)
	return p
}

// through are the addresses that were asked for since the last time.
func (p *connects) through() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]int{}
	for _, host := range p.asked {
		all[host]++
	}
	p.asked = nil
	return all
}

// All requests go through the proxy, the WebSocket of exec as well: the server's name leads nowhere without it.
func TestThroughProxy(t *testing.T) {
	cluster, user := admin(t)
	at, err := url.Parse(cluster.Server)
	if err != nil {
		t.Fatal(err)
	}
	cluster.TLSServerName = at.Hostname()
	cluster.Server = "https://seq.invalid:" + at.Port()
	direct := kubeconfig(t, cluster, user)
	p := newConnects(t)
	cluster.ProxyURL = p.URL
	start(t, "trapped", ready)
	for _, c := range []struct {
		name, kubeconfig, env string
		args                  []string
	}{
		{"proxy-url", kubeconfig(t, cluster, user), "", nil},
		{"HTTPS_PROXY", direct, p.URL, nil},
		{"flag", direct, "", []string{"--proxy-url=" + p.URL}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", c.env)
			makesPod(t, c.kubeconfig, "", c.args...)
			if all := p.through(); len(all) != 1 || all["seq.invalid:"+at.Port()] == 0 {
				t.Errorf("create-pod asked for %v", all)
			}
			e := seqAt(t, c.kubeconfig, append(append([]string{"exec", "trapped"}, c.args...), "--", "echo", "hello")...)
			if all := p.through(); e.code != 0 || !strings.Contains(e.out, "\nhello\n") ||
				!strings.Contains(e.out, "GET pods/exec") || len(all) != 1 {
				t.Errorf("exec: exit %d, asked for %v: %s%s", e.code, all, e.out, e.errOut)
			}
		})
	}
	t.Setenv("HTTPS_PROXY", "")
	makesPod(t, direct, "no such host")
	cluster.TLSServerName = ""
	makesPod(t, kubeconfig(t, cluster, user), "not seq.invalid")
	cluster.ProxyURL = "http://127.0.0.1:1"
	makesPod(t, kubeconfig(t, cluster, user), "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused")
}

func TestWrongAuthority(t *testing.T) {
	cluster, user := admin(t)
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	right := cluster.CertificateAuthorityData
	cluster.CertificateAuthorityData = pemOf(other.Certificate())
	wrong := kubeconfig(t, cluster, user)
	makesPod(t, wrong, "certificate signed by unknown authority")
	makesPod(t, wrong, "", "--insecure-skip-tls-verify")
	cluster.CertificateAuthorityData, cluster.InsecureSkipTLSVerify = nil, true
	makesPod(t, kubeconfig(t, cluster, user), "")
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, right, 0o644); err != nil {
		t.Fatal(err)
	}
	makesPod(t, wrong, "", "--certificate-authority="+file)
	makesPod(t, wrong, "not elsewhere", "--certificate-authority="+file, "--tls-server-name=elsewhere")
}

// Without any kubeconfig: all by flags.
func TestToken(t *testing.T) {
	cluster, _ := admin(t)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, cluster.CertificateAuthorityData, 0o644); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--server=" + cluster.Server, "--certificate-authority=" + ca}
	token := strings.TrimSpace(runKubectl(t, "", "create", "token", "default", "-n", "default"))
	none := filepath.Join(t.TempDir(), "none")
	makesPod(t, none, `"system:serviceaccount:default:default" cannot create resource "pods"`,
		append(flags, "--token="+token)...)
	makesPod(t, none, "the server did not accept your credentials", append(flags, "--token=wrong")...)
	makesPod(t, none, "no cluster is configured (hint: set KUBECONFIG or --kubeconfig")
}

// An auth provider that is none any more, or has no issuer, is told in kubectl's words; a token of one that has is
// sent.
func TestAuthProviders(t *testing.T) {
	cluster, _ := admin(t)
	for _, name := range []string{"oidc", "azure", "gcp", "openstack"} {
		t.Run(name, func(t *testing.T) {
			dir := installed(t, "")
			t.Setenv("KUBECONFIG",
				kubeconfig(t, cluster,
					clientcmdapi.AuthInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: name,
						Config: map[string]string{"client-id": "x"}}}))
			_, want, _ := at(t, dir, "kubectl", "get", "pods")
			_, got, code := at(t, dir, "kubectl-seq", "show", "pod/web")
			if code != 1 || got != want || !strings.HasPrefix(got, "error: ") {
				t.Errorf("exit %d: %s, not %s", code, got, want)
			}
		})
	}
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	id := part(map[string]string{"alg": "none"}) + "." + part(map[string]any{"exp": time.Now().Add(time.Hour).Unix()}) +
		"."
	var others sync.Map
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		if given := r.Header.Get("Authorization"); given != "Bearer "+id {
			others.Store(kind, given)
		}
		p.pass(w, r, nil)
	})
	provider := &clientcmdapi.AuthProviderConfig{Name: "oidc",
		Config: map[string]string{"client-id": "x", "idp-issuer-url": "https://127.0.0.1:1", "id-token": id}}
	makesPod(t, p.kubeconfig(t, clientcmdapi.AuthInfo{AuthProvider: provider}), "")
	others.Range(func(kind, given any) bool {
		t.Errorf("%s with %q", kind, given)
		return true
	})
}

// In a Pod, without a kubeconfig, a run is about the cluster and the namespace that it runs in.
func TestInCluster(t *testing.T) {
	t.Parallel()
	const namespace = "seq-in-cluster"
	self, err := filepath.Abs(plugin)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(config(t).Host, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	runKubectl(t, "", "create", "namespace", namespace)
	t.Cleanup(func() { runKubectl(t, "", "delete", "namespace", namespace, "--wait=false") })
	runKubectl(t, "", "create", "rolebinding", "edit", "--clusterrole=edit", "--serviceaccount="+namespace+":default",
		"-n", namespace)
	runKubectl(t, fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "outer", "namespace": %q}, "spec": {"restartPolicy": "Never",
		"volumes": [{"name": "bin", "hostPath": {"path": %q}}],
		"containers": [{"name": "app", "image": "busybox:1", "volumeMounts": [{"name": "bin", "mountPath": "/seq"}],
			"env": [{"name": "KUBERNETES_SERVICE_HOST", "value": %q}, {"name": "KUBERNETES_SERVICE_PORT", "value": %q}],
			"command": ["/seq/%s", "create-pod", "inner", "--image=busybox:1", "--until=scheduled", "--restart=Never", "--", "true"]}]}}`,
		namespace, filepath.Dir(self), host, port, filepath.Base(self)), "create", "-f", "-")
	runKubectl(t, "", "wait", "pod/outer", "-n", namespace, "--timeout=60s",
		"--for=jsonpath={.status.containerStatuses[0].state.terminated}")
	code := runKubectl(t, "", "get", "pod/outer", "-n", namespace, "-o",
		"jsonpath={.status.containerStatuses[0].state.terminated.exitCode}")
	out := runKubectl(t, "", "logs", "outer", "-n", namespace)
	if code != "0" || !strings.Contains(out, "Pod "+namespace+"/inner") || !strings.Contains(out, "Scheduled in") {
		t.Errorf("exit %s:\n%s", code, out)
	}
}
