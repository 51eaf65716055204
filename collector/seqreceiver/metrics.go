package seqreceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the receiver's own.
type metrics struct {
	inFlight metric.Int64UpDownCounter
	folds    metric.Int64Counter // that have ended: their rate is that of the starts
	dropped  metric.Int64Counter
	lag      metric.Float64Histogram // seconds
}

func newMetrics(set component.TelemetrySettings) (m metrics, err error) {
	meter := set.MeterProvider.Meter("github.com/kubectl-seq/kubectl-seq/collector/seqreceiver")
	var all [4]error
	m.inFlight, all[0] = meter.Int64UpDownCounter("otelcol_seq_pods_in_flight", metric.WithUnit("{pods}"),
		metric.WithDescription("Pods whose start is followed and has not been sent."))
	m.folds, all[1] = meter.Int64Counter("otelcol_seq_folds", metric.WithUnit("{pods}"),
		metric.WithDescription("Starts of Pods that have ended, by their outcome."))
	m.dropped, all[2] = meter.Int64Counter("otelcol_seq_dropped", metric.WithUnit("{items}"),
		metric.WithDescription("Traces and log records that no consumer has taken, by why."))
	m.lag, all[3] = meter.Float64Histogram("otelcol_seq_lag", metric.WithUnit("s"),
		metric.WithDescription("How long what the API server tells waits before it is folded."),
		metric.WithExplicitBucketBoundaries(.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10))
	return m, errors.Join(all[:]...)
}

func (m metrics) ended(outcome string) {
	m.inFlight.Add(context.Background(), -1)
	m.folds.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m metrics) drop(signal, why string) {
	m.dropped.Add(context.Background(), 1,
		metric.WithAttributes(attribute.String("signal", signal), attribute.String("reason", why)))
}

func (m metrics) waited(d time.Duration) { m.lag.Record(context.Background(), d.Seconds()) }
