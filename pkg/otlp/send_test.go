package otlp

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// variables sets those of the exporter, and no others.
func variables(t *testing.T, set map[string]string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range set {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
	}
}

// The specification's rules for the address: https://opentelemetry.io/docs/specs/otel/protocol/exporter/.
func TestEndpoint(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	certificate := certificateOf(t, server)
	for _, x := range []struct {
		flag string
		set  map[string]string
		want string // empty where it is an error
	}{
		{"", nil, "http://localhost:4318/v1/traces"},
		{"", map[string]string{"PROTOCOL": "grpc"}, "http://localhost:4317"},
		{"", map[string]string{"ENDPOINT": "http://a:1"}, "http://a:1/v1/traces"},
		{"", map[string]string{"ENDPOINT": "http://a:1/"}, "http://a:1/v1/traces"},
		{"", map[string]string{"ENDPOINT": "https://a/below/"}, "https://a/below/v1/traces"},
		{"", map[string]string{"ENDPOINT": "http://a:1", "TRACES_ENDPOINT": "http://b:2"}, "http://b:2/"},
		{"", map[string]string{"TRACES_ENDPOINT": "http://b:2/some/where"}, "http://b:2/some/where"},
		{"http://c:3", map[string]string{"TRACES_ENDPOINT": "http://b:2/"}, "http://c:3/v1/traces"},
		{"http://c:3/api/otlp", nil, "http://c:3/api/otlp"},
		{"", map[string]string{"PROTOCOL": "grpc", "ENDPOINT": "https://a:4317"}, "https://a:4317"},
		{"", map[string]string{"PROTOCOL": "grpc", "ENDPOINT": "a:4317"}, "https://a:4317"},
		{"", map[string]string{"TRACES_PROTOCOL": "grpc", "PROTOCOL": "http/protobuf", "ENDPOINT": "127.0.0.1:4317",
			"INSECURE": "true"}, "http://127.0.0.1:4317"},
		{"", map[string]string{"ENDPOINT": "a:4318"}, ""},
		{"ftp://a", nil, ""},
		{"http://", nil, ""},
		{"", map[string]string{"PROTOCOL": "smoke"}, ""},
		{"", map[string]string{"CERTIFICATE": "/nowhere/ca.pem", "ENDPOINT": "https://a"}, ""},
		{"", map[string]string{"TIMEOUT": "soon"}, ""},
		{"http://a:1", map[string]string{"CERTIFICATE": certificate}, ""}, // which nothing would look at
		{"https://a:1", map[string]string{"CERTIFICATE": certificate}, "https://a:1/v1/traces"},
	} {
		variables(t, x.set)
		s, err := NewSender(x.flag)
		switch {
		case x.want == "" && (err == nil || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q, %v: %v", x.flag, x.set, err)
		case x.want != "" && (err != nil || s.String() != x.want):
			t.Errorf("%q, %v: %v, %v, want %s", x.flag, x.set, s, err, x.want)
		}
	}
}

// certificateOf is a file with the certificate of a server.
func certificateOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A receiver whose certificate is not known is not sent anything.
func TestSendByTLS(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for _, known := range []bool{false, true} {
		set := map[string]string{"ENDPOINT": server.URL}
		if known {
			set["CERTIFICATE"] = certificateOf(t, server)
		}
		variables(t, set)
		s, err := newSender("", 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), []ptrace.Traces{made("kubelet", "t", "s", "", "name", nil)})
		if (err == nil) != known || asked.Load() == 1 != known {
			t.Errorf("known is %v: %v, asked %d times", known, err, asked.Load())
		}
	}
}

// What is sent by either protocol, compressed or not, is what is received.
func TestSend(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	received, ended := make(chan ptrace.Traces, 2), make(chan error)
	go func() { ended <- Serve(ctx, l, func(r ptraceotlp.ExportRequest) { received <- r.Traces() }) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, set := range []map[string]string{{}, {"COMPRESSION": "gzip"}, {"PROTOCOL": "grpc"},
		{"PROTOCOL": "grpc", "TRACES_COMPRESSION": "gzip"},
		{"PROTOCOL": "grpc", "INSECURE": "true", "ENDPOINT": l.Addr().String()}} {
		if set["ENDPOINT"] == "" {
			set["ENDPOINT"] = "http://" + l.Addr().String()
		}
		variables(t, set)
		s, err := NewSender("")
		if err != nil {
			t.Fatal(err)
		}
		sent := made("kubelet", "trace", "span", "parent", "name", map[string]string{"seq.rule": "x"}, "link")
		if err := s.Send(t.Context(), []ptrace.Traces{sent, sent}); err != nil {
			t.Fatalf("%v: %v", set, err)
		}
		want, _ := (&ptrace.JSONMarshaler{}).MarshalTraces(sent)
		for range 2 {
			if got, _ := (&ptrace.JSONMarshaler{}).MarshalTraces(<-received); string(got) != string(want) {
				t.Errorf("%v: received %s, sent %s", set, got, want)
			}
		}
	}
}

func TestSendSaysInOneLineWhatFailed(t *testing.T) {
	var status atomic.Int32
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/v1/traces" || r.Header.Get("X-Token") != "a b" {
			t.Errorf("%s, X-Token %q", r.URL.Path, r.Header.Get("X-Token"))
		}
		switch status.Load() {
		case http.StatusOK:
			part := ptraceotlp.NewExportResponse()
			part.PartialSuccess().SetRejectedSpans(1)
			part.PartialSuccess().SetErrorMessage("too old")
			body, _ := part.MarshalProto()
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.Write(body)
		default:
			http.Error(w, "no\nentry", int(status.Load()))
		}
	}))
	defer server.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for _, x := range []struct {
		protocol, address string
		status            int
		says              string
	}{
		{"http/protobuf", server.URL, http.StatusUnauthorized, "401"},
		{"http/protobuf", server.URL, http.StatusServiceUnavailable, "no entry"},
		{"http/protobuf", server.URL, http.StatusOK, "too old"},
		{"http/protobuf", "http://" + gone.Addr().String(), 0, "connection refused"},
		{"grpc", "http://" + gone.Addr().String(), 0, "connection refused"},
	} {
		variables(t, map[string]string{"PROTOCOL": x.protocol, "ENDPOINT": x.address, "HEADERS": "x-token=a%20b"})
		status.Store(int32(x.status))
		asked.Store(0)
		s, err := newSender("", 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), []ptrace.Traces{made("kubelet", "t", "s", "", "name", nil)})
		if err == nil || !strings.Contains(err.Error(), x.says) || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), x.address) {
			t.Errorf("%s, status %d: %v", x.protocol, x.status, err)
		}
		if again := asked.Load() > 1; again != (x.status == http.StatusServiceUnavailable) {
			t.Errorf("status %d: asked %d times", x.status, asked.Load())
		}
	}
}

// What we have concluded ourselves is no evidence.
func TestOwnSpansAreNotRead(t *testing.T) {
	own := made("kubelet", "t", "s", "", "RunPodSandbox", map[string]string{"k8s.pod.name": "web",
		"k8s.namespace.name": "default"})
	other := ptrace.NewTraces()
	own.CopyTo(other)
	own.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetName(seq.InstrumentationScope)
	for batch, want := range map[ptrace.Traces]int{own: 0, other: 1} {
		n := 0
		NewFilter("default", isWeb).Add(batch, func(*seq.Span) { n++ })
		if n != want {
			t.Errorf("%d spans are read, want %d", n, want)
		}
	}
}
