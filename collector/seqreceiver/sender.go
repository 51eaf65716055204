package seqreceiver

// What goes out: by a queue, so that a consumer that refuses does not hold up the watches.

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/util/wait"
)

// sender hands traces and log records to their consumers, in the order in which they came.
type sender struct {
	traces  consumer.Traces // or nil
	logs    consumer.Logs   // or nil
	queue   chan item
	metrics metrics
	report  *receiverhelper.ObsReport
	logger  *zap.Logger
	again   func() wait.Backoff

	mu     sync.Mutex
	unsent map[string]mark // Pods whose traces wait, by uid
}

// item is one trace, or one log record.
type item struct {
	traces *ptrace.Traces
	logs   *plog.Logs
	uid    string
	mark   mark
}

func (i item) signal() string {
	if i.traces != nil {
		return "traces"
	}
	return "logs"
}

// add queues an item, or drops it where the queue is full.
func (s *sender) add(i item) {
	if i.traces != nil && s.traces == nil || i.logs != nil && s.logs == nil {
		return
	}
	if i.traces != nil {
		s.mu.Lock()
		s.unsent[i.uid] = i.mark
		s.mu.Unlock()
	}
	select {
	case s.queue <- i:
	default:
		s.drop(i, "queue full", nil)
	}
}

// waiting are the Pods whose traces have not been taken yet.
func (s *sender) waiting(each func(uid string, m mark)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uid, m := range s.unsent {
		each(uid, m)
	}
}

func (s *sender) settled(i item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unsent, i.uid)
}

func (s *sender) drop(i item, why string, err error) {
	if i.traces != nil {
		s.settled(i)
	}
	s.metrics.drop(i.signal(), why)
	s.logger.Warn("Dropped what no consumer takes", zap.String("signal", i.signal()), zap.String("reason", why),
		zap.String("k8s.pod.uid", i.uid), zap.Error(err))
}

// run sends until the context ends, then tries what is left once.
func (s *sender) run(ctx context.Context) {
	for {
		select {
		case i := <-s.queue:
			s.send(ctx, i)
		case <-ctx.Done():
			for {
				select {
				case i := <-s.queue:
					s.send(ctx, i)
				default:
					return
				}
			}
		}
	}
}

// send tries until the consumer takes the item, or will never.
func (s *sender) send(ctx context.Context, i item) {
	for backoff := s.again(); ; pause(ctx, backoff.Step()) {
		err := s.try(i)
		switch {
		case err == nil:
			if i.traces != nil {
				s.settled(i)
			}
			return
		case consumererror.IsPermanent(err):
			s.drop(i, "refused", err)
			return
		case ctx.Err() != nil: // what is noted as unsent is sent by who goes on from there
			s.metrics.drop(i.signal(), "shutdown")
			return
		}
	}
}

// try hands a copy over: a consumer may change what it gets.
func (s *sender) try(i item) error {
	ctx := context.Background()
	if i.traces != nil {
		t := ptrace.NewTraces()
		i.traces.CopyTo(t)
		ctx = s.report.StartTracesOp(ctx)
		err := s.traces.ConsumeTraces(ctx, t)
		s.report.EndTracesOp(ctx, "seq", i.traces.SpanCount(), err)
		return err
	}
	l := plog.NewLogs()
	i.logs.CopyTo(l)
	ctx = s.report.StartLogsOp(ctx)
	err := s.logs.ConsumeLogs(ctx, l)
	s.report.EndLogsOp(ctx, "seq", i.logs.LogRecordCount(), err)
	return err
}
