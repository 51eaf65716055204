package graph

import (
	"slices"

	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
)

// equalClaims reports whether two claims say the same.
func equalClaims(a, b *Claim) bool {
	return a.Lag == b.Lag && a.Commit == b.Commit && a.Stored == b.Stored && slices.Equal(a.Follows, b.Follows) &&
		equalSteps(&a.Step, &b.Step)
}

func equalSteps(a, b *seq.Step) bool {
	return a.Key == b.Key && a.From == b.From && a.To == b.To && a.Kind == b.Kind && a.Label == b.Label &&
		a.Verb == b.Verb && a.Resource == b.Resource && a.Subresource == b.Subresource && a.Object == b.Object &&
		a.About == b.About && a.ResourceVersion == b.ResourceVersion && a.Container == b.Container && a.Node == b.Node &&
		a.Instant == b.Instant && a.Call == b.Call && a.Window == b.Window && a.Best == b.Best && a.Sharp == b.Sharp &&
		a.Precision == b.Precision && a.Clock == b.Clock && a.Certainty == b.Certainty && a.Detail == b.Detail &&
		a.Rule == b.Rule && a.Conflict == b.Conflict && slices.Equal(a.Evidence, b.Evidence) &&
		slices.Equal(a.After, b.After)
}
