package trace

// The wait for a container that does not end when it is asked to.

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	graceExplained = "a program that does not end when it is asked to, by SIGTERM or its stop signal, is killed when " +
		"the grace period is over"
	graceRemedy = "a program that ends on SIGTERM, or a smaller terminationGracePeriodSeconds"
)

// leastGrace is minimumGracePeriodInSeconds of the kubelet's pkg/kubelet/kuberuntime (v1.34.4 to v1.37.2): a container
// has that long at least.
const leastGrace = 2 * time.Second

// graceWait is the longest grace period that a container was given, did not use, and was killed after.
func graceWait(s *story, took time.Duration) (longest time.Duration, remedy string, ok bool) {
	for _, x := range s.lives {
		if x.exit == nil || x.exit.ExitCode != 137 || x.exit.Reason == "OOMKilled" || !s.stoppedFor(x, "") {
			continue
		}
		grace := s.gracePeriod()
		if !s.askedToEnd(x) {
			grace = 30 * time.Second // what the API server sets
			if n := s.newest().Spec.TerminationGracePeriodSeconds; n != nil {
				grace = time.Duration(*n) * time.Second
			}
			if n := s.probeGrace(x); n > 0 {
				grace = n
			}
		}
		grace = max(grace, leastGrace)
		if grace > longest && took > grace-time.Second { // ends are known to the second only
			longest, remedy, ok = grace, graceRemedy, true
		}
	}
	return longest, remedy, ok
}

// probeGrace is the grace period of the probe for which the kubelet stopped a life of a container; 0 where it has none.
func (s *story) probeGrace(x life) time.Duration {
	c, _ := s.specOf(x.container)
	if c == nil {
		return 0
	}
	for kind, p := range map[string]*int64{"liveness": graceOf(c.LivenessProbe), "startup": graceOf(c.StartupProbe)} {
		if p != nil && s.failedProbe(x, kind) {
			return time.Duration(*p) * time.Second
		}
	}
	return 0
}

func graceOf(p *corev1.Probe) *int64 {
	if p == nil {
		return nil
	}
	return p.TerminationGracePeriodSeconds
}

// podsGraceWait is the same of the Pods of a workload.
func podsGraceWait(s *story, took time.Duration) (longest time.Duration, remedy string, ok bool) {
	for _, p := range s.podsBelow() {
		if d, r, waited := graceWait(p, took); waited && d > longest {
			longest, remedy, ok = d, r, true
		}
	}
	return longest, remedy, ok
}
