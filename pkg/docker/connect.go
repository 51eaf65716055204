package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	dockercontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/cli/opts"
	"github.com/moby/moby/client"
)

// Connection says where the engine is. What is empty is found as docker finds it: by DOCKER_HOST, DOCKER_CONTEXT,
// DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_API_VERSION and DOCKER_CONFIG, and by the current context of
// its configuration.
type Connection struct {
	Host    string // such as unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host
	Context string // of docker, not of kubectl
	// Containerd are the sockets at which the engine's containerd may be; those that are there and let us are asked. If it
	// is nil they are the usual Sockets of an engine on this machine, if it is empty there are none.
	Containerd []string
}

// Sockets are where the containerd of an engine on this machine usually listens: the system's own, and that which an
// engine has started for itself.
var Sockets = []string{"/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock"}

// configuration reads what docker has in its configuration directory. It is not there for most.
func configuration() (*configfile.ConfigFile, error) {
	file, err := config.Load(config.Dir())
	if err != nil {
		return nil, fmt.Errorf("read docker's configuration: %w", err)
	}
	return file, nil
}

// endpoint is the engine that docker would talk to.
func (c Connection) endpoint(file *configfile.ConfigFile) (docker.Endpoint, error) {
	if c.Host != "" && c.Context != "" {
		return docker.Endpoint{}, errors.New("a host and a context of docker are given: only one can say where the engine is")
	}
	name := c.Context
	if name == "" && c.Host == "" && os.Getenv(client.EnvOverrideHost) == "" {
		if name = os.Getenv("DOCKER_CONTEXT"); name == "" {
			name = file.CurrentContext
		}
	}
	if name == "" || name == "default" {
		return c.defaultEndpoint()
	}
	contexts := store.New(config.ContextStoreDir(), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} })))
	meta, err := contexts.GetMetadata(name)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	found, err := docker.EndpointFromContext(meta)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	return docker.WithTLSData(contexts, name, found)
}

// defaultEndpoint is what the environment says without a context.
func (c Connection) defaultEndpoint() (docker.Endpoint, error) {
	verify := os.Getenv(client.EnvTLSVerify) != ""
	secured := verify || os.Getenv("DOCKER_TLS") != ""
	host := c.Host
	if host == "" {
		host = os.Getenv(client.EnvOverrideHost)
	}
	host, err := opts.ParseHost(secured, host)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("docker's host: %w", err)
	}
	found := docker.Endpoint{EndpointMeta: docker.EndpointMeta{Host: host}}
	if !secured {
		return found, nil
	}
	dir := os.Getenv(client.EnvOverrideCertPath)
	if dir == "" {
		dir = config.Dir()
	}
	found.SkipTLSVerify = !verify
	pair := []string{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	for i, path := range pair { // a server that asks for none needs none
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			pair[i] = ""
		}
	}
	found.TLSData, err = dockercontext.TLSDataFromFiles(filepath.Join(dir, "ca.pem"), pair[0], pair[1])
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("docker's certificates: %w", err)
	}
	return found, nil
}
