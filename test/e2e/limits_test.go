//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Less and less is allowed; each time the run does what it can and says once what it cannot.
func TestRights(t *testing.T) {
	apart(t)
	for _, c := range []struct {
		name, verbs string
		code        int
		says        string
	}{
		{"watch", "create,watch,delete", 0, "list pods: "},
		{"list", "create,list,delete", 0, "pods cannot be watched"},
		{"get", "create,get,delete", 0, "pods cannot be watched"},
		{"create", "create", 1, "you may neither watch, list nor get it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			allowVerbs(t, "rights-"+c.name, strings.Split(c.verbs, ","), "pods")
			pod := "rights-" + c.name
			remove(t, pod)
			out, errOut, code := runSeq(t, "create-pod", "-f", podFile(t, pod), "--as=rights-"+c.name, "--timeout=60s")
			if code != c.code || strings.Count(strings.Join(strings.Fields(out), " "), c.says) != 1 ||
				!strings.Contains(out, "201 Created") {
				t.Errorf("exit %d, stderr %q, stdout:\n%s", code, errOut, out)
			}
			if c.code == 0 && (!strings.Contains(out, "Ready in") || !strings.Contains(out, "StartContainer app")) {
				t.Errorf("the story is not told:\n%s", out)
			}
		})
	}
}

// Ctrl-C at any moment: the files are written, --rm is honoured, and the exit code is 130.
func TestInterruptAtAnyMoment(t *testing.T) {
	apart(t)
	for i, after := range []time.Duration{5, 20, 40, 60, 100, 200, 400, 700, 1000} {
		t.Run(fmt.Sprint(int(after), "ms"), func(t *testing.T) {
			t.Parallel()
			pod := fmt.Sprint("interrupted-", i)
			remove(t, pod)
			path := filepath.Join(t.TempDir(), "run.json")
			cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "create-pod", "-f", podFile(t, pod), "--rm",
				"--until=completed", "-o", "json="+path))
			var errOut bytes.Buffer
			cmd.Stdout, cmd.Stderr = &bytes.Buffer{}, &errOut
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after * time.Millisecond)
			cmd.Process.Signal(os.Interrupt)
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 130 && code != -1 { // -1: before main began
				t.Errorf("exit %d: %s", code, errOut.String())
			}
			if data, err := os.ReadFile(path); err == nil {
				if o := parse(t, string(data)).outcome; o.ExitCode != 130 {
					t.Errorf("%+v", o)
				}
			}
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
			if len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			gone(t, pod)
		})
	}
}

// A second Ctrl-C ends at once, even where the server does not answer.
func TestSecondInterrupt(t *testing.T) {
	made := make(chan struct{}, 1)
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		if strings.HasPrefix(kind, "delete ") {
			<-r.Context().Done()
			return
		}
		p.pass(w, r, nil)
		if kind == "create pods" {
			select {
			case made <- struct{}{}:
			default:
			}
		}
	})
	remove(t, "twice")
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "create-pod", "-f", podFile(t, "twice"), "--rm",
		"--until=completed"), p.kubeconfig(t, clientcmdapi.AuthInfo{}))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-made:
	case <-time.After(time.Minute):
		t.Fatal("no Pod is made")
	}
	cmd.Process.Signal(os.Interrupt)
	time.Sleep(500 * time.Millisecond)
	begun := time.Now()
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if took := time.Since(begun); took > 2*time.Second || cmd.ProcessState.ExitCode() == 0 {
		t.Errorf("it took %v, exit %d", took, cmd.ProcessState.ExitCode())
	}
}
