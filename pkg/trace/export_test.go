package trace

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// EachCause tells of each message, by the name of its rule, which keys its claims named as what came before it, and
// whether there is such a message.
func (t *Trace) EachCause(tell func(rule string, key seq.Key, known bool)) {
	t.resolve().graph.EachCause(tell)
}
