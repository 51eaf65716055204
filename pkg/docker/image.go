package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// haveImage pulls the image if the engine does not have it.
func (e *Engine) haveImage(ctx context.Context, image string) error {
	err := e.inspectImage(ctx, image)
	if !errdefs.IsNotFound(err) {
		return err
	}
	if err := e.pull(ctx, image); err != nil {
		return err
	}
	return e.inspectImage(ctx, image)
}

// inspectImage asks whether the engine has the image, and how many layers it has.
func (e *Engine) inspectImage(ctx context.Context, image string) error {
	record := e.record("inspect", "images", seq.Object{Kind: "Image", Name: image}, seq.Docker{Image: image})
	found, err := e.client.ImageInspect(record.within(ctx), image)
	if err == nil {
		record.Set(func(q *seq.Request) { q.Object.UID = found.ID })
		record.setDocker(func(d *seq.Docker) { d.Layers = len(found.RootFS.Layers) })
	}
	record.done(err)
	if err != nil {
		return fmt.Errorf("inspect the image %s: %w", image, err)
	}
	return nil
}

// pull has the engine get the image, and returns when it has.
func (e *Engine) pull(ctx context.Context, image string) error {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return fmt.Errorf("image %q: %w", image, err)
	}
	credentials, err := e.credentials(named)
	if err != nil {
		return fmt.Errorf("read docker's credentials for %s: %w", reference.Domain(named), err)
	}
	e.pulling(reference.FamiliarString(reference.TagNameOnly(named)))
	record := e.record("pull", "images", seq.Object{Kind: "Image", Name: image}, seq.Docker{Image: image})
	stream, err := e.client.ImagePull(record.within(ctx), image, client.ImagePullOptions{RegistryAuth: credentials})
	record.done(err)
	if err == nil {
		err = stream.Wait(ctx)
		record.ended(err)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return noImage(image, err)
	}
	return nil
}

// pulling says which image's events are wanted from now on.
func (e *Engine) pulling(image string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pulls = image
}

// credentials are those that docker has for the registry of an image, encoded as the engine wants them.
func (e *Engine) credentials(image reference.Named) (string, error) {
	key := reference.Domain(image)
	if key == "docker.io" {
		key = "https://index.docker.io/v1/" // so docker login has called it ever since
	}
	found, err := e.config.GetAuthConfig(key)
	if err != nil {
		return "", err
	}
	return authconfig.Encode(registry.AuthConfig{
		Username: found.Username, Password: found.Password, Auth: found.Auth, ServerAddress: found.ServerAddress,
		IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
	})
}
