package graph

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// equalClaims reports whether two claims say the same.
func equalClaims(a, b *Claim) bool {
	return a.Lag == b.Lag && a.Aside == b.Aside && a.Commit == b.Commit && a.Stored == b.Stored &&
		slices.Equal(a.Follows, b.Follows) && equalSteps(&a.Step, &b.Step)
}

func equalSteps(a, b *seq.Step) bool {
	return equalWords(a, b) && a.Call == b.Call && a.Window == b.Window && a.Best == b.Best && a.Sharp == b.Sharp &&
		a.Precision == b.Precision && a.Within == b.Within && a.Conflict == b.Conflict && slices.Equal(a.After, b.After)
}

// equalWords reports whether two steps say the same, but for what the graph adds to a step.
func equalWords(a, b *seq.Step) bool {
	return a.Rule == b.Rule && a.Kind == b.Kind && a.Key == b.Key && a.Label == b.Label && a.From == b.From &&
		a.To == b.To && a.Verb == b.Verb && a.Resource == b.Resource && a.Subresource == b.Subresource &&
		a.Object == b.Object && a.About == b.About && a.ResourceVersion == b.ResourceVersion &&
		a.Container == b.Container && a.Node == b.Node && a.Instant == b.Instant && a.ClockOf == b.ClockOf &&
		a.Certainty == b.Certainty && a.Detail == b.Detail && a.Failed == b.Failed &&
		slices.Equal(a.Evidence, b.Evidence)
}

// saysAlone reports whether a claim is what the only claim of a node says.
func (n *node) saysAlone(c *Claim) bool {
	return n.lag == c.Lag && n.aside == c.Aside && n.commit.equals(c.Commit) && n.stored.equals(c.Stored) &&
		n.own == boundsOf(c.Window) && n.best == stampOf(c.Best) && n.shown == c.Sharp && n.sharp == c.Precision &&
		n.call == c.Call && len(c.After) == 0 && !c.Conflict && c.Within == 0 && slices.Equal(n.follows, c.Follows) &&
		equalWords(&n.step, &c.Step)
}
