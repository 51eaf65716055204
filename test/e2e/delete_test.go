//go:build e2e

package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// start makes a Pod outside of the plugin and waits until it is as it should be.
func start(t *testing.T, name string, is func(*corev1.Pod) bool) {
	t.Helper()
	remove(t, name)
	runKubectl(t, "", "create", "-f", scenarioFile(name))
	waitFor(t, name, is)
}

func running(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning }

// The end of a Pod is held against the cluster's records as its start is.
func TestDeletePod(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"client": nil, "records": withRecords} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			start(t, "graceful", running)
			r := record(t)
			d, errOut, code := replayed(t, append([]string{"delete-pod", "graceful"}, flags...)...)
			if code != 0 || d.outcome.Outcome != "Deleted" {
				t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
			}
			tr := r.of(t, "graceful", wholeFor(d), d.uid)
			d.begun(tr)
			s := judged(t, d, tr, likelyWithin)
			for _, want := range []string{"DELETE pods (graceful), grace period 10 s", "watch: Pod graceful is to end",
				"StopContainer app", "exits with 0", "StopPodSandbox"} {
				if count(d.steps, func(s step) bool { return s.Label == want }) != 1 {
					t.Errorf("no %q in\n%v", want, d.steps)
				}
			}
			t.Logf("%d writes, %d pairs", s.Writes, s.Pairs)
			gone(t, "graceful")
		})
	}
}

// A Pod without a node goes within the request.
func TestDeleteAtOnce(t *testing.T) {
	start(t, "gated", func(*corev1.Pod) bool { return true })
	out, errOut, code := runSeq(t, "delete-pod", "gated", "-o", "json")
	steps := parse(t, out).steps
	if n := count(steps, func(s step) bool { return s.To == "apiserver" && s.Verb == "delete" }); code != 0 || n != 1 {
		t.Errorf("exit %d, %d requests: %s\n%v", code, n, errOut, steps)
	}
	gone(t, "gated")
}

// How it had ended before is not what comes of the deletion.
func TestDeleteWhatHasEnded(t *testing.T) {
	apart(t)
	for name, phase := range map[string]corev1.PodPhase{"completes": corev1.PodSucceeded, "fails": corev1.PodFailed} {
		start(t, name, func(p *corev1.Pod) bool { return p.Status.Phase == phase })
		out, errOut, code := runSeq(t, "delete-pod", name, "-o", "json")
		if o := parse(t, out).outcome; code != 0 || o.Outcome != "Deleted" {
			t.Errorf("%s: exit %d, %+v: %s", name, code, o, errOut)
		}
	}
	runKubectl(t, "", "create", "job", "ended", "--image=busybox:1", "--", "true")
	runKubectl(t, "", "wait", "job/ended", "--for=condition=Complete", "--timeout=60s")
	out, errOut, code := runSeq(t, "delete", "job/ended", "--cascade=foreground", "-o", "json")
	d := parse(t, out)
	if n := count(d.steps,
		func(s step) bool {
			return s.Label == "DELETE pods" &&
				s.From == "controller-manager/garbage-collector"
		}); code != 0 || d.outcome.Outcome != "Deleted" || n != 1 {
		t.Errorf("exit %d, %+v, %d Pods deleted: %s", code, d.outcome, n, errOut)
	}
}

func TestDeleteWhatIsNotThere(t *testing.T) {
	_, errOut, code := runSeq(t, "delete-pod", "nowhere")
	if code != 1 || !strings.Contains(errOut, `pods "nowhere" not found`) {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
