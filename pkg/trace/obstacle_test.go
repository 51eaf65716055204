package trace_test

import (
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

// obstacle is what is said of a Pod with that status after so long.
func obstacle(image string, held time.Duration, statuses ...corev1.ContainerStatus) (seq.Obstacle, bool) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u", ResourceVersion: "7"},
		Spec: corev1.PodSpec{NodeName: "node1", Containers: []corev1.Container{{Name: "app", Image: image}}}}
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, StartTime: &metav1.Time{Time: begin},
		ContainerStatuses: statuses}
	tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
	tr.Observe(seq.Observation{Received: begin, Change: &seq.Change{Type: "MODIFIED", Pod: pod}})
	tr.Observe(seq.Observation{Received: begin.Add(held)})
	return tr.Obstacle()
}

func fixedWaits(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "app",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// What runtimes and registries write decides whether somebody has to act; what only stands in a name does not.
func TestCausesByTheirTexts(t *testing.T) {
	for _, c := range []struct {
		image, reason, message, want string
		dead                         bool // after half a minute
	}{
		{"sdk:8.0.403", "ErrImagePull",
			`failed to do request: Head "https://r/v2/sdk/manifests/8.0.403": dial tcp 10.0.0.1:443: i/o timeout (sdk:8.0.403)`,
			"registry", false},
		{"r/tls-proxy:9", "ErrImagePull", "failed to resolve image: r/tls-proxy:9: not found", "no-image", true},
		{"a:1", "ErrImagePull", "no match for platform in manifest: not found", "image-platform", true},
		{"a:1", "ErrImagePull", "failed to prepare extraction snapshot: parent snapshot sha256:00 does not exist: not found",
			"image-store", false},
		{"a:1", "ErrImagePull", "pull access denied, repository does not exist or may require authorization", "image-rights",
			true},
		{"a:1", "ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized", "image-rights", true},
		{"a:1", "CreateContainerError", "context deadline exceeded", "create-late", false},
		{"a:1", "CreateContainerConfigError", `secret "x" not found`, "no-config", true},
		{"a:1", "CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition", "config",
			false},
		{"a:1", "RunContainerError", "context deadline exceeded", "run-failed", false},
		{"a:1", "RunContainerError", `exec: "x": executable file not found in $PATH`, "no-program", true},
	} {
		if o, ok := obstacle(c.image, 30*time.Second, fixedWaits(c.reason, c.message)); !ok || o.Name != c.want ||
			o.DeadEnd != c.dead {
			t.Errorf("%s: %s: %s, dead end %v; want %s, %v", c.reason, c.message, o.Name, o.DeadEnd, c.want, c.dead)
		}
	}
	if o, _ := obstacle("a:1", 5*time.Second,
		fixedWaits("CreateContainerConfigError", `secret "x" not found`)); o.DeadEnd {
		t.Error("who makes the Secret was not waited for")
	}
}

// What the API server answers where no cluster of ours can be brought to answer it.
func TestRefusalsByTheirTexts(t *testing.T) {
	for _, c := range []struct {
		status            int
		text, message     string
		want, by, explain string
	}{
		{500, "Internal Server Error", "etcdserver: request timed out", "etcd", "etcd",
			"the API server could not store the Pod, because etcd failed: request timed out"},
		{429, "Too Many Requests", "the server has received too many requests and has asked us to try again later",
			"too-many-requests", "apiserver",
			"the API server has more requests than it accepts at a time (API Priority and Fairness)"},
	} {
		begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		tr.Observe(seq.Observation{Received: begin, Request: &seq.Request{Verb: "create", Resource: "pods", ID: "x",
			Started: begin,
			Object:  seq.Object{Kind: "Pod", Namespace: "default", Name: "web"}, FirstByte: begin, Status: c.status,
			StatusText: c.text, Message: c.message}})
		if o, ok := tr.Obstacle(); !ok || o.Name != c.want || string(o.By) != c.by || o.Explain != c.explain {
			t.Errorf("%s: %+v", c.message, o)
		}
	}
}

// A container that has just ended is refused a command by whoever finds that first.
func TestExecWhileItsContainerEnds(t *testing.T) {
	all := scenario.Causes(t)
	s := all[slices.IndexFunc(all, func(s scenario.Scenario) bool { return s.Name == "exec-not-running" })]
	messages := []string{"failed to load task: no running task found: not found",
		"cannot exec in a stopped state", "cannot exec in a stopped container", "process already finished: not found"}
	for _, message := range messages {
		tr := trace.New(s.Subject)
		for _, o := range s.Observations {
			if q := o.Request; q != nil && q.Status == 500 {
				exec, request := *q.Exec, *q
				exec.Ended, exec.Error = q.FirstByte, "Internal error occurred: error executing command in container: "+message
				request.Status, request.Message, request.Exec, o.Request = 101, "", &exec, &request
			}
			tr.Observe(o)
		}
		if o, ok := tr.Obstacle(); !ok || o.Name != "exec-not-running" {
			t.Errorf("%s: %+v", message, o)
		}
	}
}

// What the kubelet says by Events before there is a container is told by its words.
func TestCausesByTheirEvents(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u", ResourceVersion: "7"},
		Spec:   corev1.PodSpec{NodeName: "node1", Containers: []corev1.Container{{Name: "app", Image: "a:1"}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, StartTime: &metav1.Time{Time: begin}}}
	for _, c := range []struct{ reason, message, want string }{
		{"FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context " +
			"deadline exceeded", "sandbox-late"},
		{"FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to reserve " +
			`sandbox name "web_default_u_0": name "web_default_u_0" is reserved for "0123"`, "sandbox-late"},
		{"FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox " +
			"task: OCI runtime create failed: runc create failed: expected cgroupsPath to be of format " +
			`"slice:prefix:name" for systemd cgroups, got "/kubepods/besteffort/podu/0123" instead`, "cgroup"},
	} {
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		tr.Observe(seq.Observation{Received: begin, Change: &seq.Change{Type: "MODIFIED", Pod: pod}})
		tr.Observe(seq.Observation{Received: begin.Add(time.Second), Event: &seq.EventChange{Type: "ADDED",
			Event: &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web.1", UID: "e",
				ResourceVersion: "9"},
				InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: "web", UID: "u"},
				Source:         corev1.EventSource{Component: "kubelet"}, Type: corev1.EventTypeWarning,
				Reason: c.reason, Message: c.message, Count: 1,
				FirstTimestamp: metav1.NewTime(begin), LastTimestamp: metav1.NewTime(begin)}}})
		if o, ok := tr.Obstacle(); !ok || o.Name != c.want {
			t.Errorf("%s: %+v, want %s", c.message, o, c.want)
		}
	}
}

// What the scheduler says of all nodes is told by its words, and by the reason that rules out the most of them.
func TestCausesByTheSchedulersWords(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for message, want := range map[string]string{
		"no nodes available to schedule pods": "no-nodes",
		"0/5 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu, 1 node(s) had untolerated taint(s). " +
			"preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.": "resources",
		"0/4 nodes are available: 1 Insufficient cpu, 3 node(s) had untolerated taint(s).":                   "resources",
		"0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.":                         "cordoned",
		"0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.":         "taint",
		"0/3 nodes are available: 1 node(s) had volume node affinity conflict, 2 node(s) had no such thing.": "unschedulable",
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u", ResourceVersion: "7"},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "a:1"}}},
			Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled,
				Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message}}}}
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		tr.Observe(seq.Observation{Received: begin, Change: &seq.Change{Type: "MODIFIED", Pod: pod}})
		tr.Observe(seq.Observation{Received: begin.Add(time.Second)})
		if o, ok := tr.Obstacle(); !ok || o.Name != want {
			t.Errorf("%s: %+v, want %s", message, o, want)
		}
	}
}

// A server that says nonsense is survived.
func TestTwoStatusesOfOneName(t *testing.T) {
	running := corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	if o, ok := obstacle("a:1", time.Second, running, fixedWaits("ErrImagePull", "not found")); !ok ||
		len(o.Evidence) == 0 {
		t.Errorf("%+v", o)
	}
	ended := corev1.ContainerStatus{Name: "app",
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}
	if _, ok := obstacle("a:1", time.Second, running, ended); !ok {
		t.Error("nothing is said")
	}
}

// A command about an object that has no namespace names none.
func TestNextStepOfWhatHasNoNamespace(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	volume := seq.Object{Kind: "PersistentVolume", Name: "data"}
	tr := trace.New(volume)
	tr.Observe(seq.Observation{Received: begin, Request: &seq.Request{Verb: "create", Resource: "persistentvolumes",
		ID: "x", Started: begin, Object: volume, FirstByte: begin, Status: 409, StatusText: "Conflict",
		Message: `object is being deleted: persistentvolumes "data" already exists`}})
	o, ok := tr.Obstacle()
	const want = "kubectl wait --for=delete persistentvolume/data --timeout=60s"
	if !ok || len(o.NextSteps) != 1 || o.NextSteps[0].Command != want {
		t.Errorf("%+v, want %s", o.NextSteps, want)
	}
}

// What is said of how a container ends holds for each of its lives, and each revision is told with what it says: not
// with the end of the last life, which may be another.
func TestEndsThatDiffer(t *testing.T) {
	type end struct {
		code   int32
		reason string
	}
	for _, c := range []struct {
		ends          []end
		name, explain string
		evidence      [2]string
	}{
		{[]end{{1, "Error"}, {1, "Error"}, {1, "Error"}}, "crash", "ends with exit code 1 each time it is started",
			[2]string{"app exited 1 (Error)", "app exited 1 (Error)"}},
		{[]end{{137, "OOMKilled"}, {2, "Error"}, {1, "Error"}}, "crash",
			"ends each time it is started, the last time with exit code 1, at other times with 137 (OOMKilled), 2",
			[2]string{"app exited 137 (OOMKilled)", "app exited 1 (Error)"}},
		{[]end{{0, "Completed"}, {0, "Completed"}, {0, "Completed"}}, "exit-zero", "nothing crashes",
			[2]string{"app exited 0 (Completed)", "app exited 0 (Completed)"}},
		{[]end{{1, "Error"}, {1, "Error"}, {0, "Completed"}}, "crash",
			"ends each time it is started, the last time with exit code 0, at other times with 1",
			[2]string{"app exited 1 (Error)", "app exited 0 (Completed)"}},
	} {
		begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
		for i, e := range c.ends {
			at := begin.Add(time.Duration(i) * time.Second)
			ended := &corev1.ContainerStateTerminated{ExitCode: e.code, Reason: e.reason, StartedAt: metav1.Time{Time: at},
				FinishedAt: metav1.Time{Time: at}, ContainerID: "containerd://a"}
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u",
				ResourceVersion: strconv.Itoa(7 + i)},
				Spec: corev1.PodSpec{NodeName: "node1", RestartPolicy: corev1.RestartPolicyAlways,
					Containers: []corev1.Container{{Name: "app", Image: "a:1"}}},
				Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: begin},
					ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: int32(i),
						State: corev1.ContainerState{Terminated: ended}}}}}
			tr.Observe(seq.Observation{Received: at, Change: &seq.Change{Type: "MODIFIED", Pod: pod}})
		}
		tr.Observe(seq.Observation{Received: begin.Add(time.Minute)})
		o, _ := tr.Obstacle()
		if o.Name != c.name || !strings.Contains(o.Explain, c.explain) {
			t.Errorf("%v: %s: %s; want %s: %s", c.ends, o.Name, o.Explain, c.name, c.explain)
		}
		for i, want := range c.evidence {
			if is := o.Evidence[i].Text; !strings.HasSuffix(is, want) {
				t.Errorf("%v: evidence %d: %s; want %s", c.ends, i, is, want)
			}
		}
	}
}

// A container that stayed up for long in between has not been held since its first end.
func TestLongLivesEndWhatHolds(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tr := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
	at, revision := begin, 7
	see := func(restarts int32, state, last corev1.ContainerState) {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u",
			ResourceVersion: strconv.Itoa(revision)},
			Spec: corev1.PodSpec{NodeName: "node1", RestartPolicy: corev1.RestartPolicyAlways,
				Containers: []corev1.Container{{Name: "app", Image: "a:1"}}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: begin},
				ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: restarts, Ready: state.Running != nil,
					State: state, LastTerminationState: last}}}}
		tr.Observe(seq.Observation{Received: at, Change: &seq.Change{Type: "MODIFIED", Pod: pod}})
		revision++
	}
	var last corev1.ContainerState
	for i, lasts := range []time.Duration{time.Second, 30 * time.Minute, time.Second} {
		started := metav1.Time{Time: at}
		see(int32(i), corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}, last)
		at = at.Add(lasts)
		ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error",
			StartedAt: started, FinishedAt: metav1.Time{Time: at}, ContainerID: "containerd://" + strconv.Itoa(i)}}
		see(int32(i), ended, last)
		last = ended
	}
	tr.Observe(seq.Observation{Received: at.Add(time.Minute)})
	if o, ok := tr.Obstacle(); !ok || o.Held > 2*time.Minute {
		t.Errorf("held for %v: %s", o.Held, o.Explain)
	}
}
