package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

const kubeconfig = `apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: lab, namespace: class}}]
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: lab, user: {}}]
`

// parsed runs the command line up to the point where the cluster would be touched.
func parsed(t *testing.T, stdin string, args ...string) (*createPodOptions, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	var options *createPodOptions
	config := genericclioptions.NewConfigFlags(true)
	cmd := newCreatePod(config,
		genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &bytes.Buffer{}, ErrOut: &bytes.Buffer{}},
		func(_ context.Context, o *createPodOptions) error { options = o; return nil })
	config.AddFlags(cmd.Flags())
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{"--kubeconfig=" + path}, args...))
	err := cmd.Execute()
	return options, err
}

func TestPodFromFlags(t *testing.T) {
	o, err := parsed(t, "", "web", "--image=busybox:1", "--env=A=b=c", "--port=80", "-l", "x=y", "--restart=Never", "--",
		"sleep", "5")
	if err != nil {
		t.Fatal(err)
	}
	c := o.pod.Spec.Containers[0]
	if o.pod.Name != "web" || o.pod.Namespace != "class" || o.pod.Labels["x"] != "y" ||
		o.pod.Spec.RestartPolicy != corev1.RestartPolicyNever ||
		c.Name != "web" || c.Image != "busybox:1" || c.Env[0].Value != "b=c" || c.Ports[0].ContainerPort != 80 ||
		len(c.Command) != 0 || strings.Join(c.Args, " ") != "sleep 5" {
		t.Errorf("%+v", o.pod)
	}
	if o.until != "ready" || o.timeout != 2*time.Minute || o.style.Detail != seq.Normal || o.contextName != "lab" ||
		o.remove || o.targets[0].format != "listing" {
		t.Errorf("%+v", o)
	}
	o, err = parsed(t, "", "a.b", "--image=busybox:1", "--command", "--", "sleep", "5")
	if err != nil {
		t.Fatal(err)
	}
	if c := o.pod.Spec.Containers[0]; c.Name != "app" || strings.Join(c.Command, " ") != "sleep 5" || len(c.Args) != 0 ||
		o.pod.Labels["run"] != "a.b" {
		t.Errorf("%+v", o.pod)
	}
}

const onePod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: b}]}\n"

func TestPodFromStdin(t *testing.T) {
	o, err := parsed(t, onePod, "-f", "-", "--until=completed", "--detail=brief", "-o", "json", "--rm")
	if err != nil {
		t.Fatal(err)
	}
	if o.pod.Name != "a" || o.pod.Namespace != "class" || o.until != "completed" || o.style.Detail != seq.Brief ||
		o.targets[0].format != "json" || !o.remove {
		t.Errorf("%+v", o)
	}
	o, err = parsed(t, strings.Replace(onePod, "name: a}\n", "generateName: a-}\n", 1), "-f", "-")
	if err != nil || !strings.HasPrefix(o.pod.Name, "a-") || len(o.pod.Name) < 5 {
		t.Errorf("generateName: %+v, %v", o, err)
	}
}

func TestWrongUsageSaysWhatToDo(t *testing.T) {
	for _, c := range []struct{ name, stdin, args, want string }{
		{"nothing", "", "", "no Pod given (hint:"},
		{"two names", "", "a b --image=x", "one NAME expected, 2 given"},
		{"no image", "", "web", "no image for Pod \"web\" (hint:"},
		{"bad image", "", "web --image=No:Such:Thing", "is no image reference"},
		{"bad name", "", "Web --image=x", "name \"Web\""},
		{"bad env", "", "web --image=x --env=A", "env \"A\" has no name and value"},
		{"bad labels", "", "web --image=x -l a=b=c", "labels \"a=b=c\""},
		{"bad restart", "", "web --image=x --restart=Sometimes", "must be Always, OnFailure or Never"},
		{"bad until", "", "web --image=x --until=never", "must be one of completed, ready, running, scheduled"},
		{"bad address for spans", "", "web --image=x --otlp=here", "--otlp=here: must be a URL such as"},
		{"bad output", "", "web --image=x -o yaml", "must be one of html, json, lanes, listing, mermaid, otlp"},
		{"two on stdout", "", "web --image=x -o json -o listing",
			"json and listing both go to standard output (hint: give one of them a file: -o listing=FILE)"},
		{"no file", "", "web --image=x -o json=", "--output=json= names no file"},
		{"bad detail", "", "web --image=x --detail=all", "must be one of brief, full, normal"},
		{"bad color", "", "web --image=x --color=blue", "must be one of always, auto, never"},
		{"bad timeout", "", "web --image=x --timeout=-1s", "--timeout"},
		{"file and name", onePod, "web -f -", "do not go with it"},
		{"two Pods", onePod + "---\n" + onePod, "-f -", "has 2 objects (hint:"},
		{"no Pod", "", "-f -", "(hint: create-pod takes a file with exactly one Pod)"},
		{"another kind", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "-f -", "has a ConfigMap"},
		{"unknown field", strings.Replace(onePod, "image:", "imagee:", 1), "-f -",
			`unknown field "spec.containers[0].imagee"`},
		{"no name", strings.Replace(onePod, "name: a}\n", "labels: {}}\n", 1), "-f -", "has no name"},
		{"other namespace", strings.Replace(onePod, "name: a}\n", "name: a, namespace: x}\n", 1), "-f - -n y",
			"leave one of them out"},
		{"no YAML", "{", "-f -", "error"},
		{"no such file", "", "-f nowhere.yaml", "nowhere.yaml"},
		{"no such context", "", "web --image=x --context=nope", "nope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parsed(t, c.stdin, strings.Fields(c.args)...)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, c.want)
			}
		})
	}
}

func TestDryRunPrintsThePod(t *testing.T) {
	o, err := parsed(t, "", "web", "--image=busybox:1", "--dry-run=client")
	if err != nil {
		t.Fatal(err)
	}
	if err := createPod(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if out := o.Out.(*bytes.Buffer).String(); !strings.Contains(out, "kind: Pod") ||
		!strings.Contains(out, "image: busybox:1") {
		t.Errorf("%s", out)
	}
}

func TestLocale(t *testing.T) {
	for want, env := range map[bool]map[string]string{true: {"LANG": "en_US.UTF-8"},
		false: {"LANG": "C.UTF-8", "LC_ALL": "C"}} {
		if got := utf8Locale(func(k string) string { return env[k] }); got != want {
			t.Errorf("%v: %t", env, got)
		}
	}
	if !utf8Locale(func(string) string { return "" }) {
		t.Error("no locale at all")
	}
}
