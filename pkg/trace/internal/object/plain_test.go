package object

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
)

// Whatever a Pod is, it says of it what apimachinery's own converter says.
func TestPlain(t *testing.T) {
	for seed := range int64(200) {
		var p corev1.Pod
		fillPods(seed).Fill(&p)
		want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&p)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(any(want), Plain(&p), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("seed %d (-converter +ours):\n%s", seed, d)
		}
	}
}

// fillPods makes random Pods.
func fillPods(seed int64) *randfill.Filler {
	return randfill.NewWithSeed(seed).NilChance(0.3).NumElements(0, 2).MaxDepth(12).Funcs(
		func(q *resource.Quantity, c randfill.Continue) {
			*q = *resource.NewQuantity(c.Int63n(1000), resource.DecimalSI)
		},
		func(x *intstr.IntOrString, c randfill.Continue) {
			if *x = intstr.FromInt32(c.Int31()); c.Bool() {
				*x = intstr.FromString(c.String(5))
			}
		},
		func(x *metav1.Time, c randfill.Continue) { *x = metav1.Unix(c.Int63n(1e9), 0) },
		func(x *metav1.FieldsV1, c randfill.Continue) { x.SetRawBytes([]byte(`{"f:spec":{}}`)) },
	)
}
