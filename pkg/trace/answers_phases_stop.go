package trace

// The phase of a Pod in which containers are being stopped.

import "github.com/kubectl-seq/kubectl-seq/pkg/seq"

// stopping are the times in which containers end that were told to: all, once the Pod is to go, and one that the
// kubelet stops while the Pod stays.
func stopping(s *story, r *result) []interval {
	deletion := s.deletionRevision()
	all := []interval{{s.etcdKey(deletion), s.lastExit(), deletion != 0 && s.runsStill()}}
	for _, x := range s.lives {
		rv, _ := parseRevision(x.exitEvidence.ResourceVersion)
		if deletion != 0 && (x.exit == nil || rv > deletion) {
			continue
		}
		if begin := s.stopKey(r, x); begin != "" {
			open := x.exit == nil && s.newestLife(x) && !s.podEnded()
			all = append(all, interval{begin, exitKey(x.container, x.attempt), open})
		}
	}
	return all
}

// stopKey is what the kubelet does first to stop a life of a container, or nothing.
func (s *story) stopKey(r *result, x life) seq.Key {
	for _, key := range []seq.Key{hookKey(x.container, x.attempt), criKey("StopContainer", x.container, x.attempt)} {
		if r.step(s.ownKey(key)) != nil {
			return key
		}
	}
	return ""
}

func (s *story) stopExplained() string {
	if s.deletionRevision() != 0 {
		return "the kubelet learns of the deletion, and the containers end"
	}
	return "a container is told to end, and given its grace period, before it is killed"
}
