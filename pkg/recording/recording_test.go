package recording

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

var started = time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)

func written(t testing.TB, observations ...seq.Observation) string {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Subject: seq.Object{Kind: "Pod", Name: "web"}, Started: started})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range observations {
		if err := w.Write(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(started.Add(time.Second), Interrupt); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func secretPod() *corev1.Pod {
	header := &corev1.HTTPGetAction{HTTPHeaders: []corev1.HTTPHeader{{Name: "Authorization", Value: "hunter2 basic"}}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: "my password is hunter2"}}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{"note": "hunter2"}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Env: []corev1.EnvVar{{Name: "A", Value: "hunter2"}}}},
			Containers: []corev1.Container{{Env: []corev1.EnvVar{{Name: "B", Value: "hunter2"}, {Name: "C", Value: "hunter22"}},
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: header}},
				Lifecycle:      &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{HTTPGet: header.DeepCopy()}}}},
			EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
				Env: []corev1.EnvVar{{Name: "C", Value: "hunter2"}}}}},
		},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: ended,
			LastTerminationState: *ended.DeepCopy()}}},
	}
}

func TestSecretsStayOut(t *testing.T) {
	pod, event := secretPod(), &corev1.Event{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"x": "hunter2"}}}
	text := written(t, seq.Observation{Change: &seq.Change{Type: "ADDED", Pod: pod}},
		seq.Observation{Request: &seq.Request{Pod: pod}},
		seq.Observation{Event: &seq.EventChange{Event: event}})
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is in the recording:\n%s", text)
	}
	if d := cmp.Diff(secretPod(), pod); d != "" || event.Annotations["x"] != "hunter2" {
		t.Errorf("writing changed the observation itself:\n%s", d)
	}
	r, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	read := r.Observations[0].Change.Pod
	env := read.Spec.Containers[0].Env
	if a, b, c := read.Annotations["note"], env[0].Value, env[1].Value; a != b || b == c || a == "" {
		t.Errorf("equal values must stay equal and others differ: %q, %q, %q", a, b, c)
	}
}

func TestReadsWhatWasWritten(t *testing.T) {
	at := started.Add(123456789)
	all := []seq.Observation{
		{Received: at},
		{Received: at, Gap: &seq.Gap{Resource: "pods", FromRevision: "1"}},
		{Received: at, Request: &seq.Request{ID: "a", Verb: "create", Started: started.Add(-time.Hour), Sent: started,
			FirstByte: at, ServerDate: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{Received: at, Request: &seq.Request{ID: "b", Verb: "exec", Started: started,
			Exec: &seq.Exec{Container: "app", Command: []string{"false"}, Output: at, Ended: at.Add(5), ExitCode: new(1)}}},
	}
	text := written(t, all...)
	r, err := Read(strings.NewReader(text))
	if err != nil || r.Subject.Name != "web" || !r.Started.Equal(started) || !r.End.At.Equal(started.Add(time.Second)) ||
		r.End.Reason != Interrupt {
		t.Errorf("%+v, error %v", r, err)
	}
	if d := cmp.Diff(all, r.Observations); d != "" {
		t.Error(d)
	}
	if strings.Count(text, "2026-01-02") != 1 {
		t.Errorf("only the header has a time of ours:\n%s", text)
	}
}

func TestCutOffAndForeignFiles(t *testing.T) {
	whole := written(t, seq.Observation{Received: started}, seq.Observation{Received: started})
	end := strings.LastIndex(strings.TrimSpace(whole), "\n") + 1
	for name, c := range map[string]struct{ cut, left int }{"within a line": {end - 5, 1}, "between lines": {end, 2},
		"within the end": {len(whole) - 5, 2}} {
		if r, err := Read(strings.NewReader(whole[:c.cut])); !errors.Is(err, ErrCut) || len(r.Observations) != c.left {
			t.Errorf("cut %s: %+v, error %v", name, r, err)
		}
	}
	for name, text := range map[string]string{
		"empty":         "",
		"no header":     `{"at":1}` + "\n",
		"no JSON":       "hello\n",
		"other version": strings.Replace(whole, Version, "seq.recording/v9", 1),
		"broken line":   strings.Replace(whole, `{"at"`, `{"at`, 1),
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || errors.Is(err, ErrCut) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
