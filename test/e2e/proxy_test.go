//go:build e2e

package e2e

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// proxy stands in front of the real API server and does to requests what a test wants. It speaks HTTP/2, as the server
// does.
type proxy struct {
	*httptest.Server
	forward *httputil.ReverseProxy
	mu      sync.Mutex
	counts  map[string]int
}

// newProxy calls handle for each request with its kind, such as "watch pods", and how many of that kind came before.
func newProxy(t *testing.T,
	handle func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int)) *proxy {
	t.Helper()
	target, err := url.Parse(config(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{counts: map[string]int{}, forward: &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Authorization") },
		FlushInterval: -1,
		// as if there were no proxy
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}}
	if p.forward.Transport, err = rest.TransportFor(config(t)); err != nil {
		t.Fatal(err)
	}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := kindOf(r)
		p.mu.Lock()
		before := p.counts[kind]
		p.counts[kind]++
		p.mu.Unlock()
		handle(p, w, r, kind, before)
	}))
	p.EnableHTTP2 = true
	p.StartTLS()
	t.Cleanup(func() { p.CloseClientConnections(); p.Close() })
	return p
}

func kindOf(r *http.Request) string {
	resource := filepath.Base(r.URL.Path)
	switch {
	case r.URL.Query().Get("watch") != "":
		return "watch " + resource
	case r.Method == http.MethodPost:
		return "create " + resource
	case r.Method == http.MethodGet && (resource == "pods" || resource == "events"):
		return "list " + resource
	}
	return strings.ToLower(r.Method) + " " + resource
}

// kubeconfig leads to the proxy, with the credentials of that user.
func (p *proxy) kubeconfig(t *testing.T, user clientcmdapi.AuthInfo) string {
	t.Helper()
	return kubeconfig(t, clientcmdapi.Cluster{Server: p.URL, CertificateAuthorityData: pemOf(p.Certificate())}, user)
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// pass hands a request on; edit may change what is written of the answer, and cut it by an error.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request, edit func([]byte) ([]byte, error)) {
	if edit != nil {
		w = &edited{w, edit}
	}
	p.forward.ServeHTTP(w, r)
}

type edited struct {
	http.ResponseWriter
	edit func([]byte) ([]byte, error)
}

func (e *edited) Write(b []byte) (int, error) {
	out, err := e.edit(append([]byte(nil), b...))
	if len(out) > 0 {
		if _, err := e.ResponseWriter.Write(out); err != nil {
			return 0, err
		}
	}
	if err != nil {
		e.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return len(b), nil
}

func (e *edited) Flush() { e.ResponseWriter.(http.Flusher).Flush() }

// refuse answers as the API server does when it cannot.
func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure",
		Code: int32(code), Reason: reason, Message: string(reason)})
}

// dataOf reads a file of the cluster's keys and certificates.
func dataOf(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
