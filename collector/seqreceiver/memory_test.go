package seqreceiver

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// heap is how much memory is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Memory follows the Pods in flight: after 5,000 starts it is what it was after 500.
func TestMemoryIsFlat(t *testing.T) {
	a, p := newAPI(t), readPlayed(t, "played")
	a.keeps = 2000
	var sent atomic.Int64
	to, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error {
		sent.Add(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := defaultConfig()
	c.Kubeconfig, c.State.Namespace, c.Settle = a.kubeconfig(t), "default", 100*time.Millisecond
	r, err := newReceiver(receivertest.NewNopSettings(typeOf), c)
	if err != nil {
		t.Fatal(err)
	}
	r.sender.traces = to
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	begun := 0
	until := func(n int) uint64 {
		for ; begun < n; begun++ {
			await(t, "few are in flight", func() bool { return int64(begun)-sent.Load() < 200 })
			p.tellAll(a, podName(begun), time.Now())
			if begun >= 100 {
				p.forget(a, podName(begun-100))
			}
		}
		await(t, "all have been sent", func() bool { return sent.Load() == int64(n) })
		a.mu.Lock() // what it has of the past is no memory of ours
		defer a.mu.Unlock()
		a.dropped += len(a.history)
		a.history = nil
		return heap()
	}
	few, many := until(500), until(5000)
	t.Logf("%d KiB after 500 starts, %d KiB after 5,000", few>>10, many>>10)
	if many > few+few/4 {
		t.Errorf("%d KiB after 500 starts have become %d after 5,000", few>>10, many>>10)
	}
}

// A start is told of its own node, and of none of the others of a large cluster.
func TestNodes(t *testing.T) {
	taken := map[int]uint64{}
	for _, nodes := range []int{1, 1000} {
		r, err := newReceiver(receivertest.NewNopSettings(typeOf), defaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		f := newFollower(r.config, r.sender, r.metrics, time.Now)
		from := &source{}
		f.of[from] = &progress{newest: at}
		for i := range nodes {
			f.takeGeneral(seq.Observation{Received: at, Node: &seq.Node{Name: podName(i), Runtime: "cri-o"}})
		}
		before := heap()
		for i := range 200 {
			f.take(sight{source: from, at: "1", Observation: seq.Observation{Received: at, Change: &seq.Change{Type: "ADDED",
				Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(podName(i)), Name: podName(i),
					CreationTimestamp: metav1.Time{Time: at}}, Spec: corev1.PodSpec{NodeName: podName(0)}}}}})
		}
		taken[nodes] = heap() - before
		if len(f.starts) != 200 {
			t.Errorf("%d in flight", len(f.starts))
		}
		if one := f.starts[podName(0)]; one.node != podName(0) {
			t.Errorf("it is on node %q", one.node)
		}
	}
	t.Logf("200 starts take %d KiB, on a cluster of 1,000 nodes %d KiB", taken[1]>>10, taken[1000]>>10)
	if taken[1000] > 2*taken[1] {
		t.Errorf("200 starts take %d KiB, on a cluster of 1,000 nodes %d KiB", taken[1]>>10, taken[1000]>>10)
	}
}
