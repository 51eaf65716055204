package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

// escapes are what moves the cursor, and colours, which do not.
var (
	escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[a-zA-Z])?`)
	colours = regexp.MustCompile(`^\x1b\[[0-9;]*m$`)
)

func TestOutputWithoutTerminal(t *testing.T) {
	for format := range render.Formats {
		for _, color := range []string{"auto", "always", "never"} {
			out, errOut, err := replayed(t.Context(), "demo", "--speed=max", "-o", format, "--color="+color)
			if err != nil || errOut != "" || out == "" {
				t.Errorf("-o %s: %v: %s", format, err, errOut)
			}
			for _, e := range escapes.FindAllString(out, -1) {
				if color != "always" || !colours.MatchString(e) {
					t.Errorf("-o %s --color=%s writes %q", format, color, e)
					break
				}
			}
		}
	}
}

// On a terminal the cursor moves, unless it is a dumb one; colours are another matter.
func TestOutputOnTerminal(t *testing.T) {
	for _, c := range []struct {
		term, noColor, args string
		moves, colours      bool
	}{
		{"xterm", "", "-o listing", true, true},
		{"xterm", "", "-o lanes", true, true},
		{"xterm", "1", "-o listing", true, false},
		{"xterm", "1", "-o lanes", true, false},
		{"xterm", "", "-o listing --color=never", true, false},
		{"dumb", "", "-o listing", false, false},
		{"dumb", "", "-o lanes", false, false},
		{"dumb", "", "-o listing --color=always", false, true},
		{"xterm", "", "-o json", false, false},
	} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColor)
		out := onTerminal(t, append([]string{"demo", "--speed=20"}, strings.Fields(c.args)...)...)
		moves, coloured := false, false
		for _, e := range escapes.FindAllString(out, -1) {
			coloured = coloured || colours.MatchString(e)
			moves = moves || !colours.MatchString(e)
		}
		if moves != c.moves || coloured != c.colours {
			t.Errorf("%+v: the cursor moves: %t, colours: %t\n%q", c, moves, coloured, out)
		}
	}
}

// onTerminal is what a terminal gets.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	screen, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 40, Cols: 160}); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		all, _ := io.ReadAll(screen) // ends with an error, as a terminal does
		seen <- string(all)
	}()
	root := newRoot(genericiooptions.IOStreams{In: strings.NewReader(""), Out: tty, ErrOut: io.Discard})
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	tty.Close()
	return <-seen
}

// Whoever reads no further is told nothing: main takes that error for an end.
func TestReaderThatHasSeenEnough(t *testing.T) {
	t.Setenv("KUBECONFIG", written(t, kubeconfig))
	for _, args := range []string{"demo --speed=max", "demo --speed=max -o lanes", "demo --speed=max -o json",
		"demo --speed=max -o html", "replay - --speed=max -o mermaid", "compare - demo.jsonl", "compare - demo.jsonl -o html",
		"create-pod web --image=x --dry-run=client",
		"version --client", "version --client -o yaml", "options", "--help", "create-pod --help", "help create",
		"completion bash", "completion kubectl"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var errOut bytes.Buffer
		root := newRoot(genericiooptions.IOStreams{In: bytes.NewReader(demo), Out: w, ErrOut: &errOut})
		root.SetArgs(strings.Fields(args))
		if err := root.ExecuteContext(t.Context()); err != nil && !errors.Is(err, syscall.EPIPE) || errOut.Len() > 0 {
			t.Errorf("%s: %v: %s", args, err, errOut.String())
		}
		w.Close()
	}
}

// Standard output is for results: a run that has none leaves it empty, and what went wrong is its error, which main
// prints.
func TestErrorsAreNoOutput(t *testing.T) {
	t.Setenv("KUBECONFIG", written(t, kubeconfig)) // nobody listens there
	pod := written(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: x}]}\n")
	for _, args := range []string{"create-pod web --image=x", "create-pod -f " + pod, "create-deployment web --image=x",
		"create-job web --image=x", "create -f " + pod, "exec web -- true",
		"delete-pod web", "delete pod/web", "watch pod/web", "show pod/web", "replay nowhere.jsonl",
		"create-pod web --image=x -o json", "create-pod web"} {
		out, errOut, err := replayed(t.Context(), strings.Fields(args)...)
		if err == nil || besides(err) == nil || out+errOut != "" {
			t.Errorf("%s: %v: %q %q", args, err, out, errOut)
		}
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
