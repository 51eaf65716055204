package trace

import (
	"slices"
	"strings"
	"testing"
)

// imperatives are the words with which a hint begins.
var imperatives = strings.Fields(`add allow ask bring change check choose compare configure copy create delete do end find fix
	force give go have install leave list load log look lower make name pull push put read remove resolve restore run see set start try
	use wait while write`)

// A hint is an imperative: it does not ask, and it does not only name a thing.
func TestHintsAreImperatives(t *testing.T) {
	for _, c := range Causes() {
		for _, n := range c.NextSteps {
			text := n.Text
			for _, before := range []string{"on the node, ", "on {node}, ", "or ", "if its owner is gone for good, ",
				"when the work on it is done, "} {
				text = strings.TrimPrefix(text, before)
			}
			verb, _, _ := strings.Cut(text, " ")
			if text != "" && (strings.Contains(text, "?") || !slices.Contains(imperatives, strings.TrimRight(verb, ":,"))) {
				t.Errorf("cause %s: the hint %q is no imperative", c.Name, n.Text)
			}
		}
	}
}
