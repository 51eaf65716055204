//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// kubectl is what the plugin is measured beside.
var kubectl = os.Getenv("KUBECTL")

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

func reportMS(b *testing.B, d []time.Duration, unit string) {
	b.ReportMetric(float64(median(d))/float64(time.Millisecond), unit)
}

// BenchmarkStart runs `version --client` of both in turns; and `kubespy version`, where KUBESPY names that program.
func BenchmarkStart(b *testing.B) {
	programs := map[string][]string{"seq": {plugin, "version", "--client"}, "kubectl": {kubectl, "version", "--client"}}
	if kubespy := os.Getenv("KUBESPY"); kubespy != "" {
		programs["kubespy"] = []string{kubespy, "version"}
	} else {
		b.Log("without kubespy: KUBESPY does not name it")
	}
	took, memory := map[string][]time.Duration{}, map[string]int64{}
	for b.Loop() {
		for name, args := range programs {
			cmd := exec.Command(args[0], args[1:]...)
			start := time.Now()
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
			took[name] = append(took[name], time.Since(start))
			memory[name] = max(memory[name], cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		}
	}
	for name, args := range programs {
		info, err := os.Stat(args[0])
		if err != nil {
			b.Fatal(err)
		}
		reportMS(b, took[name], "ms-"+name)
		b.ReportMetric(float64(memory[name])/1024, "MiB-"+name)
		b.ReportMetric(float64(info.Size())/1e6, "MB-"+name)
	}
	for name := range programs {
		if name != "seq" {
			b.ReportMetric(float64(median(took["seq"]))/float64(median(took[name])), "start-ratio-"+name)
		}
	}
}

// terminal is a program that runs in one, and when each match of a pattern was first seen there.
type terminal struct {
	cmd    *exec.Cmd
	cancel func()
	seen   map[string]time.Time
	done   chan struct{}
}

func onTerminal(b *testing.B, pattern string, args ...string) *terminal {
	ctx, cancel := context.WithCancel(b.Context())
	t := &terminal{cmd: exec.CommandContext(ctx, args[0], args[1:]...), cancel: cancel, seen: map[string]time.Time{},
		done: make(chan struct{})}
	out, err := pty.StartWithSize(t.cmd, &pty.Winsize{Cols: 160, Rows: 60})
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		defer close(t.done)
		match := regexp.MustCompile(pattern)
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			now := time.Now()
			for _, m := range match.FindAllString(line, -1) {
				if _, ok := t.seen[m]; !ok {
					t.seen[m] = now
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return t
}

// stop ends the program, if it has not ended, and returns what was seen.
func (t *terminal) stop() map[string]time.Time {
	t.cancel()
	<-t.done
	t.cmd.Wait()
	return t.seen
}

// screen runs a program in a terminal and returns, once it is stopped, when each match of a pattern was first seen.
func screen(b *testing.B, pattern string, args ...string) (stop func() map[string]time.Time, end <-chan struct{}) {
	t := onTerminal(b, pattern, args...)
	return t.stop, t.done
}

// BenchmarkLatency measures, from the end of a write's etcd transaction to the sight of it in a terminal, the plugin,
// `kubectl get -w` and `kubectl events --watch`, all on the same Pods.
func BenchmarkLatency(b *testing.B) {
	var seq, seqEvents, get, events []time.Duration
	for i := 0; b.Loop(); i++ {
		r := record(b)
		name := fmt.Sprintf("latency-%d-%d", os.Getpid(), i)
		stopGet, _ := screen(b, `\d+`, kubectl, "get", "pods", "--watch", "--field-selector=metadata.name="+name,
			`-o=jsonpath={.metadata.resourceVersion}{"\n"}`)
		stopEvents, _ := screen(b, `Scheduled|Pulling|Pulled|Created|Started`, kubectl, "events", "--watch", "--no-headers",
			"--for=pod/"+name)
		// Writes of Pods are in the default view, those of Events in the full one only: in turns.
		detail := []string{"--detail=normal", "--detail=full"}[i%2]
		<-time.After(time.Second) // nothing tells when their watches are open
		stopSeq, ended := screen(b, `revision \d+`, plugin, "create-pod", name, "--image=busybox:1",
			"--image-pull-policy=Always", detail, "--", "sleep", "1000")
		<-ended
		seenSeq, seenGet, seenEvents := stopSeq(), stopGet(), stopEvents()
		p, err := client(b).Pods("default").Get(b.Context(), name, metav1.GetOptions{})
		if err != nil {
			b.Fatal(err)
		}
		tr := r.of(b, name, func(tr *truth.Truth) bool { return len(tr.Events) >= 5 && len(tr.Writes) >= 5 }, string(p.UID))
		for _, w := range tr.Writes {
			if w.Revision == "" {
				continue
			}
			if at, ok := seenSeq["revision "+w.Revision]; ok && i%2 == 0 {
				seq = append(seq, at.Sub(w.End))
			}
			if at, ok := seenGet[w.Revision]; ok {
				get = append(get, at.Sub(w.End))
			}
		}
		for _, w := range tr.Events {
			if at, ok := seenSeq["revision "+w.Revision]; ok {
				seqEvents = append(seqEvents, at.Sub(w.End))
			}
			if at, ok := seenEvents[w.Reason]; ok {
				events = append(events, at.Sub(w.End))
			}
		}
		now := int64(0)
		client(b).Pods("default").Delete(b.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	}
	reportMS(b, seq, "ms-pods-seq")
	reportMS(b, get, "ms-pods-get-w")
	reportMS(b, seqEvents, "ms-events-seq")
	reportMS(b, events, "ms-events-events-w")
	b.ReportMetric(float64(median(seq))/float64(median(get)), "pods-ratio")
	b.ReportMetric(float64(median(seqEvents))/float64(median(events)), "events-ratio")
}
