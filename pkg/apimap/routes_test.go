package apimap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const onePort = `{"port": 8080, "protocol": "TCP"}`

// Of more Services than are drawn, the rest are counted.
func TestMoreServicesThanAreDrawn(t *testing.T) {
	var all []string
	for i := range 12 {
		all = append(all, sliceOf(fmt.Sprintf("many%02d", i), onePort, ""))
	}
	pod := podOf("", `, "containers": [{"name": "app"}]`, running("app"))
	text := listed(t, apimap.Derive(snapshotOf(pod, map[string]string{slicesPath: itemsOf(all...)})))
	if want := "Not drawn: Services in front of the Pod: 4 more than the limit of 8."; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

// An Ingress leads by HTTPS to the hosts only that have a certificate, and nowhere by a port that a Service has not.
func TestIngresses(t *testing.T) {
	backend := func(port string) string {
		return `{"paths": [{"path": "/", "backend": {"service": {"name": "web", "port": {` + port + `}}}}]}`
	}
	rule := func(host, port string) string { return `{"host": "` + host + `", "http": ` + backend(port) + `}` }
	m := apimap.Derive(snapshotOf(podOf("", `, "containers": [{"name": "app"}]`, running("app")), map[string]string{
		slicesPath:                             itemsOf(sliceOf("web", onePort, "")),
		"/api/v1/namespaces/shop/services/web": `{"spec": {"ports": [{"name": "http", "port": 80}]}}`,
		"/apis/networking.k8s.io/v1/namespaces/shop/ingresses?limit=500": itemsOf(`{"metadata": {"name": "i",
			"namespace": "shop"}, "spec": {"tls": [{"hosts": ["a.example", "*.b.example"]}], "rules": [` + strings.Join([]string{
			rule("a.example", `"number": 80`), rule("plain.example", `"name": "http"`), rule("x.b.example", `"number": 80`),
			rule("*.b.example", `"number": 80`), rule("x.y.b.example", `"number": 80`), rule("wrong.example", `"number": 9999`),
			rule("wrong.example", `"name": "nosuch"`)}, ", ") + `, {"http": ` + backend(`"number": 80`) + `}]}}`),
		"/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes?limit=500": itemsOf(`{"metadata": {"name": "r"},
			"spec": {"rules": [{"backendRefs": [{"name": "web", "port": 9998}]}]}}`),
	}))
	var got []string
	for _, a := range found(m, "ingress shop/i", "service shop/web", "") {
		got = append(got, fmt.Sprintf("%s://%s:%d", a.Protocol, a.Host, a.Port))
	}
	if want := "HTTPS://a.example:443 HTTP://plain.example:80 HTTPS://x.b.example:443 HTTPS://*.b.example:443 " +
		"HTTP://x.y.b.example:80 HTTP://:80"; strings.Join(got, " ") != want {
		t.Errorf("%v, not %s", got, want)
	}
	for what, port := range map[string]string{"Ingress i": "9999", "rule of Ingress i": "nosuch", "HTTPRoute r": "9998"} {
		if !hides(m, what, "the Service has no port "+port) {
			t.Errorf("%s, port %s: %+v", what, port, m.Hidden)
		}
	}
}

// What has the same number in TCP and UDP is told apart; to what does not run, or terminates, nothing certain leads.
func TestEndpoints(t *testing.T) {
	const two = `, "containers": [{"name": "udp", "ports": [{"containerPort": 53, "protocol": "UDP"}]},
		{"name": "tcp", "ports": [{"containerPort": 53}]}]`
	const udp, tcp = `{"port": 53, "protocol": "UDP"}`, `{"port": 53, "protocol": "TCP"}`
	waits := `, "containerStatuses": [{"name": "tcp", "state": {"waiting": {"reason": "PodInitializing"}}}]`
	for name, x := range map[string]struct{ status, port, conditions, to, certainty, note string }{
		"UDP":         {running("udp", "tcp"), udp, "", "container/udp", "observed", ""},
		"TCP":         {running("udp", "tcp"), tcp, "", "container/tcp", "observed", ""},
		"not running": {waits, tcp, `"ready": true`, "pod", "inferred", "nobody answers: container tcp: it does not run: PodInitializing"},
		"not ready":   {running("udp", "tcp"), tcp, `"ready": false`, "container/tcp", "inferred", "not ready: nothing is sent there now"},
		"terminating": {running("udp", "tcp"), tcp, `"ready": false, "serving": true, "terminating": true`, "container/tcp", "inferred",
			"it terminates, and still answers: something is sent there only while no endpoint is ready"},
	} {
		m := apimap.Derive(snapshotOf(podOf("", two, x.status), map[string]string{
			slicesPath: itemsOf(sliceOf("web", x.port, x.conditions))}))
		if all := found(m, "service shop/web", x.to, "Service"); len(all) != 1 || string(all[0].Certainty) != x.certainty ||
			all[0].Note != x.note {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// That no kube-proxy was found is said only where it could have been.
func TestKubeProxyThatCannotBeSeen(t *testing.T) {
	s := snapshotOf(podOf("", `, "containers": [{"name": "app"}]`, running("app")), map[string]string{
		slicesPath: itemsOf(sliceOf("web", onePort, ""))})
	s.Answers = append(s.Answers, apimap.Answer{Ask: "GET /apis/apps/v1/daemonsets?limit=500", Status: 403})
	if m := apimap.Derive(s); !hides(m, "what makes a Service's address work", "403") {
		t.Errorf("%+v", m.Hidden)
	}
}

// The brief map has one line between two components of a section, with all protocols that there are.
func TestBriefLines(t *testing.T) {
	rule := func(host, service string) string {
		return `{"host": "` + host + `", "http": {"paths": [{"backend": {"service": {"name": "` + service +
			`", "port": {"number": 80}}}}]}}`
	}
	m := apimap.Derive(snapshotOf(podOf("", `, "containers": [{"name": "app", "livenessProbe": {"tcpSocket": {"port": 8080}},
		"readinessProbe": {"httpGet": {"scheme": "HTTP", "port": 8080}}}]`, running("app")), map[string]string{
		slicesPath: itemsOf(sliceOf("one", onePort, ""), sliceOf("two", onePort, "")),
		"/apis/networking.k8s.io/v1/namespaces/shop/ingresses?limit=500": itemsOf(`{"metadata": {"name": "i",
			"namespace": "shop"}, "spec": {"rules": [` + rule("a.example", "one") + `, ` + rule("b.example", "two") + `, ` +
			rule("c.example", "one") + `]}}`)}))
	for _, format := range []string{"listing", "mermaid"} {
		text := drawn(t, format, m, render.Style{Width: 120, Detail: seq.Brief})
		if strings.Count(text, "TCP 10.0.0.1:8080, HTTP 10.0.0.1:8080") != 1 || format == "listing" &&
			strings.Count(text, "Ingress i → Service one") != 1 {
			t.Errorf("%s:\n%s", format, text)
		}
	}
}
