package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// TestCollector has the plugin send a run to a collector by each protocol. What the collector passes on is what the
// plugin writes to a file.
func TestCollector(t *testing.T) {
	dir := t.TempDir()
	build(t, "../..", dir+"/kubectl-seq", "./cmd/kubectl-seq")
	build(t, ".", dir+"/collector", ".")
	recordings := []string{"demo", recording(t, dir, "deployment")}

	passed := make(chan ptrace.Traces, 64)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := ptraceotlp.NewExportRequest()
		if err != nil || request.UnmarshalProto(body) != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		passed <- request.Traces()
	}))
	defer behind.Close()
	byHTTP, byGRPC := freeAddress(t), freeAddress(t)
	start(t, dir+"/collector", byHTTP, byGRPC, behind.URL)

	for _, of := range recordings {
		args := []string{of}
		if of != "demo" {
			args = []string{"replay", of}
		}
		args = append(args, "--speed=max", "--detail=full")
		file := filepath.Join(dir, "run.otlp")
		plugin(t, dir, nil, append(args, "-o", "otlp="+file)...)
		want := read(t, file)
		for protocol, address := range map[string]string{"http/protobuf": byHTTP, "grpc": byGRPC} {
			environment := []string{"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + address}
			plugin(t, dir, environment, append(args, "--otlp")...)
			var got []string
			for range want {
				select {
				case one := <-passed:
					got = append(got, text(t, one))
				case <-time.After(time.Minute):
					t.Fatalf("%s by %s: the collector has passed on %d of %d traces", of, protocol, len(got), len(want))
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s by %s: the collector has passed on\n%s\nwant\n%s", of, protocol, strings.Join(got, "\n"),
					strings.Join(want, "\n"))
			}
			t.Logf("%s by %s: %d traces", filepath.Base(of), protocol, len(got))
		}
	}
}

// build builds a program of a module.
func build(t *testing.T, module, to, what string) {
	t.Helper()
	c := exec.Command("go", "build", "-trimpath", "-gcflags=all=-dwarf=false", "-tags", "grpcnotrace", "-o", to, what)
	c.Dir, c.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", what, err, out)
	}
}

// recording is that of a scenario, in a file.
func recording(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../pkg/trace/testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := bytes.Cut(data, []byte("-- recording.jsonl --\n"))
	if !ok {
		t.Fatalf("%s has no recording", name)
	}
	before, _, _ := bytes.Cut(after, []byte("\n-- "))
	path := filepath.Join(dir, name+".jsonl")
	if err := os.WriteFile(path, before, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// freeAddress is one of this machine at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts the collector, and has it end with the test.
func start(t *testing.T, program, byHTTP, byGRPC, to string) {
	t.Helper()
	config := fmt.Sprintf(`yaml:
receivers: {otlp: {protocols: {http: {endpoint: "%s"}, grpc: {endpoint: "%s"}}}}
exporters: {otlphttp: {endpoint: "%s", compression: none, sending_queue: {enabled: false}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}
`, byHTTP, byGRPC, to)
	var said bytes.Buffer
	c := exec.Command(program, "--config="+config)
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, address := range []string{byHTTP, byGRPC} {
		for {
			connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err == nil {
				connection.Close()
				break
			}
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("the collector has ended: %v\n%s", err, said.String())
			case <-ctx.Done():
				t.Fatal("the collector does not listen")
			case <-time.After(50 * time.Millisecond): // it says nothing when it does
			}
		}
	}
}

// plugin runs it.
func plugin(t *testing.T, dir string, environment []string, args ...string) {
	t.Helper()
	c := exec.Command(dir+"/kubectl-seq", args...)
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OTEL_") }),
		environment...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// read are the traces of a file, each as text, sorted.
func read(t *testing.T, file string) (all []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		one, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text(t, one))
	}
	if len(all) == 0 {
		t.Fatalf("%s has no traces", file)
	}
	slices.Sort(all)
	return all
}

func text(t *testing.T, one ptrace.Traces) string {
	t.Helper()
	data, err := (&ptrace.JSONMarshaler{}).MarshalTraces(one)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
