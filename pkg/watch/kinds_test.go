package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

// An EndpointSlice that came as protobuf says what its JSON does.
func TestSliceAsJSON(t *testing.T) {
	compared := 0
	for _, s := range scenario.All(t) {
		for _, o := range s.Observations {
			if o.Change == nil || o.Change.Object == nil || o.Change.Object.GetKind() != "EndpointSlice" {
				continue
			}
			var typed, received discoveryv1.EndpointSlice
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Change.Object.Object, &typed); err != nil {
				t.Fatal(err)
			}
			text, err := typed.Marshal()
			if err == nil {
				err = received.Unmarshal(text)
			}
			if err != nil {
				t.Fatal(err)
			}
			compared++
			if d := cmp.Diff(o.Change.Object, sliceAsJSON(&received)); d != "" {
				t.Errorf("%s (-JSON +protobuf):\n%s", s.Name, d)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d are compared", compared)
	}
}
