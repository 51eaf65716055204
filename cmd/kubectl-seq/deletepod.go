package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

const deletePodExample = `  # What happens when a Pod ends?
  kubectl seq delete-pod web

  # At once, and the containers get SIGTERM and SIGKILL within a second
  kubectl seq delete-pod web --grace-period=1 --explain`

func newDeletePod(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := followFlags{}
	grace := int64(-1)
	cmd := &cobra.Command{
		Use:     "delete-pod NAME",
		Short:   "Delete a Pod and show the sequence of its end",
		Long:    "Delete a Pod and show, live, which component does what until it is gone, each step with its evidence.\n\n" + exitHelp(),
		Example: deletePodExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted(errors.New("one NAME expected"), "kubectl seq delete-pod NAME")
			}
			o, err := f.toOptions(streams, deleted)
			if err != nil {
				return err
			}
			namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
			if err != nil {
				return noCluster(err)
			}
			o.onePod(namespace, args[0])
			if err := o.connect(config); err != nil {
				return err
			}
			r := &run{followOptions: &o, doing: "delete Pod"}
			r.act = func(ctx context.Context) error {
				if grace < 0 {
					return r.follower.Delete(ctx, nil)
				}
				return r.follower.Delete(ctx, &grace)
			}
			return r.start(cmd.Context())
		},
	}
	cmd.Flags().Int64Var(&grace, "grace-period", -1, "seconds the containers get to end; -1 for the Pod's own")
	f.add(cmd.Flags())
	return cmd
}
