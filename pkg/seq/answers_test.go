package seq_test

import (
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

func TestWithFlags(t *testing.T) {
	flags := []string{"--context=it's $1", "--as=jane"}
	for text, want := range map[string]string{
		"":                                 "",
		"how? kubectl get pods | grep x":   `how? kubectl '--context=it'\''s $1' --as=jane get pods | grep x`,
		"kubectl seq sources":              `kubectl seq '--context=it'\''s $1' --as=jane sources`,
		"kubectl get a; xargs kubectl get": `kubectl '--context=it'\''s $1' --as=jane get a; xargs kubectl '--context=it'\''s $1' --as=jane get`,
		"docker images":                    "docker images",
	} {
		if got := seq.WithFlags(text, flags); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := seq.WithFlags(text, nil); got != text {
			t.Errorf("%q without flags: %q", text, got)
		}
	}
}
