package seqreceiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func groupVersion(version, kind string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(version, kind)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// told is what a cluster would tell of a Pod of a recording, as if it had been created just now under another name.
func told(t *testing.T, of scenario.Scenario, name string) (all []runtime.Object) {
	t.Helper()
	first := time.Time{}
	for _, o := range of.Observations {
		switch {
		case o.Change != nil && o.Change.Pod != nil && o.Change.Pod.Name == of.Subject.Name:
			p := o.Change.Pod.DeepCopy()
			if first.IsZero() {
				first = p.CreationTimestamp.Time
			}
			p.Name, p.UID = name, types.UID("uid-"+name)
			p.CreationTimestamp = metav1.Time{Time: p.CreationTimestamp.Add(time.Since(first))}
			all = append(all, p)
		case o.Event != nil && o.Event.Event.InvolvedObject.Name == of.Subject.Name:
			e := o.Event.Event.DeepCopy()
			e.InvolvedObject.Name, e.InvolvedObject.UID = name, types.UID("uid-"+name)
			e.Name, e.UID = name+e.Name[strings.LastIndexByte(e.Name, '.'):], e.UID+types.UID("-"+name)
			all = append(all, e)
		}
	}
	if len(all) < 3 {
		t.Fatalf("%s tells only %d things", of.Name, len(all))
	}
	return all
}

// half is where the Pod has been bound.
func half(all []runtime.Object) int {
	return slices.IndexFunc(all, func(o runtime.Object) bool {
		p, is := o.(*corev1.Pod)
		return is && p.Spec.NodeName != ""
	}) + 1
}

// running is a receiver that runs.
type running struct {
	traces *consumertest.TracesSink
	logs   *consumertest.LogsSink
	meters *componenttest.Telemetry
	stop   func()
}

// run starts a receiver of traces and logs. What refuses says for how long nothing is taken.
func run(t *testing.T, a *api, refuses *atomic.Bool, change func(*Config)) *running {
	t.Helper()
	r := &running{traces: &consumertest.TracesSink{}, logs: &consumertest.LogsSink{},
		meters: componenttest.NewTelemetry()}
	c := NewFactory().CreateDefaultConfig().(*Config)
	c.Kubeconfig, c.State.Namespace, c.Settle = a.kubeconfig(t), "default", 100*time.Millisecond
	if change != nil {
		change(c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	all, err := newBoth(c, r, refuses)
	if err != nil {
		t.Fatal(err)
	}
	r.stop = func() {
		for _, x := range all {
			if err := x.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
		all = nil
	}
	t.Cleanup(func() {
		r.stop()
		if err := r.meters.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, x := range all {
		if err := x.Start(t.Context(), componenttest.NewNopHost()); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// newBoth makes the two receivers of a configuration, which are one.
func newBoth(c *Config, r *running, refuses *atomic.Bool) ([]component.Component, error) {
	f, set := NewFactory(), receivertest.NewNopSettings(typeOf)
	set.TelemetrySettings = r.meters.NewTelemetrySettings()
	to, err := consumer.NewTraces(func(ctx context.Context, t ptrace.Traces) error {
		if refuses != nil && refuses.Load() {
			return errors.New("not now")
		}
		return r.traces.ConsumeTraces(ctx, t)
	})
	if err != nil {
		return nil, err
	}
	traces, err1 := f.CreateTraces(context.Background(), set, c, to)
	logs, err2 := f.CreateLogs(context.Background(), set, c, r.logs)
	return []component.Component{traces, logs}, errors.Join(err1, err2)
}

// await waits for what is to come.
func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	condition := func(context.Context) (bool, error) { return is(), nil }
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 10*time.Minute, true, condition); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// sent are the names of the root spans that have been sent, after it has been waited for so many.
func (r *running) sent(t *testing.T, n int) (all []string) {
	t.Helper()
	await(t, fmt.Sprintf("%d traces", n), func() bool { return len(r.traces.AllTraces()) >= n })
	for _, x := range r.traces.AllTraces() {
		root := x.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		outcome, _ := root.Attributes().Get("seq.outcome")
		all = append(all, root.Name()+" "+outcome.Str())
		uid, _ := root.Attributes().Get("k8s.pod.uid")
		if want := seq.NewTraceContext("", uid.Str()).TraceID; root.TraceID() != want {
			t.Errorf("%s is trace %s", root.Name(), root.TraceID())
		}
	}
	return all
}

// counted is the sum of a counter.
func (r *running) counted(t *testing.T, name string) (sum int64) {
	t.Helper()
	m, err := r.meters.GetMetric(name)
	if err != nil {
		return 0
	}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		sum += p.Value
	}
	return sum
}

func storeAll(a *api, all []runtime.Object) {
	for _, o := range all {
		a.store("", o)
	}
}

// Each start becomes one trace, under the id that the plugin gives it; nothing is kept of it.
func TestStarts(t *testing.T) {
	a := newAPI(t)
	r := run(t, a, nil, nil)
	plain := scenario.Named(t, "plain")
	storeAll(a, told(t, plain, "a"))
	storeAll(a, told(t, plain, "b"))
	got := r.sent(t, 2)
	slices.Sort(got)
	if want := []string{"Pod default/a Ready", "Pod default/b Ready"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if n := r.counted(t, "otelcol_seq_pods_in_flight"); n != 0 {
		t.Errorf("%d Pods are in flight", n)
	}
	if n := r.counted(t, "otelcol_seq_folds"); n != 2 {
		t.Errorf("%d folds have ended", n)
	}
}

// A consumer that refuses is tried again; what finds the queue full is dropped, and counted.
func TestRefusal(t *testing.T) {
	a, refuses := newAPI(t), &atomic.Bool{}
	refuses.Store(true)
	r := run(t, a, refuses, func(c *Config) { c.QueueSize = 1 })
	plain := scenario.Named(t, "plain")
	const all = 6
	for i := range all {
		storeAll(a, told(t, plain, fmt.Sprint("pod-", i)))
	}
	await(t, "all have ended", func() bool { return r.counted(t, "otelcol_seq_folds") == all })
	await(t, "most are dropped", func() bool { return r.counted(t, "otelcol_seq_dropped") >= all-2 })
	refuses.Store(false)
	dropped := int(r.counted(t, "otelcol_seq_dropped"))
	if got := r.sent(t, all-dropped); len(got)+dropped != all {
		t.Errorf("%d sent and %d dropped of %d", len(got), dropped, all)
	}
}

// A start that is held is told of once, under the id of the trace that is to come, and that comes when it ends.
func TestStuck(t *testing.T) {
	a := newAPI(t)
	r := run(t, a, nil, func(c *Config) { c.StuckAfter, c.Send = time.Millisecond, sendStuck })
	unschedulable := scenario.Named(t, "unschedulable")
	all := told(t, unschedulable, "held")
	last := slices.IndexFunc(all, func(o runtime.Object) bool {
		p, is := o.(*corev1.Pod)
		return is && p.Spec.NodeName != ""
	})
	if last < 0 {
		last = len(all)
	}
	storeAll(a, all[:last])
	await(t, "a log record", func() bool { return len(r.logs.AllLogs()) > 0 })
	l := r.logs.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	if want := seq.NewTraceContext("", "uid-held").TraceID; l.TraceID() != want {
		t.Errorf("the record is of trace %s", l.TraceID())
	}
	by, _ := l.Attributes().Get("seq.held.by")
	reason, _ := l.Attributes().Get("seq.reason")
	t.Log(l.Body().Str())
	if by.Str() != "scheduler" || reason.Str() == "" {
		t.Errorf("held by %q: %q", by.Str(), reason.Str())
	}
	if n := len(r.traces.AllTraces()); n != 0 {
		t.Errorf("%d traces have been sent before its end", n)
	}
	newest := all[0]
	for _, o := range all[:last] {
		if _, is := o.(*corev1.Pod); is {
			newest = o
		}
	}
	a.store("DELETED", newest)
	if got := r.sent(t, 1); got[0] != "Pod default/held Deleted" {
		t.Error(got)
	}
	if n := len(r.logs.AllLogs()); n != 1 {
		t.Errorf("%d records", n)
	}
}

// Events of before are read by pages.
func TestPages(t *testing.T) {
	a := newAPI(t)
	plain := told(t, scenario.Named(t, "plain"), "old")
	for i := range 2*pageSize + 1 {
		for _, o := range plain {
			if e, is := o.(*corev1.Event); is {
				e = e.DeepCopy()
				e.UID = types.UID(fmt.Sprint("event-", i))
				a.store("", e)
				break
			}
		}
	}
	r := run(t, a, nil, nil)
	storeAll(a, told(t, scenario.Named(t, "plain"), "new"))
	r.sent(t, 1)
	listed := func() (all []string) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, q := range a.lists {
			if !strings.Contains(q, fmt.Sprint("limit=", pageSize)) {
				t.Errorf("not by pages: %s", q)
			}
			if strings.HasPrefix(q, events) {
				all = append(all, q)
			}
		}
		return all
	}
	await(t, "three pages of Events", func() bool { return len(listed()) == 3 })
}
