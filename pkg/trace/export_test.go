package trace

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// EachCause tells of each message, by the name of its rule, which keys its claims named as what came before it, and
// whether there is such a message.
func (t *Trace) EachCause(tell func(rule string, key seq.Key, known bool)) {
	t.resolve().graph.EachCause(tell)
}

// AccuracyOf is what was measured of messages like that, found without and with the words of MeasuredAs.
func AccuracyOf(x *seq.Step) (found, measuredAs Accuracy) {
	return accuracy(x), measured[MeasuredAs(x)]
}

// PhaseNames are the rows of the tables of phases, each as TABLE/NAME.
func PhaseNames() (all []string) {
	for _, t := range []struct {
		name   string
		phases []phase
	}{{"pod", podPhases}, {"workload", workloadPhases}, {"exec", execPhases}, {"docker", enginePhases}} {
		for _, p := range t.phases {
			all = append(all, t.name+"/"+p.name)
		}
	}
	return all
}

// CauseNames are the causes that a symptom can have.
func CauseNames() (all []string) {
	for _, s := range slices.Concat(commandSymptoms, workloadSymptoms, engineSymptoms) {
		for _, c := range s.causes {
			all = append(all, c.name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
