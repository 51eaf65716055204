//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// servedRun is the plugin with --serve, and who reads its page.
type servedRun struct {
	url    string
	cmd    *exec.Cmd
	lines  chan string // of standard error, those that came before the URL left out
	before []string
	client http.Client
}

// serving waits for the URL on what the plugin says.
func serving(t *testing.T, cmd *exec.Cmd, says io.Reader) *servedRun {
	t.Helper()
	r := &servedRun{cmd: cmd, lines: make(chan string, 1000), client: http.Client{Transport: &http.Transport{}}}
	t.Cleanup(r.client.CloseIdleConnections)
	scanner := bufio.NewScanner(says)
	for r.url == "" && scanner.Scan() {
		if r.url = regexp.MustCompile(`http://\S+`).FindString(scanner.Text()); r.url == "" {
			r.before = append(r.before, scanner.Text())
		}
	}
	if r.url == "" {
		t.Fatalf("it says no URL: %q", r.before)
	}
	go func() {
		defer close(r.lines)
		for scanner.Scan() {
			r.lines <- scanner.Text()
		}
	}()
	return r
}

// startServed starts the plugin, with its standard output in the buffer.
func startServed(t *testing.T, out *bytes.Buffer, args ...string) *servedRun {
	t.Helper()
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, args...))
	cmd.Stdout = out
	errOut, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return serving(t, cmd, errOut)
}

// get is what there is below the URL.
func (r *servedRun) get(t *testing.T, path string) string {
	t.Helper()
	response, err := r.client.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, response.Status, err)
	}
	return string(body)
}

// documents are those of -o json, put together from a stream of events that has come to its end.
func documents(t *testing.T, events string) string {
	t.Helper()
	var steps, tail []string
	ended := false
	for event := range strings.SplitSeq(events, "\n\n") {
		var data []string
		for line := range strings.Lines(event) {
			if d, ok := strings.CutPrefix(line, "data: "); ok {
				data = append(data, strings.TrimSpace(d))
			}
		}
		switch {
		case strings.HasPrefix(event, "event: anew"):
			steps = nil
		case strings.HasPrefix(event, "event: step"):
			var s struct{ Index int }
			if err := json.Unmarshal([]byte(data[0]), &s); err != nil {
				t.Fatal(err)
			}
			if s.Index == len(steps) {
				steps = append(steps, "")
			}
			steps[s.Index] = data[0]
		case strings.HasPrefix(event, "event: tail"):
			tail = data
		case strings.HasPrefix(event, "event: end"):
			ended = true
		}
	}
	if !ended {
		t.Error("the stream has no end")
	}
	first := slices.IndexFunc(tail, func(d string) bool {
		return !strings.HasPrefix(d, `{"type":"run"`) && !strings.HasPrefix(d, `{"type":"pod"`)
	})
	if first < 0 {
		t.Fatalf("the last tail is %q", tail)
	}
	return strings.Join(slices.Concat(tail[:first], steps, tail[first:]), "\n") + "\n"
}

// readToTheEnd has two readers see a run to its end, of whom one comes late: both have what -o json prints, and the
// page of -o html. Then Ctrl-C ends it, with the exit code of the run.
func (r *servedRun) readToTheEnd(t *testing.T, out *bytes.Buffer, file string, code int) {
	t.Helper()
	if page := r.get(t, ""); !strings.Contains(page, "<title>") {
		t.Errorf("the page is %.100s", page)
	}
	whole := r.get(t, "events")
	said := strings.Join(r.before, "\n")
	for line := range r.lines {
		if said += "\n" + line; strings.HasPrefix(line, "until Ctrl-C at ") {
			break
		}
	}
	late := r.get(t, "events")
	page := r.get(t, "page.html")
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for line := range r.lines {
		said += "\n" + line
	}
	r.cmd.Wait()
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d, want %d: %s", got, code, said)
	}
	for name, events := range map[string]string{"from the beginning": whole, "late": late} {
		if got := documents(t, events); got != out.String() {
			t.Errorf("who reads %s has\n%s\nand -o json\n%s", name, got, out)
		}
	}
	if n := len(parse(t, out.String()).steps); n < 3 {
		t.Errorf("%d steps", n)
	}
	if written := string(dataOf(t, file)); page != written {
		t.Errorf("the page has %d bytes, that of -o html %d", len(page), len(written))
	}
}

// Whatever is done, browsers have it as the outputs do, and it ends cleanly.
func TestServe(t *testing.T) {
	t.Parallel()
	recording := filepath.Join(t.TempDir(), "recorded.jsonl")
	sleeps := []string{"--", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"}
	for name, c := range map[string]struct {
		args   []string
		before func(t *testing.T)
		during func(t *testing.T)
		code   int
	}{
		"create-pod": {args: append([]string{"create-pod", "web", "--image=busybox:1", "--rm"}, sleeps...)},
		"create-deployment": {args: append([]string{"create-deployment", "web", "--image=busybox:1", "--replicas=2", "--rm"},
			sleeps...)},
		"create": {args: []string{"create", "-f", "../../pkg/trace/testdata/workloads/job.yaml", "--rm"}},
		"a start that fails": {args: []string{"create-pod", "web", "--image=nowhere:1", "--image-pull-policy=Never", "--rm"},
			code: 2},
		"watch": {args: []string{"watch", "pod/web", "--wait", "--until=ready"}, during: func(t *testing.T) {
			runKubectl(t, "", append([]string{"run", "web", "--image=busybox:1", "--command"}, sleeps...)...)
		}},
		"show": {args: []string{"show", "pod/plain"}, before: func(t *testing.T) { start(t, "plain", ready) }},
		"exec": {args: []string{"exec", "plain", "--linger=1s", "--", "true"},
			before: func(t *testing.T) { start(t, "plain", ready) }},
		"delete": {args: []string{"delete", "pod/graceful"}, before: func(t *testing.T) { start(t, "graceful", running) }},
		"delete-pod": {args: []string{"delete-pod", "graceful"},
			before: func(t *testing.T) { start(t, "graceful", running) }},
		"replay": {args: []string{"replay", recording, "--speed=5"}, before: func(t *testing.T) {
			_, errOut, code := runSeq(t, append([]string{"create-pod", "web", "--image=busybox:1", "--rm",
				"--record=" + recording}, sleeps...)...)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, errOut)
			}
		}},
		"demo": {args: []string{"demo", "--speed=5"}},
	} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			if c.before != nil {
				c.before(t)
			}
			var out bytes.Buffer
			html := filepath.Join(t.TempDir(), "run.html")
			args := append([]string{c.args[0], "--serve", "-o", "json", "-o", "html=" + html}, c.args[1:]...)
			r := startServed(t, &out, args...)
			if c.during != nil {
				c.during(t)
			}
			r.readToTheEnd(t, &out, html, c.code)
		})
	}
}

// Beside the sequence of a Pod there is the map of its APIs, on which what has come lights up: while the run goes on,
// and once it has ended.
func TestServeMap(t *testing.T) {
	apart(t)
	var out bytes.Buffer
	r := startServed(t, &out, "create-pod", "web", "--image=busybox:1", "--rm", "--serve", "-o", "json", "--",
		"sleep", "1000")
	if !strings.Contains(r.get(t, ""), `"map":true`) {
		t.Error("the page does not know of the map")
	}
	events := make(chan string)
	go func() { events <- r.get(t, "events") }() // a reader, for whom updates are made
	for look := time.Tick(50 * time.Millisecond); ; <-look {
		response, err := r.client.Get(r.url + "map.html")
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusOK && strings.Contains(string(page), "picks ") {
			if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "connect-src 'self'") ||
				!strings.Contains(policy, "frame-ancestors 'none'") {
				t.Errorf("its policy is %s", policy)
			}
			break
		}
	}
	<-events
	page := r.get(t, "map.html") // also where the Pod has been removed since
	for _, want := range []string{"StartContainer web", "<b>apiserver → etcd</b> Pod web"} {
		if !strings.Contains(page, want) {
			t.Errorf("in the end the map has no %q", want)
		}
	}
	r.cmd.Process.Signal(os.Interrupt)
	for range r.lines {
	}
	if r.cmd.Wait(); r.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("exit %d", r.cmd.ProcessState.ExitCode())
	}
}

func TestServeDockerRun(t *testing.T) {
	t.Parallel()
	e := newDockerEngine(t)
	var out bytes.Buffer
	html := filepath.Join(t.TempDir(), "run.html")
	r := startServed(t, &out, "docker-run", "--host="+e.host, "--containerd="+e.containerd, busyboxImage, "--name=web",
		"--rm", "--serve", "-o", "json", "-o", "html="+html, "--", "sh", "-c", "echo hello; exit 3")
	r.readToTheEnd(t, &out, html, 3)
}

// A command has the terminal while browsers see what it leads to.
func TestServeExecWithTerminal(t *testing.T) {
	apart(t)
	start(t, "plain", ready)
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "exec", "plain", "-it", "--linger=1s", "--serve", "--",
		"sh"))
	screen, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 160})
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	r := serving(t, cmd, screen)
	if _, err := fmt.Fprintln(screen, `echo "it is $((6 * 7))"`); err != nil {
		t.Fatal(err)
	}
	for line := range r.lines {
		if strings.Contains(line, "it is 42") {
			break
		}
	}
	response, err := r.client.Get(r.url + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	events := bufio.NewReader(response.Body)
	var seen strings.Builder
	for !strings.Contains(seen.String(), `"label":"Exec `) { // while the command goes on
		line, err := events.ReadString('\n')
		if seen.WriteString(line); err != nil {
			t.Fatalf("%v after\n%s", err, seen.String())
		}
	}
	if _, err := fmt.Fprintln(screen, "exit 7"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(events)
	if err != nil {
		t.Fatal(err)
	}
	if d := parse(t, documents(t, seen.String()+string(rest))); d.outcome.ExitCode != 7 {
		t.Errorf("%+v", d.outcome)
	}
	if _, err := screen.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	for range r.lines {
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit %d", code)
	}
}

// A board has each Pod of the namespace that starts, and no other; its page ends once that has started.
func TestServeBoard(t *testing.T) {
	apart(t)
	start(t, "plain", ready)
	var out bytes.Buffer
	r := startServed(t, &out, "watch", "--serve", "--settle=1s")
	stream, err := r.client.Get(r.url + "events") // or else nothing would be drawn
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	runKubectl(t, "", "create", "deployment", "web", "--image=busybox:1", "--replicas=3", "--", "sleep", "1000")
	runKubectl(t, "", "run", "broken", "--image=nowhere:1", "--image-pull-policy=Never")
	type row struct{ Name, State, Held, Path string }
	var board struct {
		Status string
		Pods   []row
	}
	events := bufio.NewScanner(stream.Body)
	for !strings.HasPrefix(board.Status, "3 ready, 1 not ready") || !slices.ContainsFunc(board.Pods, func(p row) bool {
		return p.Held != ""
	}) {
		if !events.Scan() {
			t.Fatalf("the stream ends with %+v", board)
		}
		if events.Text() != "event: tail" {
			continue
		}
		if err := json.Unmarshal([]byte(r.get(t, "picture")), &board); err != nil {
			t.Fatal(err)
		}
	}
	if len(board.Pods) != 4 {
		t.Errorf("%+v", board.Pods)
	}
	for _, p := range board.Pods {
		if p.Name == "broken" {
			if p.State != "ErrImageNeverPull" {
				t.Errorf("%+v", p)
			}
			continue
		}
		d := parse(t, documents(t, r.get(t, p.Path+"events")))
		if d.outcome.Outcome != "Ready" || !slices.ContainsFunc(d.steps, func(s step) bool {
			return strings.HasPrefix(s.Label, "StartContainer ")
		}) {
			t.Errorf("%s: %+v, %v", p.Name, d.outcome, d.steps)
		}
	}
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for line := range r.lines {
		t.Errorf("it says %s", line)
	}
	if err := r.cmd.Wait(); err != nil || out.Len() > 0 {
		t.Errorf("it ends with %v, and prints %s", err, &out)
	}
}

// What is not there, or may not be seen, is one line, and the exit code is 1.
func TestServeRefused(t *testing.T) {
	apart(t)
	_, errOut, code := runSeq(t, "watch", "--serve", "--as=nobody")
	if code != 1 || !strings.Contains(errOut, "forbidden") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
