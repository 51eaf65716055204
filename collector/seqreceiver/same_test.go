package seqreceiver

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/kubectl-seq/kubectl-seq/pkg/recording"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// What an API server tells of a recorded Pod becomes what the plugin makes of the same, byte for byte.
func TestSameAsThePlugin(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "kubectl-seq")
	build := exec.Command("go", "build", "-trimpath", "-gcflags=all=-dwarf=false", "-tags", "grpcnotrace", "-o", plugin,
		"./cmd/kubectl-seq")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told := 0
	for _, s := range slices.Concat(scenario.All(t), scenario.Causes(t)) {
		of := observedOf(s)
		if !beginsWith(of, s.Subject) {
			continue
		}
		told++
		t.Run(s.Name, func(t *testing.T) {
			end := of[len(of)-1].Received.Add(time.Minute)
			got := received(t, s.Subject, of, end)
			want := replayed(t, plugin, s.Subject, of, end)
			if len(got) == 0 || !bytes.Equal(got, want) {
				t.Errorf("sent\n%s\nthe plugin writes\n%s", got, want)
			}
			t.Logf("%d observations, %d bytes", len(of), len(got))
		})
	}
	if told < 200 {
		t.Errorf("only %d recordings are of a Pod's start", told)
	}
}

// observedOf is what a scenario has that an API server tells whoever watches Pods and Events, the Pod first.
func observedOf(s scenario.Scenario) (all []seq.Observation) {
	for _, o := range s.Observations {
		switch {
		case o.Change != nil && o.Change.Pod != nil && o.Change.Pod.Name == s.Subject.Name &&
			slices.Contains([]string{"ADDED", "MODIFIED", "DELETED"}, o.Change.Type),
			o.Event != nil && o.Event.Event.InvolvedObject.Kind == "Pod" &&
				o.Event.Event.InvolvedObject.Name == s.Subject.Name && o.Event.Type != "LISTED":
			all = append(all, o)
		}
	}
	return all
}

// beginsWith reports whether these tell of a Pod from when it is made.
func beginsWith(of []seq.Observation, pod seq.Object) bool {
	return pod.Kind == "Pod" && slices.ContainsFunc(of, func(o seq.Observation) bool {
		return o.Change != nil && o.Change.Type == "ADDED"
	})
}

// stamps are the times at which a source receives what is told, one after another.
type stamps struct {
	mu  sync.Mutex
	all []time.Time
}

func (s *stamps) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.all[0]
	if len(s.all) > 1 {
		s.all = s.all[1:]
	}
	return at
}

// received is what the receiver sends when an API server tells that, as JSON.
func received(t *testing.T, subject seq.Object, of []seq.Observation, end time.Time) (sent []byte) {
	t.Helper()
	a := newAPI(t)
	c := defaultConfig()
	c.Kubeconfig = a.kubeconfig(t)
	r, err := newReceiver(receivertest.NewNopSettings(typeOf), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.cluster, err = connect(c); err != nil {
		t.Fatal(err)
	}
	sink := &consumertest.TracesSink{}
	r.sender.traces, r.host = sink, componenttest.NewNopHost()
	first := of[0].Received
	at := first
	r.now = func() time.Time { return at }
	f := newFollower(c, r.sender, r.metrics, r.now)
	seen := make(chan sight, waiting)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer func() {
		stop()
		wg.Wait()
		r.cluster.http.CloseIdleConnections()
	}()
	for _, s := range r.sources(f, nil) {
		clock := &stamps{all: []time.Time{first}} // of the list, which has nothing
		for _, o := range of {
			if (o.Event != nil) == (s.resource == events) {
				clock.all = append(clock.all, o.Received)
			}
		}
		s.now = clock.now
		wg.Go(func() { s.follow(ctx, seen) })
	}
	take := func() {
		select {
		case x := <-seen:
			f.take(x)
		case <-time.After(time.Minute):
			t.Fatal("nothing comes")
		}
	}
	take()
	take() // both lists
	f.takeGeneral(version(first))
	for _, o := range of {
		if o.Change != nil {
			a.storeAs(o.Change.Type, o.Change.Pod)
		} else {
			a.storeAs(o.Event.Type, o.Event.Event)
		}
	}
	for range of {
		take()
	}
	at = end
	for _, s := range f.starts {
		s.decided, s.observed = first, mostObserved // all has come
	}
	f.look()
	close(r.sender.queue)
	for i := range r.sender.queue {
		line, err := ptraceotlp.NewExportRequestFromTraces(*i.traces).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		sent = append(append(sent, line...), '\n')
	}
	return sent
}

func version(at time.Time) seq.Observation {
	return seq.Observation{Received: at, Request: &seq.Request{ID: "version", Method: "GET", Path: "/version",
		Verb:   "get",
		Status: 200, ServerVersion: "v1.37.2", Poll: true}}
}

// replayed is what the plugin makes of a recording of that.
func replayed(t *testing.T, plugin string, subject seq.Object, of []seq.Observation, end time.Time) []byte {
	t.Helper()
	dir := t.TempDir()
	var file bytes.Buffer
	for _, o := range of {
		if o.Change != nil {
			subject.UID = string(o.Change.Pod.UID)
		}
	}
	w, err := recording.NewWriter(&file, recording.Header{Started: of[0].Received, Until: "ready", Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	first := slices.IndexFunc(of, func(o seq.Observation) bool { return o.Change != nil })
	for _, o := range slices.Concat([]seq.Observation{{Received: of[first].Received, Attach: &seq.Attach{}},
		version(of[0].Received)}, of) {
		if err := w.Write(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(end, recording.Timeout); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/run.jsonl", file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(plugin, "replay", dir+"/run.jsonl", "--speed=max", "-o", "otlp="+dir+"/run.otlp")
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); err != nil && code != 2 {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(dir + "/run.otlp")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
