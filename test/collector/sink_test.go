//go:build e2e

package collector

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"golang.org/x/sys/unix"
)

// sink takes what the Collector exports by OTLP, and keeps what is about one namespace.
type sink struct {
	*httptest.Server
	namespace string

	mu         sync.Mutex
	starts     map[string][]start // of Pods, by uid, in the order in which they came
	owners     map[string]string  // the trace of what made a Pod, by the Pod's uid
	stuck      map[string]string  // by the trace's id: who holds it
	histograms map[string]bool    // by name and attributes
	sampled    []string           // starts in other namespaces
}

// start is one trace of a Pod's start.
type start struct {
	id, root, outcome string
	spans             map[string]string // their names, by id
	orphans           []string          // spans that are below one that the trace does not have
}

// newSink listens on the first node of a cluster of hack/cluster, where its Pods reach it. The listener is that of a
// thread which was in the node's network namespace when it was made.
func newSink(t *testing.T, namespace, node string) *sink {
	t.Helper()
	inside, err := os.Open(fmt.Sprintf("/proc/%s/ns/net", node))
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	type listening struct {
		net.Listener
		error
	}
	made := make(chan listening)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine, and with it where it is
		err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET)
		var l net.Listener
		if err == nil {
			l, err = net.Listen("tcp", ":0")
		}
		made <- listening{l, err}
	}()
	l := <-made
	if l.error != nil {
		t.Fatal(l.error)
	}
	s := &sink{namespace: namespace, starts: map[string][]start{}, owners: map[string]string{},
		stuck: map[string]string{}, histograms: map[string]bool{}}
	s.Server = &httptest.Server{Listener: l.Listener, Config: &http.Server{Handler: http.HandlerFunc(s.take)}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// port is where it listens.
func (s *sink) port() int { return s.Listener.Addr().(*net.TCPAddr).Port }

func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch r.URL.Path {
		case "/v1/traces":
			err = s.takeTraces(body)
		case "/v1/logs":
			err = s.takeLogs(body)
		case "/v1/metrics":
			err = s.takeMetrics(body)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// takeTraces takes them apart again: a batch has spans of several.
func (s *sink) takeTraces(body []byte) error {
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		return err
	}
	type one struct {
		start
		uid     string
		parents map[string]string
	}
	all := map[string]*one{}
	for _, resource := range request.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				id := span.TraceID().String()
				x := all[id]
				if x == nil {
					x = &one{start: start{id: id, spans: map[string]string{}}, parents: map[string]string{}}
					all[id] = x
				}
				x.spans[span.SpanID().String()] = span.Name()
				if !span.ParentSpanID().IsEmpty() {
					x.parents[span.Name()] = span.ParentSpanID().String()
					continue
				}
				uid, outcome := text(span.Attributes(), "k8s.pod.uid"), text(span.Attributes(), "seq.outcome")
				switch {
				case text(span.Attributes(), "k8s.namespace.name") != s.namespace:
					s.sampled = append(s.sampled, span.Name())
				case outcome == "": // it is of the trace of what made the Pod
					s.owners[uid] = id
				default:
					x.uid, x.root, x.outcome = uid, span.SpanID().String(), span.Name()+" "+outcome
				}
			}
		}
	}
	for _, x := range all {
		for name, parent := range x.parents {
			if x.spans[parent] == "" {
				x.orphans = append(x.orphans, name)
			}
		}
		if x.uid != "" {
			s.starts[x.uid] = append(s.starts[x.uid], x.start)
		}
	}
	return nil
}

func (s *sink) takeLogs(body []byte) error {
	request := plogotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		return err
	}
	for _, resource := range request.Logs().ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, l := range scope.LogRecords().All() {
				if text(l.Attributes(), "k8s.namespace.name") == s.namespace {
					s.stuck[l.TraceID().String()] = text(l.Attributes(), "seq.held.by")
				}
			}
		}
	}
	return nil
}

func (s *sink) takeMetrics(body []byte) error {
	request := pmetricotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		return err
	}
	for _, resource := range request.Metrics().ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, m := range scope.Metrics().All() {
				if m.Type() != pmetric.MetricTypeHistogram {
					continue
				}
				for _, p := range m.Histogram().DataPoints().All() {
					all := []string{m.Name()}
					for name, value := range p.Attributes().All() {
						all = append(all, name+"="+value.AsString())
					}
					slices.Sort(all[1:])
					s.histograms[strings.Join(all, " ")] = true
				}
			}
		}
	}
	return nil
}

func text(of pcommon.Map, name string) string {
	v, ok := of.Get(name)
	if !ok {
		return ""
	}
	return v.AsString()
}

// of are the traces of a Pod that have come by now.
func (s *sink) of(uid string) []start {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.starts[uid])
}

// heldBy is whom a log record of that trace names.
func (s *sink) heldBy(trace string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stuck[trace]
}

// uids are the Pods of which traces have come.
func (s *sink) uids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.starts))
}
