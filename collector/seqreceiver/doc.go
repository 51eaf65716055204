// Package seqreceiver is a receiver for the OpenTelemetry Collector: it follows every Pod of a cluster, and each start
// becomes one trace, in the form of kubectl seq's -o otlp.
//
// Each Pod has a fold of its own, see [github.com/kubectl-seq/kubectl-seq/pkg/trace], from when it is first seen until
// its start has ended and nothing that may still come would change it. Then the trace goes out, and the fold is gone:
// memory follows the Pods in flight. Where a start is held, a log record says by whom and why, under the id of the
// trace that is to come.
package seqreceiver
