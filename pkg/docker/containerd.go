package docker

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"

	containerdevents "github.com/containerd/containerd/api/events"
	eventsapi "github.com/containerd/containerd/api/services/events/v1"
	versionapi "github.com/containerd/containerd/api/services/version/v1"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// moby is the namespace in which an engine keeps its containers in containerd.
const moby = "moby"

// followRuntime subscribes to the events of each containerd that can be reached; which of them is the engine's is known
// once one tells of the container.
func (e *Engine) followRuntime(ctx context.Context) {
	var reasons []string
	follows := false
	for _, socket := range e.sockets {
		switch err := e.followContainerd(ctx, socket); {
		case err == nil:
			follows = true
		case !errors.Is(err, fs.ErrNotExist):
			reasons = append(reasons, socket+": "+err.Error())
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case follows:
		e.unseen = "the containerd that was asked is not the engine's: " + strings.Join(e.sockets, ", ")
	case len(reasons) > 0:
		e.unseen = "containerd cannot be asked: " + strings.Join(reasons, "; ")
	case len(e.sockets) > 0:
		e.unseen = "no containerd listens at " + strings.Join(e.sockets, ", ")
	case !e.near():
		e.unseen = "containerd is not on this machine"
	default:
		e.unseen = "containerd was not asked"
	}
}

// followContainerd subscribes at one socket.
func (e *Engine) followContainerd(ctx context.Context, socket string) error {
	if err := connectable(ctx, socket); err != nil {
		return err
	}
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	both, release := e.within(ctx)
	defer release()
	stream, err := eventsapi.NewEventsClient(connection).Subscribe(both,
		&eventsapi.SubscribeRequest{Filters: []string{"namespace==" + moby}})
	if err == nil {
		// It says nothing before the first event. What it was asked after that it answers after it has begun with it.
		_, err = versionapi.NewVersionClient(connection).Version(both, &emptypb.Empty{})
	}
	if err != nil {
		connection.Close()
		return errors.New(status.Convert(err).Message())
	}
	e.wg.Go(func() {
		defer connection.Close()
		for {
			envelope, err := stream.Recv()
			if err != nil {
				if e.ctx.Err() == nil && e.RuntimeUnseen() == "" {
					e.emit(seq.Observation{Received: e.now(),
						Gap: &seq.Gap{Resource: "containerd", Reason: status.Convert(err).Message()}})
					e.lose("containerd")
				}
				return
			}
			if told := runtimeEvent(envelope); told != nil {
				o := seq.Observation{Received: e.now(), Runtime: told}
				e.mu.Lock()
				e.hear(o)
				e.mu.Unlock()
			}
		}
	})
	return nil
}

// connectable says why one cannot connect to a socket, in few words.
func connectable(ctx context.Context, socket string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err == nil {
		return c.Close()
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}

// runtimeEvent reads an event of containerd, or returns nil for one that is no part of a container's life.
func runtimeEvent(envelope *types.Envelope) *seq.RuntimeEvent {
	told := &seq.RuntimeEvent{Topic: envelope.GetTopic(), At: envelope.GetTimestamp().AsTime()}
	any, err := envelope.GetEvent().UnmarshalNew()
	if err != nil { // of a version to come
		return nil
	}
	switch m := any.(type) {
	case *containerdevents.ContainerCreate:
		told.Container = m.ID
	case *containerdevents.ContainerDelete:
		told.Container = m.ID
	case *containerdevents.TaskCreate:
		told.Container, told.PID = m.ContainerID, int(m.Pid)
	case *containerdevents.TaskStart:
		told.Container, told.PID = m.ContainerID, int(m.Pid)
	case *containerdevents.TaskOOM:
		told.Container = m.ContainerID
	case *containerdevents.TaskExit:
		if m.ID != m.ContainerID { // of a command that somebody runs inside
			return nil
		}
		told.Container, told.PID = m.ContainerID, int(m.Pid)
		told.ExitCode, told.Exited = new(int(m.ExitStatus)), m.ExitedAt.AsTime()
	case *containerdevents.TaskDelete:
		if m.ID != "" && m.ID != m.ContainerID {
			return nil
		}
		told.Container, told.PID, told.ExitCode = m.ContainerID, int(m.Pid), new(int(m.ExitStatus))
	default:
		return nil
	}
	return told
}
