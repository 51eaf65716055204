//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// podFile writes a plain Pod of that name.
func podFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".yaml")
	text := strings.Replace(string(dataOf(t, scenarioFile("plain"))), "name: plain", "name: "+name, 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// ended is how a run of the plugin ended.
type ended struct {
	out, errOut string
	code        int
	took, cpu   time.Duration
}

// seqAt runs the plugin against another cluster.
func seqAt(t *testing.T, kubeconfig string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := inPlace(t, exec.CommandContext(ctx, plugin, args...), kubeconfig)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begun := time.Now()
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	p := cmd.ProcessState
	return ended{out.String(), errOut.String(), p.ExitCode(), time.Since(begun), p.UserTime() + p.SystemTime()}
}

var errCut = errors.New("cut")

// cutAfter lets so many writes of an answer pass, and half of the next.
func cutAfter(writes int) func([]byte) ([]byte, error) {
	n := 0
	return func(b []byte) ([]byte, error) {
		if n++; n <= writes {
			return b, nil
		}
		return b[:len(b)/2], errCut
	}
}

type fault struct {
	handle func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int)
	args   string
	gap    bool // some revisions may never have been seen, and the run says so
	least  time.Duration
}

func faults() map[string]fault {
	held := make(chan struct{})
	return map[string]fault{
		"cut-mid-object": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			if strings.HasPrefix(kind, "watch ") && before < 3 {
				p.pass(w, r, cutAfter(1))
				return
			}
			p.pass(w, r, nil)
		}},
		"connections-cut": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			p.pass(w, r, nil)
			if kind == "create pods" { // and answered, else the API server's own log calls it a failure
				for _, after := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
					time.AfterFunc(after, p.CloseClientConnections)
				}
			}
		}},
		"gone": {gap: true, handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			switch {
			case strings.HasPrefix(kind, "watch ") && before == 0:
				p.pass(w, r, cutAfter(2))
			case strings.HasPrefix(kind, "watch ") && before == 1:
				refuse(w, 410, metav1.StatusReasonExpired)
			default:
				p.pass(w, r, nil)
			}
		}},
		"rights-missing": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			// As of an API server that has just started and has not read its roles yet.
			switch {
			case strings.HasPrefix(kind, "watch ") && before == 0:
				p.pass(w, r, cutAfter(1))
			case strings.HasPrefix(kind, "watch ") && before < 3:
				refuse(w, 403, metav1.StatusReasonForbidden)
			default:
				p.pass(w, r, nil)
			}
		}},
		"too-many-requests": {least: time.Second,
			handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
				if before == 0 {
					refuse(w, 429, metav1.StatusReasonTooManyRequests)
					return
				}
				p.pass(w, r, nil)
			}},
		"server-errors": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			if before < 2 && kind != "create pods" {
				refuse(w, 500, metav1.StatusReasonInternalError)
				return
			}
			p.pass(w, r, nil)
		}},
		"answer-lost": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			if kind == "create pods" {
				p.pass(w, r, cutAfter(0))
				return
			}
			p.pass(w, r, nil)
		}},
		"error-after-the-fact": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			if kind == "create pods" && before == 0 {
				p.pass(&discarded{}, r, nil)
				refuse(w, 500, metav1.StatusReasonInternalError)
				return
			}
			p.pass(w, r, nil)
		}},
		"slow": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			time.Sleep(200 * time.Millisecond)
			p.pass(w, r, func(b []byte) ([]byte, error) {
				time.Sleep(200 * time.Millisecond)
				return b, nil
			})
		}},
		"garbled": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			if strings.HasPrefix(kind, "watch ") && before < 2 {
				n := 0
				p.pass(w, r, func(b []byte) ([]byte, error) {
					if n++; n == 2 {
						for i := range b {
							b[i] ^= 0x5a
						}
					}
					return b, nil
				})
				return
			}
			p.pass(w, r, nil)
		}},
		"silence": {args: "--timeout=90s", least: 30 * time.Second,
			handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
				if kind == "create pods" {
					time.AfterFunc(30*time.Second, func() { close(held) })
				}
				if strings.HasPrefix(kind, "watch ") {
					p.pass(w, r, func(b []byte) ([]byte, error) {
						select {
						case <-held:
						case <-r.Context().Done():
						}
						return b, nil
					})
					return
				}
				p.pass(w, r, nil)
			}},
		"credentials-renewed": {handle: func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
			// The credentials run out just after the create: what is open is cut, and the next requests are refused.
			if kind == "create pods" {
				defer func() { time.AfterFunc(200*time.Millisecond, p.CloseClientConnections) }()
			}
			if strings.HasPrefix(kind, "watch ") && before == 1 {
				refuse(w, 401, metav1.StatusReasonUnauthorized)
				return
			}
			p.pass(w, r, nil)
		}},
	}
}

// discarded is an answer that nobody gets.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarded) WriteHeader(int)             {}
func (d *discarded) Flush()                      {}

// After each fault the story is that of the cluster's own records: nothing lost that was not said to be, nothing twice.
func TestFaults(t *testing.T) {
	apart(t)
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, f.handle)
			pod := "fault-" + name
			remove(t, pod)
			r := record(t)
			e := seqAt(t, p.kubeconfig(t, clientcmdapi.AuthInfo{}),
				append([]string{"create-pod", "-f", podFile(t, pod), "-o", "json", "--rm"}, strings.Fields(f.args)...)...)
			if e.code != 0 {
				t.Fatalf("exit %d: %s\n%s", e.code, e.errOut, e.out)
			}
			if e.cpu > 5*time.Second || e.took < f.least {
				t.Errorf("it took %v of CPU and %v", e.cpu, e.took)
			}
			d := parse(t, e.out)
			tr := r.of(t, pod, wholeFor(d), d.uid)
			s, placed := tr.Compare(claims(d.steps), d.end(tr), likelyWithin)
			if gaps := count(d.steps, func(s step) bool { return s.Rule == "gap" }); f.gap != (gaps > 0) ||
				!f.gap && len(s.Missing) > 0 {
				t.Errorf("%d gaps, missing: %v", gaps, s.Missing)
			}
			for what, all := range map[string][]string{"wrong actor": s.WrongActors, "window": s.Uncovered,
				"invented": s.Inventions} {
				for _, one := range all {
					t.Errorf("%s: %s", what, one)
				}
			}
			provedOrder(t, d, placed)
			twice := map[string]bool{}
			for _, s := range d.steps {
				if s.ResourceVersion != "" && s.To == "etcd" {
					if twice[s.ResourceVersion] {
						t.Errorf("twice: %v", s)
					}
					twice[s.ResourceVersion] = true
				}
			}
			gone(t, pod)
		})
	}
}

// The answer to the creation of an object that is no Pod is lost: the run goes on, and says so; and what it made is
// removed.
func TestLostAnswerOfWorkload(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(p *proxy, w http.ResponseWriter, r *http.Request){
		"cut": func(p *proxy, w http.ResponseWriter, r *http.Request) { p.pass(w, r, cutAfter(0)) },
		"error-after-the-fact": func(p *proxy, w http.ResponseWriter, r *http.Request) {
			p.pass(&discarded{}, r, nil)
			refuse(w, 500, metav1.StatusReasonInternalError)
		},
	} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
				if kind == "create deployments" && before == 0 {
					lose(p, w, r)
					return
				}
				p.pass(w, r, nil)
			})
			rec := record(t)
			e := seqAt(t, p.kubeconfig(t, clientcmdapi.AuthInfo{}), "create", "-f", workloadFile("deployment"), "-o", "json",
				"--rm")
			d := parse(t, e.out)
			if e.code != 0 || d.outcome.Outcome != "Available" || !strings.Contains(e.out, "the answer to the create: ") ||
				!strings.Contains(e.out, "; the Deployment is there") {
				t.Fatalf("exit %d, %+v: %s", e.code, d.outcome, e.errOut)
			}
			if n := count(d.steps, func(s step) bool {
				return s.From == "kubectl" && strings.HasPrefix(s.Label, "POST deployments")
			}); n != 1 {
				t.Errorf("the Deployment is created %d times", n)
			}
			judged(t, d, rec.of(t, name, wholeFor(d), d.uids()...), likelyWithin)
			if !strings.Contains(e.errOut, `deployment "web" deleted`) {
				t.Errorf("it is not removed: %s", e.errOut)
			}
			runKubectl(t, "", "wait", "--for=delete", "pods", "-l", "app=web", "--timeout=60s")
		})
	}
}

func TestRefusedCredentials(t *testing.T) {
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		refuse(w, 401, metav1.StatusReasonUnauthorized)
	})
	e := seqAt(t, p.kubeconfig(t, clientcmdapi.AuthInfo{}), "create-pod", "nobody", "--image=busybox:1")
	if e.code != 1 || !strings.Contains(e.errOut, "the server did not accept your credentials") ||
		e.took > 20*time.Second {
		t.Errorf("exit %d after %v: %s", e.code, e.took, e.errOut)
	}
}

// A 500 that really was one leaves no Pod, and is told as such.
func TestCreateFails(t *testing.T) {
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		if kind == "create pods" {
			refuse(w, 500, metav1.StatusReasonInternalError)
			return
		}
		p.pass(w, r, nil)
	})
	e := seqAt(t, p.kubeconfig(t, clientcmdapi.AuthInfo{}), "create-pod", "never-made", "--image=busybox:1", "--rm")
	if e.code != 1 || !strings.Contains(e.errOut, "InternalError") || e.took > 20*time.Second {
		t.Errorf("exit %d after %v: %s", e.code, e.took, e.errOut)
	}
	gone(t, "never-made")
}

// execPlugin is a credential plugin that gives another token each time, each valid for a short while only.
func execPlugin(t *testing.T) clientcmdapi.AuthInfo {
	t.Helper()
	script := filepath.Join(t.TempDir(), "token")
	text := `#!/bin/sh
n=$(cat "$0.n" 2>/dev/null || echo 0); n=$((n+1)); echo $n >"$0.n"
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"token-%s"}}' $n
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1",
		Command: script, InteractiveMode: clientcmdapi.NeverExecInteractiveMode}}
}

// A token of a credential plugin runs out while the watches are open: they are cut, and the token is good no more.
func TestTokenExpires(t *testing.T) {
	apart(t)
	valid := new(atomic.Value)
	valid.Store("Bearer token-1")
	p := newProxy(t, func(p *proxy, w http.ResponseWriter, r *http.Request, kind string, before int) {
		if r.Header.Get("Authorization") != valid.Load() {
			refuse(w, 401, metav1.StatusReasonUnauthorized)
			return
		}
		p.pass(w, r, nil)
		if kind == "create pods" {
			time.AfterFunc(100*time.Millisecond, func() {
				valid.Store("Bearer token-2")
				p.CloseClientConnections()
			})
		}
	})
	remove(t, "token")
	e := seqAt(t, p.kubeconfig(t, execPlugin(t)), "create-pod", "-f", podFile(t, "token"), "-o", "json", "--rm")
	if d := parse(t, e.out); e.code != 0 || d.outcome.Outcome != "Ready" ||
		count(d.steps, func(s step) bool { return s.Rule == "gap" }) != 0 || strings.Contains(e.errOut, "Unauthorized") {
		t.Errorf("exit %d: %+v %s", e.code, d.outcome, e.errOut)
	}
	gone(t, "token")
}
