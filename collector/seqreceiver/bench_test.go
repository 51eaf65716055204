package seqreceiver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	perSecond = 50   // starts
	there     = 5000 // Pods at once
)

// BenchmarkCluster has a scripted API server tell 50 starts a second, as KWOK plays them, for as many starts as
// STARTS says, with 5,000 Pods there at once: to the Collector of OTELCOL_SEQ, and beside it to KUBECTL's two watches of
// Pods and of Events. It fails where a start is missing.
func BenchmarkCluster(b *testing.B) {
	starts, err := strconv.Atoi(os.Getenv("STARTS"))
	if err != nil || os.Getenv("OTELCOL_SEQ") == "" || os.Getenv("KUBECTL") == "" {
		b.Fatal("set STARTS, OTELCOL_SEQ and KUBECTL (make bench does)")
	}
	for b.Loop() {
		a, p := newAPI(b), readPlayed(b, "played")
		a.keeps = 10_000
		for i := range there {
			p.tellAll(a, podName(i), time.Now().Add(-time.Hour))
		}
		s := &traces{ready: map[string]time.Time{}, came: map[string]time.Time{}}
		s.Server = httptest.NewServer(http.HandlerFunc(s.take))
		b.Cleanup(s.Close)
		collector := collect(b, a, s)
		config := a.kubeconfig(b)
		watches := []*process{
			launch(b, os.Getenv("KUBECTL"), "--kubeconfig", config, "get", "pods", "-A", "--watch", "-o",
				`jsonpath={.metadata.resourceVersion}{"\n"}`),
			launch(b, os.Getenv("KUBECTL"), "--kubeconfig", config, "get", "events", "-A", "--watch", "-o",
				`jsonpath={.metadata.resourceVersion}{"\n"}`),
		}
		await(b, "all watch", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.watches) == 4
		})
		collector.begin(b)
		for _, w := range watches {
			w.begin(b)
		}
		written := replay(b, a, p, s, starts, func() {
			for _, x := range append(watches, collector) {
				x.sample(b)
			}
		})
		await(b, "all traces", func() bool { return s.count() == starts })
		collector.report(b, "seq", []*process{collector})
		collector.report(b, "kubectl", watches)
		s.report(b)
		var lags []time.Duration
		for _, w := range watches {
			lags = append(lags, w.lags(written)...)
		}
		quantiles(b, "kubectl-line", lags)
		reportLag(b, collector.metrics)
	}
}

// replay tells the starts, each at its time, and returns when each revision was written.
func replay(b *testing.B, a *api, p played, s *traces, starts int, sample func()) map[string]time.Time {
	written, begun, next := map[string]time.Time{}, time.Now(), make([]int, len(p.things))
	at := func(i int) time.Time { return begun.Add(time.Duration(i) * time.Second / perSecond) }
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	lastSample, late := begun, time.Duration(0)
	for next[len(next)-1] < starts {
		now := <-tick.C
		for k, x := range p.things {
			for next[k] < starts && !at(next[k]).Add(x.after).After(now) {
				i := next[k]
				p.tell(a, k, podName(there+i), at(i))
				wrote := time.Now()
				late = max(late, wrote.Sub(at(i).Add(x.after)))
				written[strconv.Itoa(a.revision)] = wrote
				next[k]++
				if k == 0 {
					p.forget(a, podName(i))
				}
				if k == len(p.things)-1 {
					s.isReady("uid-"+podName(there+i), wrote)
				}
			}
		}
		if now.Sub(lastSample) > 5*time.Second {
			sample()
			lastSample = now
		}
	}
	b.ReportMetric(float64(late)/1e6, "ms-told-late")
	return written
}

// traces are those that the Collector has exported.
type traces struct {
	*httptest.Server
	mu          sync.Mutex
	ready, came map[string]time.Time // by uid
}

func (s *traces) take(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request, now := ptraceotlp.NewExportRequest(), time.Now()
	if err != nil || request.UnmarshalProto(body) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.Traces().ResourceSpans().All() {
		for _, span := range resource.ScopeSpans().At(0).Spans().All() {
			if uid, ok := span.Attributes().Get("k8s.pod.uid"); ok && span.ParentSpanID().IsEmpty() {
				s.came[uid.Str()] = now
			}
		}
	}
}

func (s *traces) isReady(uid string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[uid] = at
}

func (s *traces) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.came)
}

func (s *traces) report(b *testing.B) {
	var all []time.Duration
	for uid, at := range s.ready {
		all = append(all, s.came[uid].Sub(at))
	}
	quantiles(b, "ready-to-trace", all)
}

func quantiles(b *testing.B, name string, all []time.Duration) {
	slices.Sort(all)
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(all[(len(all)-1)*q/100])/1e6, fmt.Sprintf("ms-p%d-%s", q, name))
	}
}

// process is one that is measured.
type process struct {
	*exec.Cmd
	mu      sync.Mutex
	seen    map[string]time.Time // lines that it has printed
	metrics string               // where its own are
	rss     []int                // KiB, every 5 s
	began   time.Time
	cpu     time.Duration // when it was begun to measure
}

// launch runs a program until the end of the benchmark.
func launch(b *testing.B, name string, args ...string) *process {
	p := &process{Cmd: exec.Command(name, args...), seen: map[string]time.Time{}}
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var said bytes.Buffer
	p.Stderr = &said
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			now := time.Now()
			p.mu.Lock()
			p.seen[lines.Text()] = now
			p.mu.Unlock()
		}
	}()
	b.Cleanup(func() {
		p.Process.Signal(syscall.SIGTERM)
		<-ended
		p.Wait()
		if b.Failed() {
			b.Log(said.String())
		}
	})
	return p
}

// collect runs the Collector, as collector/deploy has it, but for where it sends to.
func collect(b *testing.B, a *api, s *traces) *process {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	more := filepath.Join(b.TempDir(), "more.yaml")
	if err := os.WriteFile(more, fmt.Appendf(nil, `
receivers:
  seq: {kubeconfig: %s, leader_election: false, state: {namespace: default}}
exporters:
  otlp_http: {endpoint: %q, compression: none}
  prometheus: {endpoint: "127.0.0.1:0"}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}
  pipelines:
    traces: {exporters: [otlp_http, span_metrics]}
`, a.kubeconfig(b), s.URL, port), 0o644); err != nil {
		b.Fatal(err)
	}
	p := launch(b, os.Getenv("OTELCOL_SEQ"), "--config=../deploy/config.yaml", "--config="+more)
	p.metrics = fmt.Sprintf("http://127.0.0.1:%d/metrics", port)
	return p
}

func (p *process) begin(b *testing.B) { p.began, p.cpu = time.Now(), p.used(b) }

// used is the CPU time of a process so far: fields 14 and 15 of its stat, in hundredths of a second.
func (p *process) used(b *testing.B) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / 100
}

func (p *process) sample(b *testing.B) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	rss := regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(text)
	if rss == nil {
		b.Fatalf("%v has ended", p.Args)
	}
	n, _ := strconv.Atoi(string(rss[1]))
	p.rss = append(p.rss, n)
}

// report reports what processes took together: cores, and the memory of the second minute, of the last, and at its peak.
func (p *process) report(b *testing.B, name string, all []*process) {
	var cpu time.Duration
	rss := make([]int, len(p.rss))
	for _, x := range all {
		cpu += x.used(b) - x.cpu
		for i := range min(len(rss), len(x.rss)) {
			rss[i] += x.rss[i]
		}
	}
	b.ReportMetric(cpu.Seconds(), "cpu-s-"+name)
	b.ReportMetric(cpu.Seconds()/time.Since(p.began).Seconds(), "cores-"+name)
	for part, of := range map[string][]int{"early": rss[len(rss)/10 : len(rss)/5], "late": rss[len(rss)-len(rss)/10:]} {
		sum := 0
		for _, x := range of {
			sum += x
		}
		b.ReportMetric(float64(sum)/float64(max(1, len(of)))/1024, "MiB-"+part+"-"+name)
	}
	b.ReportMetric(float64(slices.Max(rss))/1024, "MiB-peak-"+name)
}

// lags are how long after it was written each revision was printed.
func (p *process) lags(written map[string]time.Time) (all []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, revision := range slices.Collect(maps.Keys(written)) {
		if seen, ok := p.seen[revision]; ok {
			all = append(all, seen.Sub(written[revision]))
		}
	}
	return all
}

// reportLag reports the bound of the bucket of otelcol_seq_lag below which 99 of 100 are, in milliseconds, and what else
// the Collector says of itself.
func reportLag(b *testing.B, metrics string) {
	answer, err := http.Get(metrics)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	bucket := regexp.MustCompile(`otelcol_seq_lag\w*_bucket\{.*le="([^"]+)"\} (\d+)`)
	all := bucket.FindAllStringSubmatch(string(text), -1)
	if len(all) == 0 {
		b.Fatalf("no lag in\n%s", text)
	}
	total, _ := strconv.Atoi(all[len(all)-1][2])
	for _, x := range all {
		if n, _ := strconv.Atoi(x[2]); n*100 >= total*99 {
			le, _ := strconv.ParseFloat(x[1], 64)
			b.ReportMetric(le*1000, "ms-p99-fold-at-most")
			break
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "otelcol_seq_dropped") || strings.HasPrefix(line, "otelcol_seq_pods_in_flight") ||
			strings.HasPrefix(line, "otelcol_seq_folds") {
			b.Log(strings.TrimSpace(line))
		}
	}
}
