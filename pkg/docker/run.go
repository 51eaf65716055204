package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Spec is the container to run.
type Spec struct {
	Image          string
	Name           string // or the engine invents one
	Command        []string
	Env            []string // NAME=value
	Remove         bool     // the engine removes it at its end
	Memory         int64    // bytes it may have, without swap; or 0
	Stdout, Stderr io.Writer
}

// Exit is how a container has ended.
type Exit struct {
	Code int
	OOM  bool // the kernel had no memory left for it; not known of one that the engine has removed
}

// Start runs the container and returns once the engine says that it has started. Whatever it returns, there is a
// container to Remove if Container has an id.
func (e *Engine) Start(ctx context.Context, spec Spec) error {
	if err := e.haveImage(ctx, spec.Image); err != nil {
		return err
	}
	if err := e.create(ctx, spec); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := e.Inspect(ctx); err != nil {
		return err
	}
	if err := e.attach(ctx, spec); err != nil {
		return err
	}
	if err := e.wait(ctx); err != nil {
		return err
	}
	record := e.about("start")
	_, err := e.client.ContainerStart(record.within(ctx), e.Container().UID, client.ContainerStartOptions{})
	record.done(err)
	switch {
	case err == nil:
		e.settle(ctx, "start", "/tasks/start")
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case spec.Remove: // which the engine does because of that
		e.settleRemoved(ctx)
	}
	return notStarted(err)
}

// create makes the container.
func (e *Engine) create(ctx context.Context, spec Spec) error {
	e.mu.Lock()
	e.object, e.holds = seq.Object{Kind: "Container", Name: spec.Name}, true
	e.mu.Unlock()
	e.removes = spec.Remove
	record := e.about("create")
	record.setDocker(func(d *seq.Docker) { d.Image, d.Command = spec.Image, spec.Command })
	host := &container.HostConfig{AutoRemove: spec.Remove,
		Resources: container.Resources{Memory: spec.Memory, MemorySwap: spec.Memory}}
	// What an interrupted create makes would have no id that we know.
	uncancelled, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(e.grace, cancel) })()
	made, err := e.client.ContainerCreate(record.within(uncancelled), client.ContainerCreateOptions{
		Name: spec.Name, HostConfig: host,
		Config: &container.Config{Image: spec.Image, Cmd: spec.Command, Env: spec.Env, AttachStdout: true,
			AttachStderr: true},
	})
	e.known(made.ID)
	record.Set(func(q *seq.Request) { q.Object.UID, q.Warnings = made.ID, made.Warnings })
	record.setDocker(func(d *seq.Docker) { d.ID = made.ID })
	record.done(err)
	if err != nil {
		return notCreated(spec.Name, err)
	}
	return nil
}

// Inspect looks at the container: which name it was given, what keeps its layers, what runs it, how it has ended if it
// has.
func (e *Engine) Inspect(ctx context.Context) error {
	_, err := e.inspect(ctx)
	return err
}

func (e *Engine) inspect(ctx context.Context) (seq.Docker, error) {
	record := e.about("inspect")
	found, err := e.client.ContainerInspect(record.within(ctx), e.Container().UID, client.ContainerInspectOptions{})
	c := found.Container
	if err == nil {
		e.mu.Lock()
		e.object.Name = strings.TrimPrefix(c.Name, "/")
		object := e.object
		e.mu.Unlock()
		record.Set(func(q *seq.Request) { q.Object = object })
		record.setDocker(func(d *seq.Docker) {
			if c.HostConfig != nil {
				d.Runtime = c.HostConfig.Runtime
			}
			switch {
			case c.GraphDriver != nil:
				d.Driver = c.GraphDriver.Name
			case c.Storage != nil && c.Storage.RootFS != nil && c.Storage.RootFS.Snapshot != nil: // layers are containerd's
				d.Driver = c.Storage.RootFS.Snapshot.Name
			}
			if c.State != nil && !c.State.Running && c.State.Status != container.StateCreated {
				d.ExitCode, d.OOM = new(c.State.ExitCode), c.State.OOMKilled
			}
		})
	}
	record.done(err)
	if err != nil {
		return seq.Docker{}, fmt.Errorf("inspect the container: %w", err)
	}
	return *record.Get().Docker, nil
}

// attach takes the container's output, from its first byte on.
func (e *Engine) attach(ctx context.Context, spec Spec) error {
	record := e.about("attach")
	both, release := e.within(ctx)
	defer release()
	hijacked, err := e.client.ContainerAttach(record.within(both), e.Container().UID,
		client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	record.done(err)
	if err != nil {
		return fmt.Errorf("attach to the container: %w", err)
	}
	stop := context.AfterFunc(e.ctx, hijacked.Close)
	e.wg.Go(func() {
		defer close(e.attached)
		defer hijacked.Close()
		defer stop()
		stdout := &counted{to: spec.Stdout, record: record, field: func(d *seq.Docker) *int { return &d.Stdout }}
		stderr := &counted{to: spec.Stderr, record: record, field: func(d *seq.Docker) *int { return &d.Stderr }}
		_, err := stdcopy.StdCopy(stdout, stderr, hijacked.Reader)
		if e.ctx.Err() == nil {
			record.ended(err)
		}
	})
	return nil
}

// counted passes on what a container writes, and counts it.
type counted struct {
	to     io.Writer
	record *traced
	field  func(*seq.Docker) *int
}

func (w *counted) Write(p []byte) (int, error) {
	at, first := w.record.e.now(), false
	w.record.setDocker(func(d *seq.Docker) {
		*w.field(d) += len(p)
		if first = d.Output.IsZero(); first {
			d.Output = at
		}
	})
	if first {
		w.record.observe()
	}
	if w.to == nil {
		return len(p), nil
	}
	return w.to.Write(p)
}

// wait asks to be told when the container has ended, before it is started, and returns once the engine knows that.
func (e *Engine) wait(ctx context.Context) error {
	record := e.about("wait")
	condition := container.WaitConditionNextExit
	if e.removes {
		condition = container.WaitConditionRemoved
	}
	both, release := e.within(ctx)
	defer release()
	result := e.client.ContainerWait(record.within(both), e.Container().UID,
		client.ContainerWaitOptions{Condition: condition})
	if record.Get().Status != 200 { // it has been answered, or never will be
		err := <-result.Error
		record.done(err)
		return fmt.Errorf("wait for the container: %w", err)
	}
	record.done(nil)
	e.wg.Go(func() {
		var end exit
		select { // one of them comes, also when the connection is closed
		case told := <-result.Result:
			end.code = int(told.StatusCode)
			if told.Error != nil && told.Error.Message != "" {
				end.err = errors.New(told.Error.Message)
			}
			record.setDocker(func(d *seq.Docker) { d.ExitCode = &end.code })
		case end.err = <-result.Error:
		}
		if e.ctx.Err() == nil {
			record.ended(end.err)
		}
		e.exited <- end
	})
	return nil
}

// Wait waits until the container that was started has ended, its output has come and what is told of that. With
// Spec.Remove it has been removed by then.
func (e *Engine) Wait(ctx context.Context) (Exit, error) {
	var end exit
	select {
	case end = <-e.exited:
	case <-ctx.Done():
		return Exit{}, context.Cause(ctx)
	}
	if end.err != nil {
		return Exit{}, fmt.Errorf("wait for the container: %w", end.err)
	}
	select {
	case <-e.attached:
	case <-ctx.Done():
		return Exit{}, context.Cause(ctx)
	}
	found := Exit{Code: end.code}
	if e.removes {
		e.settleRemoved(ctx)
		return found, nil
	}
	e.settle(ctx, "die", "/tasks/delete")
	seen, err := e.inspect(ctx)
	switch {
	case errdefs.IsNotFound(err): // somebody else has removed it
		return found, nil
	case err != nil:
		return found, err
	}
	found.OOM = seen.OOM
	return found, nil
}

// Kill sends the container a signal, such as SIGTERM. That it does not run any more is no error.
func (e *Engine) Kill(ctx context.Context, signal string) error {
	record := e.about("kill")
	_, err := e.client.ContainerKill(record.within(ctx), e.Container().UID, client.ContainerKillOptions{Signal: signal})
	record.done(err)
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("send %s to the container: %w", signal, err)
}

// Remove removes the container that Start has made, running or not, and what it has written. That it is gone, or going,
// is no error, nor that there never was one.
func (e *Engine) Remove(ctx context.Context) error {
	id := e.Container().UID
	if id == "" {
		return nil
	}
	record := e.about("delete")
	_, err := e.client.ContainerRemove(record.within(ctx), id,
		client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	record.done(err)
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		e.settleRemoved(ctx)
		return nil
	}
	return fmt.Errorf("remove the container %s: %w", id, err)
}
