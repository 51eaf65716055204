package seq

import (
	"strings"
	"time"
)

// Participant is a lane of the diagram. The container runtime goes by the name the node reports ("containerd",
// "cri-o"), a container by "container/NAME", any other client of the API by the name it gave itself.
type Participant string

// FieldManager is what managedFields call us.
const FieldManager = "kubectl-seq"

// The participants known by name.
const (
	Kubectl           Participant = "kubectl"
	APIServer         Participant = "apiserver"
	Etcd              Participant = "etcd"
	ControllerManager Participant = "controller-manager"
	Scheduler         Participant = "scheduler"
	Kubelet           Participant = "kubelet"
	Runtime           Participant = "runtime" // until the runtime's own name is known
	CNI               Participant = "cni"     // the network plugins
	Runc              Participant = "runc"
	UnknownClient     Participant = "unknown client"

	User       Participant = "user" // who asks a Docker Engine for something, by whatever client
	Engine     Participant = "docker"
	Containerd Participant = "containerd" // of the engine
)

// Container is the lane of one container of the Pod.
func Container(name string) Participant { return Participant("container/" + name) }

// Webhook is the lane of an admission webhook.
func Webhook(name string) Participant { return Participant("webhook " + name) }

// Controller is one of the control loops that run inside kube-controller-manager.
func Controller(name string) Participant {
	return ControllerManager + "/" + Participant(name)
}

// IsController reports whether it is one of them.
func (p Participant) IsController() bool {
	return strings.HasPrefix(string(p), string(ControllerManager)+"/")
}

// IsClient reports whether it is the lane of who asked for what the run is about.
func (p Participant) IsClient() bool { return p == Kubectl || p == User }

// Key is the identity of a message, the same in every fold of the same run. The reply to a request has the key of the
// request and an ending.
type Key string

const endOfKey = ":end"

// End is the key of the reply; nothing for no key.
func (k Key) End() Key {
	if k == "" {
		return ""
	}
	return k + endOfKey
}

// IsEnd reports whether it is the key of a reply.
func (k Key) IsEnd() bool { return strings.HasSuffix(string(k), endOfKey) }

// Begin is the key of the request, be it that of the reply or not.
func (k Key) Begin() Key { return Key(strings.TrimSuffix(string(k), endOfKey)) }

// StepKind says how a step is drawn.
type StepKind string

// The kinds of steps.
const (
	RequestKind  StepKind = "request"  // a call, from the caller to the called
	ResponseKind StepKind = "response" // its answer; Step.Call joins the two
	DeliveryKind StepKind = "delivery" // an answer to an older request: a watch hands over a change
	NoteKind     StepKind = "note"     // something a participant does by itself; From equals To
)

// Certainty tells what a source recorded from what a rule concluded.
type Certainty string

// The certainties.
const (
	Observed Certainty = "observed" // a source recorded this very message
	Inferred Certainty = "inferred" // a named rule derives it from other evidence
)

// Detail is the least detailed picture in which a step is drawn.
type Detail uint8

// The details, each with all of those before.
const (
	Brief  Detail = iota + 1 // the diagram of a course
	Normal                   // every message of a start
	Full                     // Event writes and our own watching too
)

// String is the name of the detail, as flags and JSON have it.
func (d Detail) String() string { return [...]string{"", "brief", "normal", "full"}[d] }

// Instant says which instant of a message a window is about.
type Instant string

// The instants.
const (
	AtStart  Instant = "start"  // sent
	AtCommit Instant = "commit" // the write took effect
	AtEnd    Instant = "end"    // answered
	AtDuring Instant = "during" // some instant from the start to the end: the time that an object was stamped with
)

// Window bounds an instant on our own clock. A zero time is a missing bound.
type Window struct{ Earliest, Latest time.Time }

// Width is how much is not known; ok is false where a bound is missing.
func (w Window) Width() (d time.Duration, ok bool) {
	if w.Earliest.IsZero() || w.Latest.IsZero() {
		return 0, false
	}
	return w.Latest.Sub(w.Earliest), true
}

// Empty reports whether the bounds contradict each other.
func (w Window) Empty() bool {
	return !w.Earliest.IsZero() && !w.Latest.IsZero() && w.Latest.Before(w.Earliest)
}

// Evidence is one observation that supports a step.
type Evidence struct {
	Source          string `json:"source"`                    // http, watch, events
	Text            string `json:"detail"`                    // what it says
	ResourceVersion string `json:"resourceVersion,omitempty"` // of the object that says it
	// when it reached us, or the instant on its source's clock
	At time.Time `json:"at,omitzero"`
	// name of the rule that added it, where that is not the step's
	Rule string `json:"rule,omitempty"`
}

// Step is one message between two participants: all claims with one key. The reply to a request is a step of its own,
// with the same Call; who wants one row for both leaves it out.
//
// Its time is Best with Precision where it is Sharp, else Window; Known is either. What people can use is Best with
// Within, which is likely, and no proof.
//
// The order of two steps is proved where After leads from one to the other or their windows do not overlap. Otherwise
// they may as well have happened the other way round, and were put in the likelier order.
type Step struct {
	Key             Key // identity of the message, the same in every fold of the same run
	From, To        Participant
	Kind            StepKind
	Label           string
	Verb            string // of what is read or written, as in RBAC; "get" for an exec; empty if only a write is proved
	Resource        string // likewise; empty for what is no object
	Subresource     string // empty for the object itself
	Object          Object
	About           string // uid of the object of whose story it is part; of an Event that is what the Event is about
	ResourceVersion string // of the write: etcd's own receipt
	Container       string // empty where it is about none
	Node            string // on which it happened; empty for the control plane
	Instant         Instant
	Call            Key // the request's key, in it and in its reply; empty while there is no reply
	Window          Window
	Best            time.Time     // the likeliest instant inside the window
	Precision       time.Duration // the width around Best, half of it on either side
	// where it is not sharp: how far from Best it was in 95 of 100 runs at the most; 0 where too few have been measured
	Within    time.Duration
	ClockOf   Participant // whose clock gave the sharpest bound
	Certainty Certainty
	Rule      *Rule // by which it is known, never nil; of several, the first that observed it
	Evidence  []Evidence
	After     []Key // keys of the steps proved to come before, the nearest ones; any other order is only likely
	Sharp     bool  // Best is sharp enough to print instead of the window
	Detail    Detail
	Failed    bool // the call that it answers failed, or it tells of a failure
	Conflict  bool // bounds contradicted each other: two clocks disagree beyond what was measured
}

// SetInstant says that it was at that instant, as sharp as that.
func (s *Step) SetInstant(at time.Time, precision time.Duration) {
	s.Window, s.Best, s.Sharp, s.Precision = Window{Earliest: at, Latest: at}, at, true, precision
}

// Reply is the answer to the request that the step is: with its evidence and bounds, the other way round, and joined to
// it.
func (s Step) Reply(label string) Step {
	call := s.Key
	s.Key, s.Call, s.From, s.To, s.Kind, s.Instant, s.Label = call.End(), call, s.To, s.From, ResponseKind, AtEnd, label
	return s
}

// Off is how far from Best the instant is: for certain where it is sharp, else in 95 of 100 runs at the most; 0 where
// that is not known.
func (s *Step) Off() time.Duration {
	if s.Sharp {
		return max(s.Precision/2, 1)
	}
	return s.Within
}

// Known is what to say of the instant: Best and its precision where it is sharp, else the window.
func (s *Step) Known() Window {
	if s.Sharp {
		return Window{s.Best.Add(-s.Precision / 2), s.Best.Add(s.Precision / 2)}
	}
	return s.Window
}
