//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	dockerconfig "github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/store"
	"go.uber.org/goleak"

	"github.com/kubectl-seq/kubectl-seq/pkg/docker"
)

// Where no engine can be asked it is said why.
func TestDockerUnreachable(t *testing.T) {
	if host := os.Getenv("TEST_DOCKER_HOST"); host != "" { // we are the other user
		refused(t, followDocker(t, docker.Connection{Host: host}), docker.ErrNoRights, "permission denied")
		return
	}
	refused(t, followDocker(t, docker.Connection{Host: "unix://" + t.TempDir() + "/docker.sock"}), docker.ErrNoEngine,
		"no such file or directory")
	refused(t, followDocker(t, docker.Connection{Host: "unix://" + deadSocket(t)}), docker.ErrNoEngine,
		"connection refused")
	refused(t, followDocker(t, docker.Connection{Host: "tcp://127.0.0.1:1"}), docker.ErrNoEngine, "connection refused")

	e := newDockerEngine(t)
	if err := os.Chmod(e.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	asNobody(t, "TEST_DOCKER_HOST="+e.host)
}

// Who may talk to the engine, as those of the group docker do, may not yet talk to its containerd.
func TestDockerWithoutContainerd(t *testing.T) {
	if host := os.Getenv("TEST_DOCKER_HOST"); host != "" { // we are the other user
		socket := os.Getenv("TEST_DOCKER_CONTAINERD")
		r := runDocker(t, docker.Connection{Host: host, Containerd: []string{socket}},
			docker.Spec{Image: busyboxImage, Command: []string{"true"}, Remove: true}, nil, false)
		if want := "containerd cannot be asked: " + socket + ": permission denied"; r.err != nil || r.unseen != want {
			t.Errorf("%v, unseen %q", r.err, r.unseen)
		}
		return
	}
	e := newDockerEngine(t)
	if err := errors.Join(os.Chmod(e.dir, 0o755), os.Chown(e.dir+"/docker.sock", 0, nobody)); err != nil {
		t.Fatal(err)
	}
	asNobody(t, "TEST_DOCKER_HOST="+e.host, "TEST_DOCKER_CONTAINERD="+e.containerd)
}

// nobody is the user, and the group, of asNobody.
const nobody = 65534

// asNobody runs the test once more, as another user.
func asNobody(t *testing.T, env ...string) {
	t.Helper()
	self, err := os.Open("/proc/self/exe") // which is in a directory that the other user may not enter
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.ExtraFiles, cmd.Dir = []*os.File{self}, "/"
	cmd.Env = append(os.Environ(), append(env, "HOME=/nowhere")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// followDocker connects to an engine and disconnects.
func followDocker(t *testing.T, c docker.Connection) error {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, err := docker.New(t.Context(), c, time.Now)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Follow(t.Context())
}

// The engine is found as docker finds it, and its output comes over TLS too.
func TestDockerConnections(t *testing.T) {
	e := newDockerEngine(t)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", strings.TrimPrefix(e.host, "unix://"))
	}
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	})
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	tcp := "tcp://" + s.Listener.Addr().String()

	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"ca.pem": pemOf(s.Certificate()), "cert.pem": pemOf(s.Certificate()),
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})}
	certificates := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(certificates, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was := dockerconfig.Dir() // which is read from DOCKER_CONFIG only once
	dockerconfig.SetDir(t.TempDir())
	t.Cleanup(func() { dockerconfig.SetDir(was) })
	contexts := store.New(dockerconfig.ContextStoreDir(), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter("docker", func() any { return &dockercontext.EndpointMetaBase{} })))
	for name, host := range map[string]string{"far": tcp, "near": e.host} {
		if err := contexts.CreateOrUpdate(store.Metadata{Name: name,
			Endpoints: map[string]any{"docker": dockercontext.EndpointMetaBase{Host: host}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := contexts.ResetTLSMaterial("far",
		&store.ContextTLSData{Endpoints: map[string]store.EndpointTLSData{"docker": {Files: files}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dockerconfig.Dir(), "config.json"), []byte(`{"currentContext": "far"}`),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
		"DOCKER_CERT_PATH", "DOCKER_API_VERSION"} {
		t.Setenv(variable, "")
	}
	for name, c := range map[string]struct {
		env        map[string]string
		connection docker.Connection
		want       string
	}{
		"the current context": {nil, docker.Connection{}, tcp},
		"a context":           {nil, docker.Connection{Context: "near"}, e.host},
		"a host":              {nil, docker.Connection{Host: e.host}, e.host},
		"DOCKER_CONTEXT":      {map[string]string{"DOCKER_CONTEXT": "near"}, docker.Connection{}, e.host},
		"DOCKER_HOST": {map[string]string{"DOCKER_HOST": e.host, "DOCKER_CONTEXT": "far"},
			docker.Connection{}, e.host},
		"a context and DOCKER_HOST": {map[string]string{"DOCKER_HOST": "unix:///nowhere"},
			docker.Connection{Context: "near"}, e.host},
		"DOCKER_HOST with TLS": {map[string]string{"DOCKER_HOST": tcp, "DOCKER_TLS_VERIFY": "1",
			"DOCKER_CERT_PATH": certificates}, docker.Connection{}, tcp},
		"TLS that verifies nothing": {map[string]string{"DOCKER_HOST": strings.TrimPrefix(tcp, "tcp://"), "DOCKER_TLS": "1",
			"DOCKER_CERT_PATH": certificates}, docker.Connection{}, tcp},
		"a version of the API by env": {map[string]string{"DOCKER_API_VERSION": "1.40"}, docker.Connection{Context: "far"},
			tcp},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range c.env {
				t.Setenv(variable, value)
			}
			r := runDocker(t, c.connection, docker.Spec{Image: busyboxImage, Command: []string{"echo", "hello"}, Remove: true},
				nil, false)
			attach, _ := r.request(t, "attach")
			if r.err != nil || r.stdout != "hello\n" || r.host != c.want ||
				c.env["DOCKER_API_VERSION"] != "" && !strings.HasPrefix(attach.Path, "/v1.40/") {
				t.Errorf("%v, %q by %s", r.err, r.stdout, r.host)
			}
			inOrder(t, instant{"attach", attach.Started}, instant{"its request", attach.Sent},
				instant{"its answer", attach.FirstByte}, instant{"output", attach.Docker.Output})
		})
	}
	for name, c := range map[string]struct {
		env        map[string]string
		connection docker.Connection
		want       string
	}{
		"both":            {nil, docker.Connection{Host: e.host, Context: "near"}, "a host and a context"},
		"no such context": {nil, docker.Connection{Context: "none"}, `"none"`},
		"no host":         {map[string]string{"DOCKER_HOST": "gopher://x"}, docker.Connection{}, "gopher"},
		"no TLS":          {nil, docker.Connection{Host: tcp}, "HTTP request to an HTTPS server"},
		"no certificates": {map[string]string{"DOCKER_HOST": tcp, "DOCKER_TLS_VERIFY": "1"}, docker.Connection{},
			"docker's certificates"},
		"an engine that died": {nil, docker.Connection{Host: "unix://" + deadSocket(t)},
			"cannot connect to the Docker Engine at unix://"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range c.env {
				t.Setenv(variable, value)
			}
			if err := followDocker(t, c.connection); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}
