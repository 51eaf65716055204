package trace

// Keys of messages.

import (
	"fmt"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"strconv"
)

// Keys of messages. A request's response is its key and ":end".
func callKey(r *seq.Request) string { return "call:" + r.ID }

func (s *story) etcdKey(rv uint64) string {
	return "etcd:" + s.resource + ":" + strconv.FormatUint(rv, 10)
}

func (s *story) writeKey(w *write) string {
	if w.own != nil {
		return callKey(w.own)
	}
	return "write:" + s.resource + ":" + strconv.FormatUint(w.rv, 10)
}

func (e *emitted) etcdKey() string { return fmt.Sprintf("etcd:events:%s:%d", e.event.UID, e.rv) }

// noteKey is that of the emission, where it is drawn as a step of its own.
func (e *emitted) noteKey() string { return fmt.Sprintf("event:%s:%d", e.event.UID, e.count) }

func (e *emitted) writeKey() string { return fmt.Sprintf("write:events:%s:%d", e.event.UID, e.rv) }

// A call of the CRI is keyed by the RPC, the container and how many times it has been made before.
func criKey(rpc, container string, attempt int) string {
	return fmt.Sprintf("cri:%s:%s:%d", rpc, container, attempt)
}

var sandboxKey = criKey("RunPodSandbox", "", 0)

func exitKey(container string, attempt int) string {
	return fmt.Sprintf("exit:%s:%d", container, attempt)
}

func probeKey(kind, container string, attempt int) string {
	return fmt.Sprintf("probe:%s:%s:%d", kind, container, attempt)
}
