// Package docker turns a Docker Engine into observations. It runs one container as docker run does, records the HTTP
// requests that this takes, and subscribes to the events of the engine and, if its socket can be read, of containerd.
//
// The order is: subscribe, look for the image, pull it if it is missing, create, attach, wait, start. So no event and
// no output of the container is lost. Events that arrive before the answer to the create are kept until the answer
// names the container.
package docker
