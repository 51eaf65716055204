package apimap_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

const oneContainer = `, "containers": [{"name": "app", "ports": [{"containerPort": 8080}]}]`

// What a Pod's annotations ask for is what Prometheus would ask for, or it is said why nobody can.
func TestAnnotationsOfPrometheus(t *testing.T) {
	for name, x := range map[string]struct{ more, url, why string }{
		"nothing else": {"", "http://10.0.0.1:8080/metrics", ""},
		"no slash":     {`, "prometheus.io/path": "m"`, "http://10.0.0.1:8080/m", ""},
		"a query":      {`, "prometheus.io/path": "/m?x=1"`, "http://10.0.0.1:8080/m%3Fx=1", ""},
		"a name":       {`, "prometheus.io/port": "http"`, "", `prometheus.io/port is "http"`},
		"too much":     {`, "prometheus.io/port": "99999"`, "", `prometheus.io/port is "99999"`},
		"a scheme":     {`, "prometheus.io/scheme": "javascript:x"`, "", "neither http nor https"},
	} {
		m := apimap.Derive(snapshotOf(podOf(`, "annotations": {"prometheus.io/scrape": "true"`+x.more+`}`, oneContainer,
			running("app")), nil))
		all := found(m, "prometheus", "container/app", "metrics")
		if (len(all) == 1) != (x.url != "") || len(all) == 1 && all[0].Try.Command != "curl -sS -m 5 "+x.url ||
			x.why != "" && !hides(m, "metrics that the Pod's annotations ask for", x.why) {
			t.Errorf("%s: %+v, %+v", name, all, m.Hidden)
		}
	}
}

// What ships logs is what a container mounts: also a folder above that of the logs, and no volume that nobody mounts.
func TestShippers(t *testing.T) {
	for name, x := range map[string]struct{ path, mount, certainty string }{
		"the folder":     {"/var/log", `{"name": "v", "mountPath": "/x"}`, "observed"},
		"of the Pods":    {"/var/log/pods/", `{"name": "v", "mountPath": "/x"}`, "observed"},
		"above it":       {"/var", `{"name": "v", "mountPath": "/x"}`, "inferred"},
		"all":            {"/", `{"name": "v", "mountPath": "/x"}`, "inferred"},
		"a part of it":   {"/var", `{"name": "v", "mountPath": "/x", "subPath": "log"}`, "observed"},
		"another part":   {"/var", `{"name": "v", "mountPath": "/x", "subPath": "cache"}`, ""},
		"something else": {"/var/log/audit", `{"name": "v", "mountPath": "/x"}`, ""},
		"a like name":    {"/var/lo", `{"name": "v", "mountPath": "/x"}`, ""},
		"not mounted":    {"/var/log", ``, ""},
	} {
		m := apimap.Derive(snapshotOf(podOf("", oneContainer, running("app")), map[string]string{
			"/apis/apps/v1/daemonsets?limit=500": itemsOf(`{"metadata": {"name": "s", "namespace": "x"}, "status": {"numberReady": 1},
				"spec": {"template": {"spec": {"containers": [{"name": "s", "volumeMounts": [` + x.mount + `]}],
				"volumes": [{"name": "v", "hostPath": {"path": "` + x.path + `"}}]}}}}`)}))
		all := found(m, "daemonset x/s", "log files", "")
		if (len(all) == 1) != (x.certainty != "") || len(all) == 1 && string(all[0].Certainty) != x.certainty {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// A Lease that has not been renewed for long proves nothing of now.
func TestOldLeases(t *testing.T) {
	taken := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for renewed, want := range map[string]string{"2026-01-01T11:59:50.000000Z": "observed",
		"2026-01-01T11:00:00.000000Z": "inferred"} {
		lease := `{"spec": {"holderIdentity": "n1_x", "leaseDurationSeconds": 40, "renewTime": "` + renewed + `"}}`
		s := snapshotOf(podOf("", oneContainer, running("app")), map[string]string{
			"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler": lease,
			"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1":         lease})
		s.Taken = taken
		m := apimap.Derive(s)
		for _, from := range []string{"scheduler", "kubelet"} {
			all := found(m, from, "apiserver", "renew")
			if len(all) != 1 || string(all[0].Certainty) != want ||
				strings.Contains(all[0].Note, "1h0m0s before") != (want == "inferred") {
				t.Errorf("%s, renewed at %s: %+v", from, renewed, all)
			}
		}
		if text := listed(t, m); strings.Contains(text, "renews") != (want == "observed") {
			t.Error(text)
		}
	}
}

// The log of a static Pod is in a folder with the uid that the node gave it, not that of its mirror.
func TestLogsOfStaticPods(t *testing.T) {
	status := strings.Replace(running("app"), `"name": "app"`, `"name": "app", "containerID": "containerd://1"`, 1)
	m := apimap.Derive(snapshotOf(podOf(`, "annotations": {"kubernetes.io/config.hash": "abc"}`, oneContainer, status), nil))
	all := found(m, "containerd", "log files", "")
	if len(all) != 1 || all[0].Path != "/var/log/pods/shop_web_abc/app/0.log" {
		t.Errorf("%+v", all)
	}
}

// Why processes are not seen is what it is: permissions, hostPID, or no shell.
func TestWhyProcessesAreNotSeen(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New("no"))
	for name, x := range map[string]struct {
		spec, why string
		err       error
		shell     bool
	}{
		"permissions": {"", "403: your permissions do not allow it", forbidden, false},
		"an upgrade": {"", "403: your permissions do not allow it", errors.New("unable to upgrade connection: " +
			forbidden.Error()), false},
		"no shell": {"", "kubectl debug", errors.New(`exec: "sh": executable file not found in $PATH`), true},
		"other":    {"", "a command in it that lists them fails: i/o timeout", errors.New("i/o timeout"), false},
		"hostPID":  {`, "hostPID": true`, "sees all processes of its node", nil, false},
	} {
		s := snapshotOf(podOf("", x.spec+oneContainer, running("app")), nil)
		s.Processes = true
		if x.err != nil {
			s.Answers = append(s.Answers, apimap.Look{Container: "app"}.Answer("", x.err))
		}
		if m := apimap.Derive(s); !hides(m, "processes of", x.why) || hides(m, "processes of", "kubectl debug") != x.shell {
			t.Errorf("%s: %+v", name, m.Hidden)
		}
	}
}
