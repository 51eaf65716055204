package seqreceiver

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
)

// typeOf is the receiver's name in a configuration.
var typeOf = component.MustNewType("seq")

// NewFactory makes receivers of traces, and of logs, where a start is stuck. Those of one configuration are one.
func NewFactory() receiver.Factory {
	f := &factory{made: map[*Config]*seqReceiver{}}
	return receiver.NewFactory(typeOf, func() component.Config { return defaultConfig() },
		receiver.WithTraces(f.traces, component.StabilityLevelAlpha),
		receiver.WithLogs(f.logs, component.StabilityLevelAlpha))
}

// factory keeps the receivers that it has made until they are shut down.
type factory struct {
	mu   sync.Mutex
	made map[*Config]*seqReceiver
}

func (f *factory) traces(_ context.Context, set receiver.Settings, c component.Config,
	to consumer.Traces) (receiver.Traces, error) {
	r, err := f.receiverOf(set, c)
	if err != nil {
		return nil, err
	}
	r.sender.traces = to
	return r, nil
}

func (f *factory) logs(_ context.Context, set receiver.Settings, c component.Config,
	to consumer.Logs) (receiver.Logs, error) {
	r, err := f.receiverOf(set, c)
	if err != nil {
		return nil, err
	}
	r.sender.logs = to
	return r, nil
}

func (f *factory) receiverOf(set receiver.Settings, c component.Config) (*seqReceiver, error) {
	config := c.(*Config)
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.made[config]; r != nil {
		return r, nil
	}
	r, err := newReceiver(set, config)
	if err != nil {
		return nil, err
	}
	r.forget = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.made, config)
	}
	f.made[config] = r
	return r, nil
}
