package trace

// The table of subjects: what is answered of each sort.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// subjectKind is one sort of what a run can be about, with what is answered of it.
type subjectKind struct {
	is        func(*story) bool
	state     func(s *story, revisions int) seq.State // by the first of its revisions
	reached   func(*result, *story, func(seq.State) bool) (seq.State, time.Time, bool)
	phases    []phase
	waits     []fixedWait
	started   func(*story) []seq.Key // keys of what may end its start, the best first; of a past that only objects tell
	symptoms  []symptom
	ofSeveral bool // what holds one of the objects below holds it
	image     func(*story) string
	expected  func(*story) []seq.Participant
	unseen    func(*story) []string // beyond what may be unseen of any run
	// whether audit log, spans, or both tell all that they can, beyond writes and Events
	recorded func(s *story, audit, spans bool) bool
}

// subjectKinds are all there are; the first that is counts. What an object has kept of its past is read by the rules of
// the same kind.
var subjectKinds []subjectKind

func init() { // what it refers to asks it again, of the Pods of a workload
	nothing := func(*story) []string { return []string{} }
	noKeys := func(*story) []seq.Key { return nil }
	nobody := func(*story) []seq.Participant { return nil }
	always := func(*story, bool, bool) bool { return true }
	subjectKinds = []subjectKind{
		{is: (*story).isContainer, state: containerState, reached: containerReached, phases: enginePhases, started: noKeys,
			symptoms: engineSymptoms, image: (*story).containerImage, expected: engineExpected, unseen: engineUnseen,
			recorded: always},
		{is: (*story).hasCommand, state: commandState, reached: objectReached, phases: execPhases, waits: podWaits,
			started:  podStartEnds,
			symptoms: commandSymptoms, image: podImage, expected: podExpected, unseen: nothing, recorded: commandRecorded},
		{is: (*story).isPod, state: podState, reached: objectReached, phases: podPhases, waits: podWaits,
			started:  podStartEnds,
			symptoms: podSymptoms, image: podImage, expected: podExpected, unseen: nothing, recorded: podRecorded},
		{is: func(*story) bool { return true }, state: workloadState, reached: objectReached, phases: workloadPhases,
			waits:    workloadWaits,
			started:  noKeys,
			symptoms: workloadSymptoms, ofSeveral: true, image: func(*story) string { return "" }, expected: nobody,
			unseen: nothing, recorded: always},
	}
}

// sort is what sort of subject the object would be.
func (s *story) sort() *subjectKind {
	for i := range subjectKinds {
		if subjectKinds[i].is(s) {
			return &subjectKinds[i]
		}
	}
	return nil // the last is any
}

// hasCommand reports whether a command of ours is run in the Pod.
func (s *story) hasCommand() bool { return s.isPod() && s.ownExec() != nil }
