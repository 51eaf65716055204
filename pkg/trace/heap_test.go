package trace_test

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// mostPerPod is how much memory a fold may keep of one Pod of 5 revisions and 4 Events: the facts, and the steps that
// follow from them. It was 71 KiB when this was written, of which the facts were 18. mostPerCounted is that of one that
// is only counted; it was 38.
const (
	mostPerPod     = 112 << 10
	mostPerCounted = 56 << 10
)

// What is kept grows with the Pods, and by little for each.
func TestMemory(t *testing.T) {
	subject, few := crowd(t, 50)
	_, many := crowd(t, 250)
	for drawn, most := range map[string]int64{"all": mostPerPod, "first": mostPerCounted} {
		d := seq.Drawn{Some: drawn == "first", First: true}
		perPod := (heapOf(t, subject, d, many) - heapOf(t, subject, d, few)) / 200
		t.Logf("drawn: %s: %d KiB a Pod", drawn, perPod>>10)
		if perPod < 8<<10 { // the Pods were not taken
			t.Errorf("drawn: %s: each Pod takes only %d bytes", drawn, perPod)
		}
		if perPod > most {
			t.Errorf("drawn: %s: each Pod takes %d KiB", drawn, perPod>>10)
		}
	}
}

// heapOf is the memory in bytes that the fold of observations keeps, where these Pods are drawn, once nobody else has
// them.
func heapOf(t testing.TB, subject seq.Object, drawn seq.Drawn, all []seq.Observation) int64 {
	var lines [][]byte
	for _, o := range all {
		line, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	before := heap()
	tr := trace.New(subject)
	tr.Draw(drawn)
	for _, line := range lines {
		var o seq.Observation
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		tr.Observe(o)
	}
	facts := heap() - before
	askAll(tr)
	after := heap()
	t.Logf("%d observations: facts %d KiB, result %d KiB", len(all), facts>>10, (after-before-facts)>>10)
	runtime.KeepAlive(tr)
	runtime.KeepAlive(lines)
	return after - before
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold is kept over one
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkFolds is 1,000 folds of one Pod each, side by side, as a process that follows a cluster has them: the CPU
// time of 1,000 observations, each of them looked at, and what a fold keeps.
func BenchmarkFolds(b *testing.B) {
	const folds = 1000
	s := scenario.Named(b, "plain")
	var observed []seq.Observation // by others than the one who created it
	for _, o := range s.Observations {
		if o.Change != nil && o.Change.Pod != nil || o.Event != nil {
			observed = append(observed, o)
		}
	}
	for b.Loop() {
		b.StopTimer()
		of := make([][]seq.Observation, folds)
		for k := range of {
			for _, o := range observed {
				of[k] = append(of[k], copied(o, k))
			}
			number(of[k])
		}
		before := heap()
		b.StartTimer()
		traces := make([]*trace.Trace, folds)
		for i := range observed { // of all Pods at once, so that no fold is in a cache
			for k := range traces {
				o := of[k][i]
				if i == 0 {
					subject := s.Subject
					subject.Name, subject.UID = o.Change.Pod.Name, string(o.Change.Pod.UID)
					traces[k] = trace.New(subject)
					traces[k].Observe(seq.Observation{Received: s.Observations[0].Received, Attach: &seq.Attach{}})
				}
				traces[k].Observe(o)
				askAll(traces[k])
			}
		}
		b.StopTimer()
		for k, t := range traces {
			if len(t.Steps()) < 20 {
				b.Fatalf("fold %d has only %d steps", k, len(t.Steps()))
			}
		}
		b.ReportMetric(float64(heap()-before)/folds/1024, "KiB/fold")
		runtime.KeepAlive(traces)
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N)/float64(len(observed)), "ms/1000-observations")
}
