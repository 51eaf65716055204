//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// mapAPI is an API as -o json prints it.
type mapAPI struct {
	ID, From, To, Name, Protocol, Host, Path, Certainty, Note string
	Port                                                      int
	Proof                                                     struct{ Ask, Field, Value string }
	You                                                       struct{ Permission, Allowed string }
	Try                                                       struct{ Command, On, Prints string }
}

// mapped is a map as -o json prints it.
type mapped struct {
	apis   []mapAPI
	hidden []string // what is missing, and why
	text   string
	stderr string
}

// drawMap runs the plugin for what is no sequence.
func drawMap(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, args...))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

func mapOf(t *testing.T, args ...string) (m mapped) {
	t.Helper()
	out, errOut, code := drawMap(t, append([]string{"map", "-o", "json"}, args...)...)
	if code != 0 {
		t.Fatalf("map %v: exit %d: %s", args, code, errOut)
	}
	m.text, m.stderr = out, errOut
	for line := range strings.Lines(out) {
		var d struct {
			Type, What, Why string
			mapAPI
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		switch d.Type {
		case "api":
			m.apis = append(m.apis, d.mapAPI)
		case "hidden":
			m.hidden = append(m.hidden, d.What+": "+d.Why)
		}
	}
	return m
}

func (m mapped) has(t *testing.T, from, to, name string) mapAPI {
	t.Helper()
	i := slices.IndexFunc(m.apis, func(a mapAPI) bool {
		return a.From == from && a.To == to && strings.HasPrefix(a.Name,
			name)
	})
	if i < 0 {
		t.Errorf("%s → %s %s is not drawn", from, to, name)
		return mapAPI{}
	}
	return m.apis[i]
}

// onTheNode runs a command as root on a node of hack/cluster; without a name, on that of the API server.
func onTheNode(t *testing.T, node, command string) *exec.Cmd {
	t.Helper()
	pid := processes(t, "kube-apiserver")[0]
	for _, kubelet := range processes(t, "kubelet") {
		name, err := exec.Command("nsenter", "-t", strconv.Itoa(kubelet), "-u", "hostname").Output()
		if err == nil && strings.TrimSpace(string(name)) == node {
			pid = kubelet
		}
	}
	return exec.CommandContext(t.Context(), "nsenter", "-t", strconv.Itoa(pid), "-m", "-n", "-p", "-u", "bash", "-c",
		command)
}

// tried runs the command of each API where it says, and returns how many there were.
func (m mapped) tried(t *testing.T) (n int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(kubectlPath(t), filepath.Join(dir, "kubectl")); err != nil {
		t.Fatal(err)
	}
	for _, a := range m.apis {
		cmd := inPlace(t, exec.CommandContext(t.Context(), "bash", "-c", a.Try.Command))
		if a.Try.On != "" {
			cmd = onTheNode(t, a.Try.On, a.Try.Command)
			cmd.Env = os.Environ()
		}
		cmd.Env = append(cmd.Env, "PATH="+dir+":"+filepath.Dir(kubectlPath(t))+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		stopped := strings.HasPrefix(a.Try.Command, "timeout ") && cmd.ProcessState.ExitCode() == 124
		if err != nil && !stopped || !strings.Contains(string(out), a.Try.Prints) {
			t.Errorf("%s: %s: %v, without %q: %s", a.ID, a.Try.Command, err, a.Try.Prints, out)
		}
		n++
	}
	return n
}

// Every API that is drawn is true: its command runs, on the client or on the node. None is missing of those that are
// there, also by what the node's kernel says. What is recorded draws the same, and has no secrets.
func TestMap(t *testing.T) {
	apart(t)
	ns := namespace(t)
	group := "map-" + ns + ".example.com"
	o := &outsideServer{}
	host, port, certificate := o.serve(t, group)
	runKubectl(t, mapKinds, "apply", "-f", "-")
	t.Cleanup(func() { runKubectl(t, mapKinds, "delete", "-f", "-", "--ignore-not-found") })
	runKubectl(t, "", "wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io",
		"crd/servicemonitors.monitoring.coreos.com", "--timeout=60s")
	extensions := strings.NewReplacer("GROUP", group, "NAMESPACE", ns, "HOST", host, "PORT", strconv.Itoa(port),
		"CERTIFICATE",
		base64.StdEncoding.EncodeToString(certificate)).Replace(mapExtensions)
	runKubectl(t, extensions, "apply", "-f", "-")
	t.Cleanup(func() { runKubectl(t, extensions, "delete", "-f", "-", "--ignore-not-found") })
	first, rest, _ := strings.Cut(mapObjects, "\n---\n")
	runKubectl(t, first, "apply", "-n", ns, "-f", "-")
	runKubectl(t, "", "wait", "-n", ns, "--for=condition=Ready", "pod/web", "--timeout=120s")
	address := strings.TrimSpace(runKubectl(t, "", "get", "pod", "web", "-n", ns, "-o", "jsonpath={.status.podIP}"))
	runKubectl(t, strings.ReplaceAll(rest, "WEB", address), "apply", "-n", ns, "-f", "-")
	runKubectl(t, "", "wait", "-n", ns, "--for=jsonpath={.status.phase}=Running", "pod/odd", "--timeout=120s")
	runKubectl(t, "", "rollout", "status", "-n", ns, "daemonset/shipper", "--timeout=120s")
	runKubectl(t, "", "wait", "--for=condition=Available", "apiservice/v1."+group, "--timeout=60s")

	t.Run("pod", func(t *testing.T) {
		r := record(t)
		file := filepath.Join(t.TempDir(), "map.jsonl")
		m := mapOf(t, "pod/web", "--record="+file)
		mapsOnlyRead(t, r)
		if n := bytes.Count(dataOf(t, file), []byte(`"ask":`)); n == 0 || n > 60 {
			t.Errorf("%d questions", n)
		}
		for _, x := range [][3]string{
			{"kubectl", "apiserver", "Pod"}, {"service default/kubernetes", "apiserver", ""}, {"apiserver", "etcd", ""},
			{"controller-manager", "apiserver", ""}, {"scheduler", "apiserver", ""}, {"apiserver", "webhook map.example.com",
				""},
			{"apiserver", "service " + ns + "/outside", group}, {"kubelet", "apiserver", "renews"}, {"kubelet", "apiserver",
				"reports"},
			{"apiserver", "kubelet", "exec"}, {"apiserver", "kubelet", "attach"}, {"apiserver", "kubelet", "port-forward"},
			{"apiserver", "kubelet", "logs"}, {"apiserver", "kubelet", "metrics"}, {"apiserver", "kubelet", "stats"},
			{"apiserver", "kubelet", "healthz"}, {"kubelet", "containerd", "CRI"}, {"containerd", "runc", ""}, {"containerd",
				"cni", ""},
			{"kubelet", "container/app", "startup"}, {"kubelet", "container/app", "liveness"}, {"kubelet", "container/app",
				"readiness"},
			{"container/app", "apiserver", ""}, {"service " + ns + "/web", "container/app", "Service"},
			{"ingress " + ns + "/web", "service " + ns + "/web", ""}, {"gateway " + ns + "/public", "service " + ns + "/web",
				"HTTPRoute"},
			{"prometheus", "container/app", "metrics"}, {"prometheus operator", "container/app", "metrics"},
			{"daemonset " + ns + "/shipper", "log files", ""}, {"containerd", "log files", ""},
		} {
			m.has(t, x[0], x[1], x[2])
		}
		validated, listed := o.validated.Load(), o.listed.Load()
		if n := m.tried(t); n < 30 {
			t.Errorf("only %d APIs are drawn", n)
		}
		if o.validated.Load() == validated {
			t.Error("the command for the webhook does not have it asked")
		}
		if o.listed.Load() == listed {
			t.Error("the command for the aggregated API does not reach its server")
		}
		if bytes.Contains(dataOf(t, file), []byte("hunter2")) || strings.Contains(m.text, "hunter2") {
			t.Error("a secret is in the recording, or printed")
		}
		again, errOut, code := drawMap(t, "replay", file, "-o", "json")
		if code != 0 || again != strings.ReplaceAll(m.text, "cat /www/healthz", "cat '…'") {
			t.Errorf("replayed: exit %d, %s: another map:\n%s", code, errOut, again)
		}
	})
	t.Run("ground truth", func(t *testing.T) {
		m := mapOf(t, "pod/web")
		out, err := onTheNode(t, "", "ss -Htnp state established; ss -Hxlp; ss -Htlnp").Output()
		if err != nil {
			t.Fatal(err)
		}
		kubelet := m.has(t, "apiserver", "kubelet", "exec")
		for what, pattern := range map[string]string{
			"apiserver → etcd":               `:2379 .*"kube-apiserver"`,
			"scheduler → apiserver":          `:6443 .*"kube-scheduler"`,
			"controller-manager → apiserver": `:6443 .*"kube-controller`,
			"kubelet → apiserver":            `:6443 .*"kubelet"`,
			"the kubelet's port":             fmt.Sprintf(`:%d .*"kubelet"`, kubelet.Port),
			"the runtime's socket":           regexp.QuoteMeta(m.has(t, "kubelet", "containerd", "CRI").Path) + ` .*"containerd"`,
		} {
			if !regexp.MustCompile(pattern).Match(out) {
				t.Errorf("%s: the kernel of the node does not know of it (%s):\n%s", what, pattern, out)
			}
		}
	})
	t.Run("cluster", func(t *testing.T) {
		m := mapOf(t)
		m.has(t, "apiserver", "webhook map.example.com", "")
		if nodes, _ := nodeNames(t); len(nodes) == 1 {
			m.has(t, "kubelet", "containerd", "CRI")
		} else {
			m.has(t, "kubelet on "+nodes[0], "containerd on "+nodes[0], "CRI")
		}
		m.tried(t)
	})
	t.Run("odd", func(t *testing.T) { m := oddMap(t); m.tried(t); m.harmless(t) })
	t.Run("processes", func(t *testing.T) { insideOf(t, address) })
	t.Run("shared processes", sharedInside)
	t.Run("ended", func(t *testing.T) {
		start(t, "completes", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
		m := mapOf(t, "pod/completes")
		for _, a := range m.apis {
			if a.To == "container/app" || a.From == "container/app" || a.Name == "exec" {
				t.Errorf("%s %s %s is drawn, of a container that has ended", a.From, a.To, a.Name)
			}
		}
		m.has(t, "apiserver", "kubelet", "logs")
		m.tried(t)
	})
	t.Run("run", func(t *testing.T) {
		run := filepath.Join(t.TempDir(), "run.jsonl")
		if _, errOut, code := drawMap(t, "create-pod", "lit", "--image=busybox:1", "--record="+run, "--", "sleep",
			"1000"); code != 0 {
			t.Fatalf("create-pod: exit %d: %s", code, errOut)
		}
		page, errOut, code := drawMap(t, "map", "pod/lit", "--run="+run, "-o", "html")
		if code != 0 || errOut != "" || !strings.Contains(page, "<b>kubelet → containerd</b> RunPodSandbox") {
			t.Errorf("exit %d, %s: the run is not on the page", code, errOut)
		}
	})
	t.Run("at the end of a run", func(t *testing.T) {
		for name, args := range map[string][]string{"lit-ready": {"--image=busybox:1", "--", "sleep", "1000"},
			"lit-stuck": {"--image=busybox:1", "--image-pull-policy=Never", "--settle=1s", "--", "/no-such-program"}} {
			file := filepath.Join(t.TempDir(), "map.html")
			_, errOut, _ := drawMap(t, append([]string{"create-pod", name, "--rm", "-o", "map-html=" + file}, args...)...)
			if page := read(t, file); !strings.Contains(page, "<b>apiserver → scheduler</b>") &&
				!strings.Contains(page, "<b>scheduler → apiserver</b>") || !strings.Contains(errOut, "deleted") {
				t.Errorf("%s: the run is not on the page: %s", args, errOut)
			}
		}
	})
	t.Run("restricted", func(t *testing.T) { restrictedMap(t) })
	t.Run("not there", func(t *testing.T) {
		if _, errOut, code := drawMap(t, "map", "pod/nobody"); code != 1 || !strings.Contains(errOut, `pods "nobody" not found`) {
			t.Errorf("exit %d: %s", code, errOut)
		}
	})
}

// mapsOnlyRead holds this map, and any other that is drawn meanwhile, against the audit log: they only read, and ask no
// kubelet.
func mapsOnlyRead(t *testing.T, r *records) {
	t.Helper()
	n := 0
	for line := range bytes.Lines(r.read(t, "audit.log")) {
		var e struct {
			Verb, RequestURI, UserAgent string
			ObjectRef                   struct{ Resource, Subresource, Namespace string }
		}
		if json.Unmarshal(line, &e) != nil || !strings.HasSuffix(e.UserAgent, "/map") {
			continue
		}
		if n++; e.Verb != "get" && e.Verb != "list" && !strings.HasPrefix(e.ObjectRef.Resource, "selfsubject") {
			t.Errorf("it does not only read: %s %s", e.Verb, e.RequestURI)
		}
		if e.ObjectRef.Subresource == "proxy" || e.ObjectRef.Resource == "secrets" {
			t.Errorf("nobody has asked for %s", e.RequestURI)
		}
	}
	if n == 0 {
		t.Error("the audit log has no request of the map")
	}
}

// oddMap is of a Pod that has a probe of every other kind, and texts that are made to do harm.
func oddMap(t *testing.T) mapped {
	t.Helper()
	m := mapOf(t, "pod/odd")
	if a := m.has(t, "kubelet", "container/app", "readiness"); a.Protocol != "gRPC" || a.Port != 9090 {
		t.Errorf("the gRPC probe: %+v", a)
	}
	m.apis = slices.DeleteFunc(m.apis, func(a mapAPI) bool { // nothing answers HTTP there
		return a.From == "prometheus"
	})
	return m
}

func (m mapped) harmless(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/tmp/seq-map-was-here"); err == nil {
		os.Remove("/tmp/seq-map-was-here")
		t.Error("a command to try ran what an object had in a field")
	}
	if err := onTheNode(t, "", "! ls /tmp/seq-map-was-here").Run(); err != nil {
		t.Error("a command to try ran on the node what an object had in a field")
	}
	for _, format := range []string{"html", "svg"} {
		if out, _, _ := drawMap(t, "map", "pod/odd", "-o", format); strings.Contains(out, "<script>alert") ||
			len(out) < 1000 {
			t.Errorf("%s has markup of a field, or nothing", format)
		}
	}
}

// sharedInside looks into containers that share their processes: which is whose, the runtime's ids say.
func sharedInside(t *testing.T) {
	runKubectl(t, sharedProcesses, "apply", "-n", namespace(t), "-f", "-")
	runKubectl(t, "", "wait", "-n", namespace(t), "--for=condition=Ready", "pod/shared", "--timeout=120s")
	m := mapOf(t, "pod/shared", "--processes")
	var c struct {
		Shared    bool
		Processes []struct {
			Command, Container string
			First              bool
		}
	}
	for line := range strings.Lines(m.text) {
		if strings.Contains(line, `"type":"container"`) {
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
		}
	}
	is := map[string]string{}
	for _, p := range c.Processes {
		is[p.Command] = fmt.Sprint(p.Container, " ", p.First)
	}
	for command, want := range map[string]string{"sleep 1001": "a true", "sh -c sleep 1003 & sleep 1002; true": "b true",
		"sleep 1002": "b false", "sleep 1003": "b false", "sh -c …": "a false"} {
		if is[command] != want || !c.Shared {
			t.Errorf("%s: %s, not %s: %+v", command, is[command], want, c)
		}
	}
}

const sharedProcesses = `
apiVersion: v1
kind: Pod
metadata: {name: shared}
spec:
  shareProcessNamespace: true
  terminationGracePeriodSeconds: 1
  containers:
  - {name: a, image: "busybox:1", command: [sleep, "1001"]}
  - {name: b, image: "busybox:1", command: [sh, -c, "sleep 1003 & sleep 1002; true"]}
`

// insideOf holds --processes against the kernel, and against what is connected.
func insideOf(t *testing.T, web string) {
	m := mapOf(t, "pod/odd", "--processes")
	if !strings.HasPrefix(m.stderr, "runs in container app of Pod odd, by exec: sh -c ") {
		t.Errorf("it does not say what it runs: %s", m.stderr)
	}
	a := m.has(t, "container/app", "pod "+namespace(t)+"/web", "is connected")
	if a.Host != web || a.Port != 8080 || a.Certainty != "inferred" {
		t.Errorf("the connection to web: %+v", a)
	}
	m = mapOf(t, "pod/web", "--processes")
	type process struct {
		PID, Parent, UID int
		Command          string
		Exec             bool
	}
	var c struct{ Processes []process }
	for line := range strings.Lines(m.text) {
		if strings.Contains(line, `"type":"container"`) {
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
		}
	}
	// httpd forks for a request, such as a probe's
	c.Processes = slices.DeleteFunc(c.Processes, func(p process) bool {
		return p.PID != 1 && strings.HasPrefix(p.Command,
			"httpd")
	})
	if len(c.Processes) != 3 || c.Processes[0].PID != 1 || !strings.HasPrefix(c.Processes[0].Command,
		"httpd -f -p 8080") ||
		c.Processes[1].Parent != 1 || c.Processes[1].Command != "sleep 100000" || !c.Processes[2].Exec ||
		c.Processes[2].Parent != 0 {
		t.Errorf("processes of web: %+v", c.Processes)
	}
	ps := runKubectl(t, "", "exec", "-n", namespace(t), "web", "--", "ps", "-o", "pid,args")
	for _, p := range c.Processes[:2] {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^ *%d +%s`, p.PID, regexp.QuoteMeta(p.Command))).MatchString(ps) {
			t.Errorf("ps does not know of %+v:\n%s", p, ps)
		}
	}
}

// subresource is one in a permission: kubectl auth can-i would take it for a name.
var subresource = regexp.MustCompile(`^(\w+)/(\w+)`)

// restrictedMap is that of a ServiceAccount which may only see Pods.
func restrictedMap(t *testing.T) {
	ns := namespace(t)
	runKubectl(t, "", "create", "serviceaccount", "viewer", "-n", ns)
	runKubectl(t, "", "create", "role", "viewer", "-n", ns, "--verb=get,list", "--resource=pods")
	runKubectl(t, "", "create", "rolebinding", "viewer", "-n", ns, "--role=viewer", "--serviceaccount="+ns+":viewer")
	token := strings.TrimSpace(runKubectl(t, "", "create", "token", "viewer", "-n", ns))
	c, err := clientcmd.LoadFromFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	x := c.Contexts[c.CurrentContext]
	user := c.AuthInfos[x.AuthInfo]
	*user = *user.DeepCopy()
	user.ClientCertificate, user.ClientKey, user.ClientCertificateData, user.ClientKeyData, user.Token = "", "", nil, nil,
		token
	x.Namespace = ns
	path := filepath.Join(t.TempDir(), "viewer")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "map.jsonl")
	m := mapOf(t, "pod/web", "--kubeconfig="+path, "--record="+file)
	whole := mapOf(t, "pod/web")
	if len(m.apis) == 0 || len(m.apis) >= len(whole.apis) {
		t.Errorf("%d APIs, with all rights %d", len(m.apis), len(whole.apis))
	}
	if a := m.has(t, "kubectl", "apiserver", "Pod"); a.You.Allowed != "allowed" {
		t.Errorf("the Pod itself: %+v", a.You)
	}
	if a := m.has(t, "apiserver", "kubelet", "exec"); a.You.Allowed != "denied" || a.Certainty != "inferred" {
		t.Errorf("exec: %+v", a)
	}
	for _, what := range []string{"node ", "admission webhooks", "Services in front of the Pod", "scheduler: who leads"} {
		if !slices.ContainsFunc(m.hidden, func(h string) bool {
			return strings.HasPrefix(h, what) && strings.Contains(h, "403: your permissions do not allow it")
		}) {
			t.Errorf("%s: it does not say why this is missing: %q", what, m.hidden)
		}
	}
	if bytes.Contains(dataOf(t, file), []byte(token)) {
		t.Error("the token is in the recording")
	}
	out, errOut, code := drawMap(t, "map", "--kubeconfig="+path)
	if code != 0 || !strings.Contains(out, "apiserver → etcd") {
		t.Errorf("without a Pod: exit %d: %s%s", code, out, errOut)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, a := range m.apis { // what is said to be allowed is, and what is denied is not
		if verb, rest, ok := strings.Cut(a.You.Permission, " "); ok && a.You.Allowed != "unknown" {
			args := append([]string{"--kubeconfig=" + path, "auth", "can-i", verb},
				strings.Fields(subresource.ReplaceAllString(rest, "$1 --subresource=$2"))...)
			err := exec.CommandContext(ctx, kubectlPath(t), args...).Run()
			if (err == nil) != (a.You.Allowed == "allowed") {
				t.Errorf("%s is %s, kubectl %v says %v", a.You.Permission, a.You.Allowed, args, err)
			}
		}
	}
}
