package main

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestExecWrongUsageSaysWhatToDo(t *testing.T) {
	for args, want := range map[string]string{
		"":                                    "one POD expected",
		"web":                                 "missing -- before the command",
		"web ls":                              "missing -- before the command",
		"-- ls":                               "one POD expected",
		"a b -- ls":                           "one POD expected",
		"web --":                              "no command given",
		"deploy/web -- ls":                    "deploy/web is no Pod",
		"-i --audit-log=- web -- cat":         "both read standard input",
		"--for=-1s web -- ls":                 "--for must not be below 0",
		"--linger=-1s web -- ls":              "--linger must not be below 0",
		"-o json -o mermaid web -- ls":        "both go to standard output",
		"--kubeconfig=/dev/null web -- ls":    "no cluster is configured",
		"--kubeconfig=/dev/null po/web -- ls": "no cluster is configured",
	} {
		streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &bytes.Buffer{}, ErrOut: &bytes.Buffer{}}
		config := genericclioptions.NewConfigFlags(true)
		cmd := newExec(config, streams)
		config.AddFlags(cmd.Flags())
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
