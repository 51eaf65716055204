package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/kubectl-seq/kubectl-seq/pkg/otlp"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// exportedTo is what the demo writes to a file of OTLP lines with these arguments besides.
func exportedTo(t *testing.T, args ...string) []ptrace.Traces {
	t.Helper()
	file := filepath.Join(t.TempDir(), "run.otlp")
	if _, _, err := replayed(t.Context(), append(args, "--speed=max", "-o", "otlp="+file)...); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []ptrace.Traces
	for line := range bytes.Lines(data) {
		one, err := otlp.ParseJSON(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// idsOf are the trace and the spans of the one trace that there is.
func idsOf(t *testing.T, all []ptrace.Traces) (ids []string) {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d traces", len(all))
	}
	for _, r := range all[0].ResourceSpans().All() {
		for _, scope := range r.ScopeSpans().All() {
			for _, s := range scope.Spans().All() {
				ids = append(ids, fmt.Sprint(s.TraceID(), " ", s.SpanID(), " below ", s.ParentSpanID()))
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// A run that is exported again has the same ids, whatever the environment of the second time; one that was part of a
// trace still is.
func TestExportAgain(t *testing.T) {
	want := idsOf(t, exportedTo(t, "demo"))
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	t.Setenv("TRACEPARENT", "00-"+trace+"-"+parent+"-01")
	if got := idsOf(t, exportedTo(t, "demo")); !slices.Equal(got, want) {
		t.Errorf("again: %v, first: %v", got, want)
	}
	file := filepath.Join(t.TempDir(), "run.jsonl")
	part := bytes.Replace(demo, []byte(`"type":"recording",`), []byte(`"type":"recording","traceparent":"00-`+trace+"-"+
		parent+`-01",`), 1)
	if err := os.WriteFile(file, part, 0o644); err != nil {
		t.Fatal(err)
	}
	got := idsOf(t, exportedTo(t, "replay", file))
	below := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return !strings.HasSuffix(id, "below "+parent) })
	if len(got) != len(want) || !strings.HasPrefix(got[0], trace) || len(below) != 1 {
		t.Errorf("of a run that was part of a trace: %v", got)
	}
}

// What was concluded from a run makes nothing observed in the next: no span of our own file is evidence.
func TestOwnSpansAreNoEvidence(t *testing.T) {
	filter := otlp.NewFilter("default", func(string) bool { return true })
	for _, one := range exportedTo(t, "demo", "--detail=full") {
		filter.Add(one, func(s *seq.Span) { t.Errorf("%s of %s", s.Name, s.Service) })
	}
}

// Nothing is sent because a variable is set. Where that is asked for, it is; where nothing takes it, all else is
// written as ever, and one line says what went wrong.
func TestSendingSpans(t *testing.T) {
	var asked atomic.Int32
	received := ptraceotlp.NewExportRequest()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil || received.UnmarshalProto(body.Bytes()) != nil {
			t.Error("what was sent cannot be read")
		}
	}))
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	want, _, err := replayed(t.Context(), "demo", "--speed=max")
	if err != nil || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	out, _, err := replayed(t.Context(), "demo", "--speed=max", "--otlp")
	if err != nil || out != want || asked.Load() != 1 {
		t.Errorf("%v, asked %d times:\n%s", err, asked.Load(), out)
	}
	if ids := idsOf(t, exportedTo(t, "demo")); !slices.Equal(idsOf(t, []ptrace.Traces{received.Traces()}), ids) {
		t.Error("other ids are sent than written")
	}
	server.Close()
	nobody := httptest.NewServer(nil) // to which no connection is kept
	nobody.Close()
	file := filepath.Join(t.TempDir(), "run.json")
	out, _, err = replayed(t.Context(), "demo", "--speed=max", "--otlp="+nobody.URL, "-o", "json="+file)
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") ||
		out != want {
		t.Errorf("%v:\n%s", err, out)
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.Contains(data, []byte(`"outcome":"Ready"`)) {
		t.Errorf("%v: %s", err, data)
	}
	if out, _, err = replayed(t.Context(), "demo", "--otlp=here"); err == nil || out != "" {
		t.Errorf("an address that is none is found too late: %v, %s", err, out)
	}
}
