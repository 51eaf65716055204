package trace_test

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/pkg/trace"
)

// A front end of its own: observations in, messages out. Here a watch has brought two revisions of a Pod, and no
// Event: who bound it is not known.
func Example() {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pod := func(revision, node string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: "web", UID: "1234", ResourceVersion: revision, CreationTimestamp: metav1.NewTime(begin),
				ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl-run", Operation: "Update"}},
			},
			Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "app", Image: "busybox:1"}}},
		}
	}

	t := trace.New(seq.Object{Kind: "Pod", Namespace: "default", Name: "web"})
	t.Observe(seq.Observation{Received: begin, Attach: &seq.Attach{}}) // it only looks: no request of ours made the Pod
	t.Observe(seq.Observation{Received: begin.Add(20 * time.Millisecond),
		Change: &seq.Change{Type: "ADDED", Pod: pod("7", "")}})
	t.Observe(seq.Observation{Received: begin.Add(31 * time.Millisecond),
		Change: &seq.Change{Type: "MODIFIED", Pod: pod("8", "node1")}})

	for _, s := range t.Steps() {
		fmt.Printf("%s → %s: %s (%s, %s)\n", s.From, s.To, s.Label, s.Certainty, s.Rule.Name)
	}
	fmt.Println("scheduled:", t.State().Scheduled)
	// Output:
	// kubectl-run → apiserver: POST pods (web) (observed, write)
	// apiserver → etcd: Pod web (observed, etcd-write)
	// unknown client → apiserver: POST pods/binding (node1) (inferred, bind)
	// apiserver → etcd: Pod web (observed, etcd-write)
	// scheduled: true
}
