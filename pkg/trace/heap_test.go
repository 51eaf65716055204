package trace_test

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// mostPerPod is how much memory a fold may keep of one Pod of 5 revisions and 4 Events: the facts, and the steps that
// follow from them. It was 105 KiB when this was written, of which the facts were 33.
const mostPerPod = 128 << 10

// What is kept grows with the Pods, and by little for each.
func TestMemory(t *testing.T) {
	subject, few := crowd(t, 50)
	_, many := crowd(t, 250)
	perPod := (heapOf(t, subject, many) - heapOf(t, subject, few)) / 200
	t.Logf("%d KiB a Pod", perPod>>10)
	if perPod < 8<<10 { // the Pods were not taken
		t.Errorf("each Pod takes only %d bytes", perPod)
	}
	if perPod > mostPerPod {
		t.Errorf("each Pod takes %d KiB", perPod>>10)
	}
}

// heapOf is the memory in bytes that the fold of observations keeps, once nobody else has them.
func heapOf(t testing.TB, subject seq.Object, all []seq.Observation) int64 {
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
