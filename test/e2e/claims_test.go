//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-seq/kubectl-seq/test/truth"
)

// claims are what the steps of a run say, for the truth to judge.
func claims(steps []step) []truth.Claim {
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	var all []truth.Claim
	for _, s := range steps {
		c := truth.Claim{Actor: s.From, Observed: s.Certainty == "observed", Earliest: at(s.Earliest), Latest: at(s.Latest),
			At: at(s.Best), Text: s.String(), Rule: s.Rule}
		if s.Shown == nil {
			c.Within = s.within()
		}
		switch rpc := cri(s); {
		case rpc != "":
			c.Call, c.About, c.End = rpc, s.About, s.Kind == "response"
		case s.To == "etcd":
			c.Etcd, c.About = s.ResourceVersion, s.About
		case apiWrite(s):
			c.Write = &truth.Write{Verb: s.Verb, Resource: s.Resource, Subresource: s.Subresource, Revision: s.ResourceVersion}
			c.InstantOnly = s.At != "commit"
			c.NotAWord = s.Rule == "request"
		}
		all = append(all, c)
	}
	return all
}

func apiWrite(s step) bool {
	return s.To == "apiserver" && s.Kind == "request" && s.Rule != "own-read" &&
		(slices.Contains([]string{"create", "update", "patch", "delete"}, s.Verb) || s.Verb == "" && s.Resource != "")
}

func cri(s step) string {
	rpc, _, _ := strings.Cut(s.Label, " ")
	if (s.From == "kubelet" || s.To == "kubelet") && slices.Contains(truth.Start, rpc) {
		return rpc
	}
	return ""
}

// proved is the transitive closure of what the steps say of themselves.
func proved(steps []step) []map[int]bool {
	before := make([]map[int]bool, len(steps)) // before[i][j]: i comes before j
	for j, s := range steps {
		if before[j] == nil {
			before[j] = map[int]bool{}
		}
		for _, i := range s.After {
			before[i][j] = true
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		for j := range before[i] {
			for k := range before[j] {
				before[i][k] = true
			}
		}
	}
	return before
}
