package trace_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// Whatever comes in, steps come out: no panic, none without a sender, and the same again when asked again.
func FuzzFold(f *testing.F) {
	for _, s := range scenario.All(f) {
		for _, o := range s.Observations {
			line, err := json.Marshal(o)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(strings.TrimPrefix(s.Subject.Kind+"/"+s.Subject.Name, "Pod/"), line)
		}
	}
	f.Add("web", []byte(`{"change":{"type":"MODIFIED","pod":{"metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"5"},"status":{"initContainerStatuses":[{"name":"app"}],"containerStatuses":[{"name":"app","state":{"waiting":{"reason":"ErrImagePull"}}}]}}}}`))
	f.Add("web", []byte(`{"request":{"id":"a","verb":"create","resourceVersion":"6","sent":"2026-01-02T03:04:05Z","status":201,"pod":{"metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"5"}}}}`))
	f.Add("web", []byte(`{"attach":{}}
{"received":"2026-01-02T03:04:05Z","change":{"type":"LISTED","object":{"apiVersion":"example.com/v1","kind":"Pod","metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"5"}}}}`))
	f.Add("web", []byte(`{"received":"2026-01-02T03:04:05Z","attach":{}}
{"received":"2026-01-02T03:04:05Z","change":{"type":"LISTED","pod":{"metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"5","creationTimestamp":"9999-12-31T23:59:59Z"},"spec":{"nodeName":"n"},"status":{"containerStatuses":[{"name":"app","restartCount":2147483647,"state":{"running":{"startedAt":"2026-01-02T03:00:00Z"}}}]}}}}`))
	f.Fuzz(func(t *testing.T, name string, lines []byte) {
		kind := "Pod"
		if i := strings.IndexByte(name, '/'); i >= 0 { // of another kind
			kind, name = name[:i], name[i+1:]
		}
		tr := trace.New(seq.Object{Kind: kind, Namespace: "default", Name: name})
		for line := range bytes.Lines(lines) {
			var o seq.Observation
			if json.Unmarshal(line, &o) == nil {
				tr.Observe(o)
				tr.Observe(o)
			}
		}
		for _, m := range tr.MembersInFull() {
			if m.Object.UID == "" {
				t.Errorf("a member without uid: %+v", m)
			}
		}
		tr.RootRefused()
		first := asJSON(t, tr)
		again := trace.New(seq.Object{Kind: kind, Namespace: "default", Name: name})
		for line := range bytes.Lines(lines) {
			var o seq.Observation
			if json.Unmarshal(line, &o) == nil {
				again.Observe(o)
			}
		}
		if again := asJSON(t, again); again != first {
			t.Errorf("folded again:\n%s\nat first:\n%s", again, first)
		}
		tr.Settled(time.Second)
		tr.EventsPending()
		tr.Aftermath()
		tr.Waits(time.Time{})
		tr.Questions()
		tr.Unobservable()
		tr.RecordsComplete(true, true)
		if o, ok := tr.Obstacle(); ok && (o.Name == "" || o.By == "" || o.Explain == "" || len(o.Evidence) == 0) {
			t.Errorf("an obstacle without a holder, a reason or evidence: %+v", o)
		}
	})
}

// A clock that is off is measured, and the order stays right.
func TestSkewedKubelet(t *testing.T) {
	for _, skew := range []time.Duration{-3 * time.Second, 3 * time.Second} {
		for _, s := range scenario.NamedAll(t, "plain", "init", "probes") {
			want := scenario.Fold(s.Subject, s.Observations)
			shifted := make([]seq.Observation, len(s.Observations))
			for i, o := range s.Observations {
				shifted[i] = shift(o, skew)
			}
			got := scenario.Fold(s.Subject, shifted)
			if a, b := sequence(want), sequence(got); a != b {
				t.Errorf("%s, kubelet %v: order is\n%s\nwithout skew\n%s", s.Name, skew, b, a)
			}
			measured := false
			for _, c := range got.Run().Clocks {
				if c.Of == seq.Kubelet && (c.Offset-skew).Abs() < 500*time.Millisecond {
					measured = true
				}
			}
			if !measured {
				t.Errorf("%s: a skew of %v was measured as %+v", s.Name, skew, got.Run().Clocks)
			}
		}
	}
}

// A create whose request began in the second before the creationTimestamp, where managedFields are stamped, is one
// write.
func TestMadeAcrossASecond(t *testing.T) {
	for _, s := range scenario.NamedAll(t, "show-crash", "show-deleting") {
		want := scenario.Fold(s.Subject, s.Observations)
		var earlier []seq.Observation
		moved := 0
		for _, o := range s.Observations {
			if o.Change != nil {
				c := *o.Change
				c.Pod = c.Pod.DeepCopy()
				for i := range c.Pod.ManagedFields {
					if e := &c.Pod.ManagedFields[i]; e.Subresource == "" && e.Time.Equal(&c.Pod.CreationTimestamp) {
						e.Time = &metav1.Time{Time: e.Time.Add(-time.Second)}
						moved++
					}
				}
				o.Change = &c
			}
			earlier = append(earlier, o)
		}
		if moved == 0 {
			t.Fatalf("%s: no entry of the creation", s.Name)
		}
		if a, b := sequence(want), sequence(scenario.Fold(s.Subject, earlier)); a != b {
			t.Errorf("%s: sequence is\n%s\ninstead of\n%s", s.Name, b, a)
		}
	}
}

// What somebody wrote in the second in which an object was made is not the creation.
func TestWrittenInTheSecondOfTheCreation(t *testing.T) {
	s := scenario.Named(t, "show-crash")
	var observed []seq.Observation
	for _, o := range s.Observations {
		if o.Change != nil {
			p := o.Change.Pod.DeepCopy()
			o.Change = &seq.Change{Type: o.Change.Type, Pod: p}
			fields := metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:a":{}}}}`)
			p.ManagedFields = append([]metav1.ManagedFieldsEntry{{Manager: "kubectl-label", Operation: "Update",
				APIVersion: "v1",
				Time:       &p.CreationTimestamp, FieldsType: "FieldsV1", FieldsV1: fields}}, p.ManagedFields...)
		}
		observed = append(observed, o)
	}
	var got []string
	for _, x := range scenario.Fold(s.Subject, observed).Steps() {
		if strings.HasPrefix(string(x.From), "kubectl-") {
			got = append(got, string(x.From)+" "+x.Label)
		}
	}
	want := []string{"kubectl-create POST pods (crash)", "kubectl-label PATCH pods (owns metadata.labels)"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A Pod that was bound and started, and of which no scheduler said so, was bound by somebody else.
func TestBoundByHand(t *testing.T) {
	s := scenario.Named(t, "plain")
	silent := slices.DeleteFunc(slices.Clone(s.Observations),
		func(o seq.Observation) bool { return o.Event != nil && o.Event.Event.Reason == "Scheduled" })
	bound := false
	for _, x := range scenario.Fold(s.Subject, silent).Steps() {
		if x.From == seq.Scheduler || x.To == seq.Scheduler {
			t.Errorf("%s → %s %s", x.From, x.To, x.Label)
		}
		bound = bound || x.From == seq.UnknownClient && x.Label == "POST pods/binding (node1)" && x.Certainty == seq.Inferred
	}
	if !bound {
		t.Error("nobody bound it")
	}
}

// sequence is the order of what the scheduler and the kubelet do, as it concerns a reader of the normal picture.
func sequence(t *trace.Trace) string {
	var b bytes.Buffer
	for _, s := range t.Steps() {
		if s.Detail <= seq.Normal && s.Kind == seq.RequestKind {
			b.WriteString(string(s.Key) + "\n")
		}
	}
	if b.Len() == 0 {
		panic("a run without steps")
	}
	return b.String()
}

// shift returns the observation as it would be if the kubelet's clock were off by d: its Events and the
// times of containers carry that clock.
func shift(o seq.Observation, d time.Duration) seq.Observation {
	if o.Change != nil {
		c := *o.Change
		c.Pod = c.Pod.DeepCopy()
		for _, list := range [][]corev1.ContainerStatus{c.Pod.Status.InitContainerStatuses, c.Pod.Status.ContainerStatuses} {
			for i := range list {
				for _, s := range []*corev1.ContainerState{&list[i].State, &list[i].LastTerminationState} {
					if s.Terminated != nil {
						s.Terminated.FinishedAt.Time = s.Terminated.FinishedAt.Add(d)
					}
				}
			}
		}
		o.Change = &c
	}
	if o.Event == nil || o.Event.Event.Source.Component != "kubelet" {
		return o
	}
	e := o.Event.Event.DeepCopy()
	e.Name = shiftName(e.Name, d)
	e.FirstTimestamp.Time = shiftedSecond(o.Event.Event.Name, d)
	e.LastTimestamp = e.FirstTimestamp
	o.Event = &seq.EventChange{Type: o.Event.Type, Event: e}
	return o
}

func BenchmarkObserve(b *testing.B) {
	s := scenario.Named(b, "probes")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		scenario.Fold(s.Subject, s.Observations).Steps()
		n += len(s.Observations)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "observations/s")
}

// BenchmarkLive looks at the steps after every observation, as a terminal does.
func BenchmarkLive(b *testing.B) {
	s := scenario.Named(b, "probes")
	n := 0
	for b.Loop() {
		tr := trace.New(s.Subject)
		for _, o := range s.Observations {
			tr.Observe(o)
			tr.Steps()
		}
		n += len(s.Observations)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "observations/s")
}

func nameTime(name string) (prefix string, at time.Time) {
	i := strings.LastIndexByte(name, '.')
	ns, _ := strconv.ParseInt(name[i+1:], 16, 64)
	return name[:i+1], time.Unix(0, ns).UTC()
}

func shiftName(name string, d time.Duration) string {
	prefix, at := nameTime(name)
	return prefix + strconv.FormatInt(at.Add(d).UnixNano(), 16)
}

func shiftedSecond(name string, d time.Duration) time.Time {
	_, at := nameTime(name)
	return at.Add(d).Truncate(time.Second)
}
