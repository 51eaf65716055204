package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// followEvents subscribes to the engine's events. The engine answers just before it does so itself: hence it is asked
// for those since a moment before on its own clock, too, which has whole seconds in an answer.
func (e *Engine) followEvents(ctx context.Context, since time.Time) error {
	record := e.record("watch", "events", seq.Object{}, seq.Docker{})
	both, release := e.within(ctx)
	defer release()
	options := client.EventsListOptions{}
	if !since.IsZero() {
		options.Since = strconv.FormatInt(since.Unix(), 10)
	}
	stream := e.client.Events(record.within(both), options)
	if record.Get().Status != 200 { // it has been answered, or never will be
		err := <-stream.Err
		record.done(err)
		return fmt.Errorf("watch the engine's events: %w", err)
	}
	record.done(nil)
	e.wg.Go(func() {
		for {
			select {
			case m := <-stream.Messages:
				e.told(m)
			case err := <-stream.Err:
				if e.ctx.Err() != nil {
					return
				}
				if errors.Is(err, io.EOF) {
					err = errors.New("the engine has ended it")
				}
				e.emit(seq.Observation{Received: e.now(), Gap: &seq.Gap{Resource: "events", Reason: err.Error()}})
				e.lose("events")
				return
			}
		}
	})
	return nil
}

// told takes one event of the engine.
func (e *Engine) told(m events.Message) {
	o := seq.Observation{Received: e.now(), Engine: &seq.EngineEvent{
		Type: string(m.Type), Action: string(m.Action), Actor: m.Actor.ID, Attributes: m.Actor.Attributes,
		At: time.Unix(0, m.TimeNano).UTC(),
	}}
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.Type == events.ImageEventType {
		if e.pulls != "" && m.Action == events.ActionPull && m.Actor.ID == e.pulls {
			e.emit(o)
		}
		return
	}
	e.hear(o)
}

// hear emits what is about the container, and holds what may be. The caller holds the lock, which keeps the order.
func (e *Engine) hear(o seq.Observation) {
	switch {
	case e.object.UID == "":
		if e.holds {
			e.held = append(e.held, o)
		}
		return
	case subject(o) != e.object.UID:
		return
	}
	e.emit(o)
	if o.Runtime != nil {
		e.heard[o.Runtime.Topic] = true
	} else if o.Engine.Type == "container" {
		e.heard[o.Engine.Action] = true
	}
	e.notify()
}

// subject is the id of the container that an event is about. What the engine says of a network or a volume names it.
func subject(o seq.Observation) string {
	switch {
	case o.Runtime != nil:
		return o.Runtime.Container
	case o.Engine.Type == "container":
		return o.Engine.Actor
	}
	return o.Engine.Attributes["container"]
}

// notify wakes those who wait for more to be heard.
func (e *Engine) notify() {
	close(e.more)
	e.more = make(chan struct{})
}

// lose notes that a stream has ended.
func (e *Engine) lose(stream string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost[stream] = true
	e.notify()
}

// known says which container it is, once it is, and lets go of what was held.
func (e *Engine) known(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.object.UID, e.holds = id, false
	held := e.held
	e.held = nil
	if id != "" {
		for _, o := range held {
			e.hear(o)
		}
	}
}

// settled is how long that which is told of something may take after the request that it belongs to was answered.
const settled = 2 * time.Second

// settle waits until the engine has told of one event of the container, and its containerd, if that is heard, has of a
// topic.
func (e *Engine) settle(ctx context.Context, event, topic string) {
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	for {
		e.mu.Lock()
		all := (e.heard[event] || e.lost["events"]) &&
			(!e.heard["/containers/create"] || e.heard[topic] || e.lost["containerd"])
		more := e.more
		e.mu.Unlock()
		if all {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// settleRemoved waits until all is told of a container that is removed.
func (e *Engine) settleRemoved(ctx context.Context) { e.settle(ctx, "destroy", "/containers/delete") }
