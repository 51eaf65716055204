package main

import (
	"context"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

const deleteExample = `  # What happens when a Deployment ends?
  kubectl seq delete deployment/web

  # What it owns first, or not at all
  kubectl seq delete deployment/web --cascade=foreground
  kubectl seq delete deployment/web --cascade=orphan

  # A Pod of a ReplicaSet, which makes another
  kubectl seq delete pod web-59cf69bb6f-j8mzc`

const deletePodExample = `  # What happens when a Pod ends?
  kubectl seq delete-pod web

  # A short grace period; the kubelet still gives each container 2 s between SIGTERM and SIGKILL
  kubectl seq delete-pod web --grace-period=1 --explain`

// deleteFlags are those of the verbs that end something.
type deleteFlags struct {
	followFlags
	grace   int64
	cascade string
}

// cascades are the values of --cascade: what becomes of what the object owns.
var cascades = map[string]metav1.DeletionPropagation{
	"background": metav1.DeletePropagationBackground,
	"foreground": metav1.DeletePropagationForeground,
	"orphan":     metav1.DeletePropagationOrphan,
}

func (f *deleteFlags) add(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&f.grace, "grace-period", -1, "seconds the containers of a Pod get to end; -1 for the Pod's own")
	cmd.Flags().StringVar(&f.cascade, "cascade", "background",
		"what happens to the objects that it owns: background (deleted after it), foreground (deleted before "+
			"it), or orphan (kept)")
	cmd.Flags().Lookup("cascade").NoOptDefVal = "background" // as with kubectl
	f.addPods(cmd.Flags())
	f.followFlags.add(cmd.Flags(), usually)
}

func newDelete(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := deleteFlags{}
	cmd := &cobra.Command{
		Use:   "delete TYPE/NAME",
		Short: "Delete an object and show the sequence of its end",
		Long: "Delete an object and show, live, how it and all that it owns end, until they are gone, and what its owner " +
			"does\nthen. Each step has its evidence.\n\n" + exitHelp(),
		Example: deleteExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), config, streams, args)
		},
	}
	takesOne(cmd, config)
	f.add(cmd)
	return cmd
}

func newDeletePod(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := deleteFlags{}
	cmd := &cobra.Command{
		Use:   "delete-pod NAME",
		Short: "Delete a Pod and show the sequence of its end",
		Long: "Delete a Pod and show, live, which component does what until it is gone, each step with its evidence.\n\n" +
			exitHelp(),
		Example: deletePodExample,
		Args:    onePodName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), config, streams, []string{"pods", args[0]})
		},
		ValidArgsFunction: completeNames(config, "pods"),
	}
	f.add(cmd)
	return cmd
}

func (f *deleteFlags) run(ctx context.Context, config *genericclioptions.ConfigFlags,
	streams genericiooptions.IOStreams, args []string) error {
	o, err := f.toOptions(streams, deleted)
	if err != nil {
		return err
	}
	policy, err := choose("cascade", f.cascade, cascades)
	if err != nil {
		return err
	}
	if err := o.connect(config); err != nil {
		return err
	}
	k, err := o.find(config, args)
	if err != nil {
		return err
	}
	r := &run{followOptions: &o, doing: "delete " + o.subject.Kind}
	r.act = func(ctx context.Context) error {
		if f.grace < 0 {
			return r.follower.Delete(ctx, k, o.subject, nil, policy)
		}
		return r.follower.Delete(ctx, k, o.subject, &f.grace, policy)
	}
	return r.start(ctx)
}
