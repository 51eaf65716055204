package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// A file that is neither an audit log nor spans is an error before anything is done.
func TestRecordsHaveToBeRecords(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "records")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	entry := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete"}` + "\n"
	spans := `{"resourceSpans":[]}` + "\n"
	for _, c := range []struct{ audit, spans, want string }{
		{audit: file("apiVersion: v1\nkind: Config\n"), want: "not an audit log"},
		{audit: file(spans), want: "not an audit log"},
		{audit: file(entry)},
		{audit: file("")},
		{audit: file(entry[:20])}, // still being written
		{spans: file(entry), want: "not spans"},
		{spans: file("rubbish\n"), want: "not spans"},
		{spans: file(`{"resourceMetrics":[]}` + "\n"), want: "not spans"},
		{spans: file(spans)},
		{audit: filepath.Join(t.TempDir(), "none"), want: "no such file"},
	} {
		o := &followOptions{IOStreams: genericiooptions.NewTestIOStreamsDiscard(),
			evidence: evidenceOptions{evidenceFlags{audit: c.audit, spans: c.spans}}}
		e, err := startEvidence(t.Context(), o)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if e != nil {
			t.Cleanup(e.wait)
		}
	}
}

// Fairness between clients is for the API server: we do not hold our own requests back.
func TestRequestsAreNotHeldBack(t *testing.T) {
	var flags = newConfigFlags()
	*flags.APIServer = "https://198.18.0.1"
	c, err := flags.ToRESTConfig()
	if err != nil || c.QPS >= 0 {
		t.Errorf("%v requests a second at most (%v)", c.QPS, err)
	}
}
