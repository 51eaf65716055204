package trace

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// EachCause tells of each message, by the name of its rule, which keys its claims named as what came before it, and
// whether there is such a message.
func (t *Trace) EachCause(tell func(rule string, key seq.Key, known bool)) {
	t.resolve().graph.EachCause(tell)
}

// AccuracyOf is what was measured of messages like that, found without and with the words of MeasuredAs.
func AccuracyOf(x *seq.Step) (found, measuredAs Accuracy) {
	return accuracy(x), measured[MeasuredAs(x)]
}
