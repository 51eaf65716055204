package apimap_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// withHandler is Pod web with one container, which has this probe or hook.
func withHandler(spec, handler string) string {
	return podOf("", spec+`, "containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}], `+handler+`}]`,
		running("app"))
}

// The kubelet asks the host that a probe names, by its own rules for paths; what it does not support it does not ask.
func TestProbesAndHooks(t *testing.T) {
	probe := func(what string) string { return `"readinessProbe": {` + what + `}` }
	http := func(more string) string { return `"httpGet": {"scheme": "HTTP", "port": 8080` + more + `}` }
	for name, x := range map[string]struct{ spec, handler, to, path, hidden, command string }{
		"a path":            {"", probe(http(`, "path": "/h?x=1"`)), "container/app", "/h?x=1", "", "'http://10.0.0.1:8080/h?x=1'"},
		"no slash":          {"", probe(http(`, "path": "h"`)), "container/app", "/h", "", "http://10.0.0.1:8080/h"},
		"no path":           {"", probe(http("")), "container/app", "/", "", "http://10.0.0.1:8080/"},
		"a space":           {"", probe(http(`, "path": "/a b\nX: 1"`)), "container/app", "/a%20b%0AX:%201", "", "http://10.0.0.1:8080/a%20b%0AX:%201"},
		"its own address":   {"", probe(http(`, "host": "10.0.0.1"`)), "container/app", "/", "", "http://10.0.0.1:8080/"},
		"the node's":        {"", probe(http(`, "host": "127.0.0.1"`)), "host 127.0.0.1", "/", "", "http://127.0.0.1:8080/"},
		"the node's, TCP":   {"", probe(`"tcpSocket": {"port": 8080, "host": "localhost"}`), "host localhost", "", "", "/dev/tcp/localhost/8080"},
		"its own loopback":  {`, "hostNetwork": true`, probe(http(`, "host": "127.0.0.1"`)), "container/app", "/", "", "http://127.0.0.1:8080/"},
		"another host":      {"", probe(http(`, "host": "example.com"`)), "host example.com", "/", "", "http://example.com:8080/"},
		"a hook's host":     {"", `"lifecycle": {"preStop": {` + http(`, "host": "example.com"`) + `}}`, "host example.com", "/", "", "http://example.com:8080/"},
		"a name":            {"", probe(`"tcpSocket": {"port": "http"}`), "container/app", "", "", "/dev/tcp/10.0.0.1/8080"},
		"no such name":      {"", probe(`"tcpSocket": {"port": "nosuch"}`), "", "", `no port of it is called "nosuch"`, ""},
		"a hook of TCP":     {"", `"lifecycle": {"preStop": {"tcpSocket": {"port": 8080}}}`, "", "", "the kubelet supports no tcpSocket in a hook", ""},
		"a service of gRPC": {"", probe(`"grpc": {"port": 5000, "service": "svc.x"}`), "container/app", "/grpc.health.v1.Health/Check of svc.x", "", "/dev/tcp/10.0.0.1/5000"},
		"two lines": {"", probe(`"exec": {"command": ["sh", "-c", "set -e\ncat 'x\\y'\u001b\n"]}`), "container/app",
			`sh -c $'set -e\ncat \047x\134y\047\033\n'`, "", `-c app -- sh -c $'set -e\ncat \047x\134y\047\033\n'`},
	} {
		m := apimap.Derive(snapshotOf(withHandler(x.spec, x.handler), nil))
		if x.hidden != "" {
			if !hides(m, "container app", x.hidden) {
				t.Errorf("%s: %+v", name, m.Hidden)
			}
			continue
		}
		all := slices.DeleteFunc(found(m, "kubelet", x.to, ""), func(a apimap.API) bool {
			return a.Section != "Inside the Pod"
		})
		if len(all) != 1 || all[0].Path != x.path || !strings.Contains(all[0].Try.Command, x.command) {
			t.Errorf("%s: %+v", name, all)
			continue
		}
		if text := listed(t, m); !strings.Contains(text, all[0].Try.Command+"\n") {
			t.Errorf("%s: the listing has not all of %s:\n%s", name, all[0].Try.Command, text)
		}
	}
}

// What becomes of a container whose probe fails is as restartPolicy says.
func TestWhatFailingProbesDo(t *testing.T) {
	for policy, want := range map[string]string{"Always": "then it is restarted", "Never": "not started again",
		"OnFailure": "started again unless it exits with 0"} {
		m := apimap.Derive(snapshotOf(withHandler(`, "restartPolicy": "`+policy+`"`,
			`"livenessProbe": {"tcpSocket": {"port": 8080}}`), nil))
		if all := found(m, "kubelet", "container/app", "liveness"); len(all) != 1 || !strings.Contains(all[0].Note, want) {
			t.Errorf("%s: %+v", policy, all)
		}
	}
}

// An init container that runs is the one that can be called; logs are of what has run.
func TestInitContainers(t *testing.T) {
	const spec = `, "initContainers": [{"name": "first"}], "containers": [{"name": "app"}]`
	const waits = `, "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}]`
	for name, x := range map[string]struct{ first, exec, logs string }{
		"running": {`"running": {}`, "-c first", "-c first"},
		"ended":   {`"terminated": {"reason": "Error"}`, "", "-c first "},
		"waiting": {`"waiting": {"reason": "ImagePullBackOff"}`, "", ""},
	} {
		m := apimap.Derive(snapshotOf(podOf("", spec, waits+`, "phase": "Pending", "initContainerStatuses": [{"name": "first", "state": {`+
			x.first+`}}]`), nil))
		for what, want := range map[string]string{"exec": x.exec, "attach": x.exec, "logs": x.logs, "port-forward": ""} {
			all := found(m, "apiserver", "kubelet", what)
			if (len(all) == 1) != (want != "") || len(all) == 1 && !strings.Contains(all[0].Try.Command, want) {
				t.Errorf("%s: %s: %+v", name, what, all)
			}
		}
	}
}

// A token is what a volume has for the API server, wherever it is mounted.
func TestTokens(t *testing.T) {
	const usual = "/var/run/secrets/kubernetes.io/serviceaccount"
	const api, vault = `"projected": {"sources": [{"configMap": {}}, {"serviceAccountToken": {"path": "token"}}]}`,
		`"projected": {"sources": [{"serviceAccountToken": {"audience": "vault", "path": "token"}}]}`
	for name, x := range map[string]struct{ volume, mount, file string }{
		"usual":            {api, `"mountPath": "` + usual + `"`, usual + "/token"},
		"with a slash":     {api, `"mountPath": "` + usual + `/"`, usual + "/token"},
		"elsewhere":        {api, `"mountPath": "/my"`, "/my/token"},
		"the file alone":   {api, `"mountPath": "/sp", "subPath": "token"`, "/sp"},
		"another file":     {api, `"mountPath": "/sp", "subPath": "ca.crt"`, ""},
		"no token":         {`"emptyDir": {}`, `"mountPath": "` + usual + `"`, ""},
		"another audience": {vault, `"mountPath": "` + usual + `"`, ""},
	} {
		m := apimap.Derive(snapshotOf(podOf("", `, "volumes": [{"name": "v", `+x.volume+`}], "containers": [{"name": "app",
			"volumeMounts": [{"name": "v", `+x.mount+`}]}]`, running("app")), nil))
		all := found(m, "container/app", "apiserver", "may call")
		if (len(all) == 1) != (x.file != "") || len(all) == 1 && !strings.HasSuffix(all[0].Try.Command, " -- ls "+x.file) {
			t.Errorf("%s: %+v", name, all)
		}
		if hides(m, "token", "audience vault") != (x.volume == vault) {
			t.Errorf("%s: %+v", name, m.Hidden)
		}
	}
}
