package apimap_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Wherever a command or the path of a request stands, a file has no argument and no query of it.
func TestFilesHaveNoSecrets(t *testing.T) {
	const secret = "hunter2"
	handler := `{"exec": {"command": ["notify", "` + secret + `"]}}`
	request := `{"httpGet": {"path": "/bye?token=` + secret + `", "port": 80}}`
	bodies := map[string]string{
		"/pods/web": `{"metadata": {"name": "web", "annotations": {"prometheus.io/scrape": "true",
			"prometheus.io/path": "/m?token=` + secret + `", "prometheus.io/param_token": "` + secret + `"}},
			"spec": {"containers": [{"name": "a", "lifecycle": {"postStart": ` + handler + `, "preStop": ` + request + `}}],
			"initContainers": [{"name": "b", "lifecycle": {"postStart": ` + request + `, "preStop": ` + handler + `}}]}}`,
		"/servicemonitors": `{"items": [{"spec": {"endpoints": [{"port": "http", "path": "/m?token=` + secret + `"}]}}]}`,
		"tier%3Dcontrol-plane": `{"items": [{"spec": {"containers": [{"command": ["kube-apiserver",
			"--etcd-servers=https://192.0.2.1:2379", "--webhook-token=` + secret + `"], "args": ["` + secret + `"]}]}}]}`,
	}
	s := &apimap.Snapshot{}
	for _, q := range apimap.First(seq.Object{Kind: "Pod", Namespace: "shop", Name: "web"}) {
		for path, body := range bodies {
			if strings.Contains(q.Path, path) {
				s.Answers = append(s.Answers, q.Answer(200, []byte(body), nil))
			}
		}
	}
	var file bytes.Buffer
	if err := s.Write(&file); err != nil {
		t.Fatal(err)
	}
	if len(s.Answers) != len(bodies) || strings.Contains(file.String(), secret) {
		t.Errorf("a file has a secret:\n%s", &file)
	}
	for _, kept := range []string{`["notify","…"]`, `"/bye?…"`, `"/m?…"`, `["--etcd-servers=https://192.0.2.1:2379"]`} {
		if !strings.Contains(file.String(), kept) {
			t.Errorf("%s is missing in\n%s", kept, &file)
		}
	}
}
