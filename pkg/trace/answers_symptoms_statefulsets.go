package trace

// Symptoms of StatefulSets, which make and replace one Pod after the other.

import (
	"time"

	"github.com/kubectl-seq/kubectl-seq/pkg/trace/internal/object"
)

// isOrdered reports whether a StatefulSet makes and replaces one Pod after the other.
func (s *story) isOrdered() bool {
	u := s.unstructured()
	return u != nil && s.object.Kind == "StatefulSet" && object.Field(u, "spec")["podManagementPolicy"] != "Parallel"
}

// recreates reports whether a StatefulSet deletes all Pods of an older template before it makes others.
func (s *story) recreates() bool {
	strategy, _ := object.Field(s.unstructured(), "spec")["updateStrategy"].(map[string]any)
	return strategy["type"] == "Recreate"
}

// waitsForIt reports whether an ordered StatefulSet makes more Pods only after this one is ready.
func (s *story) waitsForIt() bool {
	o := s.owner()
	if !s.isPod() || o == nil || !o.isOrdered() || s.deletionBegun() {
		return false
	}
	wanted, ok := object.Field(o.unstructured(), "spec")["replicas"].(int64)
	made := 0
	for _, p := range o.children() {
		if p.isPod() && p.isThere() {
			made++
		}
	}
	return ok && int64(made) < wanted
}

// stalePod is a Pod of an older template for which an ordered StatefulSet waits, although it has a newer one
// (pkg/controller/statefulset/stateful_set_control.go, v1.37; kubernetes#67250). With the strategy Recreate it deletes
// all Pods first.
func stalePod(s *story, now time.Time) (finding, bool) {
	if !s.isOrdered() || s.deletionBegun() || s.recreates() {
		return finding{}, false
	}
	newest, _ := object.Field(s.unstructured(), "status")["updateRevision"].(string)
	for _, p := range s.children() {
		if !p.isPod() || !p.isThere() || p.deletionBegun() || newest == "" ||
			p.newest().Labels["controller-revision-hash"] == newest || p.state(len(p.revisions)).Ready {
			continue
		}
		held, _, ok := p.obstacleBy(p.sort().symptoms, now)
		if !ok {
			continue
		}
		f := finding{reason: held.Reason, message: held.Message, since: held.Since, evidence: held.Evidence,
			replacements: []string{"{stale}", p.object.Name}}
		return f, true
	}
	return finding{}, false
}
