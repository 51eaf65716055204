package render

// The documents of a run.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

type jsonRun struct {
	Type       string `json:"type"`
	APIVersion string `json:"apiVersion"` // seq/v1alpha1
	// version of the API server, or of the engine; empty where none has told
	Server  string     `json:"server"`
	Subject seq.Object `json:"subject"` // what the run is about
	// when the request was sent that the times of a listing count from, or when the object was made
	Started *time.Time  `json:"started"`
	Sources []string    `json:"sources"`           // what was listened to
	Image   string      `json:"image,omitempty"`   // of the first container that was asked for
	Node    string      `json:"node,omitempty"`    // where the Pod runs
	Runtime string      `json:"runtime,omitempty"` // of that node, as far as anything names it
	Clocks  []seq.Clock `json:"clocks,omitempty"`  // nanoseconds
	// since when a run that only looks does so; started is when the object was made
	Looked *time.Time `json:"looked,omitempty"`
}

type jsonStep struct {
	Type  string  `json:"type"`
	Index int     `json:"index"` // place in the order, from 0
	Key   seq.Key `json:"key"`   // which message it is: the same in every stream and replay of a run
	// it has its place for good: nothing that may still come stands before it; so it is with all once the run has ended
	Settled bool            `json:"settled"`
	From    seq.Participant `json:"from"` // who sends it
	// who takes it: the sender itself where it is a note
	To              seq.Participant `json:"to"`
	Kind            seq.StepKind    `json:"kind"`                      // how it is drawn
	Label           string          `json:"label"`                     // what a row says
	Verb            string          `json:"verb,omitempty"`            // of a call of the Kubernetes API
	Resource        string          `json:"resource,omitempty"`        // of the Kubernetes API, as in RBAC
	Subresource     string          `json:"subresource,omitempty"`     // of that resource, such as status
	Object          seq.Object      `json:"object"`                    // what it is about
	About           string          `json:"about"`                     // uid of the object of whose story it is part
	ResourceVersion string          `json:"resourceVersion,omitempty"` // that it wrote, or delivered
	Container       string          `json:"container"`                 // name, or empty
	Node            string          `json:"node,omitempty"`            // whose kubelet, runtime or container it is of
	At              seq.Instant     `json:"at"`                        // which instant of the message the times are
	// the same for a call and its answer; empty for others
	Call string `json:"call"`
	// not before, proved; null where nothing says so
	Earliest *time.Time `json:"earliest"`
	Latest   *time.Time `json:"latest"` // not after, proved; null where nothing says so
	// the instant itself, where it is proved to the digits of a listing
	Shown *time.Time `json:"shown"`
	Best  *time.Time `json:"best"` // the likeliest instant
	// how far from best it is in 95 of 100 runs, in seconds; null where too little is measured
	Within *float64 `json:"within"`
	// whose clock told the time; empty for that of this machine
	Clock     seq.Participant `json:"clock"`
	Certainty seq.Certainty   `json:"certainty"` // whether a source recorded this very message
	Detail    string          `json:"detail"`    // the least --detail that draws it
	// name of the rule that derives it, see how-it-knows.md
	Rule     string         `json:"rule"`
	Failed   bool           `json:"failed,omitempty"`   // the call that it answers, or what it tells of, failed
	Conflict bool           `json:"conflict,omitempty"` // its sources contradict each other
	After    []int          `json:"after"`              // indices of the steps proved to come before
	Evidence []seq.Evidence `json:"evidence"`           // what it is derived from
}

// jsonPod is one Pod of a run that is about something else.
type jsonPod struct {
	Type    string      `json:"type"`
	Object  seq.Object  `json:"object"`          // the Pod
	Owner   seq.Object  `json:"owner"`           // the controller of it
	Node    string      `json:"node"`            // empty until it has one
	Created *time.Time  `json:"created"`         // when it was made, as far as that is known
	Seconds float64     `json:"seconds"`         // until it was ready, or had succeeded; 0 while it is not
	Phases  []jsonPhase `json:"phases"`          // see outcome
	Waits   []jsonWait  `json:"waits,omitempty"` // see outcome
}

type jsonPhase struct {
	Name     string     `json:"name"`     // admit, schedule, sandbox, pull, create, start, …
	Earliest *time.Time `json:"earliest"` // not begun before
	Latest   *time.Time `json:"latest"`   // ended by then
	Seconds  float64    `json:"seconds"`  // the likeliest
	// how far from seconds it is in 95 of 100 runs, in seconds; null where too little is measured
	Within *float64 `json:"within"`
	Min    float64  `json:"min"`            // the least that is proved, in seconds
	Max    float64  `json:"max"`            // the most that is proved, in seconds
	Open   bool     `json:"open,omitempty"` // it had not ended when the run did
	// nothing works in it: a time has to pass, or somebody has to act
	Waiting bool `json:"waiting,omitempty"`
	// indices of the first and the last step of each stretch, -1 where the run itself began or ended
	Parts [][2]int `json:"parts"`
}

type jsonWait struct {
	Name    string  `json:"name"`              // of the wait, as Kubernetes calls it
	Phase   string  `json:"phase,omitempty"`   // in which it fell
	Seconds float64 `json:"seconds,omitempty"` // how long it took, as far as it is known
	Grows   bool    `json:"grows,omitempty"`   // it is no fixed wait, but gets longer with each failure
	Explain string  `json:"explain"`           // what waits, and for what
	Remedy  string  `json:"remedy"`            // how to be rid of it
}

// jsonCycle is something that came twice or more often. A step may be of two: of a life of a container, and of what
// repeats within it.
type jsonCycle struct {
	Type string `json:"type"`
	// what repeats: restart, pull, create, sandbox, sandbox-again, schedule, refused, probe or trouble
	Name      string     `json:"name"`
	Object    seq.Object `json:"object"`    // whose it is
	Container string     `json:"container"` // empty where it is about none
	What      string     `json:"what"`      // what happens each time, in plain words
	Until     string     `json:"until"`     // what would end it, likewise
	Count     int        `json:"count"`     // how often it came
	First     *time.Time `json:"first"`     // the likeliest instant of the first of its steps
	Last      *time.Time `json:"last"`      // and of the last
	Turns     []jsonTurn `json:"turns"`     // two or more
}

// jsonTurn is one time round.
type jsonTurn struct {
	Number int         `json:"number"` // from 1; those of which nothing was seen are missing
	Steps  []int       `json:"steps"`  // indices
	Traits []jsonTrait `json:"traits"` // what may be different each time
}

// jsonTrait is what one step says that may be different each time.
type jsonTrait struct {
	Step  int    `json:"step"`  // index
	Name  string `json:"name"`  // exit code, back-off, message, stayed up, or at least: why it may have come more often
	Value string `json:"value"` // in the words of the API
}

type jsonObstacle struct {
	Name        string          `json:"name"`                // of the cause, see troubles.md
	Participant seq.Participant `json:"participant"`         // that holds the Pod, or ended it
	Object      seq.Object      `json:"object"`              // which is held
	Container   string          `json:"container,omitempty"` // that is held, or empty
	Reason      string          `json:"reason"`              // in the words of Kubernetes
	Message     string          `json:"message"`             // of Kubernetes, as far as there is one
	Explain     string          `json:"explain"`             // what it means
	Next        string          `json:"next"`                // the first of nextSteps
	NextSteps   []seq.NextStep  `json:"nextSteps"`           // what to try, the best first
	Since       *time.Time      `json:"since"`               // when the run learned of it
	// when it began by what the cluster tells, where that was before
	HeldSince *time.Time `json:"heldSince"`
	Seconds   float64    `json:"seconds"` // from since to the end of the run
	// nothing that Kubernetes does by itself gets any further
	DeadEnd  bool           `json:"deadEnd"`
	Evidence []seq.Evidence `json:"evidence"` // what it is read from
}

type jsonOutcome struct {
	Type string `json:"type"`
	// Ready, Scheduled, Running, Available, Succeeded, Failed, Stuck, Timeout, Interrupted, Refused, Deleted,
	// Unseen, Incomplete; empty while the run goes on
	Outcome  string        `json:"outcome"`
	Reason   string        `json:"reason"`             // why, in the words of Kubernetes; empty where all went well
	Message  string        `json:"message,omitempty"`  // of Kubernetes, or what the run ended with
	Obstacle *jsonObstacle `json:"obstacle,omitempty"` // what holds it, or has ended it
	ExitCode int           `json:"exitCode"`           // of the plugin
	Seconds  float64       `json:"seconds"`            // until the instant that decided the outcome
	Phases   []jsonPhase   `json:"phases"`             // of the one Pod, or of the workload
	Waits    []jsonWait    `json:"waits,omitempty"`    // waits of Kubernetes that were met: fixed ones and back-offs
	Unseen   []string      `json:"unseen"`             // what could not be seen, and why
	Denied   []string      `json:"denied,omitempty"`   // what one source denied that others had led to
}
