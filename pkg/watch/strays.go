package watch

// Objects whose names are not of the run, and that a controller of it adopts.

import (
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// strays are objects that a controller may adopt: those that have none, whatever they are called. The zero value is
// ready to use.
type strays struct {
	mu      sync.Mutex
	newest  map[types.UID][]seq.Observation // of each the last that were seen, which may say why it is adopted
	adopted map[string]bool                 // the names of those that have been
}

// isAdopted reports whether an object of that name belongs to the run by its owner.
func (s *strays) isAdopted(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.adopted[name]
}

// adopt notes that an object belongs to the run.
func (s *strays) adopt(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adopted == nil {
		s.adopted = map[string]bool{}
	}
	s.adopted[name] = true
}

// remembered is how many revisions are kept of each.
const remembered = 4

// take returns what was seen of an object before it belonged to the run, once.
func (s *strays) take(uid types.UID) []seq.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.newest[uid]
	delete(s.newest, uid)
	return all
}

// remember keeps the last that was seen of an object that is no part of the run, unless a controller has it or it is
// gone.
func (s *strays) remember(m metav1.Object, typ string, o seq.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if metav1.GetControllerOf(m) != nil || typ == "DELETED" {
		delete(s.newest, m.GetUID())
		return
	}
	if s.newest == nil {
		s.newest = map[types.UID][]seq.Observation{}
	}
	all := append(s.newest[m.GetUID()], o)
	s.newest[m.GetUID()] = all[max(0, len(all)-remembered):]
}

// named keeps the objects that may be part of the run: by their names, or by the name of an owner, who may have adopted
// them.
func (f *Follower) named(o runtime.Object) bool {
	m, ok := o.(metav1.Object)
	if !ok {
		return false
	}
	name := m.GetName()
	if f.Includes(name) || f.strays.isAdopted(name) {
		return true
	}
	owned := slices.ContainsFunc(m.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return f.Includes(o.Name) })
	if owned {
		f.strays.adopt(name)
	}
	return owned
}

// take emits an observation of an object, or remembers it, where that is no part of the run. It reports whether it is.
func (f *Follower) take(k kind, typ string, o runtime.Object, received time.Time) bool {
	m, ok := o.(metav1.Object)
	adoptable := ok && f.Name == "" && k.resource != "events"
	if !k.keep(o) {
		if adoptable {
			observation := k.observe(typ, o)
			observation.Received = received
			f.strays.remember(m, typ, observation)
		}
		return false
	}
	if adoptable {
		for _, before := range f.strays.take(m.GetUID()) {
			f.emit(before)
		}
	}
	observation := k.observe(typ, o)
	observation.Received = received
	f.emit(observation)
	return true
}
