// Package seqreceiver is a receiver for the OpenTelemetry Collector: it follows every Pod of a cluster, and each start
// becomes one trace, in the form of kubectl seq's -o otlp.
//
// Each Pod has a fold of its own, see [github.com/kubectl-seq/kubectl-seq/pkg/trace], from when it is first seen until
// its start has ended and late evidence has come. Then the trace is sent and the fold dropped, so memory depends on the
// Pods that are starting only. If a start is blocked, a log record names the component that blocks it and the cause,
// under the id of the later trace.
package seqreceiver
