package trace

// The command that a run is about.

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// ownExec is our request that runs a command in the Pod, the last where it took several, or nil.
func (s *story) ownExec() (last *seq.Request) {
	for _, q := range s.ownRequests {
		if q.Exec != nil {
			last = q
		}
	}
	return last
}

// sharesProcesses reports whether the Pod's containers have no process namespace of their own.
func (s *story) sharesProcesses() bool {
	p := s.newest()
	return p.Spec.HostPID || p.Spec.ShareProcessNamespace != nil && *p.Spec.ShareProcessNamespace
}
