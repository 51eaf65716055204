//go:build e2e

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func workloadFile(name string) string {
	return filepath.Join("..", "..", "pkg", "trace", "testdata", "workloads", name+".yaml")
}

// uids are those of all objects whose stories the run tells.
func (d document) uids() (all []string) {
	for _, s := range d.steps {
		if s.About != "" && !slices.Contains(all, s.About) {
			all = append(all, s.About)
		}
	}
	return all
}

// replayed runs the plugin, and holds the replay of its recording against what it printed.
func replayed(t *testing.T, args ...string) (d document, errOut string, code int) {
	t.Helper()
	kept := filepath.Join(t.ArtifactDir(), "run.jsonl")
	out, errOut, code := runSeq(t, append(args, "-o", "json", "--record="+kept)...)
	if again, errOut, replayed := runSeq(t, "replay", kept, "-o", "json", "--speed=max"); replayed != code ||
		again != out {
		t.Errorf("replay: exit %d, not %d: %s (-live +replay)\n%s", replayed, code, errOut, cmp.Diff(out, again))
	}
	return parse(t, out), errOut, code
}

// What controllers make of a workload is held against the cluster's records as the start of one Pod is.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file  string
		flags []string
		steps []string // from, and how the label begins
		code  int
	}{
		"job-retries": {steps: []string{"controller-manager/job POST pods", "container/app exits with 1",
			"controller-manager/job PUT jobs/status: failed 2"}, code: 2},
		"deployment": {steps: []string{"controller-manager/deployment POST replicasets",
			"controller-manager/replicaset POST pods", "controller-manager/endpointslice POST endpointslices",
			"scheduler POST pods/binding", "kubelet StartContainer app"}},
		"records": {file: "deployment", flags: withRecords,
			steps: []string{"controller-manager/deployment POST replicasets", "containerd create"}},
		"job": {steps: []string{"controller-manager/job POST pods", "container/app exits with 0",
			"controller-manager/job PUT jobs/status"}},
		"statefulset": {steps: []string{"controller-manager/statefulset POST pods (db-0)",
			"controller-manager/statefulset POST persistentvolumeclaims (data-db-0)",
			"controller-manager/persistentvolume-binder PUT persistentvolumeclaims: spec.volumeName=seq-pv"}},
		"daemonset": {steps: []string{"controller-manager/daemonset POST pods",
			"controller-manager/daemonset PUT daemonsets/status"}},
	} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			file := workloadFile(c.file)
			if c.file == "" {
				file = workloadFile(name)
			}
			r := record(t)
			d, errOut, code := replayed(t, append([]string{"create", "-f", file, "--rm"}, c.flags...)...)
			if name == "statefulset" { // it leaves its claims
				runKubectl(t, "", "delete", "pvc", "-l", "app=db")
			}
			if code != c.code {
				t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
			}
			for _, want := range c.steps {
				if !slices.ContainsFunc(d.steps, func(s step) bool { return strings.HasPrefix(s.From+" "+s.Label, want) }) {
					t.Errorf("no %q", want)
				}
			}
			tr := r.of(t, name, wholeFor(d), d.uids()...)
			s := judged(t, d, tr, likelyWithin)
			t.Logf("%d writes, %d calls, %d pairs, %d of %d actors unknown", s.Writes, s.Calls, s.Pairs, s.ActorsUnknown,
				s.WritesFound)
		})
	}
}

// A CronJob makes a Job at the next full minute; what is waited for is no work, so other tests can go on.
func TestCronJob(t *testing.T) {
	apart(t)
	r := record(t)
	d, errOut, code := replayed(t, "create", "-f", workloadFile("cronjob"), "--rm")
	if code != 0 || d.outcome.Outcome != "Available" && d.outcome.Outcome != "Succeeded" {
		t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	for _, want := range []string{"controller-manager/cronjob POST jobs", "controller-manager/job POST pods",
		"kubelet StartContainer app", "controller-manager/cronjob PUT cronjobs/status"} {
		if !slices.ContainsFunc(d.steps, func(s step) bool { return strings.HasPrefix(s.From+" "+s.Label, want) }) {
			t.Errorf("no %q", want)
		}
	}
	s := judged(t, d, r.of(t, "tick", wholeFor(d), d.uids()...), likelyWithin)
	t.Logf("%d writes, %d calls, %d pairs, %d of %d actors unknown", s.Writes, s.Calls, s.Pairs, s.ActorsUnknown,
		s.WritesFound)
}

// The end of a Deployment goes through the garbage collector; that of one of its Pods makes another.
func TestDeleteWorkload(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		what  func(*testing.T) string
		flags []string
		steps []string
	}{
		"pod": {func(t *testing.T) string { return firstPodOf(t, "web") }, nil,
			[]string{"kubectl DELETE pods", "controller-manager/replicaset POST pods",
				"controller-manager/endpointslice PUT endpointslices", "kubelet StopContainer app", "kubelet StartContainer app"}},
		"deployment": {func(*testing.T) string { return "deployment/web" }, nil,
			[]string{"kubectl DELETE deployments (web)", "controller-manager/garbage-collector DELETE replicasets",
				"controller-manager/garbage-collector DELETE pods",
				"apiserver watch: ReplicaSet web", "kubelet StopContainer app", "kubelet DELETE pods"}},
		"records": {func(*testing.T) string { return "deploy/web" }, withRecords,
			[]string{"controller-manager/garbage-collector DELETE pods"}},
		"foreground": {func(*testing.T) string { return "deployments.apps/web" }, []string{"--cascade=foreground"},
			[]string{"kubectl DELETE deployments (web), cascade foreground",
				"controller-manager/garbage-collector DELETE replicasets",
				"controller-manager/garbage-collector DELETE pods", "kubelet DELETE pods",
				"controller-manager/garbage-collector PATCH replicasets: removes finalizer foregroundDeletion",
				"controller-manager/garbage-collector PATCH deployments: removes finalizer foregroundDeletion"}},
		"foreground-records": {func(*testing.T) string { return "deployments.v1.apps/web" },
			append([]string{"--cascade=foreground"}, withRecords...),
			[]string{"controller-manager/garbage-collector PATCH deployments: removes finalizer foregroundDeletion"}},
		"orphan": {func(*testing.T) string { return "deploy/web" }, []string{"--cascade=orphan"},
			[]string{"kubectl DELETE deployments (web), cascade orphan",
				"controller-manager/garbage-collector PATCH replicasets: no longer owned by Deployment web",
				"controller-manager/garbage-collector PATCH deployments: removes finalizer orphan"}},
		"orphan-records": {func(*testing.T) string { return "deploy/web" },
			append([]string{"--cascade=orphan"}, withRecords...),
			[]string{"controller-manager/garbage-collector PATCH deployments: removes finalizer orphan"}},
	} {
		t.Run(name, func(t *testing.T) {
			apart(t)
			runKubectl(t, "", "apply", "-f", workloadFile("deployment"))
			t.Cleanup(func() {
				runKubectl(t, "", "delete", "-f", workloadFile("deployment"), "--ignore-not-found")
				runKubectl(t, "", "delete", "replicaset", "-l", "app=web", "--cascade=foreground") // of an orphan
			})
			runKubectl(t, "", "wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
			r := record(t)
			d, errOut, code := replayed(t, append([]string{"delete", c.what(t)}, c.flags...)...)
			if code != 0 || d.outcome.Outcome != "Deleted" {
				t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
			}
			for _, want := range c.steps {
				if !slices.ContainsFunc(d.steps, func(s step) bool { return strings.HasPrefix(s.From+" "+s.Label, want) }) {
					t.Errorf("no %q", want)
				}
			}
			tr := r.of(t, name, wholeFor(d), d.uids()...)
			d.begun(tr)
			s := judged(t, d, tr, likelyWithin)
			if stay := strings.HasPrefix(name,
				"orphan"); stay != (runKubectl(t, "", "get", "pods", "-l", "app=web", "-o", "name") != "") && name != "pod" {
				t.Errorf("the Pods stay: %t", !stay)
			}
			t.Logf("%d writes, %d pairs, %d of %d actors unknown", s.Writes, s.Pairs, s.ActorsUnknown, s.WritesFound)
		})
	}
}

func firstPodOf(t *testing.T, app string) string {
	t.Helper()
	return strings.TrimSpace(runKubectl(t, "", "get", "pods", "-l", "app="+app, "-o",
		"jsonpath=pod/{.items[0].metadata.name}"))
}

// A workload that does not get there says who holds it.
func TestWorkloadTroubles(t *testing.T) {
	apart(t)
	runKubectl(t, "", "create", "namespace", "seq-workloads")
	t.Cleanup(func() { runKubectl(t, "", "delete", "namespace", "seq-workloads", "--wait=false") })
	runKubectl(t, "", "create", "quota", "tiny", "-n", "seq-workloads", "--hard=pods=0")
	for _, c := range []struct {
		args             []string
		obstacle, holder string
	}{
		{[]string{"create", "-f", workloadFile("deployment"), "-n", "seq-workloads"}, "quota", "apiserver"},
		{[]string{"create", "-f", workloadFile("job-fails")}, "job-failed", "controller-manager/job"},
		{[]string{"create-deployment", "no-image", "--image=down.example/none:1", "--timeout=15s"}, unreachable, "registry"},
	} {
		t.Run(c.obstacle, func(t *testing.T) {
			t.Parallel()
			out, errOut, code := runSeq(t, append(c.args, "-o", "json", "--rm")...)
			o := parse(t, out).outcome
			if code != 2 || o.Obstacle == nil || !slices.Contains(strings.Split(c.obstacle, "|"), o.Obstacle.Name) ||
				o.Obstacle.Participant != c.holder ||
				len(o.Obstacle.Evidence) == 0 {
				t.Errorf("exit %d, %+v, %+v: %s", code, o, o.Obstacle, errOut)
			}
		})
	}
}

// A claim whose volume waits for its first consumer: the scheduler picks a node, says so in the claim, and binds the
// Pod once somebody has made the volume there.
func TestFirstConsumer(t *testing.T) {
	if runKubectl(t, "", "get", "storageclass", "-o", `jsonpath={.items[?(@.volumeBindingMode=="WaitForFirstConsumer")].`+
		`metadata.annotations.storageclass\.kubernetes\.io/is-default-class}`) != "true" {
		t.Skip("no default StorageClass waits for the first consumer of a claim (kind's does)")
	}
	for name, flags := range map[string][]string{"client": nil, "records": withRecords} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			args := append([]string{"create", "-f", workloadFile("first-consumer"), "--rm"}, flags...)
			d, errOut, code := replayed(t, args...)
			if code != 0 {
				t.Fatalf("exit %d, %+v: %s", code, d.outcome, errOut)
			}
			last := -1
			for _, want := range []string{"scheduler picks ",
				"scheduler PUT persistentvolumeclaims: metadata.annotations.volume.kubernetes.io/selected-node",
				"controller-manager/persistentvolume-binder PUT persistentvolumeclaims: spec.volumeName=",
				"scheduler POST pods/binding", "kubelet StartContainer app"} {
				i := slices.IndexFunc(d.steps, func(s step) bool { return strings.HasPrefix(s.From+" "+s.Label, want) })
				if i <= last {
					t.Errorf("%q comes as number %d, after number %d", want, i, last)
				}
				last = i
			}
			s := judged(t, d, r.of(t, name, wholeFor(d), d.uids()...), likelyWithin)
			t.Logf("%d writes, %d pairs, %d of %d actors unknown", s.Writes, s.Pairs, s.ActorsUnknown, s.WritesFound)
		})
	}
}

// One Pod of a file is followed as create-pod follows it, and so is one beside other objects.
func TestCreatePodFromFile(t *testing.T) {
	out, errOut, code := runSeq(t, "create", "-f", scenarioFile("plain"), "-o", "json", "--rm")
	d := parse(t, out)
	if code != 0 || d.outcome.Outcome != "Available" || count(d.steps, func(s step) bool {
		return s.Rule == "own-create" && s.Kind == "request" && s.Label == "POST pods (plain)"
	}) != 1 {
		t.Errorf("exit %d, %+v: %s", code, d.outcome, errOut)
	}
	gone(t, "plain")
}

// A run removes what it made, also after what it was asked for came to nothing.
func TestCreateRefused(t *testing.T) {
	runKubectl(t, "", "create", "deployment", "taken", "--image=busybox:1", "--replicas=0")
	t.Cleanup(func() { runKubectl(t, "", "delete", "deployment", "taken") })
	out, errOut, code := runSeq(t, "create-deployment", "taken", "--image=busybox:1", "-o", "json", "--rm")
	if o := parse(t, out).outcome; code != 1 || o.Outcome != "Refused" || o.Obstacle == nil ||
		o.Obstacle.Name != "name-taken" || strings.Contains(errOut, "deleted") {
		t.Errorf("exit %d, %+v: %s", code, o, errOut)
	}
}
