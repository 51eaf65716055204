package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// version is set by the linker for a release; other builds tell it from what the toolchain recorded.
var version string

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func newVersion(flags *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	var clientOnly bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of the plugin and of the server",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(streams.Out, "Client Version:", ownVersion())
			if clientOnly {
				return nil
			}
			config, err := flags.ToRESTConfig()
			if err != nil {
				return noCluster(err)
			}
			f, err := watch.New(cmd.Context(), config, watch.Scope{}, now)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Second)
			defer cancel()
			v, err := f.Version(ctx)
			if err != nil {
				return noCluster(err)
			}
			fmt.Fprintln(streams.Out, "Server Version:", v)
			return nil
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "do not ask the server")
	return cmd
}
