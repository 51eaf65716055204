package trace

// Keys of messages.

import (
	"fmt"
	"strconv"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// keyOf joins the words of a key.
func keyOf(what, which, number string) seq.Key { return seq.Key(what + ":" + which + ":" + number) }

func keyf(format string, words ...any) seq.Key { return seq.Key(fmt.Sprintf(format, words...)) }

func callKey(r *seq.Request) seq.Key { return r.Key() }

// etcdKey is that of the write of a revision to etcd; nothing for no revision.
func (s *story) etcdKey(rv uint64) seq.Key { return etcdKey(s.resource, rv) }

func etcdKey(resource string, rv uint64) seq.Key {
	if rv == 0 {
		return ""
	}
	return seq.Key("etcd:" + resource + ":" + strconv.FormatUint(rv, 10))
}

// etcdKeyOf is that of a write of the object.
func (s *story) etcdKeyOf(w *write) seq.Key {
	if w.etcdKey == "" {
		w.etcdKey = s.etcdKey(w.rv)
	}
	return w.etcdKey
}

func (s *story) writeKey(w *write) seq.Key {
	if w.ownRequest != nil {
		return callKey(w.ownRequest)
	}
	if w.remembered.writeKey == "" {
		w.remembered.writeKey = seq.Key("write:" + s.resource + ":" + strconv.FormatUint(w.rv, 10))
	}
	return w.remembered.writeKey
}

// noteKey is that of the emission, where it is drawn as a step of its own.
func (e *emitted) noteKey() seq.Key {
	if e.isFirstEmission {
		return noteKey(string(e.event.UID), e.count)
	}
	return e.eventRevision.noteKey
}

func noteKey(uid string, count int) seq.Key { return keyOf("event", uid, strconv.Itoa(count)) }

// criKey is that of a call of the CRI: by the RPC, the container and the container's life, from 0; a pull counts by
// itself.
func criKey(rpc, container string, attempt int) seq.Key {
	return keyOf("cri:"+rpc, container, strconv.Itoa(attempt))
}

// callKeys are the keys of a call of the CRI: of the request and of its reply.
type callKeys struct{ begin, end seq.Key }

func callOf(rpc, container string, attempt int) callKeys {
	key := criKey(rpc, container, attempt)
	return callKeys{key, key.End()}
}

var (
	sandboxKey = criKey("RunPodSandbox", "", 0)
	sandboxEnd = sandboxKey.End()
)

func exitKey(container string, attempt int) seq.Key {
	return keyOf("exit", container, strconv.Itoa(attempt))
}

func probeKey(kind, container string, attempt int) seq.Key {
	return keyOf("probe:"+kind, container, strconv.Itoa(attempt))
}
