package apimap_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// A recording that is cut off gives all before the cut; what is none is told.
func TestRead(t *testing.T) {
	s := scenarios(t)[0]
	var b bytes.Buffer
	if err := s.snapshot.Write(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	for _, n := range []int{len(whole) - 5, len(whole) / 2} {
		cut, err := apimap.Read(strings.NewReader(whole[:n]))
		if err != apimap.ErrCut || len(cut.Answers) == 0 {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "{}": "not the recording of a map", `{"type":"map","version":"seq.map/v9"}`: "seq.map/v9",
		whole[:strings.Index(whole, "\n")+1] + "nonsense\n{}\n": "line 2",
	} {
		if _, err := apimap.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
}

// What people put into the arguments of commands and into the queries of probes is not in a file.
func TestFilesHaveNoArguments(t *testing.T) {
	const secret = "hunter2"
	look := apimap.Look{Container: "db"}
	pods := apimap.Question{Method: "GET", Path: "api/v1/pods", Keep: []string{"items"}}
	s := &apimap.Snapshot{Answers: []apimap.Answer{
		look.Answer("process 1 0 0 mysqld --password="+secret+"\nprocess 2 1 0 mysql -p"+secret+"\n", nil),
		pods.Answer(200, []byte(`{"items": [{"spec": {"containers": [{
			"livenessProbe": {"exec": {"command": ["mysqladmin", "-p`+secret+`", "ping"]}},
			"readinessProbe": {"httpGet": {"path": "/ready?token=`+secret+`"}},
			"startupProbe": {"exec": {"command": ["ready"]}}}]}}]}`), nil),
	}}
	var file bytes.Buffer
	if err := s.Write(&file); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), secret) {
		t.Errorf("a file has a secret:\n%s", &file)
	}
	for _, kept := range []string{`"mysqld …"`, `"mysql …"`, `["mysqladmin","…"]`, `"/ready?…"`, `["ready"]`} {
		if !strings.Contains(file.String(), kept) {
			t.Errorf("%s is missing in\n%s", kept, &file)
		}
	}
}

// written is what a file has of a snapshot.
func written(t *testing.T, s *apimap.Snapshot) *apimap.Snapshot {
	t.Helper()
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := apimap.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// sameCommands takes no notice of what a file leaves out of commands.
var sameCommands = cmp.Options{
	cmp.Transformer("API", func(a apimap.API) apimap.API {
		if a.Protocol == "exec by the CRI" {
			a.Path, a.Proof.Value, a.Try.Command = "", "", ""
		}
		return a
	}),
	cmp.Transformer("Process", func(p apimap.Process) apimap.Process {
		p.Command, _, _ = strings.Cut(p.Command, " ")
		return p
	}),
}
