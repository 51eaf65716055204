package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// spanOf is a line with one span about the Pod web, of that name.
func spanOf(name string) string {
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"kubelet"}}]},`+
		`"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":%q,"startTimeUnixNano":"1","endTimeUnixNano":"2",`+
		`"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"web"}},`+
		`{"key":"k8s.namespace.name","value":{"stringValue":"default"}}]}]}]}]}`+"\n", len(name), len(name), name)
}

// nodes is an API server whose nodes of these names have these files at /var/log/spans.jsonl.
func nodes(t *testing.T, control string, files map[string]string) *rest.Config {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/nodes", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var items []string
		for name := range files {
			label := ""
			if name == control {
				label = "node-role.kubernetes.io/control-plane"
			}
			items = append(items, fmt.Sprintf(`{"metadata":{"name":%q,"labels":{%q:""}}}`, name, label))
		}
		fmt.Fprintf(w, `{"kind":"NodeList","apiVersion":"v1","items":[%s]}`, strings.Join(items, ","))
	})
	mux.HandleFunc("GET /api/v1/nodes/{node}/proxy/logs/spans.jsonl", func(w http.ResponseWriter, r *http.Request) {
		text := files[r.PathValue("node")]
		if text == "" {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

// The spans of a run are those of the nodes that its Pods came to, from before we knew of them on, and of the control
// plane; a node without the file is said.
func TestSpansOfAllNodes(t *testing.T) {
	config := nodes(t, "control", map[string]string{"control": spanOf("a"), "worker": spanOf("bb"), "bare": "",
		"other": spanOf("dddd")})
	o := &followOptions{IOStreams: genericiooptions.NewTestIOStreamsDiscard(), config: config,
		scope:    watch.Scope{Namespace: "default", Name: "web"},
		evidence: evidenceOptions{evidenceFlags{spans: "node:/var/log/spans.jsonl"}}}
	e, err := startEvidence(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"", "worker", "worker", "control", "bare"} {
		e.sees(seq.Observation{Change: &seq.Change{Pod: &corev1.Pod{Spec: corev1.PodSpec{NodeName: node}}}})
	}
	var got []string
	for len(got) < 2 {
		switch o := <-e.observations; {
		case o.Span != nil:
			got = append(got, "span "+o.Span.Name)
		case o.Loss != nil:
			got = append(got, o.Loss.What)
		}
	}
	slices.Sort(got)
	want := []string{"node bare: spans.jsonl of the node: 404 Not Found", "span bb"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	if read := keys(e.nodes); !slices.Equal(read, []string{"bare", "control", "worker"}) {
		t.Errorf("the nodes that are read: %v", read)
	}
}

// Without a control plane among the nodes, as where somebody else runs it, those of the Pods are read all the same.
func TestSpansWithoutControlPlane(t *testing.T) {
	files := map[string]string{"worker": spanOf("bb"), "other": spanOf("dddd")}
	o := &followOptions{IOStreams: genericiooptions.NewTestIOStreamsDiscard(), config: nodes(t, "", files),
		scope:    watch.Scope{Namespace: "default", Name: "web"},
		evidence: evidenceOptions{evidenceFlags{spans: "node:/var/log/spans.jsonl"}}}
	e, err := startEvidence(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	e.sees(seq.Observation{Change: &seq.Change{Pod: &corev1.Pod{Spec: corev1.PodSpec{NodeName: "other"}}}})
	if got := <-e.observations; got.Span == nil || got.Span.Name != "dddd" {
		t.Errorf("%+v", got)
	}
	o.evidence = evidenceOptions{evidenceFlags{audit: "node:/var/log/spans.jsonl"}}
	if _, err := startEvidence(t.Context(), o); err == nil || !strings.Contains(err.Error(), "name it") {
		t.Errorf("the audit log of no control plane: %v", err)
	}
}

// What a cluster offers says which nodes have spans.
func TestSourcesNameNodes(t *testing.T) {
	config := nodes(t, "control", map[string]string{"control": spanOf("a"), "bare": ""})
	s, err := newSurvey(config, "default", genericiooptions.NewTestIOStreamsDiscard().ErrOut)
	if err != nil {
		t.Fatal(err)
	}
	have, without := s.sizes(t.Context(), []string{"control", "bare"}, "/var/log/spans.jsonl")
	if have != "0 KiB on control" ||
		!slices.Equal(without, []string{"/var/log/spans.jsonl on bare: spans.jsonl of the node: 404 Not Found"}) {
		t.Errorf("%q, without %q", have, without)
	}
}
