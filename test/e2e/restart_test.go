//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// restartAPIServer kills it and waits until the one that takes its place answers.
func restartAPIServer(c *http.Client, host string) error {
	old := find("kube-apiserver")
	if len(old) == 0 {
		return errors.New("no API server runs")
	}
	if err := syscall.Kill(old[0], syscall.SIGKILL); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if res, err := c.Get(host + "/readyz"); err == nil {
			if res.Body.Close(); res.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return errors.New("the API server does not come back")
}

// whole checks that a run came to its end and tells each part of a start. Who has picked the node only Event Scheduled
// says, which the scheduler may fail to write where the API server is away.
func (e ended) whole(t *testing.T) document {
	t.Helper()
	d := parse(t, e.out)
	if e.code != 0 || d.outcome.Outcome != "Ready" || e.cpu > 5*time.Second {
		t.Fatalf("exit %d, %v of CPU: %s\n%s", e.code, e.cpu, e.errOut, e.out)
	}
	begins := func(label string) bool {
		return count(d.steps, func(s step) bool { return strings.HasPrefix(s.Label, label) && s.Kind != "response" }) > 0
	}
	if begins("POST events: Scheduled") && !begins("picks ") {
		t.Errorf("nobody picks the node:\n%v", d.steps)
	}
	for _, want := range []string{"POST pods ", "POST pods/binding", "RunPodSandbox", "CreateContainer app",
		"StartContainer app", "PATCH pods/status: "} {
		if !begins(want) {
			t.Errorf("no %s:\n%v", want, d.steps)
		}
	}
	return d
}

// The API server is killed while the Pod starts.
func TestAPIServerRestarts(t *testing.T) {
	remove(t, "restarted")
	killed := make(chan error, 1)
	c, web, host := client(t), httpClient(t), config(t).Host
	go func() {
		err := becomes(c.Pods(namespace(t)), "restarted", func(p *corev1.Pod) bool { return p.Spec.NodeName != "" })
		if err == nil {
			err = restartAPIServer(web, host)
		}
		killed <- err
	}()
	e := seqAt(t, os.Getenv("KUBECONFIG"), "create-pod", "-f", podFile(t, "restarted"), "-o", "json", "--rm",
		"--timeout=90s")
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	e.whole(t)
	gone(t, "restarted")
}

// The watches are cut, and before they are taken up again etcd is compacted and the API server, with its cache, is
// another: what came in between is gone for good, and the run says so.
func TestCompaction(t *testing.T) {
	compacted := make(chan struct{})
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		switch {
		case kind == "watch pods" && before == 0:
			p.pass(w, r, cutAfter(1))
		case kind == "watch pods":
			<-compacted
			p.pass(w, r, nil)
		default:
			p.pass(w, r, nil)
		}
	})
	remove(t, "compacted")
	done := make(chan error, 1)
	c, web, host := client(t), httpClient(t), config(t).Host
	go func() {
		defer close(compacted)
		revision := ""
		err := becomes(c.Pods(namespace(t)), "compacted", func(p *corev1.Pod) bool {
			revision = p.ResourceVersion
			return p.Status.Phase == corev1.PodRunning
		})
		if err == nil {
			err = compact(revision)
		}
		if err == nil {
			err = restartAPIServer(web, host)
		}
		done <- err
	}()
	e := seqAt(t, p.kubeconfig(t, clientcmdapi.AuthInfo{}), "create-pod", "-f", podFile(t, "compacted"), "-o", "json",
		"--rm", "--timeout=90s")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := count(e.whole(t).steps, func(s step) bool { return s.Rule == "gap" }); n == 0 {
		t.Errorf("no gap is told:\n%s", e.out)
	}
	gone(t, "compacted")
}

// compact has the cluster's etcd forget what came before a revision, by a connection from inside its network.
func compact(revision string) error {
	etcd := find("etcd")
	if len(etcd) == 0 {
		return errors.New("no etcd runs")
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", etcd[0]))
	if err != nil {
		return err
	}
	defer ns.Close()
	dialed, failed := make(chan net.Conn, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			failed <- err
			return
		}
		c, err := net.Dial("tcp", "127.0.0.1:2379")
		dialed <- c
		failed <- err
	}()
	if err := <-failed; err != nil {
		return err
	}
	conn := <-dialed
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn,
		error) {
		return conn, nil
	}}}
	defer client.CloseIdleConnections()
	res, err := client.Post("http://etcd/v3/kv/compaction", "application/json",
		strings.NewReader(fmt.Sprintf(`{"revision": %q, "physical": true}`, revision)))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		return fmt.Errorf("compaction: %s %s", res.Status, text)
	}
	return nil
}

// A client certificate that has run out is refused by the real server; a server's is by us.
func TestExpiredCertificates(t *testing.T) {
	dir := filepath.Dir(os.Getenv("KUBECONFIG"))
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	parent, err := x509.ParseCertificate(ca.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(99),
		Subject:   pkix.Name{CommonName: "late", Organization: []string{"system:masters"}},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), ca.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	cluster := clientcmdapi.Cluster{Server: config(t).Host,
		CertificateAuthorityData: dataOf(t, filepath.Join(dir, "ca.crt"))}
	e := seqAt(t, kubeconfig(t, cluster, clientcmdapi.AuthInfo{ClientCertificateData: certPEM, ClientKeyData: keyPEM}),
		"create-pod", "late", "--image=busybox:1")
	if e.code != 1 || !strings.Contains(e.errOut, "the server did not accept your credentials") ||
		e.took > 20*time.Second {
		t.Errorf("client: exit %d after %v: %s", e.code, e.took, e.errOut)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	cluster.Server = s.URL
	e = seqAt(t, kubeconfig(t, cluster, clientcmdapi.AuthInfo{}), "create-pod", "late", "--image=busybox:1")
	if e.code != 1 || !strings.Contains(e.errOut, "certificate has expired") || e.took > 20*time.Second {
		t.Errorf("server: exit %d after %v: %s", e.code, e.took, e.errOut)
	}
}
