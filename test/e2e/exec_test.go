//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// With -it the command has the terminal, with its size also when that changes; the sequence comes after it.
func TestExecWithTerminal(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "exec", "trapped", "-it", "--", "sh"))
	screen, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 41, Cols: 160})
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	var seen bytes.Buffer
	until := func(mark string) {
		b := make([]byte, 4096)
		for !strings.Contains(seen.String(), mark) {
			n, err := screen.Read(b)
			if seen.Write(b[:n]); err != nil {
				t.Fatalf("%v: no %q in %q", err, mark, seen.String())
			}
		}
	}
	fmt.Fprint(screen, "stty size; echo a''nswered\n")
	until("41 160")
	until("answered")
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 33, Cols: 150}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(screen, "until [ \"$(stty size)\" = '33 150' ]; do sleep 0.1; done; echo re''sized; exit 3\n")
	until("resized")
	if before, _, _ := strings.Cut(seen.String(), "\r\nresized"); strings.Contains(before, "apiserver") {
		t.Errorf("drawn while the command had the terminal: %q", before)
	}
	until("did not end in the")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 3 || !strings.Contains(seen.String(), "exit code 3") {
		t.Errorf("%v: %q", err, seen.String())
	}
	out, errOut, code := runSeq(t, "exec", "trapped", "-t", "--", "echo", "plain")
	if code != 0 || !strings.Contains(errOut, "Unable to use a TTY") || !strings.Contains(out, "plain\n") {
		t.Errorf("without a terminal: exit %d, %q, %q", code, out, errOut)
	}
}

// What the command writes goes where kubectl exec has it, and its exit code is kept, whatever is drawn.
func TestExecPassesOutput(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	command := []string{"--", "sh", "-c", "echo out; echo err >&2; printf end; exit 3"}
	for _, format := range []string{"listing", "lanes"} {
		out, errOut, code := runSeq(t, append([]string{"exec", "trapped", "-o", format}, command...)...)
		lines := strings.Split(out, "\n")
		if code != 3 || errOut != "err\n" || !slices.Contains(lines, "out") || !slices.Contains(lines, "end") ||
			!strings.Contains(out, "exit code 3") || !strings.Contains(out, "Exited") {
			t.Errorf("%s: exit %d, stderr %q, stdout\n%s", format, code, errOut, out)
		}
	}
	for _, format := range []string{"json", "mermaid", "html"} {
		out, errOut, code := runSeq(t, append([]string{"exec", "pod/trapped", "-o", format}, command...)...)
		if code != 3 || strings.Contains(out, "\nout\n") || !strings.Contains(errOut, "out\n") ||
			!strings.Contains(errOut, "err\n") || !strings.Contains(errOut, "end\n") {
			t.Errorf("%s: exit %d, stderr %q", format, code, errOut)
		}
		if format == "json" {
			d := parse(t, out)
			if d.outcome.Outcome != "Exited" || d.outcome.ExitCode != 3 {
				t.Errorf("%+v", d.outcome)
			}
		}
	}
}

func TestExecPassesInput(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	cmd := inPlace(t, exec.Command(plugin, "exec", "trapped", "-i", "-o", "json", "--", "cat"))
	var errOut bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader("hello\n"), &errOut
	if _, err := cmd.Output(); err != nil || errOut.String() != "hello\n" {
		t.Errorf("%v: %q", err, errOut.String())
	}
}

// PID 1 ends by a command in its container, and the container lives again: held against the cluster's records.
func TestExecKillsFirstProcess(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"client": nil, "records": withRecords} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			start(t, "trapped", ready)
			r := record(t)
			kept := filepath.Join(t.TempDir(), "kept.jsonl")
			out, errOut, code := runSeq(t,
				append([]string{"exec", "trapped", "--processes", "--linger=1m", "-o", "json", "--record=" + kept},
					append(flags, "--", "kill", "1")...)...)
			if again, _, replayed := runSeq(t, "replay", kept, "-o", "json", "--speed=max"); again != out || replayed != code {
				t.Errorf("replay: exit %d, not %d (-live +replay)\n%s", replayed, code, cmp.Diff(out, again))
			}
			d := parse(t, out)
			if code != 0 || d.outcome.Outcome != "Ready" {
				t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
			}
			tr := r.of(t, "trapped", wholeFor(d), d.uid)
			d.begun(tr)
			s := judged(t, d, tr, likelyWithin)
			for _, want := range []string{"GET pods/exec (trapped) app: kill 1", "Exec app", "begins: kill 1",
				"kill 1 exits with 0", "exits with 0", "CreateContainer app", "StartContainer app"} {
				if n := count(d.steps, func(s step) bool { return s.Label == want }); n != 1 {
					t.Errorf("%d times %q in\n%v", n, want, d.steps)
				}
			}
			if n := count(d.steps,
				func(s step) bool { return s.Rule == "process" && strings.HasPrefix(s.Label, "process 1: sh -c trap") }); n != 2 {
				t.Errorf("process 1 was seen %d times, not before and after", n)
			}
			execHeld(t, d, flags != nil)
			t.Logf("%d writes, %d calls, %d pairs, time error p50 %v, p95 %v", s.Writes, s.Calls, s.Pairs, s.Percentile(50),
				s.Percentile(95))
			zero := int64(0)
			client(t).Pods(namespace(t)).Delete(t.Context(), "trapped", metav1.DeleteOptions{GracePeriodSeconds: &zero})
			gone(t, "trapped")
		})
	}
}

// A process 1 that has no handler for a signal does not get it: the command succeeds, and nothing follows.
func TestExecIgnored(t *testing.T) {
	apart(t)
	start(t, "plain", ready)
	out, errOut, code := runSeq(t, "exec", "plain", "--", "kill", "1")
	if said := strings.Join(strings.Fields(out), " "); code != 0 ||
		!strings.Contains(said, "container app did not end in the ") ||
		!strings.Contains(said, "only signals that it has a handler for") || strings.Contains(said, "StartContainer") {
		t.Errorf("exit %d: %s\n%s", code, errOut, out)
	}
}

func TestExecRefused(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	start(t, "gated", func(*corev1.Pod) bool { return true })
	allowVerbs(t, "looker", []string{"get", "list", "watch"}, "pods")
	for args, want := range map[string][]string{
		"trapped -c nowhere -- true":  {`container nowhere is not valid for pod trapped`, "hint: ", "jsonpath"},
		"trapped -- no-such-program":  {"executable file not found", "hint: name one that the image has"},
		"gated -- true":               {"does not have a host assigned"},
		"nowhere -- true":             {`pods "nowhere" not found`},
		"trapped --as=looker -- true": {"pods/exec", "forbidden", "hint: see what you may do"},
	} {
		out, errOut, code := runSeq(t, append([]string{"exec"}, strings.Fields(args)...)...)
		if code != 1 {
			t.Errorf("%s: exit %d", args, code)
		}
		for _, w := range want {
			if !strings.Contains(errOut, w) {
				t.Errorf("%s: no %q in %s\n%s", args, w, errOut, out)
			}
		}
	}
}

// Every picture of one run; the output is in none of them, nor in the recording.
func TestExecOutputs(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	dir := t.TempDir()
	args := []string{"exec", "trapped", "--record=" + filepath.Join(dir, "kept")}
	for _, format := range []string{"listing", "lanes", "mermaid", "html", "json"} {
		args = append(args, "-o", format+"="+filepath.Join(dir, format))
	}
	out, errOut, code := runSeq(t, append(args, "--explain", "--detail=full", "--", "sh", "-c", "echo swor''dfish")...)
	if code != 0 || !strings.Contains(out, "swordfish") {
		t.Fatalf("exit %d: %s\n%s", code, errOut, out)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 6 {
		t.Fatalf("%v: %d files", err, len(files))
	}
	for _, f := range files {
		if text := read(t, filepath.Join(dir, f.Name())); strings.Contains(text, "swordfish") || len(text) < 500 {
			t.Errorf("%s:\n%s", f.Name(), text)
		}
	}
}

// execHeld holds what is said of the command itself against the spans of kubelet and runtime.
func execHeld(t *testing.T, d document, observed bool) {
	t.Helper()
	const looks = 2 // commands that read the processes, before and after
	lives := runKubectl(t, "", "get", "pod", "trapped", "-o", "jsonpath={.status.containerStatuses[0].containerID} "+
		"{.status.containerStatuses[0].lastState.terminated.containerID}")
	ids := strings.Fields(strings.ReplaceAll(lives, "containerd://", ""))
	var all []truth.Exec
	untilRecorded(t, "the commands in the spans", func(r *truth.Records) (bool, error) {
		all = r.Execs("/exec/"+namespace(t)+"/trapped/app", ids)
		return len(all) > looks, nil
	})
	e := all[1]
	for label, when := range map[string][2]time.Time{
		"exec app: kill 1":    {e.Served.Add(-10 * time.Millisecond), e.Served},
		"Exec app":            {e.Call.Start, e.Call.Start},
		"Exec app returns":    {e.Call.End, e.Call.End},
		"exec":                {e.Runc.Start, e.Runc.Start},
		"begins: kill 1":      {e.Runc.Start, e.Runc.End},
		"kill 1 exits with 0": {e.Runc.Start, e.Ended},
	} {
		i := slices.IndexFunc(d.steps, func(s step) bool { return s.Label == label })
		if i < 0 {
			t.Errorf("no %q", label)
			continue
		}
		s := d.steps[i]
		if s.Earliest != nil && when[1].Before(s.Earliest.Add(-time.Millisecond)) || s.Latest == nil ||
			when[0].After(s.Latest.Add(time.Millisecond)) {
			t.Errorf("%v: truly %v…%v", s, when[0], when[1])
		}
		if want := s.Kind == "note" || observed && !strings.HasPrefix(label, "begins"); want != (s.Certainty == "observed") {
			t.Errorf("%v is %s", s, s.Certainty)
		}
	}
}

// Where a server or a right does not give a WebSocket, SPDY does, by a second request.
func TestExecFallsBack(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	c := config(t)
	c.NextProtos = []string{"http/1.1"} // the others have no upgrades
	transport, err := rest.TransportFor(c)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, _ int) {
		switch kind {
		case "get exec":
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden)
		case "create exec":
			p.forward.Transport = transport
			p.pass(w, r, nil)
		default:
			p.pass(w, r, nil)
		}
	})
	cmd := inPlace(t, exec.Command(plugin, "exec", "trapped", "-o", "json", "--", "sh", "-c", "echo hello; exit 3"),
		p.kubeconfig(t, clientcmdapi.AuthInfo{}))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 3 || errOut.String() != "hello\n" {
		t.Errorf("exit %d: %s", code, errOut.String())
	}
	var said []string
	for _, s := range parse(t, out.String()).steps {
		if s.Rule == "own-exec" {
			said = append(said, strings.Join(strings.Fields(s.Label)[:2], " "))
		}
	}
	if want := []string{"GET pods/exec", "403 Forbidden:", "POST pods/exec", "101 Switching"}; !slices.Equal(said, want) {
		t.Errorf("%q", said)
	}
}

// Ctrl-C ends the run at once, whatever the command does.
func TestExecInterrupted(t *testing.T) {
	apart(t)
	start(t, "trapped", ready)
	cmd := inPlace(t, exec.Command(plugin, "exec", "trapped", "-o", "json", "--", "sh", "-c", "echo begun; sleep 60"))
	var out bytes.Buffer
	cmd.Stdout = &out
	errOut, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(errOut).ReadString('\n'); line != "begun\n" {
		t.Fatalf("%q, %v", line, err)
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if d := parse(t, out.String()); d.outcome.Outcome != "Interrupted" || cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("exit %d, %+v", cmd.ProcessState.ExitCode(), d.outcome)
	}
}
