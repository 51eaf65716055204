package apimap

import (
	"slices"
	"strings"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// Message is one of a run, between components of the map.
type Message struct {
	From, To  string // ids of components; the same where a component does something by itself
	Label     string
	Certainty seq.Certainty
}

// Light finds the messages of a run on the map, in their order, and returns how many are between components that the
// map does not have. Sequence and map share the ids of participants; a controller is a part of the controller manager.
func (m *Map) Light(steps []*seq.Step) (missing int) {
	m.Run = nil
	for _, s := range steps {
		from, to := m.participant(s.From), m.participant(s.To)
		if from == "" || to == "" {
			missing++
			continue
		}
		m.Run = append(m.Run, Message{from, to, s.Label, s.Certainty})
	}
	return missing
}

// participant is the component that a participant of a sequence is, or empty.
func (m *Map) participant(p seq.Participant) string {
	name, _, _ := strings.Cut(string(p), " on ")
	if p.IsController() {
		name = controllerManager
	}
	if p == seq.Runtime { // before its own name is known
		if i := slices.IndexFunc(m.APIs, func(a API) bool { return a.Name == "CRI" }); i >= 0 {
			name = m.APIs[i].To
		}
	}
	if m.component(name) == nil {
		return ""
	}
	return name
}
