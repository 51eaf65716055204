//go:build e2e

package causes

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

// serveImages is `registry KIND`: a registry of the script's own, to which the development cluster's node sends what is
// asked of the host $REGISTRY. KIND is what is peculiar about it: a status with which it answers everything, "html" for
// a page where a manifest is to be, "hangs", "tls" for a certificate that nobody knows,
// "unknown" for a name that no DNS knows, "plain" for HTTP where HTTPS is
// asked for, or "images" for one that has the images of imagesOfRegistry.
func serveImages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: registry KIND")
	}
	kind, host := args[0], ts.Getenv("NAME")+".seq.example"
	ended := make(chan struct{})
	server := httptest.NewUnstartedServer(handlerOf(kind, ended))
	l, err := net.Listen("tcp", net.JoinHostPort(hostAddress(ts), "0"))
	ts.Check(err)
	server.Listener.Close()
	server.Listener, server.Config.ErrorLog = l, log.New(io.Discard, "", 0)
	if kind == "tls" {
		server.StartTLS()
	} else {
		server.Start()
	}
	scheme := map[string]string{"tls": "https", "plain": "https"}[kind]
	if scheme == "" {
		scheme = "http"
	}
	if kind == "images" {
		ts.Check(fill(l.Addr().String()))
	}
	url := fmt.Sprintf("%s://%s", scheme, l.Addr())
	if kind == "unknown" {
		url = "http://registry..invalid"
	}
	dir := filepath.Join(filepath.Dir(ts.Getenv("KUBECONFIG")), "certs.d", host)
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "hosts.toml"), fmt.Appendf(nil, "server = '%s'\n", url),
		0o644))
	ts.Setenv("REGISTRY", host)
	ts.Defer(func() {
		_ = os.RemoveAll(dir)
		close(ended)
		server.CloseClientConnections()
		server.Close()
	})
}

// hostAddress is the address at which the node reaches this machine.
func hostAddress(ts *testscript.TestScript) string {
	out, err := exec.Command("kubectl", "get", "nodes", "-o",
		`jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`).Output()
	ts.Check(err)
	c, err := net.Dial("udp", net.JoinHostPort(string(out), "9"))
	ts.Check(err)
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String()
}

func handlerOf(kind string, ended <-chan struct{}) http.Handler {
	status, _ := strconv.Atoi(kind)
	return map[string]http.Handler{"images": registry.New(registry.Logger(log.New(io.Discard, "", 0))),
		"html": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Please log in</html>")
		}),
		"hangs": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		}),
		"tls": http.NotFoundHandler(), "plain": http.NotFoundHandler(),
		strconv.Itoa(status): http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }),
	}[kind]
}

// imagesOfRegistry are images that are peculiar in one respect each: the configuration, and what is their only layer.
var imagesOfRegistry = []struct{ name, arch, config, layer string }{
	{"no-command", runtime.GOARCH, `{}`, emptyTar},
	{"named-user", runtime.GOARCH, `{"Cmd": ["/run"], "User": "app"}`, passwd()},
	{"from-scratch", runtime.GOARCH, `{"Cmd": ["/run"], "User": "app"}`, emptyTar},
	{"broken", runtime.GOARCH, `{"Cmd": ["/run"]}`, strings.Repeat("no tar ", 200)},
	{"other", "s390x", `{"Cmd": ["/run"]}`, emptyTar},
}

// emptyTar is an archive that holds nothing.
var emptyTar = strings.Repeat("\x00", 1024)

// passwd is an archive with an /etc/passwd that names nobody but root.
func passwd() string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	text := "root:x:0:0::/:/bin/sh\n"
	_ = w.WriteHeader(&tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755})
	_ = w.WriteHeader(&tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(text))})
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

const oci = "application/vnd.oci.image."

// fill puts the images into a registry, "other" as an index.
func fill(address string) error {
	for _, i := range imagesOfRegistry {
		base := "http://" + address + "/v2/" + i.name
		config := fmt.Sprintf(`{"architecture": %q, "os": "linux", "config": %s, "rootfs": {"type": "layers", "diff_ids": `+
			`[%q]}}`,
			i.arch, i.config, digest(i.layer))
		for _, blob := range []string{config, i.layer} {
			if err := send(http.MethodPost, base+"/blobs/uploads/?digest="+digest(blob), "", blob); err != nil {
				return err
			}
		}
		kind, manifest := oci+"manifest.v1+json", fmt.Sprintf(`{"schemaVersion": 2, "mediaType": %q, "config": %s, `+
			`"layers": [%s]}`,
			oci+"manifest.v1+json", descriptor("config.v1+json", config, ""), descriptor("layer.v1.tar", i.layer, ""))
		if err := send(http.MethodPut, base+"/manifests/"+digest(manifest), kind, manifest); err != nil {
			return err
		}
		if i.arch != runtime.GOARCH {
			platform := fmt.Sprintf(`, "platform": {"architecture": %q, "os": "linux"}`, i.arch)
			kind = oci + "index.v1+json"
			manifest = fmt.Sprintf(`{"schemaVersion": 2, "mediaType": %q, "manifests": [%s]}`, kind,
				descriptor("manifest.v1+json", manifest, platform))
		}
		if err := send(http.MethodPut, base+"/manifests/1", kind, manifest); err != nil {
			return err
		}
	}
	return nil
}

func digest(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }

func descriptor(kind, of, more string) string {
	return fmt.Sprintf(`{"mediaType": %q, "size": %d, "digest": %q%s}`, oci+kind, len(of), digest(of), more)
}

func send(method, url, kind, body string) error {
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", kind)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, url, r.Status)
	}
	return nil
}

// expand is `expand FILE`: fills the words that begin with $ into a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
}
