//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/kubectl-seq/kubectl-seq/pkg/logfile"
	"github.com/kubectl-seq/kubectl-seq/pkg/otlp"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// spansIn calls do for each span of OTLP JSON lines.
func spansIn(t *testing.T, line []byte, do func(service string, s ptrace.Span)) {
	t.Helper()
	all, err := otlp.ParseJSON(line)
	if err != nil {
		t.Errorf("%v: %.200s", err, line)
		return
	}
	for _, r := range all.ResourceSpans().All() {
		service, _ := r.Resource().Attributes().Get("service.name")
		for _, scope := range r.ScopeSpans().All() {
			for _, s := range scope.Spans().All() {
				do(service.AsString(), s)
			}
		}
	}
}

// The API server's span of our POST is below ours, or links to it where the server does not trust who asks; and it
// lies within ours.
func TestSpansMeetThoseOfTheCluster(t *testing.T) {
	apart(t)
	remove(t, "plain")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lines := make(chan []byte, 1024)
	var wg sync.WaitGroup
	for _, f := range recordings(t) {
		if f.name != spansFile {
			continue
		}
		log, size := f.open(t)
		wg.Go(func() {
			err := logfile.Follow(ctx, log, size, func(line []byte) {
				select {
				case lines <- bytes.Clone(line):
				case <-ctx.Done():
				}
			}, func(why string) { t.Error(why) })
			if err != nil {
				t.Error(err)
			}
		})
	}
	defer wg.Wait()
	defer cancel()
	file := filepath.Join(t.TempDir(), "run.otlp")
	if _, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("plain"), "--rm", "-o", "otlp="+file); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	var post ptrace.Span
	spansIn(t, []byte(read(t, file)), func(service string, s ptrace.Span) {
		if service == "kubectl" && strings.HasPrefix(s.Name(), "POST pods") {
			post = s
		}
	})
	if post == (ptrace.Span{}) {
		t.Fatal("there is no span of our POST")
	}
	isOurs := func(trace pcommon.TraceID, id pcommon.SpanID) bool {
		return trace == post.TraceID() && id == post.SpanID()
	}
	for found := false; !found; {
		select {
		case line := <-lines:
			spansIn(t, line, func(service string, s ptrace.Span) {
				ours := isOurs(s.TraceID(), s.ParentSpanID())
				for _, l := range s.Links().All() {
					ours = ours || isOurs(l.TraceID(), l.SpanID())
				}
				if found = found || ours; ours && (service != "apiserver" || s.StartTimestamp() < post.StartTimestamp() ||
					s.EndTimestamp() > post.EndTimestamp()) {
					t.Errorf("%s of %s, from %v to %v, is not within ours, from %v to %v", s.Name(), service,
						s.StartTimestamp().AsTime(), s.EndTimestamp().AsTime(), post.StartTimestamp().AsTime(),
						post.EndTimestamp().AsTime())
				}
			})
		case <-ctx.Done():
			t.Fatal("the API server has no span below ours")
		}
	}
}

// What a run has written of itself makes nothing observed in another that receives it. The same from somebody else
// would.
func TestOwnSpansAreNoEvidence(t *testing.T) {
	apart(t)
	remove(t, "plain")
	file := filepath.Join(t.TempDir(), "run.otlp")
	create := []string{"create-pod", "-f", scenarioFile("plain"), "--rm"}
	if _, errOut, code := runSeq(t, append(create, "--detail=full", "-o", "otlp="+file)...); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	own := []byte(read(t, file))
	others := bytes.ReplaceAll(own, []byte(seq.InstrumentationScope), []byte("another"))
	for _, x := range []struct {
		line     []byte
		evidence bool
	}{{own, false}, {others, true}} {
		gone(t, "plain")
		address := freePort(t)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { export(ctx, address, x.line) })
		out, errOut, code := runSeq(t, append(create, "-o", "json", "--otlp-listen="+address, "--evidence-timeout=1s")...)
		cancel()
		wg.Wait()
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errOut)
		}
		var run struct{ Sources []string }
		head, _, _ := strings.Cut(out, "\n")
		if err := json.Unmarshal([]byte(head), &run); err != nil {
			t.Fatal(err)
		}
		if is := slices.Contains(run.Sources, "spans"); is != x.evidence {
			t.Errorf("the sources are %v", run.Sources)
		}
	}
}

// A run below a span of somebody else stays there: what its recording gives is what the run gave.
func TestTraceParentIsKept(t *testing.T) {
	apart(t)
	remove(t, "plain")
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	dir := t.TempDir()
	live, again := filepath.Join(dir, "live.otlp"), filepath.Join(dir, "again.otlp")
	kept := filepath.Join(dir, "kept.jsonl")
	cmd := inPlace(t, exec.CommandContext(t.Context(), plugin, "create-pod", "-f", scenarioFile("plain"), "--rm",
		"-o", "otlp="+live, "--record="+kept))
	cmd.Env = append(cmd.Env, "TRACEPARENT=00-"+trace+"-"+parent+"-01")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, errOut, code := runSeq(t, "replay", kept, "--speed=max", "-o", "otlp="+again); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	text := read(t, live)
	if d := cmp.Diff(text, read(t, again)); d != "" {
		t.Errorf("-live +replay:\n%s", d)
	}
	roots := 0
	spansIn(t, []byte(text), func(_ string, s ptrace.Span) {
		if s.TraceID().String() != trace {
			t.Errorf("%s is of trace %s", s.Name(), s.TraceID())
		}
		if s.ParentSpanID().String() == parent {
			roots++
		}
	})
	if roots != 1 {
		t.Errorf("%d spans are below the given one", roots)
	}
}

// Where nothing takes the spans, the run is written as ever, and what it made is removed.
func TestNothingTakesTheSpans(t *testing.T) {
	apart(t)
	remove(t, "plain")
	path := filepath.Join(t.TempDir(), "run.json")
	out, errOut, code := runSeq(t, "create-pod", "-f", scenarioFile("plain"), "--rm", "-o", "listing", "-o", "json="+path,
		"--otlp=http://"+freePort(t))
	if code != 1 || strings.Count(errOut, "error: ") != 1 || !strings.Contains(errOut, "error: --otlp: send to http://") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if o := parse(t, read(t, path)).outcome; o.Outcome != "Ready" || !strings.Contains(out, "Ready in ") {
		t.Errorf("%+v\n%s", o, out)
	}
	gone(t, "plain")
	series := filepath.Join(t.TempDir(), "series.json")
	out, errOut, code = runSeq(t, "create-pod", "web", "--image=busybox:1", "--repeat=2", "-o", "listing", "-o",
		"json="+series, "--otlp=http://"+freePort(t), "--", "sleep", "1000")
	if code != 1 || strings.Count(errOut, "error: ") != 1 || !strings.Contains(out, "web: 2 runs") ||
		strings.Count(read(t, series), `"type":"measured"`) != 2 {
		t.Errorf("of a series: exit %d: %s\n%s", code, errOut, out)
	}
}
