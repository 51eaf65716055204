package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	apiversion "k8s.io/apimachinery/pkg/version"
	"sigs.k8s.io/yaml"
)

func TestVersion(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(apiversion.Info{Major: "1", Minor: "37", GitVersion: "v1.37.2"})
	}))
	defer s.Close()
	for server, code := range map[string]string{s.URL: "",
		"http://127.0.0.1:1": "connection refused (hint: is the cluster up? kubectl --server=http://127.0.0.1:1 " +
			"cluster-info)",
		"": "no cluster is configured (hint: "} {
		run := func(args ...string) string {
			out, errOut, err := replayed(t.Context(), append([]string{"version", "--server=" + server}, args...)...)
			if errOut != "" || (err == nil) != (code == "") || err != nil && !strings.Contains(err.Error(), code) {
				t.Errorf("%q %v: %v %s", server, args, err, errOut)
			}
			return out
		}
		want := "Client Version: " + ownVersion() + "\n"
		if code == "" {
			want += "Server Version: v1.37.2\n"
		}
		if out := run(); out != want {
			t.Errorf("%q: %s", server, out)
		}
		for format, read := range map[string]func([]byte, any) error{
			"json": json.Unmarshal,
			"yaml": func(b []byte, to any) error { return yaml.Unmarshal(b, to) },
		} {
			var v versions
			if err := read([]byte(run("-o", format)), &v); err != nil || v.ClientVersion.GitVersion != ownVersion() ||
				(v.ServerVersion == nil) != (code != "") {
				t.Errorf("%q -o %s: %v %+v", server, format, err, v)
			} else if v.ServerVersion != nil && v.ServerVersion.Minor != "37" {
				t.Errorf("%+v", v.ServerVersion)
			}
		}
	}
	if out, _, err := replayed(t.Context(), "version", "--client", "--server=http://127.0.0.1:1"); err != nil ||
		strings.Count(out, "\n") != 1 {
		t.Errorf("--client: %v %s", err, out)
	}
}
