package apimap_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Of a container without a shell, and of containers that share their processes, it is said what cannot be seen.
func TestWhatProcessesHide(t *testing.T) {
	for change, want := range map[string]string{
		"no shell": "a command in it that lists them fails: exec: \"sh\": executable file not found in $PATH; what a " +
			"container without a shell runs, an ephemeral one shows, which stays in the Pod: kubectl debug -it ",
		"shared": "the containers share their processes: shareProcessNamespace",
	} {
		for _, s := range scenarios(t) {
			if s.name != "processes" {
				continue
			}
			for i, a := range s.snapshot.Answers {
				switch {
				case change == "no shell" && strings.HasPrefix(a.Ask, "exec "):
					look := apimap.Look{Container: strings.TrimPrefix(a.Ask, "exec ")}
					s.snapshot.Answers[i] = look.Answer("", errors.New(`exec: "sh": executable file not found in $PATH`))
				case change == "shared" && strings.Contains(a.Ask, "/pods/") && bytes.Contains(a.Body, []byte(`"spec":{`)):
					s.snapshot.Answers[i].Body = bytes.Replace(a.Body, []byte(`"spec":{`),
						[]byte(`"spec":{"shareProcessNamespace":true,`), 1)
				}
			}
			m := apimap.Derive(s.snapshot)
			if !slices.ContainsFunc(m.Hidden, func(h apimap.Hidden) bool { return strings.Contains(h.Why, want) }) {
				t.Errorf("%s: %+v", change, m.Hidden)
			}
		}
	}
}

// Each container that runs is looked into: sidecars, which are init containers, and ephemeral ones, too.
func TestLooks(t *testing.T) {
	runs := `"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}`
	pod := `{"metadata": {"name": "web", "namespace": "shop"}, "status": {
		"initContainerStatuses": [{"name": "done", "state": {"terminated": {}}}, {"name": "side", ` + runs + `}],
		"containerStatuses": [{"name": "app", ` + runs + `}],
		"ephemeralContainerStatuses": [{"name": "debugger", ` + runs + `}]}}`
	s := &apimap.Snapshot{Subject: seq.Object{Kind: "Pod", Namespace: "shop", Name: "web"}, Answers: []apimap.Answer{
		{Ask: "GET /api/v1/namespaces/shop/pods/web", Status: 200, Body: []byte(pod)}}}
	var names []string
	for _, l := range apimap.Looks(s) {
		names = append(names, l.Container)
		s.Answers = append(s.Answers, l.Answer("process 1 0 0 sleep 1000\n", nil))
	}
	want := []string{"side", "app", "debugger"}
	if !slices.Equal(names, want) {
		t.Errorf("looks into %v, not %v", names, want)
	}
	for i, c := range apimap.Derive(s).Processes {
		if c.Name != want[i] {
			t.Errorf("container %d is %s, not %s", i, c.Name, want[i])
		}
	}
}

// Where containers share a PID namespace, the control group of a process says whose it is, and of those with a parent
// outside the first is the container's own.
func TestSharedProcesses(t *testing.T) {
	const a, b = "aaaa1111", "bbbb2222"
	pod := func(share bool, ephemeral string) string {
		return fmt.Sprintf(`{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"shareProcessNamespace": %t},
			"status": {"containerStatuses": [
				{"name": "a", "containerID": "containerd://%s", "state": {"running": {}}},
				{"name": "b", "containerID": "containerd://%s", "state": {"running": {}}}], "ephemeralContainerStatuses": [%s]}}`,
			share, a, b, ephemeral)
	}
	process := func(pid, parent int, command string, started int, group string) string {
		return fmt.Sprintf("process %[1]d %[2]d 0 %[3]s\nstat %[1]d %[1]d (a ) b) S %[2]d 1 1 0 -1 1 1 1 1 1 1 1 1 1 20 0 1 "+
			"0 %[4]d 1 1\ncgroup %[1]d 0::%[5]s\n", pid, parent, command, started, group)
	}
	for name, x := range map[string]struct {
		pod  string
		seen string
		want []string
	}{
		"control groups of the host": {pod(true, ""), process(1, 0, "/pause", 100, "/kubepods/pod1/ffff") +
			process(7, 0, "sleep 1", 200, "/kubepods/pod1/"+a) +
			process(9, 0, "sleep 2", 210, "/kubepods/pod1/cri-containerd-"+b+".scope") +
			process(12, 9, "sleep 3", 220, "/kubepods/pod1/"+b) + process(5, 0, "ps", 900, "/kubepods/pod1/"+b),
			[]string{"1 the Pod's sandbox", "5 added to container b by an exec; its parent is outside",
				"7 container a ends with it", "9 container b ends with it", "12 "}},
		"a namespace of control groups": {pod(true, ""), process(1, 0, "/pause", 100, "/../cri-containerd-ffff.scope") +
			process(7, 0, "sleep 1", 200, "/") + process(9, 0, "sleep 2", 210, "/../cri-containerd-"+b+".scope"),
			[]string{"1 the Pod's sandbox", "7 container a ends with it", "9 container b ends with it"}},
		"without control groups": {pod(true, ""), "process 1 0 0 /pause\nprocess 7 0 0 sleep 1\n",
			[]string{"1 the Pod's sandbox", "7 a container's first process, or added by an exec; its parent is outside"}},
		"an ephemeral container beside it": {pod(false, `{"name": "debug", "containerID": "containerd://cccc3333"}`),
			process(1, 0, "nginx", 100, "/") + process(7, 0, "sh", 200, "/../cccc3333") + process(8, 0, "sh", 300, "/"),
			[]string{"1 the container ends with it", "7 container debug ends with it",
				"8 added by an exec; its parent is outside"}},
		"a container of its own": {pod(false, ""), process(1, 0, "nginx", 100, "/kubepods/"+a) +
			process(7, 0, "sh", 200, "/kubepods/"+a),
			[]string{"1 the container ends with it", "7 added by an exec; its parent is outside"}},
	} {
		s := &apimap.Snapshot{Subject: seq.Object{Kind: "Pod", Namespace: "shop", Name: "web"}, Answers: []apimap.Answer{
			{Ask: "GET /api/v1/namespaces/shop/pods/web", Status: 200, Body: []byte(x.pod)},
			apimap.Look{Container: "a"}.Answer(x.seen, nil)}}
		var listing bytes.Buffer
		if err := render.MapFormats["listing"](&listing, apimap.Derive(s), render.Style{Width: 200}); err != nil {
			t.Fatal(err)
		}
		for _, want := range x.want {
			pid, note, _ := strings.Cut(want, " ")
			line := regexp.MustCompile(`(?m)^ .*\b` + pid + `  root  .*$`).FindString(listing.String())
			if note == "" && strings.HasSuffix(line, ")") || note != "" && !strings.HasSuffix(line, " ("+note+")") {
				t.Errorf("%s: %q, not %s", name, line, want)
			}
		}
	}
}
