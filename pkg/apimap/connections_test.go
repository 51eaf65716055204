package apimap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// tcpLine is a line of /proc/net/tcp.
func tcpLine(local, remote int) string {
	if remote == 0 {
		return fmt.Sprintf("tcp 0: 0100000A:%04X 00000000:0000 0A\n", local)
	}
	return fmt.Sprintf("tcp 0: 0100000A:%04X 0200000A:%04X 01\n", local, remote)
}

// The table of connections does not say who has opened one. Ports are a hint, which is inferred; where they are none,
// it is said.
func TestWhoHasOpenedAConnection(t *testing.T) {
	const peers = "/api/v1/pods?fieldSelector=status.podIP%3D10.0.0.2&limit=2"
	for name, x := range map[string]struct{ seen, from, to string }{
		"a port given out here":        {tcpLine(40000, 9000), "container/app", "pod shop/peer"},
		"a port given out there":       {tcpLine(9000, 40000), "pod shop/peer", "container/app"},
		"it listens":                   {tcpLine(9000, 0) + tcpLine(9000, 40000), "", ""},
		"ports that say nothing":       {tcpLine(9000, 8000), "", ""},
		"ports that say nothing, both": {tcpLine(40000, 40001), "", ""},
	} {
		s := snapshotOf(podOf("", `, "containers": [{"name": "app"}]`, running("app")), map[string]string{
			peers: itemsOf(`{"metadata": {"name": "peer", "namespace": "shop"}}`)})
		s.Answers = append(s.Answers, apimap.Look{Container: "app"}.Answer("process 1 0 0 nc\n"+x.seen, nil))
		m := apimap.Derive(s)
		n := 0
		for _, a := range m.APIs {
			if a.Name == "is connected" {
				if n++; a.From != x.from || a.To != x.to || a.Certainty != seq.Inferred ||
					x.seen == tcpLine(9000, 40000) && a.Port != 9000 {
					t.Errorf("%s: %s → %s:%d, %s", name, a.From, a.To, a.Port, a.Certainty)
				}
			}
		}
		if (n == 1) != (x.from != "") {
			t.Errorf("%s: %d connections are drawn", name, n)
		}
		if said := hides(m, "who of the two has opened", "does not say"); said != strings.HasPrefix(name, "ports") {
			t.Errorf("%s: %+v", name, m.Hidden)
		}
	}
}
