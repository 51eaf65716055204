package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/render"
)

const globalOptions = `Use "kubectl seq options" for a list of global command-line options (applies to all commands).` +
	"\n"

// Whoever has typed kubectl seq reads of kubectl seq, and of the flags of kubectl in one place.
func TestHelpOfEveryCommand(t *testing.T) {
	root := newRoot(genericiooptions.IOStreams{})
	for _, c := range append(root.Commands(), root) {
		args := append(strings.Fields(c.CommandPath())[2:], "--help")
		out, errOut, err := replayed(t.Context(), args...)
		if err != nil || errOut != "" {
			t.Errorf("%v: %v: %s", args, err, errOut)
		}
		if !strings.Contains(out, "\nUsage:\n  "+c.CommandPath()) || strings.Contains(out, "[flags]") ||
			strings.Contains(out, "--kubeconfig") {
			t.Errorf("%v:\n%s", args, out)
		}
		if strings.HasSuffix(out, "\n\n"+globalOptions) != (c.Name() != "options" && c != root) {
			t.Errorf("%v ends otherwise:\n%s", args, out)
		}
		if c.Name() != "completion" && strings.Contains(out, "kubectl-seq") { // which tells apart what each completes
			t.Errorf("%v speaks of kubectl-seq:\n%s", args, out)
		}
		for line := range strings.Lines(out) {
			if runewidth.StringWidth(strings.TrimSuffix(line, "\n")) > render.FileWidth {
				t.Errorf("%v: a long line: %s", args, line)
			}
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(out, "--"+f.Name+" ") == f.Hidden {
				t.Errorf("%v and --%s:\n%s", args, f.Name, out)
			}
		})
		if c != root {
			again, _, err := replayed(t.Context(), "help", c.Name())
			if err != nil || again != out {
				t.Errorf("help %s: %v\n%s", c.Name(), err, again)
			}
		}
	}
}

func TestHelpOfTheProgram(t *testing.T) {
	out, _, err := replayed(t.Context())
	if err != nil || !strings.HasSuffix(out, "for more information about a given command.\n"+globalOptions) {
		t.Errorf("%v: %s", err, out)
	}
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+) +[A-Z]`).FindAllStringSubmatch(out, -1) {
		listed = append(listed, m[1])
	}
	root := newRoot(genericiooptions.IOStreams{})
	if len(listed) != len(root.Commands()) || listed[0] != "create-pod" {
		t.Errorf("%v of %d commands", listed, len(root.Commands()))
	}
	options, _, err := replayed(t.Context(), "options")
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if err != nil || !strings.Contains(options, "--"+f.Name+" ") {
			t.Errorf("no --%s (%v):\n%s", f.Name, err, options)
		}
	})
}

func TestMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"crate-pod web":       "unknown command \"crate-pod\" for \"kubectl seq\"\n\nDid you mean this?\n create-pod",
		"help crate-pod":      "unknown command \"crate-pod\" for \"kubectl seq\"\n\nDid you mean this?\n create-pod",
		"help demo more":      `unknown command "more" for "kubectl seq demo"`,
		"demo more":           `unknown command "more" for "kubectl seq demo"`,
		"create-pod --imgae":  "unknown flag: --imgae (hint: kubectl seq create-pod --help shows the flags)",
		"show --imgae":        "unknown flag: --imgae (hint: kubectl seq show --help shows the flags)",
		"delete --imgae":      "unknown flag: --imgae (hint: kubectl seq delete --help shows the flags)",
		"--imgae":             "unknown flag: --imgae (hint: kubectl seq --help shows the flags)",
		"create-pod --port=x": `(hint: kubectl seq create-pod --help shows the flags)`,
		"version -o xml":      "--output must be 'yaml' or 'json'",
	} {
		out, errOut, err := replayed(t.Context(), strings.Fields(args)...)
		if err == nil || !strings.HasSuffix(plain(err), want) || out+errOut != "" {
			t.Errorf("%s: %v, not %s; %s%s", args, err, want, out, errOut)
		}
	}
}
