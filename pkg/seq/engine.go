package seq

import (
	"time"
)

// Docker is what a request of ours to a Docker Engine asked for and was told, beyond what any request has. The verbs of
// such requests are pull, create, attach, start, wait, kill, delete, and, of what only looks, get for the version,
// watch for the events, and inspect.
type Docker struct {
	Image   string   `json:"image,omitempty"`
	Command []string `json:"command,omitempty"`
	ID      string   `json:"id,omitempty"`     // of the container, once it has one
	Layers  int      `json:"layers,omitempty"` // of the image, as inspecting it tells
	// that keeps the layers, such as overlay2, as inspecting the container tells
	Driver   string `json:"driver,omitempty"`
	Runtime  string `json:"runtime,omitempty"`  // that runs the container, such as runc, likewise
	ExitCode *int   `json:"exitCode,omitempty"` // as waiting for the container tells
	OOM      bool   `json:"oom,omitempty"`      // the kernel had no memory left for it, as inspecting it tells
	// Output is when the first of the container's output reached us by an attach; how much it was is only counted.
	Output time.Time `json:"output,omitzero"`
	Stdout int       `json:"stdout,omitempty"` // bytes
	Stderr int       `json:"stderr,omitempty"`
	// Ended is when the answer had come whole: a pull goes on for as long as it takes, a wait too.
	Ended time.Time `json:"ended,omitzero"`
	Error string    `json:"error,omitempty"` // in an answer that had begun well
}

// EngineEvent is one event of a Docker Engine's own stream.
type EngineEvent struct {
	Type       string            `json:"type"`   // container, network, volume, image
	Action     string            `json:"action"` // create, attach, connect, start, oom, die, disconnect, destroy, pull, …
	Actor      string            `json:"actor"`  // id of the container or network, name of the volume or image
	Attributes map[string]string `json:"attributes,omitempty"`
	At         time.Time         `json:"at"` // on the engine's clock, in nanoseconds
}

// RuntimeEvent is one event of a containerd's own stream, in the namespace of the engine that uses it.
type RuntimeEvent struct {
	// /containers/create, /tasks/create, /tasks/start, /tasks/oom, /tasks/exit, /tasks/delete, /containers/delete
	Topic     string    `json:"topic"`
	Container string    `json:"container"`
	PID       int       `json:"pid,omitempty"`      // on the host
	ExitCode  *int      `json:"exitCode,omitempty"` // of an exit
	Exited    time.Time `json:"exited,omitzero"`    // of an exit: when its shim saw it, which is before the event
	At        time.Time `json:"at"`                 // on containerd's clock, in nanoseconds
}
