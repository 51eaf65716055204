package apimap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

const onePort = `{"port": 8080, "protocol": "TCP"}`

// Of more Services than are drawn, the rest are counted.
func TestMoreServicesThanAreDrawn(t *testing.T) {
	var all []string
	for i := range 12 {
		all = append(all, sliceOf(fmt.Sprintf("many%02d", i), onePort, ""))
	}
	pod := podOf("", `, "containers": [{"name": "app"}]`, running("app"))
	text := listed(t, apimap.Derive(snapshotOf(pod, map[string]string{slicesPath: itemsOf(all...)})))
	if want := "Not drawn: Services in front of the Pod: 4 more than the limit of 8."; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}
