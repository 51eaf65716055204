package recording

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Whatever kind of object a run is about: what may be secret in it stays out of the file, and the object as it was
// stays as it was.
func TestObjectsAreRedacted(t *testing.T) {
	secret := &unstructured.Unstructured{Object: map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "s"},
		"data": map[string]any{"key": "aGlkZGVu"}, "stringData": map[string]any{"key": "hidden"}}}
	container := map[string]any{"name": "app", "env": []any{map[string]any{"name": "PASSWORD", "value": "hidden"}},
		"livenessProbe": map[string]any{"httpGet": map[string]any{"httpHeaders": []any{map[string]any{"name": "Authorization",
			"value": "hidden"}}}}}
	template := map[string]any{"metadata": map[string]any{"annotations": map[string]any{"a": "hidden"}},
		"spec": map[string]any{"containers": []any{container}}}
	cronJob := &unstructured.Unstructured{Object: map[string]any{"kind": "CronJob",
		"metadata": map[string]any{"name": "c",
			"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "hidden"}},
		"spec": map[string]any{"jobTemplate": map[string]any{"spec": map[string]any{"template": template}}}}}
	for _, o := range []seq.Observation{
		{Request: &seq.Request{ID: "a", Verb: "create", Answer: secret}},
		{Change: &seq.Change{Type: "ADDED", Object: secret}},
		{Request: &seq.Request{ID: "b", Verb: "create", Answer: cronJob}},
		{Change: &seq.Change{Type: "ADDED", Object: cronJob}},
	} {
		text := written(t, o)
		if strings.Contains(text, "hidden") || strings.Contains(text, "aGlkZGVu") {
			t.Errorf("%s", text)
		}
		if !strings.Contains(text, "redacted 1") {
			t.Errorf("nothing is redacted in %s", text)
		}
	}
	if env := container["env"].([]any)[0].(map[string]any)["value"]; env != "hidden" {
		t.Errorf("the observation itself was changed: %v", env)
	}
}
