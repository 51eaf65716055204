package seq

// Cycle is something in a run that repeats: a container that ends and is started again, a pull that fails and is tried
// again. It is known by what its messages are about, never by their texts.
type Cycle struct {
	Name      string // row of the table of what repeats
	Object    Object // whose it is
	Container string // where it is about one
	What      string // what happens each time, in plain words
	Until     string // what would end it, likewise
	Turns     []Turn // in the order in which they began; one where it has not repeated yet
}

// Turn is one time round of a cycle.
type Turn struct {
	Number int     // from 1; those of which nothing was seen are missing
	Steps  []Key   // of its messages
	Traits []Trait // what may be different each time
	Open   bool    // the container that was started then runs still
}

// Trait is what one message says that may be different in each turn.
type Trait struct {
	Step  Key
	Name  string // exit code, back-off, message, stayed up, or at least: why it may have come more often
	Value string
}
