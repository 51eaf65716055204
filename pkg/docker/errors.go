package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// What keeps a container from running, where the caller can do something about it.
var (
	ErrNoEngine  = errors.New("no Docker Engine")
	ErrNoRights  = errors.New("no rights on the socket")
	ErrNoImage   = errors.New("no such image")
	ErrNameTaken = errors.New("name taken")
	ErrNoCommand = errors.New("no such command")
)

// Error is one of those.
type Error struct {
	Kind error // one of the above
	Err  error // what was said
	Hint string
	Code int // that docker run would exit with, or 0
}

func (e *Error) Error() string   { return e.Err.Error() }
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// unreachable says why the engine cannot be asked. The client keeps the cause to itself, but not from who follows its
// connections.
func (e *Engine) unreachable(ctx context.Context, refusal, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(refusal, fs.ErrPermission):
		return &Error{Kind: ErrNoRights,
			Err:  fmt.Errorf("no rights to connect to the Docker Engine at %s: %w", e.host, refusal),
			Hint: "use sudo, or join the group that owns the socket: sudo usermod -aG docker $USER, then log in again"}
	case refusal != nil:
		err = fmt.Errorf("cannot connect to the Docker Engine at %s: %w", e.host, refusal)
	case client.IsErrConnectionFailed(err):
		err = fmt.Errorf("cannot connect to the Docker Engine at %s: %w", e.host, err)
	default:
		return fmt.Errorf("the Docker Engine at %s: %w", e.host, err)
	}
	return &Error{Kind: ErrNoEngine, Err: err,
		Hint: "start the engine; see where docker looks for it: docker context ls, or DOCKER_HOST"}
}

// noImage says why there is no image.
func noImage(image string, err error) error {
	return &Error{Kind: ErrNoImage, Err: fmt.Errorf("pull %s: %w", image, err), Code: 125,
		Hint: "docker image ls shows those that the engine has; docker login is for what a registry keeps from strangers"}
}

// notCreated says why there is no container.
func notCreated(name string, err error) error {
	err = fmt.Errorf("create the container: %w", err)
	if !errdefs.IsConflict(err) {
		return err
	}
	return &Error{Kind: ErrNameTaken, Err: err, Code: 125,
		Hint: "choose another --name, or remove that container: docker rm " + name}
}

// notStarted says why a container does not start. Whether it is the command only the words tell, as docker reads them
// too.
func notStarted(err error) error {
	said := err.Error()
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
	}
	err = fmt.Errorf("start the container: %w", err)
	switch {
	case says("executable file not found", "no such file or directory", "system cannot find the file specified"):
		return &Error{Kind: ErrNoCommand, Err: err, Code: 127,
			Hint: "the image has no such program; what follows -- is one and its arguments, not a line for a shell"}
	case says("permission denied", "is a directory"):
		return &Error{Kind: ErrNoCommand, Err: err, Code: 126, Hint: "the image has that file, but it cannot be run"}
	}
	return err
}
