package apimap

// What runs inside the containers, where that was asked for.

// Container is one, with its processes.
type Container struct {
	Name      string    `json:"name"`      // of the container
	Processes []Process `json:"processes"` // by their numbers
}

// Process is one of a container.
type Process struct {
	PID     int    `json:"pid"`     // in the container's PID namespace
	Parent  int    `json:"parent"`  // of its parent; 0 is outside of the namespace
	UID     int    `json:"uid"`     // of its user
	Command string `json:"command"` // with its arguments
}

func (d *deriver) processes() {}
