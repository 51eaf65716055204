//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/logfile"
)

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// export sends one line of OTLP JSON, as an exporter that repeats until somebody listens.
func export(ctx context.Context, address string, line []byte) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/traces", bytes.NewReader(line))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// The audit log by a pipe, with rubbish in it, and the spans by OTLP.
func TestRecordsByPipeAndListener(t *testing.T) {
	remove(t, "plain")
	address := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := inPlace(t, exec.CommandContext(ctx, plugin, "create-pod", "-f", scenarioFile("plain"), "--rm", "-o", "json",
		"--audit-log=-", "--otlp-listen="+address, "--evidence-timeout=30s"))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, "rubbish\n{}\n")
	var wg sync.WaitGroup
	for _, f := range recordings(t) {
		log, size := f.open(t)
		wg.Go(func() {
			err := logfile.Follow(ctx, log, size, func(line []byte) {
				if f.name == spansFile {
					export(ctx, address, line)
				} else {
					fmt.Fprintf(in, "%s\n", line)
				}
			}, func(why string) { t.Error(why) })
			if err != nil {
				t.Error(err)
			}
		})
	}
	err = cmd.Run()
	cancel()
	wg.Wait()
	if err != nil || !strings.Contains(errOut.String(), "receiving spans at 127.0.0.1:") {
		t.Fatalf("%v: %s", err, errOut.String())
	}
	d := parse(t, out.String())
	for _, s := range d.steps {
		if s.Certainty != "observed" && (cri(s) != "" || s.To == "etcd" || apiWrite(s) || s.To == "runc") {
			t.Errorf("%v is only inferred", s)
		}
	}
	if !strings.Contains(out.String(), "audit: a line that is no audit entry (2 times)") {
		t.Error("the rubbish is not reported")
	}
}

func TestCollect(t *testing.T) {
	path, address := filepath.Join(t.TempDir(), "spans.jsonl"), freePort(t)
	cmd := exec.CommandContext(t.Context(), plugin, "collect", "--otlp-listen="+address, "--out="+path, "--max-size=1")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}}]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"11111111111111111111111111111111","spanId":"2222222222222222","name":"` + strings.Repeat("n", 10_000) + `"}]}]}]}`)
	for range 150 {
		export(t.Context(), address, line)
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, errOut.String())
	}
	n := 0
	for _, p := range []string{path, path + ".1"} {
		data, err := os.ReadFile(p)
		if err != nil || len(data) > 1<<20 {
			t.Errorf("%s: %d bytes, %v", p, len(data), err)
		}
		n += strings.Count(string(data), `"spanId":"2222222222222222"`)
	}
	if n != 150 {
		t.Errorf("%d spans of 150 are kept", n)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	out, errOut, code := runSeq(t, "sources", "--wait=3s") // the scheduler renews its lease every 2 s
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	for _, source := range []string{"watch", "events", "leases", "metrics", "audit", "spans"} {
		if !strings.Contains(out, "\n"+source+strings.Repeat(" ", 9-len(source))+"yes ") {
			t.Errorf("%s is not seen:\n%s", source, out)
		}
	}
	for _, want := range []string{"kube-system/kube-scheduler",
		"use it with --audit-log=node:/var/log/kubernetes/audit.log",
		"use it with --spans=node:/var/log/kubernetes/spans.jsonl"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	out, _, code = runSeq(t, "sources", "--wait=1s", "--as=nobody")
	if code != 0 || strings.Contains(out, " yes ") || strings.Count(out, "you may not:") != 6 ||
		strings.Count(out, "it needs ") != 6 {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestRecordsThatCannotBeRead(t *testing.T) {
	for args, want := range map[string]string{
		"--audit-log=node:/var/log/kubernetes/nowhere.log": "--audit-log=node:/var/log/kubernetes/nowhere.log: " +
			"nowhere.log of the node: 404",
		"--spans=node:/etc/passwd":                 "a kubelet serves only what is below /var/log/",
		"--audit-log=/nowhere":                     "no such file",
		"--audit-log=node:/var/log/x --as=student": "find the control-plane node",
	} {
		allow := strings.Fields("create-pod web --image=busybox:1 " + args)
		if _, errOut, code := runSeq(t, allow...); code != 1 || !strings.Contains(errOut, want) ||
			strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit %d: %s", args, code, errOut)
		}
	}
	gone(t, "web")
}
