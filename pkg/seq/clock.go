package seq

import "time"

// Clock says how far another participant's clock is from ours.
type Clock struct {
	Of Participant `json:"of"` // whose it is
	// Node is that of a kubelet, in a run whose Pods may be on several.
	Node string `json:"node,omitempty"`
	// The true offset, theirs minus ours, is at least Min, since nothing reaches us before it is emitted.
	Min time.Duration `json:"min"`
	// It is at most Max, since nothing about the Pod is emitted before we asked for it.
	Max time.Duration `json:"max"`
	// Offset is what their times are moved by: zero unless the bounds, or the delays of their own records, rule that out.
	Offset time.Duration `json:"offset"`
	Jumped bool          `json:"jumped,omitempty"` // it was set meanwhile: its times are not used
	// Late says that all its Events came late: it may be behind ours, by Min at the most. Its times are ranges then.
	Late bool `json:"late,omitempty"`
}
