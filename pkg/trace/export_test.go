package trace

// EachCause tells of each message, by the name of its rule, which keys its claims named as what came before it, and
// whether there is such a message.
func (t *Trace) EachCause(tell func(rule, key string, known bool)) {
	t.resolve()
	t.graph.EachCause(tell)
}
