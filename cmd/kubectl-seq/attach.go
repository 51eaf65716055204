package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-seq/kubectl-seq/pkg/watch"
)

// watchGoals are those of what is only watched.
var watchGoals = []string{"created", "scheduled", "running", "ready", "available", "completed", deleted}

const watchExample = `  # What happens to a Deployment from now on, and what had happened before?
  kubectl seq watch deployment/web

  # A rollout, until it is done
  kubectl set image deployment/web app=nginx:1.29 && kubectl seq watch deployment/web --until=available

  # A Pod that is about to come
  kubectl seq watch pod/web --wait --until=ready

  # All Pods that start in a namespace, on a projector
  kubectl seq watch --serve`

func newWatch(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := followFlags{}
	until, wait := "", false
	cmd := &cobra.Command{
		Use:   "watch TYPE/NAME",
		Short: "Show what happens to an object from now on",
		Long: "Show an object's recorded history, then follow it live until it is deleted. Nothing is changed on the " +
			"cluster.\n\nWithout a name, --serve shows in browsers every Pod of the namespace that starts, each as a bar that " +
			"leads to its\nsequence.\n\n" + exitHelp(),
		Example: watchExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return f.showBoard(cmd, config, streams)
			}
			if !slices.Contains(watchGoals, until) {
				return fmt.Errorf("--until=%s: must be one of %s", until, strings.Join(watchGoals, ", "))
			}
			o, err := f.attach(config, streams, args, until, wait)
			if apierrors.IsNotFound(err) && !wait {
				return hinted(errors.Unwrap(err), "add --wait to wait until the object exists")
			}
			if err != nil {
				return err
			}
			if o.subject.Kind != "Pod" && slices.Contains([]string{"scheduled", "running", "ready"}, until) {
				return hinted(fmt.Errorf("--until=%s works for Pods only, not for a %s", until, o.subject.Kind),
					"use --until=available")
			}
			o.waitAnyway = o.waitAnyway || until == deleted
			return (&run{followOptions: o, doing: "watch " + o.subject.Kind}).start(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&until, "until", deleted, "follow until it is: "+strings.Join(watchGoals, ", "))
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for an object that is not there yet")
	takesOne(cmd, config)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 0:
			return oneObject(cmd, args)
		case f.serve.Changed:
			return nil
		}
		return hinted(errors.New("one TYPE/NAME expected"), howToName+"; --serve alone shows all Pods that start")
	}
	_ = cmd.RegisterFlagCompletionFunc("until", fixed(watchGoals...)) // the only error is that there is one
	f.addPods(cmd.Flags())
	f.add(cmd.Flags(), 0)
	return cmd
}

const showExample = `  # What is still known of how this Pod came to be as it is?
  kubectl seq show pod/web

  # The same from what somebody has sent you
  kubectl get pods,events -o yaml --show-managed-fields | kubectl seq show -f - pod/web`

func newShow(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	f := followFlags{}
	filename := ""
	cmd := &cobra.Command{
		Use:   "show TYPE/NAME",
		Short: "Show what the cluster still knows of an object's past",
		Long: "Show what happened to an object, from what the cluster still keeps: status, conditions, managedFields, " +
			"the lives of\ncontainers, Events. Uncertain times are printed as ranges. The summary lists what is no longer " +
			"known. Nothing is\nchanged on the cluster, and with -f none is needed. The exit code is 0 whatever state the " +
			"object is in.",
		Example: showExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if filename != "" {
				if len(args) > 0 {
					if err := oneObject(cmd, args); err != nil {
						return err
					}
				}
				return f.showFile(cmd.Context(), streams, filename, *config.Namespace, args)
			}
			if err := oneObject(cmd, args); err != nil {
				return err
			}
			o, err := f.attach(config, streams, args, shown, false)
			if err != nil {
				return err
			}
			return (&run{followOptions: o, doing: "show " + o.subject.Kind, once: true}).start(cmd.Context())
		},
	}
	cmd.ValidArgsFunction = completeObject(config)
	cmd.Flags().StringVarP(&filename, "filename", "f", "",
		"file, URL or - with the object and its Events, as kubectl get -o yaml prints them")
	f.addPods(cmd.Flags())
	f.addPicture(cmd.Flags())
	return cmd
}

// attach makes the run about the object that is named, and what comes of it.
func (f *followFlags) attach(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams, args []string,
	until string, wait bool) (*followOptions, error) {
	o, err := f.toOptions(streams, until)
	if err != nil {
		return nil, err
	}
	if err := o.connect(config); err != nil {
		return nil, err
	}
	if err := o.locate(config, args, wait); err != nil {
		return nil, err
	}
	o.scope.Past = true
	return &o, nil
}

// locate makes the run about the one object that is named; with wait it need not be there yet. A Pod is followed alone.
func (o *followOptions) locate(config *genericclioptions.ConfigFlags, args []string, wait bool) error {
	t, err := lookUp(config, args, wait)
	if err != nil {
		return err
	}
	if t.object.Kind == "Pod" {
		o.onePod(t.object.Namespace, t.object.Name)
		o.subject.UID = t.object.UID // another of that name may come after it
	} else {
		o.about(t)
	}
	if wait && t.object.UID == "" {
		o.scope.Target = &watch.Target{Kind: t.Kind, Object: t.object}
	}
	return nil
}
