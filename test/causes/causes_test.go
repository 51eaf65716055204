//go:build e2e

// Package causes makes each situation of the table of causes on a real cluster: the plugin must name that cause, and
// each command that it gives as a next step must work, and print what it promises. CAUSES=all makes those, too, that
// take longer than ten seconds; UPDATE=1 records them as the scenarios of pkg/trace/testdata/causes.
package causes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// obstacle is what the plugin's JSON says of it.
type obstacle struct {
	Name, Explain, Message string
	NextSteps              []seq.NextStep
}

// last is the outcome of the script's last run of the plugin.
type last struct {
	obstacle *obstacle
	listing  string
}

// One at a time are made the situations that change a node, or what all namespaces share: their first line says
// "# alone".
var alone sync.Mutex

func TestCauses(t *testing.T) { try(t, false) }

// In a test of their own they end the others' work once, not one after another.
func TestCausesAlone(t *testing.T) { try(t, true) }

// try runs the scripts that are to be alone, or all others.
func try(t *testing.T, byThemselves bool) {
	plugin := os.Getenv("KUBECTL_SEQ")
	if plugin == "" || os.Getenv("KUBECONFIG") == "" {
		t.Fatal("KUBECTL_SEQ and KUBECONFIG are not set: run make causes")
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	var chosen []string
	all := 0
	for _, f := range files {
		if marked(t, f, "alone") != byThemselves {
			continue
		}
		if all++; os.Getenv("CAUSES") == "all" || !marked(t, f, "slow") {
			chosen = append(chosen, f)
		}
	}
	t.Logf("%d of %d situations; the others take longer than 10 s: make causes", len(chosen), all)
	testscript.Run(t, testscript.Params{
		Files:               chosen,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setup(env, plugin) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"seq": runPlugin, "next": runSteps, "until": until,
			"kubectl": kubectl, "cluster": clusterWide, "webhook": webhook, "proxy": proxy, "registry": serveImages,
			"expand": expand, "undo": undo},
	})
}

// marked reports whether the first line of a script, a comment, has that word.
func marked(t *testing.T, file, word string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.HasPrefix(first, "# ") && strings.Contains(first+" ", " "+word+" ")
}

// nameOf is the name of the cause that a script is about: CAUSE.txtar, or CAUSE.VARIANT.txtar for another way to it.
func nameOf(script string) string {
	cause, _, _ := strings.Cut(script, ".")
	return cause
}

// setup gives the script a namespace of its own, NS, that is there with its ServiceAccount, and removes it in the end.
func setup(env *testscript.Env, plugin string) error {
	name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	script, err := os.ReadFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(script), "\n")
	if strings.Contains(first+" ", " alone ") {
		alone.Lock()
		env.Defer(alone.Unlock)
	}
	path, err := filepath.Abs(plugin)
	if err != nil {
		return err
	}
	namespace := "cause-" + strings.ReplaceAll(name, ".", "-")
	env.Setenv("NS", namespace)
	env.Setenv("SCRIPT", name)
	env.Setenv("NAME", strings.ReplaceAll(name, ".", "-"))
	env.Setenv("KUBECTL_SEQ", path)
	env.Setenv("KUBECONFIG", os.Getenv("KUBECONFIG"))
	env.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Values["last"] = &last{}
	command := func(args ...string) error {
		out, err := exec.Command("kubectl", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	_ = command("delete", "namespace", namespace, "--ignore-not-found", "--timeout=60s")
	if err := command("create", "namespace", namespace); err != nil {
		return err
	}
	env.Defer(func() {
		_ = command("delete", "pods", "--all", "-n", namespace, "--grace-period=0", "--force", "--wait=false")
		_ = command("delete", "namespace", namespace, "--wait=false")
	})
	return command("wait", "--for=create", "serviceaccount/default", "-n", namespace, "--timeout=60s")
}

// runPlugin is `seq CODE VERB ARGS…`: runs the plugin, which must end with that exit code and hold the cause of the
// script's name to be what holds the object. What it prints is stdout.
func runPlugin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: seq CODE VERB ARGS...")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	recording, document := ts.MkAbs("recording.jsonl"), ts.MkAbs("outcome.jsonl")
	words := []string{args[1], "-n", ts.Getenv("NS"), "--record=" + recording, "-o", "listing", "-o", "json=" + document}
	for _, a := range args[2:] {
		words = append(words, patient(a))
	}
	cmd := exec.Command(ts.Getenv("KUBECTL_SEQ"), words...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "KUBECONFIG="+ts.Getenv("KUBECONFIG"))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	fmt.Fprint(ts.Stdout(), out.String())
	fmt.Fprint(ts.Stderr(), errOut.String())
	if got := cmd.ProcessState.ExitCode(); got != code {
		ts.Fatalf("exit code %d, want %d", got, code)
	}
	o := read(ts, document)
	script := ts.Getenv("SCRIPT")
	name := nameOf(script)
	if o == nil || o.Name != name {
		ts.Fatalf("the cause is %+v, want %s", o, name)
	}
	if strings.ContainsAny(o.Explain, "{}") && !strings.ContainsAny(o.Message, "{}") {
		ts.Fatalf("a word was not filled in: %s", o.Explain)
	}
	l := ts.Value("last").(*last)
	l.obstacle, l.listing = o, out.String()
	shown := flat(l.listing + errOut.String())
	if !strings.Contains(shown, flat(o.Explain)) || !strings.Contains(shown, flat(o.Message)) {
		ts.Fatalf("the listing does not have %q, or the message %q", o.Explain, o.Message)
	}
	for _, s := range o.NextSteps {
		if !strings.Contains(shown, flat(s.String())) {
			ts.Fatalf("the listing does not have the step %q", s)
		}
	}
	if os.Getenv("UPDATE") != "" {
		data, err := os.ReadFile(recording)
		ts.Check(err)
		scenario := filepath.Join(repository(ts), "pkg/trace/testdata/causes", script+".txtar")
		ts.Check(os.WriteFile(scenario, append([]byte("-- recording.jsonl --\n"), data...), 0o644))
	}
}

// patient gives a --timeout more time on a machine that has more to do than it can: a situation is to have come about
// before the run ends.
func patient(flag string) string {
	text, ok := strings.CutPrefix(flag, "--timeout=")
	limit, err := time.ParseDuration(text)
	load, _ := os.ReadFile("/proc/loadavg")
	busy, wrong := strconv.ParseFloat(strings.SplitN(string(load), " ", 2)[0], 64)
	if !ok || err != nil || wrong != nil {
		return flag
	}
	more := min(4, max(1, busy/float64(2*runtime.NumCPU())))
	return "--timeout=" + time.Duration(float64(limit)*more).Round(time.Second).String()
}

// repository is the top of the tree.
func repository(ts *testscript.TestScript) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/kubectl-seq/kubectl-seq").Output()
	ts.Check(err)
	return strings.TrimSpace(string(out))
}

// flat is a text without line breaks and spaces, which a listing adds.
func flat(s string) string { return strings.Join(strings.Fields(s), "") }

// read is the obstacle of the outcome, or nil.
func read(ts *testscript.TestScript, document string) *obstacle {
	data, err := os.ReadFile(document)
	ts.Check(err)
	var outcome struct {
		Type     string
		Obstacle *obstacle
	}
	for line := range bytes.Lines(data) {
		ts.Check(json.Unmarshal(line, &outcome))
	}
	return outcome.Obstacle
}

// runSteps is `next RE…`: runs each command that the plugin gave as a next step, in their order; what it prints must
// match the regular expression of its place, and it must not fail.
func runSteps(ts *testscript.TestScript, neg bool, args []string) {
	o := ts.Value("last").(*last).obstacle
	if neg || o == nil {
		ts.Fatalf("usage: seq ..., then next RE...")
	}
	var commands []string
	for _, s := range o.NextSteps {
		if s.Command != "" {
			commands = append(commands, s.Command)
		}
	}
	if len(commands) != len(args) {
		ts.Fatalf("there are %d commands, want %d: %q", len(commands), len(args), commands)
	}
	for i, c := range commands {
		cmd := exec.Command("sh", "-c", c)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"), "KUBECONFIG="+ts.Getenv("KUBECONFIG"))
		out, err := cmd.CombinedOutput()
		re, wrong := regexp.Compile("(?m)" + args[i])
		ts.Check(wrong)
		if err != nil || !re.Match(out) {
			ts.Fatalf("%s: %v, does not match %q:\n%s", c, err, args[i], out)
		}
	}
}

// kubectl is `kubectl ARGS…`, in the script's namespace.
func kubectl(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("kubectl", append([]string{"-n", ts.Getenv("NS")}, args...)...)
	if (err != nil) != neg {
		ts.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
}

// clusterWide is `cluster FILE…`: creates objects that are in no namespace, and removes them in the end.
func clusterWide(ts *testscript.TestScript, neg bool, args []string) {
	for _, a := range args {
		file := ts.MkAbs(a)
		remove := func() { _ = exec.Command("kubectl", "delete", "--ignore-not-found", "--wait=false", "-f", file).Run() }
		remove() // what a run that was ended has left
		ts.Defer(remove)
		ts.Check(ts.Exec("kubectl", "create", "-f", file))
	}
}

// undo is `undo COMMAND`: the shell runs that in the end, however the script ends.
func undo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: undo COMMAND")
	}
	cmd := exec.Command("sh", "-c", args[0])
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "NS="+ts.Getenv("NS"), "KUBECONFIG="+ts.Getenv("KUBECONFIG"))
	ts.Defer(func() {
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Logf("%s: %v: %s", args[0], err, out)
		}
	})
}

// webhook is `webhook`: registers an admission webhook, hack/webhook, that denies a Pod called denied with the label
// webhook=example.
func webhook(ts *testscript.TestScript, neg bool, args []string) {
	top, program := repository(ts), ts.MkAbs("webhook.bin")
	run := func(dir string, args ...string) string {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		ts.Check(err)
		return string(out)
	}
	run(top, "build", "-o", program, "./hack/webhook")
	pid := regexp.MustCompile(`(?m)^pid: (\d+)$`).FindStringSubmatch(run(filepath.Join(top, "hack/cluster"), "run", ".",
		"status"))
	if pid == nil {
		ts.Fatalf("the node of hack/cluster is not up")
	}
	cmd := exec.Command(program, pid[1])
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	if said, err := bufio.NewReader(out).ReadString('\n'); said != "ready\n" {
		ts.Fatalf("the webhook says %q: %v", said, err)
	}
}

// proxy is `proxy`: a proxy before the API server, which has lost it where something is to be made. The script goes on
// through that.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	config, err := clientcmd.BuildConfigFromFlags("", ts.Getenv("KUBECONFIG"))
	ts.Check(err)
	transport, err := rest.TransportFor(config)
	ts.Check(err)
	server, err := url.Parse(config.Host)
	ts.Check(err)
	passes := httputil.NewSingleHostReverseProxy(server)
	passes.Transport, passes.FlushInterval = transport, -1
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			passes.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintln(w, "<html><head><title>502 Bad Gateway</title></head></html>")
	}))
	ts.Defer(s.CloseClientConnections)
	through := clientcmdapi.NewConfig()
	through.Clusters["proxy"] = &clientcmdapi.Cluster{Server: s.URL}
	through.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy"}
	through.CurrentContext = "proxy"
	file := ts.MkAbs("proxy.yaml")
	ts.Check(clientcmd.WriteToFile(*through, file))
	ts.Setenv("KUBECONFIG", file)
}

// until is `until RE ARGS…`: asks kubectl again and again until what it prints matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	err = wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, 2*time.Minute, true,
		func(ctx context.Context) (bool, error) {
			cmd := exec.CommandContext(ctx, "kubectl", append([]string{"-n", ts.Getenv("NS")}, args[1:]...)...)
			cmd.Dir = ts.MkAbs(".")
			out, _ := cmd.CombinedOutput()
			return re.Match(out) != neg, nil
		})
	if err != nil {
		ts.Fatalf("kubectl %s does not print what matches %q", strings.Join(args[1:], " "), args[0])
	}
}
