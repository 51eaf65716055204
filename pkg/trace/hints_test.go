package trace

import (
	"regexp"
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

// wordsOnly are the causes that no command can show or mend, and why.
var wordsOnly = map[string]string{
	"deleted-by":           "it says who deleted the object: nothing is to be done",
	"docker-exit":          "{logs} is the command, or says why there is none",
	"docker-oom":           "it is a flag of the next run",
	"exported":             "only the manifest can be changed",
	"label-too-long":       "a name can only be chosen anew",
	"name-too-long":        "a name can only be chosen anew",
	"registry-certificate": "it is set in a file of the node",
	"registry-plain":       "it is set in a file of the node",
	"too-large":            "only the manifest can be changed",
}

// A cause has a command that shows or mends it, with the names filled in.
func TestCausesHaveCommands(t *testing.T) {
	placeholder := regexp.MustCompile(`(?:^|[ /])(?:NAME|NODE|POD|TYPE|FILE|NAMESPACE|CONTAINER|IMAGE)(?:$|[ /])`)
	program := regexp.MustCompile(`^(?:kubectl|docker) `)
	for _, c := range Causes() {
		commands := 0
		for _, n := range c.NextSteps {
			if n.Command == "" {
				continue
			}
			if commands++; placeholder.MatchString(n.Command) || !program.MatchString(n.Command) {
				t.Errorf("cause %s: %q does not run as it is", c.Name, n.Command)
			}
		}
		if _, listed := wordsOnly[c.Name]; listed != (commands == 0) {
			t.Errorf("cause %s has %d commands; listed among those without: %v", c.Name, commands, listed)
		}
	}
}
