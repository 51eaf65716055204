package apimap_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// Of a container without a shell, and of containers that share their processes, it is said what cannot be seen.
func TestWhatProcessesHide(t *testing.T) {
	for change, want := range map[string]string{
		"no shell": "a command in it that lists them fails: exec: \"sh\": executable file not found in $PATH; what a " +
			"container without a shell runs, an ephemeral one shows, which stays in the Pod: kubectl debug -it ",
		"shared": "the containers share their processes: shareProcessNamespace",
	} {
		for _, s := range scenarios(t) {
			if s.name != "processes" {
				continue
			}
			for i, a := range s.snapshot.Answers {
				switch {
				case change == "no shell" && strings.HasPrefix(a.Ask, "exec "):
					look := apimap.Look{Container: strings.TrimPrefix(a.Ask, "exec ")}
					s.snapshot.Answers[i] = look.Answer("", errors.New(`exec: "sh": executable file not found in $PATH`))
				case change == "shared" && strings.Contains(a.Ask, "/pods/") && bytes.Contains(a.Body, []byte(`"spec":{`)):
					s.snapshot.Answers[i].Body = bytes.Replace(a.Body, []byte(`"spec":{`),
						[]byte(`"spec":{"shareProcessNamespace":true,`), 1)
				}
			}
			m := apimap.Derive(s.snapshot)
			if !slices.ContainsFunc(m.Hidden, func(h apimap.Hidden) bool { return strings.Contains(h.Why, want) }) {
				t.Errorf("%s: %+v", change, m.Hidden)
			}
		}
	}
}
