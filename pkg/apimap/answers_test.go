package apimap_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const podPath = "/api/v1/namespaces/shop/pods/web"

// podOf is the JSON of Pod web of namespace shop, which runs on node n1.
func podOf(metadata, spec, status string) string {
	return `{"metadata": {"name": "web", "namespace": "shop", "uid": "1"` + metadata + `}, "spec": {"nodeName": "n1"` + spec +
		`}, "status": {"podIP": "10.0.0.1", "hostIP": "192.0.2.1"` + status + `}}`
}

// running is the status of containers that run.
func running(names ...string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = `{"name": "` + n + `", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}`
	}
	return `, "containerStatuses": [` + strings.Join(all, ", ") + `]`
}

// snapshotOf has these answers to GETs, the Pod's among them.
func snapshotOf(pod string, answers map[string]string) *apimap.Snapshot {
	s := &apimap.Snapshot{Subject: seq.Object{Kind: "Pod", Namespace: "shop", Name: "web"}}
	s.Answers = append(s.Answers, apimap.Answer{Ask: "GET " + podPath, Status: 200, Body: []byte(pod)})
	for path, body := range answers {
		s.Answers = append(s.Answers, apimap.Answer{Ask: "GET " + path, Status: 200, Body: []byte(body)})
	}
	return s
}

// found are the APIs between two components, by the beginning of their names.
func found(m apimap.Map, from, to, name string) (all []apimap.API) {
	for _, a := range m.APIs {
		if a.From == from && a.To == to && strings.HasPrefix(a.Name, name) {
			all = append(all, a)
		}
	}
	return all
}

// hides reports whether a map says that something is missing, and why.
func hides(m apimap.Map, what, why string) bool {
	return slices.ContainsFunc(m.Hidden, func(h apimap.Hidden) bool {
		return strings.Contains(h.What, what) && strings.Contains(h.Why, why)
	})
}

// listed is the listing of a map, with all there is.
func listed(t *testing.T, m apimap.Map) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.MapFormats["listing"](&b, m, render.Style{Width: 200, Detail: seq.Full}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const slicesPath = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?limit=500"

// sliceOf is the JSON of the EndpointSlice of a Service, with Pod web as its endpoint.
func sliceOf(service, ports, conditions string) string {
	return `{"metadata": {"name": "` + service + `-x", "labels": {"kubernetes.io/service-name": "` + service + `"}},
		"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {` + conditions + `},
		"targetRef": {"kind": "Pod", "name": "web", "uid": "1"}}], "ports": [` + ports + `]}`
}

func itemsOf(all ...string) string { return `{"items": [` + strings.Join(all, ", ") + `]}` }
