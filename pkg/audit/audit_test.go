package audit

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// lines are entries of a real audit log, without managedFields and the specs of answers.
func lines(t testing.TB) [][]byte {
	t.Helper()
	data, err := os.ReadFile("testdata/audit.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}

const uid = "3b5593c2-dbda-4165-96c9-2b7273128f6f"

func TestParse(t *testing.T) {
	found := map[string]*seq.Audit{}
	for _, l := range lines(t) {
		a, err := Parse(l, "default", isWeb)
		if err != nil {
			t.Fatal(err)
		}
		if a != nil {
			found[strings.TrimSuffix(a.Verb+" "+a.Resource+"/"+a.Subresource, "/")] = a
		}
		for _, other := range []string{"we", "web2", "x"} {
			if a, err := Parse(l, "default", func(name string) bool { return name == other }); a != nil || err != nil {
				t.Errorf("%s: %+v, %v", other, a, err)
			}
		}
		if a, err := Parse(l, "kube-system", isWeb); a != nil || err != nil {
			t.Errorf("%+v, %v", a, err)
		}
	}
	for what, want := range map[string]struct {
		user, uid, revision string
		code                int
	}{
		"create pods":         {"kubernetes-admin", uid, "298", 201},
		"create pods/binding": {"system:kube-scheduler", uid, "", 201},
		"create events":       {"system:kube-scheduler", uid, "301", 201},
		"patch pods/status":   {"system:node:node1", uid, "302", 200},
		"get pods":            {"system:node:node1", uid, "299", 200},
		"list pods":           {"kubernetes-admin", "", "", 200},
	} {
		a := found[what]
		if a == nil {
			t.Errorf("%s is missing", what)
			continue
		}
		if a.User != want.user || a.UID != want.uid || a.ResourceVersion != want.revision || a.Code != want.code ||
			a.ID == "" || !a.Completed.After(a.Received) {
			t.Errorf("%s: %+v", what, a)
		}
		delete(found, what)
	}
	if len(found) > 0 {
		t.Errorf("more than there should be: %v", found)
	}
}

// At level Metadata there are no objects: an Event's own name says what it is about.
func TestParseMetadata(t *testing.T) {
	for _, l := range lines(t) {
		full, err := Parse(l, "default", isWeb)
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(l, []byte(`"requestObject"`))
		k := bytes.Index(l, []byte(`"requestReceivedTimestamp"`))
		if full == nil || i < 0 || k < i {
			continue
		}
		meta, err := Parse(append(bytes.Clone(l[:i]), l[k:]...), "default", isWeb)
		if err != nil || meta == nil || meta.ID != full.ID || meta.Name != full.Name || meta.ResourceVersion != "" {
			t.Errorf("%s %s: %+v, %v", full.Verb, full.Resource, meta, err)
		}
	}
}

func TestForeignLines(t *testing.T) {
	for _, l := range []string{"", "hello", "{", "{}", "[]", `{"kind":"Pod"}`, `{"kind":"Event","auditID":1}`} {
		if a, err := Parse([]byte(l), "default", isWeb); err == nil || a != nil {
			t.Errorf("%q: %+v", l, a)
		}
	}
	if a, err := Parse([]byte(`{"kind":"Event","auditID":"x","stage":"RequestReceived","objectRef":{"resource":"pods","namespace":"default","name":"web"}}`), "default", isWeb); a != nil || err != nil {
		t.Errorf("a request that is not answered yet: %+v, %v", a, err)
	}
}

// A volume is in no namespace, and goes by its claim.
func TestParseVolume(t *testing.T) {
	line := []byte(`{"kind":"Event","auditID":"x","stage":"ResponseComplete","verb":"create",` +
		`"objectRef":{"resource":"persistentvolumes","name":"pvc-1"},"responseStatus":{"code":201},` +
		`"responseObject":{"kind":"PersistentVolume","metadata":{"uid":"u","resourceVersion":"7"},` +
		`"spec":{"claimRef":{"namespace":"default","name":"web"}}}}`)
	a, err := Parse(line, "default", isWeb)
	if err != nil || a == nil || a.UID != "u" || a.ResourceVersion != "7" || a.Namespace != "" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, namespace := range []string{"kube-system", ""} {
		if a, err := Parse(line, namespace, isWeb); a != nil || err != nil {
			t.Errorf("in %q: %+v, %v", namespace, a, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, l := range lines(f) {
		f.Add(l)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := Parse(line, "default", isWeb)
		if a != nil && (err != nil || a.ID == "" || a.Namespace != "default" && a.Resource != "persistentvolumes") {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func isWeb(name string) bool { return name == "web" }
