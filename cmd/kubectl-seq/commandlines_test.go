package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

var (
	code = regexp.MustCompile("(?s)\n```[a-z]*\n(.*?)```")
	// call is where a command line of ours begins, on a line of its own or after another command.
	queried = regexp.MustCompile(`\$\(kubectl get [^)]*-o name[^)]*\)`) // an object that another command names
	call    = regexp.MustCompile(`^(?:\$ )?(?:.*(?:[|;]|&&) *)?(?:[A-Z_]+=\S+ )*(?:\S*/)?kubectl[ -]seq (.*)$`)
)

// Every command line that the documentation shows is one that the program takes.
func TestCommandLines(t *testing.T) {
	all := pages(t)
	for name, text := range referencePages(newRoot(genericiooptions.NewTestIOStreamsDiscard())) {
		all[filepath.Join("docs/reference", name)] = text
	}
	n := 0
	for page, text := range all {
		for _, block := range code.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(queried.ReplaceAllString(strings.ReplaceAll(block[1], "\\\n", " "), "pod/web")) {
				if m := call.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
					n++
					if err := parses(fields(m[1])); err != nil {
						t.Errorf("%s: %s: %v", page, strings.TrimSpace(line), err)
					}
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d command lines are found", n)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, line := range []string{"create-pods web", "create-pod web --no-such-flag", "demo x", "watch",
		"delete pod/a pod/b", "collect", "demo --explain=perhaps"} {
		if parses(fields(line)) == nil {
			t.Errorf("%q is taken for a command line", line)
		}
	}
	if m := call.FindStringSubmatch("kubectl get pods -o yaml | kubectl seq show -f - pod/web"); m == nil ||
		m[1] != "show -f - pod/web" {
		t.Errorf("%q", m)
	}
}

// parses tells what cobra has against a command line, before it is run.
func parses(args []string) error {
	cmd, rest, err := newRoot(genericiooptions.NewTestIOStreamsDiscard()).Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if help, _ := cmd.Flags().GetBool("help"); help {
		return nil
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// fields splits a command line as a shell does, up to where another command, a comment or a redirection begins.
func fields(line string) (all []string) {
	var word strings.Builder
	begun, quote := false, rune(0)
	end := func() {
		if begun {
			all = append(all, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			begun, quote = true, r
		case quote == 0 && (r == ' ' || r == '\t'):
			end()
		case quote == 0 && (strings.ContainsRune("|;&>", r) || r == '#' && !begun):
			end()
			return all
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	end()
	return all
}
