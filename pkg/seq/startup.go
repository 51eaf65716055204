package seq

import "time"

// Startup is how long a Pod took to start by the indicator of Kubernetes' own service level objectives for Pods
// (sig-scalability's pod_startup_latency): from its creation until a watch says that all its containers have been
// started, without the time to pull images and to run init containers.
type Startup struct {
	Created     Window        // when it was stored
	Stamped     time.Time     // its creationTimestamp, as it stands there: whole seconds of the API server's clock
	Observed    time.Time     // when the watch said that all its containers have been started
	Min, Max    time.Duration // bounds of the indicator
	Took        time.Duration // the likeliest
	Subtracted  []Phase       // what is left out of it, as far as the run had it
	NotIncluded string        // why the objective does not count such a Pod, in plain words; empty where it does
}

// ByTimestamp is what comes out for all of the start where it is taken to begin with the Pod's creationTimestamp.
func (s *Startup) ByTimestamp() time.Duration { return s.Observed.Sub(s.Stamped) }
