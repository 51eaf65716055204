// Package docker turns a Docker Engine into observations: it runs one container there as docker run does, traces the
// HTTP requests that this makes, and subscribes to what the engine, and its containerd where that can be reached, tell
// of it.
//
// The order is to subscribe, then to look for the image, pull it if it is not there, create, attach, wait, start: so
// that nothing of the container's life, output or end can fall between. Events that arrive before the answer to the
// create are kept until that says which are about the container.
package docker
