package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
)

// newConfigFlags are kubectl's own flags. How many requests at once are fair is for the API server to say.
func newConfigFlags() *genericclioptions.ConfigFlags {
	return genericclioptions.NewConfigFlags(true).WithDiscoveryQPS(-1).WithWrapConfigFn(func(c *rest.Config) *rest.Config {
		c.QPS = -1
		return c
	})
}

func newRoot(streams genericiooptions.IOStreams) *cobra.Command {
	flags := newConfigFlags()
	root := &cobra.Command{
		Use:   "kubectl-seq",
		Short: "Show what really happens inside Kubernetes, step by step",
		Long: "Show what really happens between kubectl, the API server, etcd, the scheduler, the kubelet and " +
			"the container\nruntime, as a live sequence with the evidence for each step.\n\n" + exitHelp(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl seq"},
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	flags.AddFlags(root.PersistentFlags())
	help := newHelp()
	groups := []group{
		{"Do something, and follow it",
			[]*cobra.Command{newCreatePod(flags, streams, createPod), newCreateDeployment(flags, streams),
				newCreateJob(flags, streams), newCreate(flags, streams), newExec(flags, streams), newDeletePod(flags, streams),
				newDelete(flags, streams)}},
		{"Look at what is there",
			[]*cobra.Command{newWatch(flags, streams), newShow(flags, streams), newMap(flags, streams)}},
		{"See a run again", []*cobra.Command{newDemo(streams), newReplay(streams), newCompare(streams)}},
		{"See what Docker does, for comparison", []*cobra.Command{newDockerRun(streams)}},
		{"Get more evidence", []*cobra.Command{newSources(flags, streams), newCollect(streams)}},
		{"Other commands", []*cobra.Command{newCompletion(streams), newOptions(), newVersion(flags, streams), help}},
	}
	for _, g := range groups {
		root.AddCommand(g.verbs...)
	}
	root.SetHelpCommand(help)
	root.SetHelpFunc(helpOf(groups))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted(err, cmd.CommandPath()+" --help shows the flags")
	})
	complete(root, flags)
	return root
}

func exitHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, e := range exitTable {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.meaning)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
