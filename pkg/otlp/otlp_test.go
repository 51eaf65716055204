package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a batch of one span.
func made(service, traceID, id, parent, name string, attributes map[string]string, links ...string) ptrace.Traces {
	all := ptrace.NewTraces()
	r := all.ResourceSpans().AppendEmpty()
	r.Resource().Attributes().PutStr("service.name", service)
	s := r.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName(name)
	s.SetTraceID(traceIDOf(traceID))
	s.SetSpanID(spanIDOf(id))
	s.SetParentSpanID(spanIDOf(parent))
	s.SetStartTimestamp(1_000_000_123)
	s.SetEndTimestamp(2_000_000_456)
	for k, v := range attributes {
		s.Attributes().PutStr(k, v)
	}
	for _, l := range links {
		s.Links().AppendEmpty().SetSpanID(spanIDOf(l))
	}
	return all
}

func traceIDOf(s string) (id pcommon.TraceID) { copy(id[:], s); return }
func spanIDOf(s string) (id pcommon.SpanID)   { copy(id[:], s); return }

// A span may say what its trace is about after others of it have come, and link to spans of other traces.
func TestFilter(t *testing.T) {
	batches := []ptrace.Traces{
		made("etcd", "write", "txn", "put", "txn", nil),
		made("kubelet", "patch", "http", "", "HTTP PATCH",
			map[string]string{"url.full": "https://x/api/v1/namespaces/default/pods/web/status"}),
		made("apiserver", "write", "put", "server", "GuaranteedUpdate etcd3",
			map[string]string{"key": "/pods/default/web", "type": "x"}),
		made("apiserver", "write", "server", "", "PATCH", map[string]string{"audit-id": "a"}, "http"),
		made("containerd", "sync", "run", "call", "cri.sandbox.run", map[string]string{"sandbox.name": "web_default_uid_0"}),
		made("kubelet", "sync", "call", "root", "RunPodSandbox", nil),
		made("kubelet", "sync", "root", "", "syncPod", map[string]string{"k8s.pod.uid": "uid"}),
		made("apiserver", "other", "o1", "", "PATCH", map[string]string{"key": "/pods/default/web2"}),
		made("kubelet", "other2", "o2", "", "syncPod",
			map[string]string{"k8s.pod.name": "web", "k8s.namespace.name": "kube-system"}),
		made("apiserver", "event", "ev", "", "Create etcd3", map[string]string{"key": "/events/default/web.18ead0bb"}),
		made("apiserver", "event2", "ev2", "", "Create etcd3", map[string]string{"key": "/events/default/web2.18ead0bb"}),
	}
	want := []string{"call", "ev", "http", "put", "root", "run", "server", "txn"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f := NewFilter("default", isWeb)
		var got []string
		for _, b := range batches {
			f.Add(b, func(s *seq.Span) { got = append(got, name(s)) })
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		random.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	}
}

// Who has a span has what came before it of what is below it: a run that waits for the span may end on it.
// Of a command in a container that was there before, the kubelet names the Pod and the runtime only the container's id.
func TestFilterOfCommands(t *testing.T) {
	f := NewFilter("default", isWeb).Containers("c1")
	var got []string
	for _, b := range []ptrace.Traces{
		made("kubelet", "t1", "served", "", "/exec", map[string]string{"url.path": "/exec/default/web/app"}),
		made("kubelet", "t2", "other", "", "/exec", map[string]string{"url.path": "/exec/default/web2/app"}),
		made("containerd", "t3", "start", "", "process.Start", map[string]string{"process.id": "p", "process.task.id": "c1"}),
		made("containerd", "t4", "others", "", "process.Start",
			map[string]string{"process.id": "q", "process.task.id": "c2"}),
		// what Kubernetes 1.34 tells of one
		made("kubelet", "t5", "called", "route", "runtime.v1.RuntimeService/Exec", nil),
		made("containerd", "t5", "asked", "called", "runtime.v1.RuntimeService/Exec",
			map[string]string{"container.id": "c1"}),
		made("kubelet", "t5", "route", "", "/exec/{podNamespace}/{podID}/{containerName}", nil),
		made("containerd", "t6", "probe", "", "runtime.v1.RuntimeService/ExecSync", map[string]string{"container.id": "c1"}),
	} {
		f.Add(b, func(s *seq.Span) { got = append(got, name(s)) })
	}
	if want := []string{"served", "start", "called", "asked", "route"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFilterPassesWhatWaitsFirst(t *testing.T) {
	f := NewFilter("default", isWeb)
	var got []string
	pass := func(s *seq.Span) { got = append(got, name(s)) }
	f.Add(made("containerd", "sync", "create", "start", "containerd.task.v3.Task/Create", nil), pass)
	f.Add(made("containerd", "sync", "start", "call", "StartContainer",
		map[string]string{"container.name": "app_web_default_uid_0"}), pass)
	if want := []string{"create", "start"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// name is the id a test gave.
func name(s *seq.Span) string {
	var id []byte
	fmt.Sscanf(s.ID, "%x", &id)
	return strings.TrimRight(string(id), "\x00")
}

func TestSpanIsKeptAsItWas(t *testing.T) {
	f := NewFilter("default", isWeb)
	var got *seq.Span
	f.Add(made("etcd", "t", "s", "p", "txn", map[string]string{"key": "/pods/default/web", "secret": "x"}),
		func(s *seq.Span) { got = s })
	if got == nil || got.Service != "etcd" || got.Name != "txn" || !got.Start.Equal(time.Unix(1, 123)) ||
		!got.End.Equal(time.Unix(2, 456)) || len(got.TraceID) != 32 || len(got.Parent) != 16 || len(got.Attributes) != 1 {
		t.Errorf("%+v", got)
	}
}

// The API server of Kubernetes 1.34 names its attributes by older conventions; that of 1.37 adds the old target.
func TestEarlierNamesOfAttributes(t *testing.T) {
	want := map[string]string{"audit-id": "a", "http.request.method": "PATCH", "http.response.status_code": "200",
		"url.path": "/api/v1/namespaces/default/pods/web/status"}
	for version, all := range map[string]map[string]string{
		"1.34": {"audit-id": "a", "http.method": "PATCH", "http.status_code": "200",
			"http.target": "/api/v1/namespaces/default/pods/web/status?fieldManager=x"},
		"1.37": {"audit-id": "a", "http.request.method": "PATCH", "http.response.status_code": "200",
			"http.target": "/api/v1/namespaces/default/pods/web/status?fieldManager=x",
			"url.path":    "/api/v1/namespaces/default/pods/web/status"},
	} {
		var got map[string]string
		NewFilter("default", isWeb).Add(made("apiserver", "t", "s", "", "PATCH", all),
			func(s *seq.Span) { got = s.Attributes })
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", version, got, want)
		}
	}
}

// 10,000 unrelated spans a second for a minute leave the filter as large as after a few.
func TestFloodDoesNotGrowMemory(t *testing.T) {
	f := NewFilter("default", isWeb)
	pass := func(*seq.Span) { t.Error("an unrelated span was passed") }
	flood := func(from, n int) {
		for i := range n {
			id := fmt.Sprint(from + i)
			f.Add(made("apiserver", id, id, "", "GET /api/v1/nodes/{:name}",
				map[string]string{"url.path": "/api/v1/nodes/n1", "audit-id": id}), pass)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	flood(0, 2*held)
	before := heap()
	flood(2*held, 600_000)
	if after := heap(); after > before+before/4 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
	waiting := 0
	for _, all := range f.waiting {
		waiting += len(all)
	}
	if waiting > held {
		t.Errorf("%d spans are held", waiting)
	}
}

func TestServe(t *testing.T) {
	l, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		t.Errorf("listens on %s", l.Addr())
	}
	ctx, cancel := context.WithCancel(t.Context())
	took, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- Serve(ctx, l, func(r ptraceotlp.ExportRequest) {
			each(r.Traces(), func(s *seq.Span) { took <- s.Name })
		})
	}()
	request := func(name string) ptraceotlp.ExportRequest {
		return ptraceotlp.NewExportRequestFromTraces(made("x", "t", "s", "", name, nil))
	}
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ptraceotlp.NewGRPCClient(conn).Export(ctx, request("grpc")); err != nil || <-took != "grpc" {
		t.Errorf("gRPC: %v", err)
	}
	conn.Close()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(kind, encoding string, body []byte) (int, string) {
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.Addr().String()+"/v1/traces",
			bytes.NewReader(body))
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Content-Encoding", encoding)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	proto, err := request("proto").MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	json, err := request("json").MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(proto)
	z.Close()
	if code, _ := post("application/x-protobuf", "", proto); code != 200 || <-took != "proto" {
		t.Errorf("protobuf: %d", code)
	}
	if code, text := post("application/json; charset=utf-8", "", json); code != 200 || text != "{}" || <-took != "json" {
		t.Errorf("JSON: %d %s", code, text)
	}
	if code, _ := post("application/x-protobuf", "gzip", zipped.Bytes()); code != 200 || <-took != "proto" {
		t.Errorf("gzip: %d", code)
	}
	for kind, body := range map[string]string{"application/json": "{", "application/x-protobuf": "\xff\xff",
		"text/plain": "hello"} {
		if code, _ := post(kind, "", []byte(body)); code != 400 {
			t.Errorf("%s %q: %d", kind, body, code)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, b := range []ptrace.Traces{made("etcd", "t", "s", "p", "txn", map[string]string{"key": "/pods/default/web"},
		"l")} {
		line, err := ptraceotlp.NewExportRequestFromTraces(b).MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		batch, err := ParseJSON(line)
		if err != nil {
			return
		}
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		NewFilter("default", isWeb).Add(batch, func(s *seq.Span) { tr.Observe(seq.Observation{Span: s}) })
		tr.Steps()
	})
}

func isWeb(name string) bool { return name == "web" }
