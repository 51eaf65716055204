//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// BenchmarkMap is the map of a cluster of 100 nodes and 2,000 Services, beside what kubectl takes to list these.
func BenchmarkMap(b *testing.B) {
	fakeNodes(b, 100)
	hasty := rest.CopyConfig(config(b))
	hasty.QPS = -1 // without a limit of the client's
	c, err := corev1client.NewForConfig(hasty)
	if err != nil {
		b.Fatal(err)
	}
	services := c.Services(freshNamespace(b, "seq-map"))
	var making sync.WaitGroup
	for worker := range 8 {
		making.Go(func() {
			for n := worker; n < 2000; n += 8 {
				_, err := services.Create(b.Context(), &corev1.Service{
					ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("s", n)},
					Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Selector: map[string]string{"app": "none"},
						Ports: []corev1.ServicePort{{Port: 80}}},
				}, metav1.CreateOptions{})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	making.Wait()
	var ours, theirs []time.Duration
	take := func(all *[]time.Duration, name string, args ...string) {
		begun := time.Now()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		*all = append(*all, time.Since(begun))
	}
	for b.Loop() {
		take(&ours, plugin, "map")
		take(&theirs, kubectl, "get", "nodes,services,endpointslices", "--all-namespaces")
	}
	reportMS(b, ours, "ms-map")
	reportMS(b, theirs, "ms-get")
}
