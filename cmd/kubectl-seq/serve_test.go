package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// servedRun is a command that runs with --serve.
type servedRun struct {
	url    string
	errOut chan string // its lines
	out    *bytes.Buffer
	stop   func() error // as Ctrl-C does
}

func startServed(t *testing.T, args ...string) *servedRun {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	r := &servedRun{errOut: make(chan string, 100), out: &bytes.Buffer{}}
	root := newRoot(genericiooptions.IOStreams{In: bytes.NewReader(demo), Out: r.out, ErrOut: write})
	root.SetArgs(args)
	ended := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		write.Close()
		ended <- err
	}()
	go func() {
		defer close(r.errOut)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			r.errOut <- lines.Text()
		}
	}()
	r.stop = func() error {
		cancel()
		for range r.errOut {
		}
		return <-ended
	}
	line := <-r.errOut
	if r.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\w+/`).FindString(line); r.url == "" {
		t.Fatalf("no URL in %q: %v", line, r.stop())
	}
	return r
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return string(body)
}

// A recording is played once somebody looks; its documents are those of -o json, its page that of -o html. After its
// end it is served until Ctrl-C, which does not change the exit code.
func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	want, _, err := replayed(t.Context(), "demo", "-o", "json", "--speed=max")
	if err != nil {
		t.Fatal(err)
	}
	html := filepath.Join(t.TempDir(), "demo.html")
	r := startServed(t, "demo", "--serve", "-o", "json", "-o", "html="+html, "--speed=5")
	events := fetched(t, r.url+"events")
	steps := map[int]string{} // by their places
	var tail []string         // the last that is sent
	for event := range strings.SplitSeq(events, "\n\n") {
		documents := regexp.MustCompile(`(?m)^data: (.*)$`).FindAllString(event, -1)
		switch {
		case strings.HasPrefix(event, "event: anew"):
			steps = map[int]string{}
		case strings.HasPrefix(event, "event: step"):
			var d struct{ Index int }
			if err := json.Unmarshal([]byte(strings.TrimPrefix(documents[0], "data: ")), &d); err != nil {
				t.Fatal(err)
			}
			steps[d.Index] = documents[0]
		case strings.HasPrefix(event, "event: tail"):
			tail = documents
		}
	}
	all := tail[:1:1]
	for i := range len(steps) {
		all = append(all, steps[i])
	}
	all = append(all, tail[1:]...)
	if got := strings.ReplaceAll(strings.Join(all, "\n"), "data: ", "") + "\n"; got != want {
		t.Errorf("the events have\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(events, "event: end\n") {
		t.Error("they have no end")
	}
	saved := fetched(t, r.url+"page.html")
	for line := range r.errOut {
		if strings.HasPrefix(line, "until Ctrl-C") {
			break
		}
	}
	written, err := os.ReadFile(html)
	if err != nil || saved != string(written) {
		t.Errorf("the page has %d bytes, the file %d: %v", len(saved), len(written), err)
	}
	if err := r.stop(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if r.out.String() != want {
		t.Errorf("standard output has\n%s", r.out)
	}
}

// While a Deployment starts, browsers have what took the time of each of its Pods.
func TestServeHasPhasesOfPods(t *testing.T) {
	r := startServed(t, "replay", recordingOf(t, "pkg/trace/testdata/deployment.txtar"), "--serve")
	events := fetched(t, r.url+"events")
	if n := regexp.MustCompile(`"type":"pod".*"phases":\[\{`).FindAllStringIndex(events, -1); len(n) <= 2 {
		t.Errorf("only %d documents of Pods have phases: those of the end", len(n))
	}
	if err := r.stop(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// Ctrl-C while nobody has come ends it at once, as an interrupt.
func TestServeIsInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := startServed(t, "demo", "--serve")
	var exit exitError
	if err := r.stop(); !errors.As(err, &exit) || exit != exitInterrupted {
		t.Errorf("it ends with %v", err)
	}
}

func TestServeBadInput(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	directory := t.TempDir()
	for arg, want := range map[string]string{
		taken.Addr().String(): "--serve=" + taken.Addr().String() + ": the port is taken " +
			"(hint: --serve alone takes one that is free)",
		"127.0.0.1:many": "--serve=127.0.0.1:many: ",
		"a:b:c":          "--serve=a:b:c: ",
	} {
		out, errOut, err := replayed(t.Context(), "demo", "--serve="+arg, "-o", "html="+filepath.Join(directory, "x.html"))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || out+errOut != "" {
			t.Errorf("--serve=%s: %v: %q, %q", arg, err, out, errOut)
		}
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
	_, _, err = replayed(t.Context(), "create-pod", "web", "--image=busybox", "--serve", "--repeat=3")
	if err == nil || !strings.Contains(err.Error(), "--serve shows one run, --repeat has many") {
		t.Errorf("with --repeat: %v", err)
	}
}
